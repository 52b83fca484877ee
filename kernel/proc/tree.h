/* SPDX-License-Identifier: MIT */
/*
 * Making processes and tasks, and their place in the tree; private to kernel/proc.
 *
 * _locked: the caller holds process_tree_lock. No memory is allocated or freed under it.
 */
#ifndef PROC_TREE_H
#define PROC_TREE_H

#include "proc/group.h"
#include "proc/process.h"

/* The first process: orphans become its children. NULL before it is there. */
extern struct process *process_init_process;

void process_table_init(void);

/* A process with one reference, in no table, alone; fields zero but actions, limits. NULL: no
 * memory. */
struct process *process_alloc(void);

/*
 * What keeps a process's structure: references, and its tasks until their stacks and memory are
 * given back. Both are counted in one word, so that a task is seen to be gone at the very moment
 * when it lets go: who awaits it and drops the last reference is the one who frees.
 */
#define PROCESS_REFERENCE 1ull
#define PROCESS_TASK (1ull << 32)

void process_hold(struct process *process, uint64_t hold);
void process_let_go(struct process *process, uint64_t hold);

void process_ref(struct process *process);

/* Makes it known by its pid, as a child of `parent` (NULL: none). */
void process_link_locked(struct process *process, int pid, struct process *parent);

/* Takes a zombie out: no longer found, in no group. To be buried when the lock is free again. */
void process_unlink_locked(struct process *process);

/* Frees what is left of a process that has been taken out, and gives up the tree's reference. */
void process_bury(struct process *process);

/*
 * Waits until the last task of a process that was a zombie has left its processor, which may be
 * another one, and its stack is free: a moment, for it sleeps no more. So who has waited for a
 * child finds all of its memory given back.
 */
void process_await_tasks_freed(const struct process *process);

/* Gives a process another parent, at the end of its children. */
void process_move_locked(struct process *process, struct process *parent);

/*
 * Whether there is room for one more task, with respect to memory and to the caller's
 * RLIMIT_NPROC. Asked before anything is made, to refuse cheaply, and again where the task is
 * linked: only there nobody else can take the room.
 */
bool process_may_add(void);
bool process_may_add_locked(void);

void task_init(void); /* once, at boot */

/* A task of `process` that will start in entry(task), in no list. NULL: no memory. */
struct task *task_create(struct process *process, void (*entry)(void *));
void task_destroy_unstarted(struct task *task);

/*
 * Into and out of the process's list, and the table of tids if it is not the pid; the number is
 * given back then. To link, the process's signal_lock is held too; to unlink, it is not.
 */
void task_link_locked(struct task *task, int tid);
void task_unlink_locked(struct task *task);

/* The only task that is left becomes the leader, with the pid as its tid. */
void task_lead_locked(struct task *task);

/* The first task; NULL: none is left. process_tree_lock or signal_lock held. */
struct task *process_first_task(const struct process *process);

/* The task whose tid is the pid; NULL: it has gone. The same locks. */
struct task *process_leader(const struct process *process);

/* The thread's letter as process_state_char() gives it. */
char thread_state_char(const struct thread *thread);

/* The task with this tid, or NULL. */
struct task *task_find_locked(int tid);

/* The process with this pid, or with a task of this tid; NULL: there is none. */
struct process *process_find_any_locked(int id);

/* Has a task of another process than this one these directories? */
bool process_others_have_dirs_locked(const struct process *process, const struct vfs_dirs *dirs);

/* One task more or less that is not a leader, for the total and its limit. */
void process_count_task(int change);

/* How many there are in all; a process that is dead but not waited for counts as one. */
unsigned task_total_locked(void);

/* Adds the usage of the task, or of a whole process with what its dead tasks used. */
void usage_add(struct process_usage *sum, const struct process_usage *more);
void usage_of_task(const struct task *task, struct process_usage *usage);
void usage_of_process_locked(const struct process *process, struct process_usage *usage);

#endif
