/* SPDX-License-Identifier: MIT */
/* Sending signals by number, with permission; private to kernel/proc and its system calls. */
#ifndef PROC_KILL_H
#define PROC_KILL_H

#include "abi/signal.h"

/*
 * kill(2): pid > 0 a process, 0 the caller's group, -1 everybody but init and the caller, below a
 * group. signo 0 only checks. 0, -ESRCH, -EPERM (none could be sent to), -EAGAIN.
 */
int kill_by_pid(int pid, int signo, const struct linux_siginfo *info);

/* tgkill(2): one task; pid 0: of whatever process. 0, -ESRCH, -EPERM, -EAGAIN. */
int kill_task(int pid, int tid, int signo, const struct linux_siginfo *info);

#endif
