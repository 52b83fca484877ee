/* SPDX-License-Identifier: MIT */
/*
 * Terminals: the line discipline joined to a device below and to open files above.
 *
 * A driver registers a struct tty for each line it has. From below it hands in bytes with
 * tty_receive_locked() and takes bytes with tty_transmit_locked(); nothing is ever lost between the
 * two for want of room: when tty_can_receive_locked() says no, the driver leaves the bytes where
 * they are and is called back (resume_input).
 *
 * Files: tty.c (registration, opening, writing, hang-up), tty_read.c (reading, VMIN and VTIME),
 * tty_ioctl.c (settings), tty_job.c (job control), tty_ldisc.c and tty_output.c (the discipline).
 *
 * Hang-up: tty->generation counts hang-ups; a file remembers the one it was opened in. An older
 * file is dead: it reads as at its end, writing is EIO. Files of /dev/console never die, since
 * init keeps one.
 *
 * Locks: [l] tty->lock (LOCK_RANK_TTY), a spinlock taken with interrupts off, held by drivers'
 * interrupt handlers too. [c] constant after registration. Nothing is copied to or from the user
 * under it.
 */
#ifndef DRIVERS_TTY_H
#define DRIVERS_TTY_H

#include "abi/termios.h"
#include "drivers/tty_ldisc.h"
#include "sched/wait.h"
#include "sync/spinlock.h"
#include "vfs/device.h"

struct tty;

/* What a driver does. All are called with tty->lock held, interrupts off; none may sleep. */
struct tty_driver {
    /*
     * There may be something to send: take it with tty_transmit_locked(), now or by and by, and
     * call tty_transmitted_locked() after taking some.
     */
    void (*start_output)(struct tty *tty);
    /* There is room again after tty_can_receive_locked() was false; hands in nothing itself. */
    void (*resume_input)(struct tty *tty);
    /*
     * Has the device passed on all it took? It calls tty_transmitted_locked() when it has. NULL: a
     * device whose other side may never read, so that nobody waits for it to drain.
     */
    bool (*is_idle)(struct tty *tty);
    /* The settings have changed (speed). */
    void (*set_termios)(struct tty *tty);
    /* Begins or ends a break condition. */
    void (*set_break)(struct tty *tty, bool on);
    /* There is another open file of the terminal. NULL: - */
    void (*opened)(struct tty *tty);
    /* An open file of the terminal has gone; called without the lock, as the last thing. NULL: - */
    void (*closed)(struct tty *tty);
    /*
     * A reference for who does not have it by a file, without the lock: see tty_hold(). False: it
     * is on its way out. NULL: a device that never goes.
     */
    bool (*hold)(struct tty *tty);
    void (*drop)(struct tty *tty);
};

struct tty {
    struct device device;            /* [c] name, number */
    const struct tty_driver *driver; /* [c] */

    struct spinlock lock;
    struct ldisc ldisc;          /* [l] */
    struct linux_winsize window; /* [l] */
    int session;                 /* [l] id of the session it controls; 0: none */
    int group;                   /* [l] id of the foreground process group; 0: none */
    uint32_t generation;         /* [l] hang-ups so far */
    uint32_t opens;              /* [l] open files */
    bool exclusive;              /* [l] TIOCEXCL */
    bool is_gone;                /* [l] what it led to is: it becomes nobody's terminal any more */

    struct wait_queue input_wait;  /* readers and pollers */
    struct wait_queue output_wait; /* writers, pollers and those who wait for it to drain */
};

/* What file->data of an open terminal points to. */
struct tty_file {
    struct tty *tty;
    uint32_t generation;
    bool survives; /* hang-ups: opened as /dev/console, or a pty's master */
};

/* Sets up a zeroed terminal; the caller has filled in device.dev and driver. */
void tty_setup(struct tty *tty);

/*
 * tty_setup(), and registers the device, for which the caller has filled in name and mode, too. 0
 * or device_register()'s error.
 */
int tty_register(struct tty *tty);

/*
 * Makes f a file of the terminal, with all that opening means but for the controlling terminal:
 * tty_open() sees to that as well. survives: it outlives hang-ups. 0, -ENOMEM, -EBUSY (TIOCEXCL).
 */
int tty_file_open(struct tty *tty, struct file *f, bool survives);
int tty_open(struct tty *tty, struct file *f);

/* Registers /dev/tty, and /dev/console as another name for `console`. Once, at start. */
void tty_init(struct tty *console);

/*
 * Keeps a terminal that is known as some session's, under the lock that keeps it that. It is no
 * session's any more before it goes. False: it is going. Any context; tty_drop() may free it.
 */
static inline bool tty_hold(struct tty *tty) {
    return !tty->driver->hold || tty->driver->hold(tty);
}

static inline void tty_drop(struct tty *tty) {
    if (tty && tty->driver->drop)
        tty->driver->drop(tty);
}

/* --- for drivers; tty->lock held -----------------------------------------------------------------
 */

bool tty_can_receive_locked(const struct tty *tty);

/* Hands in one byte. Adds LDISC_ bits to *events, to be given to tty_received_locked(). */
static inline void tty_receive_locked(struct tty *tty, uint8_t byte, unsigned *events) {
    *events |= ldisc_receive(&tty->ldisc, byte);
}

/* After a run of bytes: wakes readers, starts echo, sends signals. */
void tty_received_locked(struct tty *tty, unsigned events);

/* The next byte to send, or -1 for none now. */
static inline int tty_transmit_locked(struct tty *tty) {
    return ldisc_output_next(&tty->ldisc);
}

/* After taking some: wakes who waits for room, lets input that waited for the echo go on. */
void tty_transmitted_locked(struct tty *tty);

/* --- shared by the files of the terminal --------------------------------------------------------
 */

/* Is this file of before a hang-up? */
bool tty_file_is_dead(const struct tty_file *file);

/* After anything that may have made room in the input: lets the driver go on. */
void tty_unthrottle_locked(struct tty *tty);

/* Makes every open file of the terminal a dead one, and wakes all who wait in it. */
void tty_hang_up(struct tty *tty);

/* Waits until all output has left. 0 or -EINTR, -EIO if it was hung up. */
int tty_drain(struct tty_file *file);

long tty_read(struct file *f, struct iobuf *b, uint64_t *pos);
long tty_ioctl(struct file *f, unsigned command, uint64_t argument);
void tty_release(struct file *f);

#endif
