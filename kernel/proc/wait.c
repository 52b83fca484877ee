/* SPDX-License-Identifier: MIT */
/*
 * Waiting for children; see wait.h.
 */
#include "proc/wait.h"

#include "abi/errno.h"
#include "abi/wait.h"
#include "proc/group.h"
#include "proc/signal_core.h"
#include "proc/tree.h"

static bool is_meant(const struct process *child, const struct wait_request *request) {
    bool is_clone = child->exit_signal != SIGCHLD;

    if ((request->options & __WNOTHREAD) && child->maker_tid != thread_current()->tid)
        return false;
    if (!(request->options & __WALL) && is_clone != !!(request->options & (int)__WCLONE))
        return false;
    if (request->which == P_PID)
        return child->pid == request->id;
    return request->which != P_PGID || (child->group && child->group->pgid == request->id);
}

static int code_of_exit(int status) {
    return status & 0x7f ? CLD_KILLED : CLD_EXITED;
}

/*
 * Is there something to report of the child? Fills in status and code. A stop may be taken back at
 * this moment, under signal_lock alone: it is read once.
 */
static bool is_ready_locked(struct process *child, int options, struct wait_found *found) {
    int stop_signal = __atomic_load_n(&child->stop_signal, __ATOMIC_RELAXED);

    if (child->state == PROCESS_ZOMBIE) {
        found->status = child->exit_status;
        found->code = code_of_exit(child->exit_status);
        return options & WEXITED;
    }
    if ((options & WSTOPPED) && stop_signal != 0) {
        found->status = WAIT_STATUS_STOPPED(stop_signal);
        found->code = CLD_STOPPED;
        return true;
    }
    found->status = WAIT_STATUS_CONTINUED;
    found->code = CLD_CONTINUED;
    return (options & WCONTINUED) && child->was_continued;
}

static void fill_locked(struct process *child, const struct wait_request *request,
                        struct wait_found *found) {
    process_ref(child);
    found->child = child;
    found->pid = child->pid;
    found->uid = child->vfs.credentials.uid;
    if (!request->wants_usage)
        return;
    usage_of_process_locked(child, &found->usage);
    usage_add(&found->usage, &child->children_usage);
}

/* 1: found; 0: such children are there but have nothing to report; -ECHILD. */
static int look_at_locked(struct process *child, const struct wait_request *request,
                          struct wait_found *found) {
    if (!is_meant(child, request))
        return -ECHILD;
    if (!is_ready_locked(child, request->options, found))
        return 0;
    fill_locked(child, request, found);
    return 1;
}

static int look_locked(struct process *self, const struct wait_request *request,
                       struct wait_found *found) {
    struct process *child;
    int result = -ECHILD;

    if (request->which == P_PID) {
        child = process_find_locked(request->id);
        return child && child->parent == self ? look_at_locked(child, request, found) : -ECHILD;
    }
    LIST_FOR_EACH (&self->children, child, sibling_node) {
        int one = look_at_locked(child, request, found);

        if (one == 1)
            return 1;
        if (one == 0)
            result = 0;
    }
    return result;
}

static int look(const struct wait_request *request, struct wait_found *found) {
    int result;

    spin_lock_irq_on(&process_tree_lock);
    result = look_locked(process_current(), request, found);
    spin_unlock_irq_on(&process_tree_lock);
    return result;
}

int process_wait_find(const struct wait_request *request, struct wait_found *found) {
    struct process *self = process_current();
    int result;

    found->child = NULL;
    if (request->options & WNOHANG) {
        result = look(request, found);
        return result < 0 ? result : 0;
    }
    if (WAIT_EVENT_INTERRUPTIBLE(&self->child_wait, (result = look(request, found)) != 0) != 0)
        return -ERESTARTSYS;
    return result < 0 ? result : 0;
}

static void reap_locked(struct process *self, struct process *child) {
    struct process_usage usage;

    usage_of_process_locked(child, &usage);
    usage_add(&self->children_usage, &usage);
    usage_add(&self->children_usage, &child->children_usage);
    process_unlink_locked(child);
}

/* Marks a stop or continue as reported, once. */
static bool take_change(struct process *child, int code) {
    bool taken = false;

    spin_lock(&child->signal_lock);
    if (code == CLD_STOPPED) {
        taken = child->stop_signal != 0;
        child->stop_signal = 0;
    } else {
        taken = child->was_continued;
        child->was_continued = false;
    }
    spin_unlock(&child->signal_lock);
    return taken;
}

static bool take_locked(struct process *self, const struct wait_found *found) {
    struct process *child = found->child;

    if (child->parent != self)
        return false;
    if (found->code == CLD_STOPPED || found->code == CLD_CONTINUED)
        return take_change(child, found->code);
    reap_locked(self, child);
    return true;
}

bool process_wait_take(const struct wait_request *request, struct wait_found *found) {
    bool taken = true;

    if (!(request->options & WNOWAIT)) {
        spin_lock_irq_on(&process_tree_lock);
        taken = take_locked(process_current(), found);
        spin_unlock_irq_on(&process_tree_lock);
        if (taken && (found->code == CLD_EXITED || found->code == CLD_KILLED)) {
            process_await_tasks_freed(found->child);
            process_bury(found->child);
        }
    }
    process_wait_drop(found);
    return taken;
}

void process_wait_drop(struct wait_found *found) {
    process_put(found->child);
    found->child = NULL;
}
