/* SPDX-License-Identifier: MIT */
/*
 * Signals: actions, masks, waiting, sending. What they do is kernel/proc/signal*.c.
 *
 * Sources: sigaction(2), sigprocmask(2), sigpending(2), sigsuspend(2), sigtimedwait(2),
 * sigaltstack(2), sigreturn(2), kill(2), tkill(2), rt_sigqueueinfo(2), pause(2).
 */
#include "abi/errno.h"
#include "abi/time.h"
#include "core/clock.h"
#include "core/uaccess.h"
#include "machine/trapframe.h"
#include "proc/altstack.h"
#include "proc/kill.h"
#include "proc/signal_mask.h"
#include "proc/signal_core.h"
#include "syscall/calls.h"
#include "syscall/user_time.h"

#define SET_BYTES sizeof(uint64_t)

static bool is_signal(int signo) {
    return signo >= 1 && signo <= SIGNAL_COUNT;
}

/* ---- actions ---- */

/* A signal that is ignored from now on and pending is forgotten. */
static void forget_ignored_locked(struct process *process, int signo) {
    uint64_t handler = signal_action(process, signo)->handler;
    struct task *task;

    if (handler != SIG_IGN &&
        !(handler == SIG_DFL && (SIGNALS_IGNORED_BY_DEFAULT & SIGNAL_BIT(signo))))
        return;
    signal_queue_clear_locked(&process->queue, SIGNAL_BIT(signo));
    LIST_FOR_EACH (&process->tasks, task, process_node)
        signal_queue_clear_locked(&task->queue, SIGNAL_BIT(signo));
}

long sys_rt_sigaction(int signo, const void *action, void *old, size_t set_size) {
    struct process *process = process_current();
    struct linux_sigaction wanted, before;

    if (set_size != SET_BYTES || !is_signal(signo))
        return -EINVAL;
    if (action && copy_from_user(&wanted, action, sizeof(wanted)) != 0)
        return -EFAULT;
    if (action && (SIGNALS_UNBLOCKABLE & SIGNAL_BIT(signo)))
        return -EINVAL;
    spin_lock_irq_on(&process->signal_lock);
    before = *signal_action(process, signo);
    if (action) {
        wanted.mask &= ~SIGNALS_UNBLOCKABLE;
        process->actions[signo - 1] = wanted;
        process->set_actions |= SIGNAL_BIT(signo);
        forget_ignored_locked(process, signo);
    }
    spin_unlock_irq_on(&process->signal_lock);
    return old ? copy_to_user(old, &before, sizeof(before)) : 0;
}

/* ---- masks ---- */

static inline void set_mask(struct task *task, uint64_t mask) {
    struct process *process = task->thread.process;

    spin_lock_irq_on(&process->signal_lock);
    signal_block_locked(task, mask);
    spin_unlock_irq_on(&process->signal_lock);
}

long sys_rt_sigprocmask(int how, const void *set, void *old, size_t set_size) {
    struct task *task = task_current();
    uint64_t before = task->blocked;
    uint64_t wanted;

    if (set_size != SET_BYTES)
        return -EINVAL;
    if (set) {
        if (get_user_u64(&wanted, set) != 0)
            return -EFAULT;
        if (how == SIG_BLOCK)
            wanted |= before;
        else if (how == SIG_UNBLOCK)
            wanted = before & ~wanted;
        else if (how != SIG_SETMASK)
            return -EINVAL;
        set_mask(task, wanted);
    }
    return old ? put_user_u64(before, old) : 0;
}

long sys_rt_sigpending(void *set, size_t set_size) {
    const struct task *task = task_current();
    uint64_t pending = (task->queue.pending | task->thread.process->queue.pending) & task->blocked;

    if (set_size > SET_BYTES)
        return -EINVAL;
    return copy_to_user(set, &pending, set_size);
}

static void wait_for_signal(void) {
    struct thread *self = thread_current();

    for (;;) {
        thread_prepare_block(THREAD_INTERRUPTIBLE);
        if (thread_interrupted(self))
            break;
        thread_block();
    }
    thread_cancel_block();
}

long sys_pause(void) {
    wait_for_signal();
    return -ERESTARTNOHAND;
}

long sys_rt_sigsuspend(const void *mask, size_t set_size) {
    uint64_t wanted;

    if (set_size != SET_BYTES)
        return -EINVAL;
    if (get_user_u64(&wanted, mask) != 0)
        return -EFAULT;
    signal_mask_replace(wanted);
    wait_for_signal();
    signal_mask_restore(true);
    return -ERESTARTNOHAND;
}

/* ---- waiting for signals that are blocked ---- */

