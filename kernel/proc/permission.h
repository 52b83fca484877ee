/* SPDX-License-Identifier: MIT */
/* Who may do something to a process; private to kernel/proc and its system calls. */
#ifndef PROC_PERMISSION_H
#define PROC_PERMISSION_H

#include <stdbool.h>

struct process;

/* Root, or the caller's effective id is the real or effective one of the process: setpriority(2).
 */
bool permission_same_user(const struct process *process);

/* kill(2): ids as above with saved ones, and SIGCONT within a session. */
bool permission_to_signal(const struct process *process, int signo);

#endif
