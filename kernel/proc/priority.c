/* SPDX-License-Identifier: MIT */
/*
 * Nice values; see priority.h. They are kept, and have no effect.
 *
 * Many are visited under one hold of process_tree_lock, under which a fork gives the child its
 * parent's: so none that is meant is missed.
 */
#include "proc/priority.h"

#include "abi/errno.h"
#include "abi/resource.h"
#include "proc/permission.h"
#include "proc/pid.h"
#include "proc/tree.h"

#define NICE_MIN (-20)
#define NICE_MAX 19
#define NICE_ZERO_RESULT 20

/* The processes that a call means. */
struct selection {
    int which;
    uint32_t id;
};

static int select_locked(int which, int who, struct selection *selection) {
    const struct process *self = process_current();

    selection->which = which;
    selection->id = (uint32_t)who;
    if (which < PRIO_PROCESS || which > PRIO_USER)
        return -EINVAL;
    if (who != 0)
        return 0;
    if (which == PRIO_USER)
        selection->id = credentials_current()->uid;
    else
        selection->id = (uint32_t)(which == PRIO_PROCESS ? self->pid : self->group->pgid);
    return 0;
}

static bool is_meant_locked(const struct process *process, const struct selection *selection) {
    switch (selection->which) {
    case PRIO_PROCESS:
        return (uint32_t)process->pid == selection->id;
    case PRIO_PGRP:
        return (uint32_t)process->group->pgid == selection->id;
    default:
        return process->vfs.credentials.uid == selection->id;
    }
}

/* The next one after `pid` that is meant, or NULL. */
static struct process *next_locked(int pid, const struct selection *selection) {
    for (int id = pid_next_locked(pid + 1); id < PID_MAX; id = pid_next_locked(id + 1)) {
        struct process *process = process_find_locked(id);

        if (process && is_meant_locked(process, selection))
            return process;
    }
    return NULL;
}

int priority_get(int which, int who) {
    irq_flags_t flags = spin_lock_irq(&process_tree_lock);
    const struct process *process = NULL;
    struct selection selection;
    int result = select_locked(which, who, &selection);

    if (result == 0) {
        result = -ESRCH;
        for (process = next_locked(0, &selection); process;
             process = next_locked(process->pid, &selection)) {
            if (NICE_ZERO_RESULT - process->nice > result)
                result = NICE_ZERO_RESULT - process->nice;
        }
    }
    spin_unlock_irq(&process_tree_lock, flags);
    return result;
}

static int set_one(struct process *process, int nice) {
    if (!permission_same_user(process))
        return -EPERM;
    if (nice < process->nice && credentials_current()->euid != 0)
        return -EACCES;
    process->nice = nice;
    return 0;
}

int priority_set(int which, int who, int nice) {
    irq_flags_t flags = spin_lock_irq(&process_tree_lock);
    struct process *process = NULL;
    struct selection selection;
    int result = select_locked(which, who, &selection);

    nice = nice < NICE_MIN ? NICE_MIN : nice > NICE_MAX ? NICE_MAX : nice;
    if (result == 0) {
        result = -ESRCH;
        for (process = next_locked(0, &selection); process;
             process = next_locked(process->pid, &selection)) {
            int error = set_one(process, nice);

            if (result == -ESRCH || result == 0)
                result = error;
        }
    }
    spin_unlock_irq(&process_tree_lock, flags);
    return result;
}
