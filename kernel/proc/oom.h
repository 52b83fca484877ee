/* SPDX-License-Identifier: MIT */
/*
 * Out of memory: who has to go when a page that a program touches finds no frame; private to
 * kernel/proc.
 *
 * The largest process is killed, its private memory is taken from it at once, and the access is
 * tried again. There is one victim at a time: whoever finds no frame while it ends waits for that,
 * for a second at most, because it may itself hold what the victim waits for.
 *
 * How large: pages it sees and pages of tables, and oom_score_adj thousandths of memory. Never
 * killed: init, who has oom_score_adj -1000, and a child of vfork, which has its parent's memory.
 * When nobody is left the one that asks is killed, or the kernel panics if that is init.
 *
 * Memory that the kernel itself needs for a call is not fought for: the call fails with ENOMEM.
 *
 * Locks: a mutex (LOCK_RANK_OOM) for choosing, inside all others, since faults come under them.
 *
 * Source: Linux's mm/oom_kill.c in outline, proc_pid_oom_score_adj(5), proc_sys_vm(5).
 */
#ifndef PROC_OOM_H
#define PROC_OOM_H

#include <stdbool.h>
#include <stdint.h>

struct process;

#define OOM_ADJ_MIN (-1000) /* never */
#define OOM_ADJ_MAX 1000

/* /proc/sys/vm; atomic. */
extern uint64_t oom_panics;           /* panic_on_oom: nobody is killed */
extern uint64_t oom_kills_allocating; /* oom_kill_allocating_task: whoever asks is killed */
extern uint64_t oom_dumps_tasks;      /* oom_dump_tasks: a line in the log for each process */

/* Once, at start. */
void oom_init(void);

/*
 * The running process touched a page and there was no frame. True: try again; false: it dies. May
 * sleep; no spinlock is held.
 */
bool oom_resolve(void);

/* The process has given everything back: to be called by its last thread. */
void oom_process_ended(const struct process *process);

/* What /proc/PID/oom_score shows: 0 (never) to 2000. Walks the space. */
uint64_t oom_score(struct process *process);

/*
 * Sets oom_score_adj of all processes that share the process's memory. Who is not root can only
 * raise it from where root has put it. 0, -EINVAL, -EACCES.
 */
int oom_set_adj(struct process *process, int adj);

#endif
