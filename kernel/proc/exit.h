/* SPDX-License-Identifier: MIT */
/*
 * The end of processes; private to kernel/proc and its system calls.
 */
#ifndef PROC_EXIT_H
#define PROC_EXIT_H

#include <stdint.h>

struct process;
struct vm_space;

/* Ends the calling process, all its tasks, with a status as wait4(2) gives it. */
_Noreturn void process_exit(int status);

/*
 * Ends the calling task, whose process is exiting (is_exiting) or which is not the last; the last
 * one turns the process into a zombie.
 */
_Noreturn void process_exit_task(void);

/*
 * Puts `space` (NULL: none) in the place of the calling process's, and gives the old one back; a
 * parent that waits for it (vfork) goes on.
 */
void process_replace_space(struct vm_space *space);

#endif
