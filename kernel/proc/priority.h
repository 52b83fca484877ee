/* SPDX-License-Identifier: MIT */
/*
 * The nice values of processes, of one or of many. Sources: getpriority(2), setpriority(2).
 */
#ifndef PROC_PRIORITY_H
#define PROC_PRIORITY_H

/*
 * which: PRIO_PROCESS, PRIO_PGRP or PRIO_USER; who: an id of that kind, 0: the caller's own.
 *
 * priority_get: the highest of all that are meant, as 20 - nice, which is never negative.
 * priority_set: 0, or the first of the errors -EPERM (another user's) and -EACCES (upwards).
 * Both: -ESRCH if there is nobody, -EINVAL for another `which`. No lock needed.
 */
int priority_get(int which, int who);
int priority_set(int which, int who, int nice);

#endif
