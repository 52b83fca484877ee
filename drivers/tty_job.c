/* SPDX-License-Identifier: MIT */
/*
 * Job control of terminals. drivers/tty_job.h tells the rules.
 */
#include "drivers/tty_job.h"

#include "abi/errno.h"
#include "abi/signal.h"
#include "core/assert.h"
#include "drivers/tty.h"
#include "vfs/access.h"

static const struct tty_job_hooks *hooks;

void tty_job_hooks_register(const struct tty_job_hooks *table) {
    ASSERT(!hooks);
    hooks = table;
}

struct tty *tty_job_current(void) {
    return hooks ? hooks->current_terminal() : NULL;
}

bool tty_job_is_current(const struct tty *tty) {
    struct tty *current = tty_job_current();

    tty_drop(current); /* only to compare with */
    return current == tty;
}

static bool has_terminal(void) {
    return !tty_job_is_current(NULL);
}

int tty_job_check(struct tty *tty, int signo) {
    if (!tty_job_is_current(tty))
        return 0;

    int group = hooks->current_group();
    if (tty->group == 0 || tty->group == group)
        return 0;
    if (hooks->is_ignored(signo))
        return signo == SIGTTIN ? -EIO : 0;
    if (hooks->group_is_orphaned(group))
        return -EIO;
    hooks->signal_group(hooks->current_session(), group, signo);
    return -EINTR;
}

void tty_job_signal_locked(struct tty *tty, unsigned ldisc_events) {
    DEBUG_ASSERT(spin_held(&tty->lock));
    if (!hooks || tty->group == 0)
        return;
    if (ldisc_events & LDISC_INTR)
        hooks->signal_group(tty->session, tty->group, SIGINT);
    if (ldisc_events & LDISC_QUIT)
        hooks->signal_group(tty->session, tty->group, SIGQUIT);
    if (ldisc_events & LDISC_SUSP)
        hooks->signal_group(tty->session, tty->group, SIGTSTP);
}

void tty_job_window_changed_locked(struct tty *tty) {
    DEBUG_ASSERT(spin_held(&tty->lock));
    if (hooks && tty->group != 0)
        hooks->signal_group(tty->session, tty->group, SIGWINCH);
}

/* ---- which session has the terminal ---- */

/* False: the session has got another one meanwhile, from another thread of its leader. */
static bool acquire_locked(struct tty *tty) {
    int session = hooks->current_session();

    if (!hooks->set_terminal(session, tty))
        return false;
    tty->session = session;
    tty->group = hooks->current_group();
    return true;
}

void tty_job_opened(struct tty *tty) {
    if (!hooks || !hooks->current_leads() || has_terminal())
        return;
    irq_flags_t flags = spin_lock_irq(&tty->lock);
    if (tty->session == 0 && !tty->is_gone)
        (void)acquire_locked(tty);
    spin_unlock_irq(&tty->lock, flags);
}

/* May the caller have it although it belongs to session `owner`, or was opened without reading? */
static bool acquire_allowed(int owner, bool force, bool readable) {
    if (owner != 0 && !(force && vfs_is_root()))
        return false;
    return readable || vfs_is_root();
}

int tty_job_acquire(struct tty *tty, bool force, bool readable) {
    if (!hooks->current_leads())
        return -EPERM;
    if (tty_job_is_current(tty) && tty->session == hooks->current_session())
        return 0;
    if (has_terminal())
        return -EPERM;

    int error = -EPERM;
    irq_flags_t flags = spin_lock_irq(&tty->lock);
    if (!tty->is_gone && acquire_allowed(tty->session, force, readable)) {
        int loser = tty->session;
        if (acquire_locked(tty)) {
            error = 0;
            if (loser != 0)
                (void)hooks->set_terminal(loser, NULL);
        }
    }
    spin_unlock_irq(&tty->lock, flags);
    return error;
}

void tty_job_session_ended(struct tty *tty, int sid, bool hang_up) {
    irq_flags_t flags = spin_lock_irq(&tty->lock);
    bool owned = tty->session == sid;

    if (owned) {
        if (tty->group != 0) {
            hooks->signal_group(tty->session, tty->group, SIGHUP);
            hooks->signal_group(tty->session, tty->group, SIGCONT);
        }
        tty->session = 0;
        tty->group = 0;
        (void)hooks->set_terminal(sid, NULL);
    }
    spin_unlock_irq(&tty->lock, flags);
    if (owned && hang_up)
        tty_hang_up(tty);
}

int tty_job_release(struct tty *tty) {
    if (!tty_job_is_current(tty))
        return -ENOTTY;
    if (!hooks->current_leads())
        return -EPERM;
    tty_job_session_ended(tty, hooks->current_session(), false);
    return 0;
}

/* ---- groups ---- */

int tty_job_get_group(struct tty *tty) {
    return tty_job_is_current(tty) ? tty->group : -ENOTTY;
}

int tty_job_get_session(struct tty *tty) {
    return tty_job_is_current(tty) && tty->session != 0 ? tty->session : -ENOTTY;
}

int tty_job_set_group(struct tty *tty, int pgid) {
    int error = tty_job_check(tty, SIGTTOU);

    if (error)
        return error == -EIO ? -ENOTTY : error;
    if (!tty_job_is_current(tty) || tty->session != hooks->current_session())
        return -ENOTTY;
    if (pgid < 0)
        return -EINVAL;

    irq_flags_t flags = spin_lock_irq(&tty->lock);
    int session = hooks->group_session(pgid);
    if (session == 0)
        error = -ESRCH;
    else if (session != tty->session)
        error = -EPERM;
    else
        tty->group = pgid;
    spin_unlock_irq(&tty->lock, flags);
    return error;
}

void tty_job_state_get(struct tty *tty, int sid, struct tty_job_state *state) {
    *state = (struct tty_job_state){0, -1};
    if (!tty || tty->session != sid)
        return;
    state->number = dev_major(tty->device.dev) << 8 | dev_minor(tty->device.dev);
    state->group = tty->group ? tty->group : -1;
}
