/* SPDX-License-Identifier: MIT */
/*
 * Sending signals by number; see kill.h.
 *
 * Details take memory, which is not to be had under process_tree_lock: it is got first, for as many
 * as there are, and again if there are more by then.
 */
#include "proc/kill.h"

#include "abi/errno.h"
#include "lib/list.h"
#include "proc/group.h"
#include "proc/permission.h"
#include "proc/pid.h"
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

/*
 * A signal for many. It reaches all of them at one moment, under process_tree_lock: a process that
 * forks at this moment has either been told, and forks no more, or its child is among them.
 */
struct broadcast {
    int pgid; /* 0: everybody but init and the caller */
    int signo;
    const struct linux_siginfo *info;
    struct list_node spares; /* memory for details: pending_signal.node */
    int result;              /* success if one was sent to, else the last error */
};

static void post_locked(struct broadcast *b, struct process *process) {
    struct pending_signal *spare = NULL;
    int result = permission_to_signal(process, b->signo) ? 0 : -EPERM;

    if (result == 0 && b->signo != 0) {
        struct list_node *node = list_pop_front(&b->spares);

        if (node)
            spare = LIST_ENTRY(node, struct pending_signal, node);
        spin_lock(&process->signal_lock);
        result = signal_post_locked(process, NULL, b->signo, b->info, &spare);
        spin_unlock(&process->signal_lock);
        if (spare)
            list_push_front(&b->spares, &spare->node);
    }
    if (b->result != 0)
        b->result = result;
}

static void post_to_group_locked(struct broadcast *b, const struct process_group *group) {
    struct process *member;

    LIST_FOR_EACH (&group->members, member, group_node)
        post_locked(b, member);
}

static void post_to_all_locked(struct broadcast *b) {
    for (int id = pid_next_locked(2); id < PID_MAX; id = pid_next_locked(id + 1)) {
        struct process *process = process_find_locked(id);

        if (process && process != process_current())
            post_locked(b, process);
    }
}

static unsigned count_members_locked(const struct process_group *group) {
    const struct process *member;
    unsigned count = 0;

    LIST_FOR_EACH (&group->members, member, group_node)
        count++;
    return count;
}

/* Sends if there are `room` of them at most. Returns how many there are at most. */
static unsigned try_to_send(struct broadcast *b, unsigned room) {
    irq_flags_t flags = spin_lock_irq(&process_tree_lock);
    const struct process_group *group = b->pgid ? group_find_locked(b->pgid) : NULL;
    unsigned count = 0;

    if (group)
        count = count_members_locked(group);
    else if (b->pgid == 0)
        count = task_total_locked();
    if (count > room)
        goto unlock;
    if (group)
        post_to_group_locked(b, group);
    else if (b->pgid == 0)
        post_to_all_locked(b);
unlock:
    spin_unlock_irq(&process_tree_lock, flags);
    return count;
}

/* Without memory for details the signal arrives without them, as on Linux. */
static void get_spares(struct broadcast *b, unsigned count) {
    while (count-- > 0) {
        struct pending_signal *spare = pending_signal_alloc();

        if (!spare)
            return;
        list_push_front(&b->spares, &spare->node);
    }
}

static void put_spares(struct broadcast *b) {
    struct list_node *node;

    while ((node = list_pop_front(&b->spares)))
        pending_signal_free(LIST_ENTRY(node, struct pending_signal, node));
}

static int send_to_many(int pgid, int signo, const struct linux_siginfo *info) {
    struct broadcast b = {pgid, signo, info, LIST_HEAD_INIT(b.spares), -ESRCH};
    unsigned room = signo == 0 ? UINT32_MAX : 0, count;

    while ((count = try_to_send(&b, room)) > room) {
        get_spares(&b, count - room);
        room = count;
    }
    put_spares(&b);
    return b.result;
}

int kill_by_pid(int pid, int signo, const struct linux_siginfo *info) {
    if (pid > 0)
        return send_to_pid(pid, signo, info);
    if (pid == -1)
        return send_to_many(0, signo, info);
    if (pid == INT32_MIN)
        return -ESRCH;
    return send_to_many(pid == 0 ? process_group_id(process_current()) : -pid, signo, info);
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
