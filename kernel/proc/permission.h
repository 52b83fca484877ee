/* SPDX-License-Identifier: MIT */
/* Who may do something to a process; private to kernel/proc and its system calls. */
#ifndef PROC_PERMISSION_H
#define PROC_PERMISSION_H

#include <stdbool.h>
#include <stdint.h>

struct process;

/* Root, or the caller's effective id is the real or effective one of the process: setpriority(2).
 */
bool permission_same_user(const struct process *process);

/* Root, or all ids of the process are the caller's real ones: prlimit(2), and what looks inside. */
bool permission_all_ids(const struct process *process);

/*
 * Who may look into a process and change what is there (ptrace(2), PTRACE_MODE_ATTACH_REALCREDS):
 * itself, root, and its own user as long as it is dumpable (prctl(2)).
 */
bool permission_to_attach(const struct process *process);

/* kill(2): the caller's ids are the real or saved one of the process; SIGCONT within a session. */
bool permission_to_signal(const struct process *process, int signo);

/*
 * May the caller map at exactly this address? Below vm_mmap_min_addr only root (CAP_SYS_RAWIO).
 */
bool permission_to_map_at(uint64_t address);

#endif
