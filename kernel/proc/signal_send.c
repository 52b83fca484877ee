/* SPDX-License-Identifier: MIT */
/*
 * Sending signals: from the wish to send to a task that has been told. See signal.h.
 *
 * What sending alone does, whatever the receiver thinks of the signal:
 *   SIGCONT     forgets pending stopping signals and lets a stopped process go on
 *   stopping    forget a pending SIGCONT
 *   SIGKILL     makes all tasks exit
 */
#include "abi/errno.h"
#include "core/assert.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "proc/group.h"
#include "proc/signal_core.h"
#include "proc/tree.h"

static bool is_ignored_locked(const struct process *process, const struct task *task, int signo) {
    uint64_t handler = signal_action(process, signo)->handler;

    /* Blocked signals are kept: the action may have changed when they are looked at. */
    if (task && (task->blocked & SIGNAL_BIT(signo)))
        return false;
    if (handler == SIG_DFL)
        return process->is_protected || (SIGNALS_IGNORED_BY_DEFAULT & SIGNAL_BIT(signo));
    return handler == SIG_IGN;
}

static void wake_locked(struct task *task, bool even_uninterruptible) {
    __atomic_store_n(&task->thread.interrupted, true, __ATOMIC_SEQ_CST);
    thread_notify(&task->thread);
    if (even_uninterruptible)
        thread_wake(&task->thread);
    else
        thread_interrupt(&task->thread);
}

static void wake_all_locked(struct process *process) {
    struct task *task;

    LIST_FOR_EACH (&process->tasks, task, process_node)
        wake_locked(task, true);
}

void signal_notify_all_locked(struct process *process) {
    struct task *task;

    LIST_FOR_EACH (&process->tasks, task, process_node)
        wake_locked(task, false);
}

void signal_exit_others_locked(struct process *process, const struct task *self) {
    struct task *task;

    DEBUG_ASSERT(spin_held(&process->signal_lock));
    LIST_FOR_EACH (&process->tasks, task, process_node) {
        if (task == self)
            continue;
        __atomic_store_n(&task->must_exit, true, __ATOMIC_RELAXED);
        wake_locked(task, true);
    }
}

void signal_exit_all_locked(struct process *process, int status) {
    if (process->is_exiting)
        return;
    process->is_exiting = true;
    process->exit_status = status;
    signal_exit_others_locked(process, NULL);
}

static void clear_all_locked(struct process *process, uint64_t set) {
    struct task *task;

    signal_queue_clear_locked(&process->queue, set);
    LIST_FOR_EACH (&process->tasks, task, process_node)
        signal_queue_clear_locked(&task->queue, set);
}

static void continue_locked(struct process *process) {
    struct task *task;

    clear_all_locked(process, SIGNALS_STOPPING);
    LIST_FOR_EACH (&process->tasks, task, process_node)
        task->stop_taken = false;
    if (!process->stop_requested)
        return;
    process->stop_requested = false;
    process->stop_signal = 0;
    /* Of a stop that was not complete nobody has been told. */
    process->was_continued = process->continued_unsent = process->is_stopped;
    process->is_stopped = false;
    wake_all_locked(process);
}

static bool wants(const struct task *task, int signo) {
    return !task->is_leaving && ((~task->blocked | task->awaited) & SIGNAL_BIT(signo));
}

/* The task that is to be told of a signal for the whole process; NULL: none wants it. */
static struct task *choose_task_locked(const struct process *process, int signo) {
    struct task *task;

    LIST_FOR_EACH (&process->tasks, task, process_node) {
        if (wants(task, signo))
            return task;
    }
    return NULL;
}

void signal_pass_on_locked(struct process *process, uint64_t set) {
    DEBUG_ASSERT(spin_held(&process->signal_lock));
    for (set &= process->queue.pending; set != 0; set &= set - 1) {
        struct task *target = choose_task_locked(process, __builtin_ctzll(set) + 1);

        if (target)
            wake_locked(target, false);
    }
}

/* Details over the limit are left away; real-time signals that carry a value are refused then. */
static bool must_refuse_locked(const struct process *process, int signo,
                               const struct linux_siginfo *info,
                               struct pending_signal *const *spare) {
    if (signo < SIGRTMIN || !info || info->si_code == SI_USER)
        return false;
    return !*spare || process->queued_count >= process->rlimits[RLIMIT_SIGPENDING].rlim_cur;
}

bool signal_is_lost_locked(const struct process *process, int signo) {
    const struct task *target = choose_task_locked(process, signo);

    return list_is_empty(&process->tasks) ||
           is_ignored_locked(process, target ? target : process_first_task(process), signo);
}

int signal_post_locked(struct process *process, struct task *task, int signo,
                       const struct linux_siginfo *info, struct pending_signal **spare) {
    struct task *target = task ? task : choose_task_locked(process, signo);
    struct pending_signal *given = *spare;

    DEBUG_ASSERT(spin_held(&process->signal_lock));
    if (signo == SIGCONT)
        continue_locked(process);
    else if (SIGNALS_STOPPING & SIGNAL_BIT(signo))
        clear_all_locked(process, SIGNAL_BIT(SIGCONT));
    if (list_is_empty(&process->tasks) ||
        is_ignored_locked(process, target ? target : process_first_task(process), signo))
        return 0;
    if (must_refuse_locked(process, signo, info, spare))
        return -EAGAIN;
    signal_queue_add_locked(task ? &task->queue : &process->queue, signo, info, spare);
    if (given != *spare)
        process->queued_count++;
    if (signo == SIGKILL)
        signal_exit_all_locked(process, SIGKILL);
    else if (target && wants(target, signo))
        wake_locked(target, false);
    return 0;
}

