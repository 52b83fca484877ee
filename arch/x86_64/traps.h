/* SPDX-License-Identifier: MIT */
/*
 * Vectors of interrupts and the entry points of entry.S, for arch/x86_64.
 */
#ifndef X86_TRAPS_H
#define X86_TRAPS_H

#include <stdint.h>

struct trapframe;

#define VECTOR_COUNT 64      /* entry.S has as many stubs */
#define VECTOR_ISA 32        /* the sixteen lines of the ISA bus */
#define VECTOR_TIMER 48      /* the local APIC's timer */
#define VECTOR_LOOK 49       /* from another processor: look at the run queue and at signals */
#define VECTOR_CALL 50       /* from another processor: it has called this one */
#define VECTOR_SPURIOUS 0x3f /* old local APICs want the low four bits set */

/* Indices into the task state's table of stacks, from 1. */
#define IST_DOUBLE_FAULT 1
#define IST_NMI 2
#define IST_MACHINE_CHECK 3

/* entry.S */
extern char trap_stubs[];
void syscall_entry(void);
void context_start(void);

/* trap.c, called by entry.S */
void trap_dispatch(struct trapframe *tf);
void trap_user_work(struct trapframe *tf);
void trap_user_bad_rip(struct trapframe *tf);

/* apic.c: handles the interrupt of a vector from 32 on, and acknowledges it. */
void irq_dispatch(unsigned vector);

#endif
