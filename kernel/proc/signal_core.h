/* SPDX-License-Identifier: MIT */
/*
 * What the files about signals tell each other; for kernel/proc and the signal system calls only.
 *
 * _locked: the caller holds the process's signal_lock. Details of pending signals (struct
 * pending_signal) are memory, which is neither allocated nor freed under that lock.
 */
#ifndef PROC_SIGNAL_CORE_H
#define PROC_SIGNAL_CORE_H

#include "core/assert.h"
#include "proc/process.h"

#define SIGNALS_SYNCHRONOUS                                                                        \
    (SIGNAL_BIT(SIGSEGV) | SIGNAL_BIT(SIGBUS) | SIGNAL_BIT(SIGILL) | SIGNAL_BIT(SIGTRAP) |         \
     SIGNAL_BIT(SIGFPE) | SIGNAL_BIT(SIGSYS))
#define SIGNALS_STOPPING                                                                           \
    (SIGNAL_BIT(SIGSTOP) | SIGNAL_BIT(SIGTSTP) | SIGNAL_BIT(SIGTTIN) | SIGNAL_BIT(SIGTTOU))
#define SIGNALS_IGNORED_BY_DEFAULT                                                                 \
    (SIGNAL_BIT(SIGCHLD) | SIGNAL_BIT(SIGCONT) | SIGNAL_BIT(SIGURG) | SIGNAL_BIT(SIGWINCH))

struct pending_signal {
    struct list_node node; /* in signal_queue.infos */
    struct linux_siginfo info;
};

/* ---- signal_queue.c ---- */

void pending_signal_init(void); /* once, at boot */

struct pending_signal *pending_signal_alloc(void);
void pending_signal_free(struct pending_signal *pending); /* NULL is allowed */

/* Copies details, or says "from the kernel" where there are none (from: NULL). */
void signal_info_set(struct linux_siginfo *to, int signo, const struct linux_siginfo *from);

/*
 * Makes signo pending. A standard signal that is pending already is lost. *spare is used for the
 * details if need be, and is NULL then.
 */
void signal_queue_add_locked(struct signal_queue *queue, int signo,
                             const struct linux_siginfo *info, struct pending_signal **spare);

/* Takes the first signo out; its details are to be freed by the caller (NULL: there were none). */
struct pending_signal *signal_queue_take_locked(struct signal_queue *queue, int signo,
                                                struct linux_siginfo *info);

/* Forgets pending signals of the set. */
void signal_queue_clear_locked(struct signal_queue *queue, uint64_t set);

/* How many details it holds. */
uint32_t signal_queue_length_locked(const struct signal_queue *queue);

/* Empties a queue that nobody else can reach any more. */
void signal_queue_destroy(struct signal_queue *queue);

/* ---- signal_send.c ---- */

/*
 * What sending does once memory is at hand; task NULL: to the process. signal_lock held. *spare as
 * above. Returns 0 or -EAGAIN.
 */
int signal_post_locked(struct process *process, struct task *task, int signo,
                       const struct linux_siginfo *info, struct pending_signal **spare);

/* Sets task->thread.interrupted to what it should be. */
static inline void signal_update_locked(struct task *task) {
    const struct process *process = task->thread.process;
    uint64_t pending =
        (task->queue.pending | process->queue.pending) & (~task->blocked | task->awaited);
    bool wanted = (pending != 0) | (task->forced_signal != 0) | task->must_exit |
                  process->stop_requested | process->continued_unsent | task->restore_blocked;

    DEBUG_ASSERT(spin_held(&process->signal_lock));
    __atomic_store_n(&task->thread.interrupted, wanted, __ATOMIC_RELAXED);
    if (wanted)
        thread_notify(&task->thread);
}

/* Would a signal for the process leave no trace? Not to be asked of SIGCONT and its opposites. */
bool signal_is_lost_locked(const struct process *process, int signo);

/* All tasks are to exit with this status, as soon as they can. The first status stays. */
void signal_exit_all_locked(struct process *process, int status);

/* All tasks but `self` are to exit as soon as they can; the process goes on. */
void signal_exit_others_locked(struct process *process, const struct task *self);

/* Wakes all tasks that sleep interruptibly and makes them look at what has changed. */
void signal_notify_all_locked(struct process *process);

/*
 * Tells other tasks of those signals in `set` that are pending for the process: `self` will not
 * take them, though it may have been told of them.
 */
void signal_pass_on_locked(struct process *process, uint64_t set);

/* Blocks exactly `mask` (KILL and STOP never) in the calling task; others hear of what it leaves.
 */
static inline void signal_block_locked(struct task *task, uint64_t mask) {
    struct process *process = task->thread.process;
    uint64_t more = mask & ~task->blocked;

    task->blocked = mask & ~SIGNALS_UNBLOCKABLE;
    signal_update_locked(task);
    if (__builtin_expect((process->queue.pending & more) != 0, 0))
        signal_pass_on_locked(process, more);
}

/* ---- signal_deliver.c ---- */

/* On the way to user mode: acts on what is pending. May not return (exit). */
void signal_deliver(struct trapframe *tf);

/*
 * Takes the first pending signal of `set` from the task or its process, but none that the task
 * caused itself. Returns its number with
 * *info filled, or 0. *details is to be freed.
 */
int signal_take_locked(struct task *task, uint64_t set, struct linux_siginfo *info,
                       struct pending_signal **details);

/* ---- signal_stop.c ---- */

/* The default action of a stopping signal: stops until SIGCONT or death, tells the parent. */
void signal_stop(int signo);

/* Sleeps while the process is stopped; the last of its tasks to come here tells the parent. */
void signal_wait_stopped(void);

/* A task has left that the others may have waited for: are they all stopped now? */
void signal_stop_without(struct process *process);

/* Tells the parent that the process goes on again. */
void signal_tell_continued(void);

/*
 * Sends SIGCHLD (or signo) about `process` to its parent and wakes those who wait. code: CLD_*;
 * status: exit code or signal. process_tree_lock held. *spare as above.
 */
void signal_tell_parent_locked(struct process *process, int signo, int code, int status,
                               struct pending_signal **spare);

/* ---- signal_frame.c ---- */

struct signal_handling {
    int signo;
    struct linux_sigaction action;
    uint64_t mask; /* to be put back by sigreturn */
    struct linux_siginfo info;
};

/* Once, at start. */
void signal_frame_init(void);

/* Makes user mode go on in the handler. 0, or -EFAULT: no room on the user's stack. */
int signal_frame_push(struct trapframe *tf, const struct signal_handling *handling);

/* Undoes it: 0, with *mask what to block now, or -EFAULT for a frame that cannot be. */
int signal_frame_pop(struct trapframe *tf, uint64_t *mask);

#endif
