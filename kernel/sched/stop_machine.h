/* SPDX-License-Identifier: MIT */
/*
 * Holding all other processors still, each at a place where it has no spinlock and changes nothing:
 * in its idle loop, or where it would give way to another thread. For those who look at everything
 * at once, as the sweep of vm/check.h does. Name and idea: Linux's stop_machine().
 */
#ifndef SCHED_STOP_MACHINE_H
#define SCHED_STOP_MACHINE_H

#include <stdbool.h>

/* At boot, once. */
void stop_machine_init(void);

/*
 * Returns when all others stand still; they do until the end. May sleep before that; not between.
 * Takes milliseconds. No spinlock may be held. One at a time: a second waits for the first.
 */
void stop_machine_begin(void);
void stop_machine_end(void);

/* What sched.c calls at such places: stands still as long as somebody wants it. */
void stop_machine_stand(void);

/* Whether somebody wants this processor to stand still. */
bool stop_machine_wanted(void);

#endif
