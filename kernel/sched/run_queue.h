/* SPDX-License-Identifier: MIT */
/*
 * The run queue of a processor; private to kernel/sched.
 *
 * Invariants: `current` runs (or is about to, or has just picked its successor); a runnable thread
 * other than `current` and `idle` is in `fresh` or `queue`; nobody else is.
 *
 * The lock is not held across the switch itself. A thread that was picked away keeps on_cpu until
 * its registers are saved, which whoever runs next says in sched_finish_switch().
 */
#ifndef SCHED_RUN_QUEUE_H
#define SCHED_RUN_QUEUE_H

#include "lib/list.h"
#include "sched/thread.h"
#include "sync/spinlock.h"

#define SCHED_SLICE_NS 10000000ull

struct run_queue {
    struct spinlock lock;
    struct list_node fresh;  /* (lock) have some of their slice left: run first */
    struct list_node queue;  /* (lock) start a new slice */
    unsigned queued;         /* (lock) in both */
    struct thread *current;  /* (lock) */
    struct thread *idle;     /* constant */
    struct thread *previous; /* own processor, interrupts off: switched from, not yet finished */
    bool leaves;             /* the same: `previous` may not run here and is queued elsewhere */
    uint64_t tick_ns;        /* (lock) when the slice tick comes; CLOCK_NO_EVENT: none is set */
    uint64_t timer_ns;       /* (lock) when the first timer is due */
    uint64_t programmed_ns;  /* (lock) what the clock was asked for last */
    uint64_t started_ns;     /* constant */
    uint64_t switches;       /* (lock) */
    uint64_t user_ticks, system_ticks; /* (lock) */
};

static inline bool thread_may_run_on(const struct thread *thread, unsigned cpu) {
    return thread->affinity >> cpu & 1;
}

/* This processor's. Interrupts off, or the caller does not mind being moved. */
struct run_queue *run_queue_self(void);
struct run_queue *run_queue_of(unsigned cpu);

/* Locks the queue that a thread belongs to. Interrupts off. */
struct run_queue *run_queue_lock_of(const struct thread *thread);

/* Queues a runnable thread that is in no queue, or takes one out. rq->lock held. */
void run_queue_add_locked(struct run_queue *rq, struct thread *thread);
void run_queue_take_locked(struct run_queue *rq, struct thread *thread);

/* Tells the clock of this processor when its first timer is due. Its run-queue lock is not held. */
void run_queue_set_timer(uint64_t deadline_ns);

/* Runs the timers of this processor that are due and returns the next deadline. timer.c. */
uint64_t timers_run(uint64_t now_ns);

void timers_init_self(void);

/* A processor's queue in lines for a person; for gdb, no locks are taken. */
void run_queue_dump(unsigned cpu);

#endif
