/* SPDX-License-Identifier: MIT */
/*
 * Timers: a function called once at a time of the monotonic clock.
 *
 * The function runs in the timer interrupt of the processor that started the timer, with interrupts
 * off and no lock of ours held; it may wake threads, send signals and start its timer again.
 *
 * Locks: one spinlock per processor's timer tree.
 */
#ifndef SCHED_TIMER_H
#define SCHED_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/rbtree.h"

struct timer {
    struct rb_node node;  /* (timer lock) */
    uint64_t deadline_ns; /* (timer lock) monotonic */
    void (*fn)(void *arg);
    void *arg;
    bool active;  /* (timer lock) in a tree */
    uint16_t cpu; /* (timer lock) whose tree */
};

/* Prepares a timer; not started. */
void timer_init(struct timer *timer, void (*fn)(void *), void *arg);

/* Starts it, or moves its deadline if it is active. A time in the past fires at once. Any context.
 */
void timer_start(struct timer *timer, uint64_t deadline_ns);

/*
 * Stops it. Returns true if it had not fired. On return the function is not running and will not
 * run (several processors: waits for it; so not under a lock the function takes).
 */
bool timer_cancel(struct timer *timer);

/* Sleep, for kernel threads and nanosleep: 0 at the deadline, -EINTR if interrupted first. */
int sleep_until(uint64_t deadline_ns);

#endif
