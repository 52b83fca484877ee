/* SPDX-License-Identifier: MIT */
/*
 * Sending signals by number; see kill.h.
 *
 * Sending with details takes memory, which is not done under process_tree_lock: processes are
 * visited one by one with a reference each. A group that changes meanwhile is sent to as it is
 * found.
 */
#include "proc/kill.h"

#include "abi/errno.h"
#include "mm/slab.h"
#include "proc/group.h"
#include "proc/permission.h"
#include "proc/signal_core.h"
#include "proc/tree.h"

static int send_to(struct process *process, int signo, const struct linux_siginfo *info) {
    if (!permission_to_signal(process, signo))
        return -EPERM;
    return signo == 0 ? 0 : signal_send_process(process, signo, info);
}

static int send_to_pid(int pid, int signo, const struct linux_siginfo *info) {
    struct process *process = process_get(pid);
    int result;

    if (!process)
        return -ESRCH;
    result = send_to(process, signo, info);
    process_put(process);
    return result;
}

/* The result for many: success if one was sent to, else the last error. */
static int combine(int so_far, int one) {
    return so_far == 0 ? 0 : one;
}

static int send_to_all(int signo, const struct linux_siginfo *info) {
    const struct process *self = process_current();
    struct process *process = process_next(2);
    int result = -ESRCH;

    while (process) {
        int next = process->pid + 1;

        if (process != self)
            result = combine(result, send_to(process, signo, info));
        process_put(process);
        process = process_next(next);
    }
    return result;
}

static unsigned count_members_locked(const struct process_group *group) {
    const struct process *member;
    unsigned count = 0;

    LIST_FOR_EACH (&group->members, member, group_node)
        count++;
    return count;
}

/* The members with a reference each, as far as there is room. Returns how many there are. */
static unsigned get_members(int pgid, struct process **members, unsigned room) {
    irq_flags_t flags = spin_lock_irq(&process_tree_lock);
    struct process_group *group = group_find_locked(pgid);
    unsigned count = group ? count_members_locked(group) : 0;
    struct process *member;

    if (count > 0 && count <= room) {
        unsigned i = 0;

        LIST_FOR_EACH (&group->members, member, group_node) {
            process_ref(member);
            members[i++] = member;
        }
    }
    spin_unlock_irq(&process_tree_lock, flags);
    return count;
}

static int send_to_group(int pgid, int signo, const struct linux_siginfo *info) {
    struct process **members = NULL;
    unsigned room = 0, count;
    int result = -ESRCH;

    while ((count = get_members(pgid, members, room)) > room) {
        kfree(members);
        room = count;
        members = kcalloc(room, sizeof(struct process *));
        if (!members)
            return -ENOMEM;
    }
    for (unsigned i = 0; i < count; i++) {
        result = combine(result, send_to(members[i], signo, info));
        process_put(members[i]);
    }
    kfree(members);
    return result;
}

int kill_by_pid(int pid, int signo, const struct linux_siginfo *info) {
    if (pid > 0)
        return send_to_pid(pid, signo, info);
    if (pid == -1)
        return send_to_all(signo, info);
    if (pid == INT32_MIN)
        return -ESRCH;
    return send_to_group(pid == 0 ? process_group_id(process_current()) : -pid, signo, info);
}

/* The process that has, or had as its leader, this task, with a reference, or NULL. */
static struct process *get_process_of(int pid, int tid) {
    irq_flags_t flags = spin_lock_irq(&process_tree_lock);
    struct process *process = process_find_any_locked(tid);

    if (process && pid != 0 && process->pid != pid)
        process = NULL;
    if (process)
        process_ref(process);
    spin_unlock_irq(&process_tree_lock, flags);
    return process;
}

/* Sends to the task if it is still one of the process's. A leader that has gone takes anything. */
static int send_if_there(struct process *process, int tid, int signo,
                         const struct linux_siginfo *info) {
    struct pending_signal *spare = pending_signal_alloc();
    irq_flags_t flags = spin_lock_irq(&process_tree_lock);
    struct task *task = task_find_locked(tid);
    int result = tid == process->pid ? 0 : -ESRCH;

    if (task && task->thread.process == process) {
        spin_lock(&process->signal_lock);
        result = signal_post_locked(process, task, signo, info, &spare);
        spin_unlock(&process->signal_lock);
    }
    spin_unlock_irq(&process_tree_lock, flags);
    pending_signal_free(spare);
    return result;
}

int kill_task(int pid, int tid, int signo, const struct linux_siginfo *info) {
    struct process *process = get_process_of(pid, tid);
    int result;

    if (!process)
        return -ESRCH;
    if (!permission_to_signal(process, signo))
        result = -EPERM;
    else
        result = signo == 0 ? 0 : send_if_there(process, tid, signo, info);
    process_put(process);
    return result;
}