static int send(struct process *process, struct task *task, int signo,
                const struct linux_siginfo *info) {
    struct pending_signal *spare = info ? pending_signal_alloc() : NULL;
    irq_flags_t flags = spin_lock_irq(&process->signal_lock);
    int result = signal_post_locked(process, task, signo, info, &spare);

    spin_unlock_irq(&process->signal_lock, flags);
    if (spare)
        pending_signal_free(spare);
    return result;
}

int signal_send_process(struct process *process, int signo, const struct linux_siginfo *info) {
    return send(process, NULL, signo, info);
}

int signal_send_task(struct task *task, int signo, const struct linux_siginfo *info) {
    return send(task->thread.process, task, signo, info);
}

void signal_send_group(int sid, int pgid, int signo) {
    irq_flags_t flags = spin_lock_irq(&process_tree_lock);
    struct process_group *group = group_find_locked(pgid);
    struct pending_signal *none = NULL;
    struct process *member;

    if (group && group->session->sid == sid) {
        LIST_FOR_EACH (&group->members, member, group_node) {
            spin_lock(&member->signal_lock);
            signal_post_locked(member, NULL, signo, NULL, &none);
            spin_unlock(&member->signal_lock);
        }
    }
    spin_unlock_irq(&process_tree_lock, flags);
}

bool signal_force(int signo, int code, uint64_t address) {
    struct task *task = task_current();
    struct process *process = task->thread.process;
    bool kills;

    spin_lock_irq_on(&process->signal_lock);
    kills =
        signal_action(process, signo)->handler <= SIG_IGN || (task->blocked & SIGNAL_BIT(signo));
    if (kills) {
        process->set_actions &= ~SIGNAL_BIT(signo);
        process->is_protected = false;
        task->blocked &= ~SIGNAL_BIT(signo);
    }
    /* It is delivered before anything else, and needs no memory to arrive with its details. */
    task->forced_signal = signo;
    task->forced_code = code;
    task->forced_address = address;
    __atomic_store_n(&task->thread.interrupted, true, __ATOMIC_RELAXED);
    thread_notify(&task->thread);
    spin_unlock_irq_on(&process->signal_lock);
    return kills;
}

bool signal_is_ignored(int signo) {
    struct task *task = task_current();

    return (task->blocked & SIGNAL_BIT(signo)) ||
           signal_action(task->thread.process, signo)->handler == SIG_IGN;
}

void signal_info_from_self(struct linux_siginfo *info, int signo, int code) {
    const struct process *self = process_current();

    memset(info, 0, sizeof(*info));
    info->si_signo = signo;
    info->si_code = code;
    info->u.rt.pid = self->pid;
    info->u.rt.uid = self->vfs.credentials.uid;
}

static struct task *find_locked(struct process *process, int tid) {
    struct task *task;

    LIST_FOR_EACH (&process->tasks, task, process_node) {
        if (task->thread.tid == tid)
            return task;
    }
    return NULL;
}

void task_signal_sets(struct process *process, int tid, struct process_signal_sets *sets) {
    irq_flags_t flags = spin_lock_irq(&process->signal_lock);
    struct task *task = process_leader(process);

    memset(sets, 0, sizeof(*sets));
    if (tid != 0 && tid != process->pid)
        task = find_locked(process, tid);
    sets->pending_process = process->queue.pending;
    if (task) {
        sets->pending_task = task->queue.pending;
        sets->blocked = task->blocked;
    }
    for (int signo = 1; signo <= SIGNAL_COUNT; signo++) {
        uint64_t handler = signal_action(process, signo)->handler;

        if (handler == SIG_IGN)
            sets->ignored |= SIGNAL_BIT(signo);
        else if (handler != SIG_DFL)
            sets->caught |= SIGNAL_BIT(signo);
    }
    spin_unlock_irq(&process->signal_lock, flags);
}

const char *signal_name(int signo) {
    static const char *const names[] = {
        [SIGHUP] = "SIGHUP",       [SIGINT] = "SIGINT",       [SIGQUIT] = "SIGQUIT",
        [SIGILL] = "SIGILL",       [SIGTRAP] = "SIGTRAP",     [SIGABRT] = "SIGABRT",
        [SIGBUS] = "SIGBUS",       [SIGFPE] = "SIGFPE",       [SIGKILL] = "SIGKILL",
        [SIGUSR1] = "SIGUSR1",     [SIGSEGV] = "SIGSEGV",     [SIGUSR2] = "SIGUSR2",
        [SIGPIPE] = "SIGPIPE",     [SIGALRM] = "SIGALRM",     [SIGTERM] = "SIGTERM",
        [SIGSTKFLT] = "SIGSTKFLT", [SIGCHLD] = "SIGCHLD",     [SIGCONT] = "SIGCONT",
        [SIGSTOP] = "SIGSTOP",     [SIGTSTP] = "SIGTSTP",     [SIGTTIN] = "SIGTTIN",
        [SIGTTOU] = "SIGTTOU",     [SIGURG] = "SIGURG",       [SIGXCPU] = "SIGXCPU",
        [SIGXFSZ] = "SIGXFSZ",     [SIGVTALRM] = "SIGVTALRM", [SIGPROF] = "SIGPROF",
        [SIGWINCH] = "SIGWINCH",   [SIGIO] = "SIGIO",         [SIGPWR] = "SIGPWR",
        [SIGSYS] = "SIGSYS",
    };

    return signo > 0 && (size_t)signo < ARRAY_SIZE(names) ? names[signo] : "SIGRTMIN+";
}
