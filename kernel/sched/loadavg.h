/* SPDX-License-Identifier: MIT */
/*
 * Load averages: how many threads run or want to, averaged over 1, 5 and 15 minutes with
 * exponential weights, sampled every five seconds; proc(5), /proc/loadavg. Private to kernel/sched.
 */
#ifndef SCHED_LOADAVG_H
#define SCHED_LOADAVG_H

#include <stdint.h>

#define LOADAVG_SHIFT 16

/*
 * Takes the samples that are due by now_ns. An idle processor takes none; those it missed count as
 * idle. Takes a lock inside a run queue's.
 */
void loadavg_update(uint64_t now_ns, uint32_t runnable);

/* The three averages, 1.0 = 1 << LOADAVG_SHIFT. */
void loadavg_get(uint64_t load[3]);

#endif
