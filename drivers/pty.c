/* SPDX-License-Identifier: MIT */
/*
 * Pseudo-terminals; pty.h has the words. The pair is one tty whose driver is the master: what the
 * line discipline sends is read from the master, what is written to the master is what comes in.
 *
 * References on the pair: one for each open file of either end and for each who looks at it.
 * The master's file is a file of the tty as well, so that ioctls on it reach the same settings.
 */
#include "drivers/pty.h"

#include "abi/errno.h"
#include "abi/ioctl.h"
#include "abi/poll.h"
#include "abi/signal.h"
#include "core/uaccess.h"
#include "drivers/tty.h"
#include "drivers/tty_job.h"
#include "lib/bits.h"
#include "lib/refcount.h"
#include "mm/slab.h"
#include "vfs/context.h"

#define CHUNK_BYTES 256u
#define PTMX_MAJOR 5
#define PTMX_MINOR 2

struct pty {
    struct tty tty;
    struct refcount refs;
    uint32_t number;   /* constant */
    uint32_t uid, gid; /* constant */
    bool locked;       /* [l] the slave cannot be opened yet */
    bool slave_closed; /* [l] was open, is no longer */
    struct wait_queue master_wait;
};

static struct spinlock pty_lock = SPINLOCK_INIT("pty", LOCK_RANK_VNODE_STATE);
static struct pty *ptys[PTY_MAX]; /* (pty_lock) whose master is open; not counted */

static struct pty *pty_of(struct tty *tty) {
    return container_of(tty, struct pty, tty);
}

static struct pty *pty_of_file(struct file *f) {
    return pty_of(((struct tty_file *)f->data)->tty);
}

/* ---- pairs by number ---- */

struct pty *pty_get(uint32_t number) {
    struct pty *pty = NULL;

    spin_lock(&pty_lock);
    if (number < PTY_MAX && ptys[number] && refcount_inc_unless_zero(&ptys[number]->refs))
        pty = ptys[number];
    spin_unlock(&pty_lock);
    return pty;
}

void pty_put(struct pty *pty) {
    if (refcount_dec_and_test(&pty->refs))
        kfree(pty);
}

int pty_next(uint32_t from) {
    int found = -ENOENT;

    spin_lock(&pty_lock);
    for (uint32_t i = from; i < PTY_MAX && found < 0; i++)
        if (ptys[i])
            found = (int)i;
    spin_unlock(&pty_lock);
    return found;
}

bool pty_is_gone(const struct pty *pty) {
    return pty->tty.is_gone;
}

void pty_owner(const struct pty *pty, uint32_t *uid, uint32_t *gid) {
    *uid = pty->uid;
    *gid = pty->gid;
}

static int number_take(struct pty *pty) {
    int error = -ENOSPC;

    spin_lock(&pty_lock);
    for (uint32_t i = 0; i < PTY_MAX && error; i++) {
        if (ptys[i])
            continue;
        ptys[i] = pty;
        pty->number = i;
        error = 0;
    }
    spin_unlock(&pty_lock);
    return error;
}

static void number_give(struct pty *pty) {
    spin_lock(&pty_lock);
    ptys[pty->number] = NULL;
    spin_unlock(&pty_lock);
}

/* ---- the driver: what the slave's side asks of the master ---- */

static void wake_master(struct tty *tty) {
    wait_queue_wake_all(&pty_of(tty)->master_wait);
}

static void pty_set_termios(struct tty *tty) {
    (void)tty;
}

static void pty_set_break(struct tty *tty, bool on) {
    (void)tty, (void)on;
}

/* Whichever way it was opened: /dev/tty leads to a slave as well. */
static void pty_opened(struct tty *tty) {
    refcount_inc(&pty_of(tty)->refs);
    pty_of(tty)->slave_closed = false;
}

/* An open file of the pair is gone: the master learns when it was the slave's last. */
static void pty_closed(struct tty *tty) {
    struct pty *pty = pty_of(tty);
    irq_flags_t flags = spin_lock_irq(&tty->lock);

    if (!tty->is_gone && tty->opens == 1) {
        pty->slave_closed = true;
        wake_master(tty);
    }
    spin_unlock_irq(&tty->lock, flags);
    pty_put(pty);
}

static bool pty_hold(struct tty *tty) {
    return refcount_inc_unless_zero(&pty_of(tty)->refs);
}

