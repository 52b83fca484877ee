/* SPDX-License-Identifier: MIT */
/*
 * Which processor a thread runs on; private to kernel/sched.
 */
#ifndef SCHED_PLACEMENT_H
#define SCHED_PLACEMENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/cpu.h"

struct run_queue;
struct thread;

/* Processors that have nothing to do, as a mask; a hint. */
extern _Atomic uint64_t placement_idle_cpus;

/* Whether another one than this is idle: else a woken thread just joins its own queue. */
static inline bool placement_others_are_idle(void) {
    return atomic_load(&placement_idle_cpus) & ~cpu_mask();
}

/*
 * Has an idle processor look, after a thread that may run on `affinity` was queued on processor
 * `cpu`: that one if it is idle, else one that may take the thread from there.
 */
void placement_tell(unsigned cpu, uint64_t affinity);

/*
 * Queues a thread that has just become runnable, on the processor it ran on last or on an idle one,
 * which is told. rq is its queue, locked; free on return. Interrupts off.
 */
void placement_queue(struct run_queue *rq, struct thread *thread);

/* From here to the end this processor is idle: whoever has work for it interrupts it. */
void placement_idle_begin(void);
void placement_idle_end(void);

/*
 * Takes a thread that waits for another processor into this one's queue. False: none may come.
 * Interrupts off.
 */
bool placement_steal(void);

#endif
