/* SPDX-License-Identifier: MIT */
/*
 * Taking leave of what the calling task shares with other tasks and processes; private to
 * kernel/proc and its system calls. Source: unshare(2).
 */
#ifndef PROC_UNSHARE_H
#define PROC_UNSHARE_H

/* A copy of the descriptors, or of root, working directory and umask. 0 or -ENOMEM. May sleep. */
int task_unshare_files(void);
int task_unshare_dirs(void);

#endif
