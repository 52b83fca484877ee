/* SPDX-License-Identifier: MIT */
/*
 * Numbers for processes, tasks, groups and sessions; private to kernel/proc.
 *
 * One number may be used several times at once: a session leader's pid is its group's and its
 * session's id too. It is given out anew only when nobody uses it any more.
 *
 * Locks: process_tree_lock for all of it.
 */
#ifndef PROC_PID_H
#define PROC_PID_H

#include <stdbool.h>

/* An id that nobody uses, with one use counted; 0: none left. Ids go up, and around. */
int pid_alloc_locked(void);

/* One user more or less. */
void pid_use_locked(int id);
void pid_drop_locked(int id);

/* The smallest id >= from that is used; PID_MAX: none. */
int pid_next_locked(int from);

/* The id given out last. */
int pid_last(void);

#endif
