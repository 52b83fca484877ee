/* SPDX-License-Identifier: MIT */
/*
 * Where another processor starts: in 16-bit real mode, at the page that the startup interrupt
 * names (SDM volume 3, 8.4). These bytes are copied there; they reach nothing but themselves, and
 * leave for start.S in 32-bit protected mode, segments flat, paging off.
 */
#include "machine/layout.h"

#define CR0_PE 1
#define CODE_32 0x8
#define DATA_32 0x10

#define HERE(symbol) (symbol - trampoline_start)

    .section .rodata
    .code16
    .globl trampoline_start, trampoline_end
trampoline_start:
    cli
    cld
    movw %cs, %ax
    movw %ax, %ds
    lgdtl HERE(gdt_pointer)
    movl %cr0, %eax
    orl $CR0_PE, %eax
    movl %eax, %cr0
    ljmpl $CODE_32, $(TRAMPOLINE_PHYS + HERE(protected))

    .code32
protected:
    movl $DATA_32, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movl $(processor_entry - KERNEL_BASE), %eax
    jmp *%eax

    .balign 8
gdt:
    .quad 0
    .quad 0x00cf9b000000ffff
    .quad 0x00cf93000000ffff
gdt_pointer:
    .word . - gdt - 1
    .long TRAMPOLINE_PHYS + HERE(gdt)
trampoline_end:

    .section .note.GNU-stack, "", @progbits
