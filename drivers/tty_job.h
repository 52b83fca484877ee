/* SPDX-License-Identifier: MIT */
/*
 * Job control: which processes may use a terminal now, and who is told what happens on it.
 *
 * A terminal can be the controlling terminal of one session; in it one process group is in the
 * foreground. Processes of other groups of that session are stopped when they read, or change
 * settings, or (TOSTOP) write: SIGTTIN, SIGTTOU.
 *
 * Processes lie above drivers, so what is needed of them comes through a table of hooks that
 * kernel/proc/terminal.c registers at start. Sessions and groups are known by their numbers here.
 *
 * Locks: tty->lock guards session and group; hooks marked (i) are called under it, with interrupts
 * off.
 *
 * Source: POSIX.1-2017 11.1, credentials(7), ioctl_tty(2).
 */
#ifndef DRIVERS_TTY_JOB_H
#define DRIVERS_TTY_JOB_H

#include <stdbool.h>
#include <stdint.h>

struct tty;

struct tty_job_hooks {
    /* Of the calling process: its group, its session (0: none), whether it leads it. (i) */
    int (*current_group)(void);
    int (*current_session)(void);
    bool (*current_leads)(void);

    /* The terminal of the caller's session, held (tty_hold), or NULL. */
    struct tty *(*current_terminal)(void);

    /* Session `sid` gets a terminal: false if it has one already. Or has none any more (NULL). (i)
     */
    bool (*set_terminal)(int sid, struct tty *tty);

    /* Is the signal blocked or ignored by the caller? */
    bool (*is_ignored)(int signo);

    /* Has no member a parent in another group of the same session, who could continue it? */
    bool (*group_is_orphaned)(int pgid);

    /* The session of group `pgid`, or 0 if there is no such group. (i) */
    int (*group_session)(int pgid);

    /*
     * Sends to every member of a group of session `sid`; no such group: nothing, for its id may be
     * another's by now. (i)
     */
    void (*signal_group)(int sid, int pgid, int signo);
};

/* Registers the table, which must live for ever. Once, at start. */
void tty_job_hooks_register(const struct tty_job_hooks *hooks);

/*
 * Asks whether the calling process may do something that only the foreground may: read (signo
 * SIGTTIN), or write or change settings (SIGTTOU). 0: it may. -EINTR: the signal was sent to its
 * group, so do nothing and let it be delivered. -EIO: it may not and no signal can help (orphaned
 * group; SIGTTIN ignored).
 */
int tty_job_check(struct tty *tty, int signo);

/*
 * The terminal is opened without O_NOCTTY: makes it the caller's controlling terminal if the caller
 * leads a session that has none and the terminal has no session.
 */
void tty_job_opened(struct tty *tty);

/* The terminal of the caller's session, which gives it back by tty_drop(), or NULL. */
struct tty *tty_job_current(void);

/* Whether it is that one. */
bool tty_job_is_current(const struct tty *tty);

/*
 * The ioctls of job control: TIOCSCTTY (force: its argument is 1), TIOCNOTTY, TIOCGPGRP, TIOCSPGRP
 * and TIOCGSID. Those that get return the id, or negative errno as ioctl_tty(2) says.
 */
int tty_job_acquire(struct tty *tty, bool force, bool readable);
int tty_job_release(struct tty *tty);
int tty_job_get_group(struct tty *tty);
int tty_job_set_group(struct tty *tty, int pgid);
int tty_job_get_session(struct tty *tty);

/*
 * The leader of session `sid` exits or gives up its terminal: the foreground group gets SIGHUP and
 * SIGCONT, and the terminal belongs to nobody. `hang_up`: files that are open on it are dead.
 */
void tty_job_session_ended(struct tty *tty, int sid, bool hang_up);

/* For /proc/PID/stat: the terminal of session `sid`, as the session remembers it (NULL: none). */
struct tty_job_state {
    uint32_t number; /* device number, major * 256 + minor; 0: no terminal */
    int group;       /* in the foreground; -1: no terminal */
};
void tty_job_state_get(struct tty *tty, int sid, struct tty_job_state *state);

/* tty->lock held: signals for the LDISC_ bits that ask for some. */
void tty_job_signal_locked(struct tty *tty, unsigned ldisc_events);

/* tty->lock held: the foreground group is told that the window has another size. */
void tty_job_window_changed_locked(struct tty *tty);

#endif
