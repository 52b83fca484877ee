/* SPDX-License-Identifier: MIT */
/*
 * Data of each processor, reached through gs in the kernel.
 *
 * Every field belongs to its processor alone and is changed only by code that runs there: by
 * code that cannot be switched away (the kernel is not preempted) or, where an interrupt changes
 * it too, with interrupts off. So there is no lock.
 * entry.S and machine/cpu.h know the offsets of the first fields; they are asserted below.
 */
#ifndef CORE_CPU_H
#define CORE_CPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/assert.h"
#include "machine/cpu.h"
#include "sync/lock_rank.h"

struct thread;
struct trapframe;

#define CPU_MAX 16

/* Reasons to go through the return_to_user hook of core/trap.h before user code goes on. */
#define CPU_WORK_RESCHED 1u
#define CPU_WORK_SIGNAL 2u
#define CPU_WORK_TRACE 4u /* a ring of the trace fills up */

struct cpu {
    struct cpu *self;       /* gs:0 */
    struct thread *current; /* gs:8 */
    void *kernel_stack;     /* gs:16 top of the current thread's stack, for syscall entry */
    uint64_t user_rsp;      /* gs:24 the user's stack pointer while syscall entry needs a place */
    uint32_t work;          /* gs:32 CPU_WORK_*, of the current thread */
    uint32_t index;
    uint64_t mask;                     /* bit `index`: this processor in a set of them */
    uint32_t irq_depth;                /* interrupts being handled */
    uint32_t spin_depth;               /* spinlocks held; counted in debug builds only */
    void *pmap;                        /* the pmap loaded in CR3; its owner is vm's pmap */
    bool pmap_is_left_over;            /* of a thread that ran before: this one is idle */
    const struct trapframe *irq_frame; /* of the interrupt being handled */
    struct lock_stack spin_locks;
};

STATIC_ASSERT(offsetof(struct cpu, current) == 8);
STATIC_ASSERT(offsetof(struct cpu, kernel_stack) == 16);
STATIC_ASSERT(offsetof(struct cpu, user_rsp) == 24);
STATIC_ASSERT(offsetof(struct cpu, work) == 32);

static inline struct cpu *cpu_self(void) {
    return machine_cpu_self();
}

static inline unsigned cpu_index(void) {
    return cpu_self()->index;
}

static inline uint64_t cpu_mask(void) {
    return cpu_self()->mask;
}

/* Processors that run: those with smaller indices. Grows only. */
unsigned cpu_count(void);

/* Counts the running processor, which has the next index, among them. Once on each but the first.
 */
void processor_started(void);

/* The processor of an index below CPU_MAX. */
struct cpu *cpu_get(unsigned index);

/* Sets or clears bits of the running processor's work, safe against its interrupts. */
static inline void cpu_work_set(uint32_t bits) {
    machine_cpu_work_set(bits);
}

static inline void cpu_work_clear(uint32_t bits) {
    machine_cpu_work_clear(bits);
}

static inline bool cpu_in_interrupt(void) {
    return cpu_self()->irq_depth != 0;
}

/*
 * True when the running code may block: not in an interrupt and, as far as debug builds know, no
 * spinlock held. thread_block() asserts it.
 */
static inline bool cpu_may_sleep(void) {
    return !cpu_in_interrupt() && cpu_self()->spin_depth == 0;
}

#endif
