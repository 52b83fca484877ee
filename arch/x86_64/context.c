/* SPDX-License-Identifier: MIT */
/*
 * New kernel stacks, and the user state that is not in a trapframe but for the FPU. The switch
 * itself is in entry.S.
 */
#include "core/context.h"

#include "boot.h"
#include "core/cpu.h"
#include "lib/bits.h"
#include "machine/trapframe.h"
#include "traps.h"
#include "x86.h"

#define SYSCALL_FLAGS_CLEARED 0x257fd5 /* all but the fixed one: IF, AC, DF, NT, TF above all */

/* What context_switch() finds on a stack, from the saved rsp up. */
struct switch_frame {
    uint64_t r15, r14, r13, r12, rbx, rbp;
    uint64_t rip;
    uint64_t end; /* the return address of entry, were it to return */
};

void context_init(struct context *c, void *stack_top, void (*entry)(void *), void *arg) {
    uint64_t top = align_down((uint64_t)stack_top, 16);
    struct switch_frame *frame = (struct switch_frame *)(top - sizeof(*frame));

    *frame = (struct switch_frame){
        .r12 = (uint64_t)entry,
        .r13 = (uint64_t)arg,
        .rip = (uint64_t)context_start,
    };
    c->rsp = (uint64_t)frame;
}

void context_set_kernel_stack(void *top) {
    tss_set_kernel_stack(top);
    cpu_self()->kernel_stack = top;
}

void context_set_user_bases(uint64_t fs_base, uint64_t gs_base) {
    wrmsr(MSR_FS_BASE, fs_base);
    wrmsr(MSR_KERNEL_GS_BASE, gs_base);
}

/* sysret takes cs from the base + 16 and ss from the base + 8, both with privilege 3. */
void syscall_init(void) {
    uint64_t user_base = SELECTOR_USER_DATA - 8;

    wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SCE);
    wrmsr(MSR_STAR, user_base << 48 | (uint64_t)SELECTOR_KERNEL_CODE << 32);
    wrmsr(MSR_LSTAR, (uint64_t)syscall_entry);
    wrmsr(MSR_SFMASK, SYSCALL_FLAGS_CLEARED);
}
