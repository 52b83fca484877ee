/* SPDX-License-Identifier: MIT */
/*
 * The registers, as a panic prints them.
 */
#include "core/panic.h"
#include "core/printk.h"
#include "machine/trapframe.h"
#include "x86.h"

void panic_print_registers(const struct trapframe *tf) {
    if (tf) {
        printk("rip 0x%016lx  cs %#lx  rflags %#lx  rsp 0x%016lx  ss %#lx\n", tf->rip, tf->cs,
               tf->rflags, tf->rsp, tf->ss);
        printk("rax 0x%016lx  rbx 0x%016lx  rcx 0x%016lx  rdx 0x%016lx\n", tf->rax, tf->rbx,
               tf->rcx, tf->rdx);
        printk("rsi 0x%016lx  rdi 0x%016lx  rbp 0x%016lx  r8  0x%016lx\n", tf->rsi, tf->rdi,
               tf->rbp, tf->r8);
        printk("r9  0x%016lx  r10 0x%016lx  r11 0x%016lx  r12 0x%016lx\n", tf->r9, tf->r10, tf->r11,
               tf->r12);
        printk("r13 0x%016lx  r14 0x%016lx  r15 0x%016lx\n", tf->r13, tf->r14, tf->r15);
    }
    printk("cr0 %#lx  cr2 %#lx  cr3 %#lx  cr4 %#lx\n", read_cr0(), read_cr2(), read_cr3(),
           read_cr4());
}
