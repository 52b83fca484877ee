/* SPDX-License-Identifier: MIT */
/*
 * Process groups and sessions; see group.h.
 */
#include "proc/group.h"

#include "abi/errno.h"
#include "core/assert.h"
#include "mm/slab.h"
#include "proc/pid.h"

#define BUCKETS 256 /* a power of two */

static struct process_group *groups[BUCKETS];
static struct list_node sessions = LIST_HEAD_INIT(sessions);

static struct process_group **bucket_of(int pgid) {
    return &groups[(unsigned)pgid % BUCKETS];
}

int group_spares_alloc(struct group_spares *spares, bool with_session) {
    *spares = (struct group_spares){NULL, NULL};
    spares->group = kzalloc(sizeof(*spares->group));
    if (!spares->group)
        return -ENOMEM;
    if (!with_session)
        return 0;
    spares->session = kzalloc(sizeof(*spares->session));
    if (spares->session)
        return 0;
    group_spares_free(spares);
    return -ENOMEM;
}

void group_spares_free(struct group_spares *spares) {
    kfree(spares->group);
    kfree(spares->session);
    *spares = (struct group_spares){NULL, NULL};
}

struct process_group *group_find_locked(int pgid) {
    struct process_group *group = *bucket_of(pgid);

    while (group && group->pgid != pgid)
        group = group->hash_next;
    return group;
}

struct session *session_find_locked(int sid) {
    struct session *session;

    LIST_FOR_EACH (&sessions, session, all_node) {
        if (session->sid == sid)
            return session;
    }
    return NULL;
}

void group_join_locked(struct process *process, struct process_group *group) {
    DEBUG_ASSERT(spin_held(&process_tree_lock));
    process->group = group;
    list_push_back(&group->members, &process->group_node);
}

static void unhash(struct process_group *group) {
    struct process_group **link = bucket_of(group->pgid);

    while (*link != group)
        link = &(*link)->hash_next;
    *link = group->hash_next;
}

void group_leave_locked(struct process *process, struct group_spares *spares) {
    struct process_group *group = process->group;

    DEBUG_ASSERT(spin_held(&process_tree_lock));
    process->group = NULL;
    list_remove(&process->group_node);
    if (!list_is_empty(&group->members))
        return;
    unhash(group);
    pid_drop_locked(group->pgid);
    spares->group = group;
    if (--group->session->groups > 0)
        return;
    list_remove(&group->session->all_node);
    pid_drop_locked(group->session->sid);
    spares->session = group->session;
}

struct process_group *group_found_locked(int id, struct session *session,
                                         struct group_spares *spares) {
    struct process_group *group = spares->group;

    spares->group = NULL;
    group->pgid = id;
    group->session = session;
    session->groups++;
    list_init(&group->members);
    group->hash_next = *bucket_of(id);
    *bucket_of(id) = group;
    pid_use_locked(id);
    return group;
}

struct process_group *session_found_locked(int id, struct group_spares *spares) {
    struct session *session = spares->session;

    spares->session = NULL;
    session->sid = id;
    list_push_back(&sessions, &session->all_node);
    pid_use_locked(id);
    return group_found_locked(id, session, spares);
}

bool group_is_orphaned_locked(const struct process_group *group, const struct process *leaver) {
    const struct process *member;

    LIST_FOR_EACH (&group->members, member, group_node) {
        const struct process *parent = member->parent;

        if (member == leaver || member->state != PROCESS_ALIVE || !parent || !parent->group)
            continue;
        if (parent->pid != 1 && parent->group != group && parent->group->session == group->session)
            return false;
    }
    return true;
}

/* May the caller put `process` into a group? 0 or what setpgid(2) says. */
static int check_move(const struct process *caller, const struct process *process) {
    if (process != caller) {
        if (process->parent != caller)
            return -ESRCH;
        if (process->group->session != caller->group->session)
            return -EPERM;
        if (process->has_execed)
            return -EACCES;
    }
    return process->group->session->sid == process->pid ? -EPERM : 0;
}

static int move_locked(struct process *process, int pgid, struct group_spares *fresh,
                       struct group_spares *left) {
    struct process_group *group = group_find_locked(pgid);
    struct session *session = process->group->session;

    if (group ? group->session != session : pgid != process->pid)
        return -EPERM;
    if (group == process->group)
        return 0;
    if (!group)
        group = group_found_locked(pgid, session, fresh);
    group_leave_locked(process, left);
    group_join_locked(process, group);
    return 0;
}

int process_set_group(int pid, int pgid) {
    struct process *caller = process_current();
    struct group_spares fresh, left = {NULL, NULL};
    struct process *process;
    irq_flags_t flags;
    int error;

    if (pgid < 0)
        return -EINVAL;
    error = group_spares_alloc(&fresh, false);
    if (error)
        return error;
    flags = spin_lock_irq(&process_tree_lock);
    process = pid == 0 ? caller : process_find_locked(pid);
    error = process && process->group ? check_move(caller, process) : -ESRCH;
    if (error == 0)
        error = move_locked(process, pgid == 0 ? process->pid : pgid, &fresh, &left);
    spin_unlock_irq(&process_tree_lock, flags);
    group_spares_free(&fresh);
    group_spares_free(&left);
    return error;
}

int process_new_session(void) {
    struct process *caller = process_current();
    struct group_spares fresh, left = {NULL, NULL};
    int result = group_spares_alloc(&fresh, true);
    irq_flags_t flags;

    if (result)
        return result;
    flags = spin_lock_irq(&process_tree_lock);
    if (group_find_locked(caller->pid) || session_find_locked(caller->pid)) {
        result = -EPERM;
    } else {
        struct process_group *group = session_found_locked(caller->pid, &fresh);

        group_leave_locked(caller, &left);
        group_join_locked(caller, group);
        result = caller->pid;
    }
    spin_unlock_irq(&process_tree_lock, flags);
    group_spares_free(&fresh);
    group_spares_free(&left);
    return result;
}
