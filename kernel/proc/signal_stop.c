/* SPDX-License-Identifier: MIT */
/*
 * Stopping and going on (job control), and telling the parent what became of a child.
 *
 * A stop is a request to the whole process: stop_requested. Each of its tasks sleeps, STOPPED, on
 * its way to user mode until SIGCONT takes the request away or it is to exit. When all sleep, the
 * stop is complete and the parent hears of it. Requests are numbered, since a task that was woken
 * from one may find the next before it has run.
 */
#include "abi/wait.h"
#include "core/assert.h"
#include "core/clock.h"
#include "lib/string.h"
#include "proc/group.h"
#include "proc/signal_core.h"
#include "proc/tree.h"

#define NS_PER_TICK (NS_PER_SECOND / USER_HZ)

static void describe_locked(const struct process *process, struct linux_siginfo *info, int code,
                            int status) {
    struct process_usage usage;

    usage_of_process_locked(process, &usage);
    memset(info, 0, sizeof(*info));
    info->si_code = code;
    info->u.child.pid = process->pid;
    info->u.child.uid = process->vfs.credentials.uid;
    info->u.child.status = status;
    info->u.child.utime = (int64_t)(usage.user_ns / NS_PER_TICK);
    info->u.child.stime = (int64_t)(usage.system_ns / NS_PER_TICK);
}

void signal_tell_parent_locked(struct process *process, int signo, int code, int status,
                               struct pending_signal **spare) {
    struct process *parent = process->parent;
    struct linux_siginfo info;

    DEBUG_ASSERT(spin_held(&process_tree_lock));
    if (!parent)
        return;
    if (signo != 0) {
        spin_lock(&parent->signal_lock);
        if (signo != SIGCHLD || !signal_is_lost_locked(parent, signo)) {
            describe_locked(process, &info, code, status);
            signal_post_locked(parent, NULL, signo, &info, spare);
        }
        spin_unlock(&parent->signal_lock);
    }
    wait_queue_wake_all(&parent->child_wait);
}

/* SIGCHLD for a stop or continue, unless the parent does not want these. */
static int stop_signal_for(const struct process *parent) {
    return parent && (signal_action(parent, SIGCHLD)->flags & SA_NOCLDSTOP) ? 0 : SIGCHLD;
}

/*
 * Under process_tree_lock: makes the request unless the process has other plans. The signal was
 * taken a moment ago under signal_lock alone: a SIGCONT that has come since undoes it.
 */
static bool request_stop_locked(struct process *process, int signo) {
    bool stops;

    if (signo != SIGSTOP && group_is_orphaned_locked(process->group, NULL))
        return false;
    spin_lock(&process->signal_lock);
    stops = task_current()->stop_taken && !task_must_exit();
    if (stops && !process->stop_requested) {
        process->stop_requested = true;
        process->stop_round++;
        process->stopped_tasks = 0;
        process->stop_reason = signo;
        process->was_continued = false;
        signal_notify_all_locked(process);
    }
    spin_unlock(&process->signal_lock);
    return stops;
}

void signal_stop(int signo) {
    irq_flags_t flags = spin_lock_irq(&process_tree_lock);
    bool stops = request_stop_locked(process_current(), signo);

    spin_unlock_irq(&process_tree_lock, flags);
    if (stops)
        signal_wait_stopped();
}

/* Counts a task (NULL: none) as stopped, once a round. True: that completes the stop. */
static bool count_stopped_locked(struct process *process, struct task *task) {
    bool is_complete = false;

    spin_lock(&process->signal_lock);
    if (process->stop_requested) {
        if (task && task->stopped_round != process->stop_round) {
            task->stopped_round = process->stop_round;
            process->stopped_tasks++;
        }
        is_complete = !process->is_stopped && process->live_tasks > 0 &&
                      process->stopped_tasks == process->live_tasks;
    }
    if (is_complete) {
        process->is_stopped = true;
        process->stop_signal = process->stop_reason;
    }
    spin_unlock(&process->signal_lock);
    return is_complete;
}

/* The same, and the parent is told. */
static void count_stopped(struct process *process, struct task *task) {
    struct pending_signal *spare = pending_signal_alloc();
    irq_flags_t flags = spin_lock_irq(&process_tree_lock);

    if (count_stopped_locked(process, task))
        signal_tell_parent_locked(process, stop_signal_for(process->parent), CLD_STOPPED,
                                  process->stop_reason, &spare);
    spin_unlock_irq(&process_tree_lock, flags);
    pending_signal_free(spare);
}

void signal_stop_without(struct process *process) {
    count_stopped(process, NULL);
}

void signal_wait_stopped(void) {
    struct task *task = task_current();
    struct process *process = task->thread.process;

    count_stopped(process, task);
    for (;;) {
        thread_prepare_block(THREAD_STOPPED);
        if (!process->stop_requested || task->must_exit)
            break;
        if (process->stop_round == task->stopped_round) {
            thread_block();
        } else {
            thread_cancel_block();
            count_stopped(process, task);
        }
    }
    thread_cancel_block();
}

void signal_tell_continued(void) {
    struct process *process = process_current();
    struct pending_signal *spare = pending_signal_alloc();
    irq_flags_t flags = spin_lock_irq(&process_tree_lock);

    signal_tell_parent_locked(process, stop_signal_for(process->parent), CLD_CONTINUED, SIGCONT,
                              &spare);
    spin_unlock_irq(&process_tree_lock, flags);
    pending_signal_free(spare);
}