static void pty_drop(struct tty *tty) {
    pty_put(pty_of(tty));
}

static const struct tty_driver pty_driver = {
    .start_output = wake_master,
    .resume_input = wake_master,
    .set_termios = pty_set_termios,
    .set_break = pty_set_break,
    .opened = pty_opened,
    .closed = pty_closed,
    .hold = pty_hold,
    .drop = pty_drop,
};

/* ---- the master as a file ---- */

/* Takes what is to be sent. *over: nothing more will come, the slave is closed. */
static size_t master_take(struct pty *pty, uint8_t *chunk, size_t size, bool *over) {
    irq_flags_t flags = spin_lock_irq(&pty->tty.lock);
    size_t taken = 0;
    int byte;

    while (taken < size && (byte = tty_transmit_locked(&pty->tty)) >= 0)
        chunk[taken++] = (uint8_t)byte;
    *over = taken == 0 && pty->slave_closed;
    if (taken > 0)
        tty_transmitted_locked(&pty->tty);
    spin_unlock_irq(&pty->tty.lock, flags);
    return taken;
}

static bool master_may_read(struct pty *pty) {
    irq_flags_t flags = spin_lock_irq(&pty->tty.lock);
    bool ready = ldisc_output_ready(&pty->tty.ldisc) || pty->slave_closed;

    spin_unlock_irq(&pty->tty.lock, flags);
    return ready;
}

static long master_read_some(struct pty *pty, struct iobuf *b, bool *over) {
    uint8_t chunk[CHUNK_BYTES];
    long total = 0;

    *over = false;
    while (b->left > 0) {
        size_t taken = master_take(pty, chunk, MIN(b->left, sizeof(chunk)), over);
        if (taken == 0)
            break;
        long copied = iobuf_copy_out(b, chunk, taken);
        if (copied < 0)
            return total > 0 ? total : copied;
        total += copied;
    }
    return total;
}

static long master_read(struct file *f, struct iobuf *b, uint64_t *pos) {
    struct pty *pty = pty_of_file(f);

    (void)pos;
    while (b->left > 0) {
        bool over;
        long result = master_read_some(pty, b, &over);
        if (result != 0)
            return result;
        if (over)
            return -EIO;
        if (file_is_nonblocking(f))
            return -EAGAIN;
        int error = WAIT_EVENT_INTERRUPTIBLE(&pty->master_wait, master_may_read(pty));
        if (error)
            return error;
    }
    return 0;
}

/* Hands bytes in as if they were typed. Returns how many were taken. */
static size_t master_type(struct pty *pty, const uint8_t *bytes, size_t size) {
    irq_flags_t flags = spin_lock_irq(&pty->tty.lock);
    unsigned events = 0;
    size_t done = 0;

    while (done < size && tty_can_receive_locked(&pty->tty))
        tty_receive_locked(&pty->tty, bytes[done++], &events);
    tty_received_locked(&pty->tty, events);
    spin_unlock_irq(&pty->tty.lock, flags);
    return done;
}

static bool master_may_write(struct pty *pty) {
    irq_flags_t flags = spin_lock_irq(&pty->tty.lock);
    bool ready = tty_can_receive_locked(&pty->tty);

    spin_unlock_irq(&pty->tty.lock, flags);
    return ready;
}

/* Types one chunk. Returns how much went in; with less than `size`, *error says why. */
static size_t master_write_chunk(struct file *f, const uint8_t *bytes, size_t size, int *error) {
    struct pty *pty = pty_of_file(f);
    size_t done = 0;

    for (;;) {
        done += master_type(pty, bytes + done, size - done);
        if (done == size)
            return done;
        *error = file_is_nonblocking(f)
                     ? -EAGAIN
                     : WAIT_EVENT_INTERRUPTIBLE(&pty->master_wait, master_may_write(pty));
        if (*error)
            return done;
    }
}

static long master_write(struct file *f, struct iobuf *b, uint64_t *pos) {
    uint8_t chunk[CHUNK_BYTES];
    long total = 0;
    int error = 0;

    (void)pos;
    while (!error && b->left > 0) {
        long size = iobuf_copy_in(b, chunk, MIN(b->left, sizeof(chunk)));
        if (size < 0)
            return total > 0 ? total : size;
        total += (long)master_write_chunk(f, chunk, (size_t)size, &error);
    }
    return total > 0 ? total : error;
}

