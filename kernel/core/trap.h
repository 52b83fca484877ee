/* SPDX-License-Identifier: MIT */
/*
 * What the machine's traps call in the layers above. They register one table at start; before
 * that, any trap but an interrupt is a panic.
 *
 * System calls do not go through the table: entry.S calls them directly, by syscall_table.
 */
#ifndef CORE_TRAP_H
#define CORE_TRAP_H

#include <stdint.h>

struct trapframe;

struct trap_hooks {
    /*
     * A page fault at a user address `addr`, by user code or by a kernel copy; or at any address
     * by user code. `error` is the hardware's word; page_fault_access() of machine/trapframe.h
     * turns it into what was wanted. Called with interrupts on when the faulting code had them
     * on; may sleep.
     * Returns 0 when the instruction is to be tried again: repaired or, for user code, a signal
     * was made pending. A negative value tells that a kernel copy cannot go on: the copy then
     * fails with EFAULT.
     */
    int (*page_fault)(struct trapframe *tf, uint64_t addr, unsigned error);

    /* Any other exception of user code; tf->vector and tf->error say which. Interrupts on. */
    void (*exception)(struct trapframe *tf);

    /* The time set by clock_set_next_event() has come. In an interrupt: must not sleep. */
    void (*timer_tick)(void);

    /*
     * Another processor wants this one to look at its run queue and at its thread's signals. In an
     * interrupt: must not sleep.
     */
    void (*look)(void);

    /*
     * Before each return to user code when cpu_self()->work is not 0, again and again until it
     * is; with interrupts on. May sleep, may switch threads, may change tf.
     */
    void (*return_to_user)(struct trapframe *tf);
};

/* The table must live for ever. At start, once. */
void trap_hooks_register(const struct trap_hooks *hooks);

extern const struct trap_hooks *trap_hooks_current; /* by way of trap_hooks() */

/* The registered table; its functions are never NULL. */
static inline const struct trap_hooks *trap_hooks(void) {
    return trap_hooks_current;
}

/*
 * The functions of the system calls by number; an unknown number within the table has one too.
 * They get the six argument registers, with interrupts on, and return the result. Owned by
 * kernel/syscall.
 */
typedef long (*syscall_function)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);

extern const syscall_function syscall_table[];
extern const uint64_t syscall_table_size; /* entries */

/*
 * Puts the result of a system call into its frame, which is whole by now, and makes the signal
 * code look at calls that were interrupted. Interrupts on.
 */
void syscall_finish(struct trapframe *tf, int64_t result);

#endif
