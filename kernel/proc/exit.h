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

/* Ends the calling task; if it is the last one, its process too, with this status. */
_Noreturn void task_exit(int status);

/* Ends the calling task, which must_exit. The last one turns the process into a zombie. */
_Noreturn void process_exit_task(void);

/*
 * Ends all tasks of the process but the calling one, waits until they have gone, and makes it the
 * leader, with the pid as its tid. 0, or -EAGAIN: it must exit itself meanwhile. May sleep.
 */
int task_stay_alone(void);

/*
 * Puts `space` (NULL: none) in the place of the calling process's, and gives the old one back; a
 * parent that waits for it (vfork) goes on. `program`: what the trace says of the new one.
 */
void process_replace_space(struct vm_space *space, const char *program);

#endif
