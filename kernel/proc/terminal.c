/* SPDX-License-Identifier: MIT */
/*
 * What terminals ask of processes (drivers/tty_job.h): sessions, groups, signals.
 *
 * Locks: process_tree_lock, inside the terminal's own.
 */
#include "proc/terminal.h"

#include "drivers/tty_job.h"
#include "proc/group.h"
#include "proc/tree.h"

static int current_group(void) {
    const struct process *self = process_current();

    return self ? process_group_id(self) : 0;
}

static int current_session(void) {
    const struct process *self = process_current();

    return self ? process_session_id(self) : 0;
}

static bool current_leads(void) {
    const struct process *self = process_current();

    return self && process_session_id(self) == self->pid;
}

static struct tty *current_terminal(void) {
    struct process *self = process_current();

    return self ? process_terminal(self) : NULL;
}

static bool set_terminal(int sid, struct tty *tty) {
    irq_flags_t flags = spin_lock_irq(&process_tree_lock);
    struct session *session = session_find_locked(sid);
    bool may_set = session && (!tty || !session->terminal);

    if (may_set)
        session->terminal = tty;
    spin_unlock_irq(&process_tree_lock, flags);
    return may_set;
}

static bool group_is_orphaned(int pgid) {
    irq_flags_t flags = spin_lock_irq(&process_tree_lock);
    const struct process_group *group = group_find_locked(pgid);
    bool orphaned = !group || group_is_orphaned_locked(group, NULL);

    spin_unlock_irq(&process_tree_lock, flags);
    return orphaned;
}

static int group_session(int pgid) {
    irq_flags_t flags = spin_lock_irq(&process_tree_lock);
    const struct process_group *group = group_find_locked(pgid);
    int sid = group ? group->session->sid : 0;

    spin_unlock_irq(&process_tree_lock, flags);
    return sid;
}

static void signal_group(int sid, int pgid, int signo) {
    signal_send_group(sid, pgid, signo);
}

static const struct tty_job_hooks hooks = {
    .current_group = current_group,
    .current_session = current_session,
    .current_leads = current_leads,
    .current_terminal = current_terminal,
    .set_terminal = set_terminal,
    .is_ignored = signal_is_ignored,
    .group_is_orphaned = group_is_orphaned,
    .group_session = group_session,
    .signal_group = signal_group,
};

void terminal_hooks_register(void) {
    tty_job_hooks_register(&hooks);
}
