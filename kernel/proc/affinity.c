/* SPDX-License-Identifier: MIT */
/*
 * The processors that a task may run on; see affinity.h. What it is asked is kept in its thread,
 * inherited by those it makes, and kept by execve.
 */
#include "proc/affinity.h"

#include "abi/errno.h"
#include "proc/permission.h"
#include "proc/tree.h"
#include "sync/cpu_call.h"

static struct task *find_locked(int tid) {
    return tid == 0 ? task_current() : task_find_locked(tid);
}

int affinity_set(int tid, uint64_t cpus) {
    irq_flags_t flags = spin_lock_irq(&process_tree_lock);
    struct task *task = find_locked(tid);
    int error = -ESRCH;

    if (task && !permission_same_user(task->thread.process))
        error = -EPERM;
    else if (task)
        error = thread_set_affinity(&task->thread, cpus);
    spin_unlock_irq(&process_tree_lock, flags);
    return error;
}

int affinity_get(int tid, uint64_t *cpus) {
    irq_flags_t flags = spin_lock_irq(&process_tree_lock);
    const struct task *task = find_locked(tid);

    if (task)
        *cpus = task->thread.affinity & cpus_running();
    spin_unlock_irq(&process_tree_lock, flags);
    return task ? 0 : -ESRCH;
}
