/* SPDX-License-Identifier: MIT */
/*
 * The processors that a task may run on: sched_setaffinity(2).
 */
#ifndef PROC_AFFINITY_H
#define PROC_AFFINITY_H

#include <stdint.h>

/*
 * Lets the task `tid` (0: the running one) run on the processors of the mask only, of those that
 * there are. 0, -ESRCH, -EPERM (another user's), -EINVAL (none of them is there). The running task
 * moves before it is back in user code.
 */
int affinity_set(int tid, uint64_t cpus);

/* The processors, of those that there are, that a task may run on. 0 or -ESRCH. */
int affinity_get(int tid, uint64_t *cpus);

#endif
