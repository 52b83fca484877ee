/* SPDX-License-Identifier: MIT */
/*
 * Limits and usage of processes, for their system calls. Source: getrusage(2), prlimit(2).
 */
#ifndef PROC_USAGE_H
#define PROC_USAGE_H

#include "proc/process.h"
#include "vm/space.h"

/* In the user's terms. Microseconds round down. */
void usage_to_rusage(const struct process_usage *usage, struct linux_rusage *rusage);

/* Of the calling process (RUSAGE_SELF, _CHILDREN, _THREAD), or -EINVAL. */
int usage_get(int who, struct process_usage *usage);

/* Tells the VM who asks for memory (vm/commit.h). Once, at start. */
void limits_init(void);

/*
 * Reads a limit of a process into *old and sets it from *limit; either may be NULL. -EINVAL
 * (unknown resource, soft above hard), -EPERM (raising the hard limit without being root).
 */
int limit_exchange(struct process *process, unsigned resource, const struct linux_rlimit64 *limit,
                   struct linux_rlimit64 *old);

/* What the limits of a process are for a space that runs with these ids: root may lock any amount.
 */
struct vm_limits limit_of_space(const struct process *process, const struct credentials *ids);

/* Gives a context of the process the limits that files have. process_tree_lock held. */
void limit_copy_locked(const struct process *process, struct vfs_context *context);

/* The calling task has other ids: tells its space. */
void limit_ids_changed(void);

#endif
