/* SPDX-License-Identifier: MIT */
/*
 * A signal mask for the time of one system call; see signal_mask.h.
 */
#include "proc/signal_mask.h"

#include "proc/process.h"
#include "proc/signal.h"
#include "proc/signal_core.h"

void signal_mask_replace(uint64_t mask) {
    struct task *task = task_current();
    struct process *process = task->thread.process;
    irq_flags_t flags = spin_lock_irq(&process->signal_lock);

    task->saved_blocked = task->blocked;
    signal_block_locked(task, mask);
    spin_unlock_irq(&process->signal_lock, flags);
}

void signal_mask_restore(bool interrupted) {
    struct task *task = task_current();
    struct process *process = task->thread.process;
    irq_flags_t flags = spin_lock_irq(&process->signal_lock);

    if (interrupted)
        task->restore_blocked = true;
    else
        signal_block_locked(task, task->saved_blocked);
    signal_update_locked(task);
    spin_unlock_irq(&process->signal_lock, flags);
}
