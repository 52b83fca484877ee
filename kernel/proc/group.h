/* SPDX-License-Identifier: MIT */
/*
 * Process groups and sessions; private to kernel/proc.
 *
 * A group exists as long as it has members, a session as long as it has groups. Both are known by
 * an id, which is the pid their founder had.
 *
 * Locks: process_tree_lock for all of it. Memory is neither allocated nor freed under it: what is
 * needed is brought along, what has become empty is taken away (struct group_spares).
 *
 * Source: setpgid(2), setsid(2), POSIX.1-2017 2.4 and 3.265 (orphaned process groups).
 */
#ifndef PROC_GROUP_H
#define PROC_GROUP_H

#include "proc/process.h"

/* Memory for a group, and for a session too if asked. 0 or -ENOMEM. */
int group_spares_alloc(struct group_spares *spares, bool with_session);
void group_spares_free(struct group_spares *spares);

/* The group with this id, or NULL. */
struct process_group *group_find_locked(int pgid);

/* Adds a process that is in no group. */
void group_join_locked(struct process *process, struct process_group *group);

/*
 * Takes the process out of its group. What has become empty is left in spares, whose members are
 * NULL on entry.
 */
void group_leave_locked(struct process *process, struct group_spares *spares);

/* Makes group `id` in the given session; spares->group is used up. */
struct process_group *group_found_locked(int id, struct session *session,
                                         struct group_spares *spares);

/* Makes session and group `id`; spares are used up. */
struct process_group *session_found_locked(int id, struct group_spares *spares);

/* The session with this id, or NULL. */
struct session *session_find_locked(int sid);

/*
 * Has no member, `leaver` left out (NULL: nobody), a parent in another group of the same session?
 * Such a group has nobody to continue it when it stops.
 */
bool group_is_orphaned_locked(const struct process_group *group, const struct process *leaver);

/* setpgid(2) and setsid(2) for the calling process; results and errors are theirs. */
int process_set_group(int pid, int pgid);
int process_new_session(void);

#endif