static unsigned master_poll(struct file *f, struct poll_table *t) {
    struct pty *pty = pty_of_file(f);
    unsigned events = 0;

    poll_on(t, &pty->master_wait);
    irq_flags_t flags = spin_lock_irq(&pty->tty.lock);
    if (ldisc_output_ready(&pty->tty.ldisc))
        events |= POLLIN | POLLRDNORM;
    if (tty_can_receive_locked(&pty->tty))
        events |= POLLOUT | POLLWRNORM;
    if (pty->slave_closed)
        events |= POLLHUP;
    spin_unlock_irq(&pty->tty.lock, flags);
    return events;
}

static long set_locked(struct pty *pty, uint64_t argument) {
    uint32_t value;

    if (get_user_u32(&value, (void *)argument))
        return -EFAULT;
    pty->locked = value != 0;
    return 0;
}

/* What the master answers for itself; the rest is about the terminal. */
static long master_ioctl(struct file *f, unsigned command, uint64_t argument) {
    struct pty *pty = pty_of_file(f);
    void *user = (void *)argument;

    switch (command) {
    case TIOCGPTN:
        return put_user_u32(pty->number, user);
    case TIOCSPTLCK:
        return set_locked(pty, argument);
    case TIOCGPTLCK:
        return put_user_u32(pty->locked, user);
    case FIONREAD:
        return put_user_u32((uint32_t)ldisc_output_bytes(&pty->tty.ldisc), user);
    case TIOCGPGRP:
        return put_user_u32((uint32_t)pty->tty.group, user);
    case TIOCGSID:
        return pty->tty.session ? put_user_u32((uint32_t)pty->tty.session, user) : -ENOTTY;
    case TIOCSCTTY:
    case TIOCSPGRP:
    case TIOCNOTTY:
        return -ENOTTY;
    }
    return tty_ioctl(f, command, argument);
}

/* The slave hangs up: the session's leader is told, and so is the foreground group. */
static void master_release(struct file *f) {
    struct pty *pty = pty_of_file(f);
    irq_flags_t flags = spin_lock_irq(&pty->tty.lock);
    int session = pty->tty.session;

    pty->tty.is_gone = true;
    spin_unlock_irq(&pty->tty.lock, flags);
    number_give(pty);
    if (session) /* it may have let go meanwhile; none comes after it */
        tty_job_session_ended(&pty->tty, session, false);
    tty_hang_up(&pty->tty);
    tty_release(f);
}

static const struct file_ops master_ops = {
    .read = master_read,
    .write = master_write,
    .ioctl = master_ioctl,
    .poll = master_poll,
    .release = master_release,
};

/* ---- opening ---- */

static struct pty *pty_create(void) {
    const struct credentials *c = &vfs_context_current()->credentials;
    struct pty *pty = kzalloc(sizeof(*pty));

    if (!pty)
        return NULL;
    tty_setup(&pty->tty);
    pty->tty.driver = &pty_driver;
    refcount_init(&pty->refs, 1);
    pty->uid = c->fsuid;
    pty->gid = c->fsgid;
    pty->locked = true;
    wait_queue_init(&pty->master_wait);
    return pty;
}

int pty_master_open(struct file *f) {
    struct pty *pty = pty_create();
    int error = pty ? number_take(pty) : -ENOMEM;

    if (!error) {
        pty->tty.device.dev = dev_make(PTY_SLAVE_MAJOR, pty->number);
        error = tty_file_open(&pty->tty, f, true);
        if (error)
            number_give(pty);
    }
    if (pty)
        pty_put(pty);
    if (error)
        return error;
    f->mode |= FILE_STREAM;
    f->ops = &master_ops;
    return 0;
}

int pty_slave_open(struct pty *pty, struct file *f) {
    int error = pty->locked ? -EIO : tty_open(&pty->tty, f);
    if (error)
        return error;
    f->mode |= FILE_STREAM;
    return 0;
}

static int ptmx_open(struct device *device, struct file *f) {
    (void)device;
    return pty_master_open(f);
}

static struct device ptmx_device = {
    .name = "ptmx",
    .type = S_IFCHR,
    .mode = 0666,
    .is_stream = true,
    .ops = &master_ops,
    .open = ptmx_open,
};

void pty_init(void) {
    ptmx_device.dev = dev_make(PTMX_MAJOR, PTMX_MINOR);
    (void)device_register(&ptmx_device);
}
