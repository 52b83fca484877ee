/* SPDX-License-Identifier: MIT */
/*
 * The part of /proc that is about processes; the rest and the machinery are in fs/procfs.
 */
#ifndef PROC_PROCFS_H
#define PROC_PROCFS_H

/* Registers it. Once, after process_init() and procfs_init(), before /proc is mounted. */
void procfs_processes_init(void);

#endif