/* Takes one of the set, and stops awaiting them. */
static int end_wait(struct task *task, uint64_t set, struct linux_siginfo *info) {
    struct process *process = task->thread.process;
    struct pending_signal *details;
    irq_flags_t flags = spin_lock_irq(&process->signal_lock);
    int signo = signal_take_locked(task, set, info, &details);

    task->awaited = 0;
    signal_update_locked(task);
    /* One more of them may have come, for which this task was chosen. */
    signal_pass_on_locked(process, set & task->blocked);
    spin_unlock_irq(&process->signal_lock, flags);
    pending_signal_free(details);
    return signo;
}

static void begin_wait(struct task *task, uint64_t set) {
    struct process *process = task->thread.process;
    irq_flags_t flags = spin_lock_irq(&process->signal_lock);

    task->awaited = set;
    signal_update_locked(task);
    spin_unlock_irq(&process->signal_lock, flags);
}

long sys_rt_sigtimedwait(const void *set, void *info, const void *timeout, size_t set_size) {
    struct task *task = task_current();
    struct linux_siginfo found;
    uint64_t wanted, deadline_ns;
    int signo, error;

    if (set_size != SET_BYTES)
        return -EINVAL;
    if (get_user_u64(&wanted, set) != 0)
        return -EFAULT;
    error = user_timespec_deadline(timeout, &deadline_ns);
    if (error)
        return error;
    wanted &= ~SIGNALS_UNBLOCKABLE;
    begin_wait(task, wanted);
    error = sleep_until(deadline_ns);
    signo = end_wait(task, wanted, &found);
    if (signo == 0)
        return error == -EINTR ? -EINTR : -EAGAIN;
    if (info && copy_to_user(info, &found, sizeof(found)) != 0)
        return -EFAULT;
    return signo;
}

/* ---- stacks and frames ---- */

long sys_sigaltstack(const void *stack, void *old) {
    struct task *task = task_current();
    uint64_t rsp = task->thread.trapframe->rsp;
    struct linux_sigaltstack wanted, before;
    int error = 0;

    if (stack && copy_from_user(&wanted, stack, sizeof(wanted)) != 0)
        return -EFAULT;
    altstack_get(task, &before, rsp);
    if (stack)
        error = altstack_set(task, &wanted, rsp);
    if (error == 0 && old)
        error = copy_to_user(old, &before, sizeof(before));
    return error;
}

long sys_rt_sigreturn(void) {
    struct task *task = task_current();
    struct trapframe *tf = task->thread.trapframe;
    uint64_t mask;

    if (signal_frame_pop(tf, &mask) != 0) {
        signal_force(SIGSEGV, SI_KERNEL, 0);
        return 0;
    }
    set_mask(task, mask);
    return (long)tf->rax;
}

long sys_restart_syscall(void) {
    struct task *task = task_current();
    long (*restart)(struct task *) = task->restart;

    task->restart = NULL;
    return restart ? restart(task) : -EINTR;
}

/* ---- sending ---- */

long sys_kill(int pid, int signo) {
    struct linux_siginfo info;

    if (signo != 0 && !is_signal(signo))
        return -EINVAL;
    signal_info_from_self(&info, signo, SI_USER);
    return kill_by_pid(pid, signo, &info);
}

long sys_tkill(int tid, int signo) {
    struct linux_siginfo info;

    if (tid <= 0 || (signo != 0 && !is_signal(signo)))
        return -EINVAL;
    signal_info_from_self(&info, signo, SI_TKILL);
    return kill_task(0, tid, signo, &info);
}

long sys_tgkill(int pid, int tid, int signo) {
    struct linux_siginfo info;

    if (pid <= 0 || tid <= 0 || (signo != 0 && !is_signal(signo)))
        return -EINVAL;
    signal_info_from_self(&info, signo, SI_TKILL);
    return kill_task(pid, tid, signo, &info);
}

/* A siginfo from the user. Only to itself may a process pretend that it came from the kernel. */
static int get_info(struct linux_siginfo *info, const void *user, int signo, int pid) {
    if (copy_from_user(info, user, sizeof(*info)) != 0)
        return -EFAULT;
    if (signo != 0 && !is_signal(signo))
        return -EINVAL;
    if ((info->si_code >= 0 || info->si_code == SI_TKILL) && pid != process_current()->pid)
        return -EPERM;
    info->si_signo = signo;
    return 0;
}

long sys_rt_sigqueueinfo(int pid, int signo, const void *user) {
    struct linux_siginfo info;
    int error = get_info(&info, user, signo, pid);

    if (error)
        return error;
    return pid > 0 ? kill_by_pid(pid, signo, &info) : -ESRCH;
}

long sys_rt_tgsigqueueinfo(int pid, int tid, int signo, const void *user) {
    struct linux_siginfo info;
    int error;

    if (pid <= 0 || tid <= 0)
        return -EINVAL;
    error = get_info(&info, user, signo, pid);
    return error ? error : kill_task(pid, tid, signo, &info);
}
