/* SPDX-License-Identifier: MIT */
/*
 * Delivery: what a task does about its pending signals on the way to user mode.
 *
 *   exiting                  exit
 *   stopped                  sleep until continued
 *   signal, handler          push a frame; one per pass, the outermost first
 *   signal, default          ignore, stop, or exit by it
 *   none                     restart the interrupted call, put the old mask back
 *
 * Interrupted system calls leave one of the ERESTART numbers in rax; what becomes of them depends
 * on whether a handler runs. Restarting means: number back into rax, rip back over the syscall
 * instruction.
 */
#include "abi/errno.h"
#include "core/cpu.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "machine/trapframe.h"
#include "proc/exit.h"
#include "proc/signal_core.h"

#define SYSCALL_INSTRUCTION_BYTES 2
#define SYSCALL_RESTART 219 /* restart_syscall */

enum disposition {
    TAKE_NEXT, /* done with this one */
    HANDLE,
    STOP,
    TERMINATE,
};

/* The lowest signal of a set, those that the task itself caused first. */
static int first_of(uint64_t set) {
    if (set & SIGNALS_SYNCHRONOUS)
        set &= SIGNALS_SYNCHRONOUS;
    return __builtin_ctzll(set) + 1;
}

/* The signal that the task caused itself, which nothing holds back. */
static int take_forced_locked(struct task *task, struct linux_siginfo *info) {
    int signo = task->forced_signal;

    task->forced_signal = 0;
    memset(info, 0, SIGINFO_USED_BYTES);
    info->si_signo = signo;
    info->si_code = task->forced_code;
    info->u.fault.address = task->forced_address;
    return signo;
}

int signal_take_locked(struct task *task, uint64_t set, struct linux_siginfo *info,
                       struct pending_signal **details) {
    struct process *process = task->thread.process;
    struct signal_queue *queue = &task->queue;
    int signo;

    *details = NULL;
    if (!(queue->pending & set))
        queue = &process->queue;
    if (!(queue->pending & set))
        return 0;
    signo = first_of(queue->pending & set);
    *details = signal_queue_take_locked(queue, signo, info);
    if (*details)
        process->queued_count--;
    return signo;
}

static enum disposition dispose_locked(struct process *process, int signo) {
    uint64_t handler = signal_action(process, signo)->handler;

    if (handler > SIG_IGN)
        return HANDLE;
    if (handler == SIG_IGN || process->is_protected ||
        (SIGNALS_IGNORED_BY_DEFAULT & SIGNAL_BIT(signo)))
        return TAKE_NEXT;
    if (SIGNALS_STOPPING & SIGNAL_BIT(signo))
        return STOP;
    signal_exit_all_locked(process, signo);
    return TERMINATE;
}

/*
 * Remembers what the frame needs, does what the action's flags say, and blocks what is blocked
 * while the handler runs.
 */
static void begin_handling_locked(struct task *task, struct signal_handling *handling) {
    struct linux_sigaction *action = &task->thread.process->actions[handling->signo - 1];
    uint64_t blocked = task->blocked | action->mask;

    handling->action = *action;
    handling->mask = task->restore_blocked ? task->saved_blocked : task->blocked;
    if (action->flags & SA_RESETHAND)
        action->handler = SIG_DFL;
    if (!(action->flags & SA_NODEFER))
        blocked |= SIGNAL_BIT(handling->signo);
    task->restore_blocked = false;
    signal_block_locked(task, blocked);
}

/* Takes one signal and decides on it. False: nothing is pending. */
static bool take_one(struct task *task, struct signal_handling *handling,
                     enum disposition *disposition) {
    struct process *process = task->thread.process;
    struct pending_signal *details = NULL;

    spin_lock_irq_on(&process->signal_lock);
    if (task->forced_signal != 0)
        handling->signo = take_forced_locked(task, &handling->info);
    else
        handling->signo = signal_take_locked(task, ~task->blocked, &handling->info, &details);
    if (handling->signo != 0) {
        *disposition = dispose_locked(process, handling->signo);
        if (*disposition == HANDLE)
            begin_handling_locked(task, handling);
        task->stop_taken = *disposition == STOP;
    }
    spin_unlock_irq_on(&process->signal_lock);
    if (details)
        pending_signal_free(details);
    return handling->signo != 0;
}

/* Clears the note that the parent has to be told, and tells whether it was there. */
static bool take_continued(struct process *process) {
    bool was;

    spin_lock_irq_on(&process->signal_lock);
    was = process->continued_unsent;
    process->continued_unsent = false;
    spin_unlock_irq_on(&process->signal_lock);
    return was;
}

/* Goes through what is pending until there is a handler to run (true) or nothing left. */
static bool next_handler(struct task *task, struct signal_handling *handling) {
    struct process *process = task->thread.process;
    enum disposition disposition = TAKE_NEXT;

    for (;;) {
        if (task->must_exit)
            process_exit_task();
        if (process->stop_requested)
            signal_wait_stopped();
        else if (process->continued_unsent && take_continued(process))
            signal_tell_continued();
        else if (!take_one(task, handling, &disposition))
            return false;
        else if (disposition == HANDLE)
            return true;
        else if (disposition == STOP)
            signal_stop(handling->signo);
    }
}

static void restart(struct trapframe *tf, uint64_t number) {
    tf->rax = number;
    tf->rip -= SYSCALL_INSTRUCTION_BYTES;
}

/* The interrupted call of the frame, if there was one: action NULL means no handler runs. */
static void finish_call(struct trapframe *tf, const struct linux_sigaction *action) {
    int64_t result = (int64_t)tf->rax;

    if (tf->orig_rax == UINT64_MAX || result < -ERESTART_RESTARTBLOCK || result > -ERESTARTSYS)
        return;
    if (!action)
        restart(tf, result == -ERESTART_RESTARTBLOCK ? SYSCALL_RESTART : tf->orig_rax);
    else if (result == -ERESTARTNOINTR || (result == -ERESTARTSYS && (action->flags & SA_RESTART)))
        restart(tf, tf->orig_rax);
    else
        tf->rax = (uint64_t)-EINTR;
}

static void leave_without_handler(struct task *task) {
    struct process *process = task->thread.process;

    spin_lock_irq_on(&process->signal_lock);
    if (task->restore_blocked) {
        task->restore_blocked = false;
        signal_block_locked(task, task->saved_blocked);
    }
    signal_update_locked(task);
    spin_unlock_irq_on(&process->signal_lock);
}

/*
 * There is no room for the frame: with the mask as it was, SIGSEGV, which kills if it was SIGSEGV
 * that had none.
 */
static void fail_handling(struct task *task, const struct signal_handling *handling) {
    struct process *process = task->thread.process;

    spin_lock_irq_on(&process->signal_lock);
    task->blocked = handling->mask;
    if (handling->signo == SIGSEGV)
        process->set_actions &= ~SIGNAL_BIT(SIGSEGV);
    spin_unlock_irq_on(&process->signal_lock);
    signal_force(SIGSEGV, SI_KERNEL, 0);
}

void signal_deliver(struct trapframe *tf) {
    struct task *task = task_current();
    struct signal_handling handling;

    cpu_work_clear(CPU_WORK_SIGNAL);
    if (!next_handler(task, &handling)) {
        finish_call(tf, NULL);
        leave_without_handler(task);
        return;
    }
    finish_call(tf, &handling.action);
    if (signal_frame_push(tf, &handling) != 0)
        fail_handling(task, &handling);
}
