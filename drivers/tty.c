/* SPDX-License-Identifier: MIT */
/*
 * Terminals: registration, opening and closing, writing, polling, hang-up, and the calls from
 * drivers. drivers/tty.h has the words and the locks.
 */
#include "drivers/tty.h"

#include "abi/fcntl.h"
#include "abi/poll.h"
#include "abi/signal.h"
#include "drivers/tty_job.h"
#include "lib/bits.h"
#include "mm/slab.h"

#define TTY_MAJOR_AUX 5
#define TTY_MINOR_CURRENT 0
#define TTY_MINOR_CONSOLE 1

/* Bytes copied from the user at a time, on the stack. */
#define WRITE_CHUNK_BYTES 256u

static struct tty *console_tty;

/* ---- for drivers ---- */

bool tty_can_receive_locked(const struct tty *tty) {
    return ldisc_can_receive(&tty->ldisc);
}

void tty_unthrottle_locked(struct tty *tty) {
    if (ldisc_can_receive(&tty->ldisc))
        tty->driver->resume_input(tty);
}

void tty_received_locked(struct tty *tty, unsigned events) {
    DEBUG_ASSERT(spin_held(&tty->lock));
    tty_job_signal_locked(tty, events);
    if (events & LDISC_READABLE)
        wait_queue_wake_all(&tty->input_wait);
    if (events & LDISC_OUTPUT) {
        tty->driver->start_output(tty);
        tty_transmitted_locked(tty); /* output may have been thrown away */
    }
}

void tty_transmitted_locked(struct tty *tty) {
    DEBUG_ASSERT(spin_held(&tty->lock));
    if (ldisc_output_bytes(&tty->ldisc) <= LDISC_OUTPUT_BYTES / 2)
        wait_queue_wake_all(&tty->output_wait);
    tty_unthrottle_locked(tty);
}

/* ---- writing ---- */

bool tty_file_is_dead(const struct tty_file *file) {
    return !file->survives && file->generation != file->tty->generation;
}

/* Job control of output: only with TOSTOP. */
static int write_check(struct tty_file *file) {
    if (!(file->tty->ldisc.termios.c_lflag & TOSTOP))
        return 0;
    return tty_job_check(file->tty, SIGTTOU);
}

static size_t write_some(struct tty *tty, const uint8_t *bytes, size_t size) {
    irq_flags_t flags = spin_lock_irq(&tty->lock);
    size_t taken = ldisc_write(&tty->ldisc, bytes, size);

    tty->driver->start_output(tty);
    spin_unlock_irq(&tty->lock, flags);
    return taken;
}

static bool write_may_go_on(struct tty_file *file) {
    return tty_file_is_dead(file) || ldisc_writable(&file->tty->ldisc);
}

/* Waits for room. 0, -EAGAIN, -EINTR or -EIO. */
static int write_wait(struct file *f, struct tty_file *file) {
    if (file_is_nonblocking(f))
        return -EAGAIN;
    return WAIT_EVENT_INTERRUPTIBLE(&file->tty->output_wait, write_may_go_on(file));
}

/* Writes one chunk. Returns how much of it went out; with less than `size`, *error says why. */
static size_t write_chunk(struct file *f, const uint8_t *bytes, size_t size, int *error) {
    struct tty_file *file = f->data;
    size_t done = 0;

    for (;;) {
        if (tty_file_is_dead(file)) {
            *error = -EIO;
            return done;
        }
        done += write_some(file->tty, bytes + done, size - done);
        if (done == size)
            return done;
        *error = write_wait(f, file);
        if (*error)
            return done;
    }
}

static long tty_write(struct file *f, struct iobuf *b, uint64_t *pos) {
    uint8_t chunk[WRITE_CHUNK_BYTES];
    long total = 0;
    int error = write_check(f->data);

    (void)pos;
    while (!error && b->left > 0) {
        long size = iobuf_copy_in(b, chunk, MIN(b->left, sizeof(chunk)));
        if (size < 0) {
            error = (int)size;
            break;
        }
        total += (long)write_chunk(f, chunk, (size_t)size, &error);
    }
    return total > 0 ? total : error;
}

static bool drain_done(struct tty_file *file) {
    struct tty *tty = file->tty;

    if (tty_file_is_dead(file))
        return true;
    irq_flags_t flags = spin_lock_irq(&tty->lock);
    bool done = ldisc_output_bytes(&tty->ldisc) == 0 && tty->driver->is_idle(tty);
    spin_unlock_irq(&tty->lock, flags);
    return done;
}

int tty_drain(struct tty_file *file) {
    if (!file->tty->driver->is_idle)
        return 0;
    int error = WAIT_EVENT_INTERRUPTIBLE(&file->tty->output_wait, drain_done(file));

    return !error && tty_file_is_dead(file) ? -EIO : error;
}

/* ---- polling ---- */

static unsigned tty_poll(struct file *f, struct poll_table *t) {
    struct tty_file *file = f->data;
    struct tty *tty = file->tty;
    unsigned events = 0;

    poll_on(t, &tty->input_wait);
    poll_on(t, &tty->output_wait);
    irq_flags_t flags = spin_lock_irq(&tty->lock);
    const uint8_t *cc = tty->ldisc.termios.c_cc;
    if (ldisc_readable(&tty->ldisc, cc[VTIME] == 0 && cc[VMIN] > 0 ? cc[VMIN] : 1))
        events |= POLLIN | POLLRDNORM;
    if (ldisc_writable(&tty->ldisc))
        events |= POLLOUT | POLLWRNORM;
    if (tty_file_is_dead(file))
        events |= POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM | POLLERR | POLLHUP;
    spin_unlock_irq(&tty->lock, flags);
    return events;
}

/* ---- opening and closing ---- */

void tty_release(struct file *f) {
    struct tty_file *file = f->data;
    struct tty *tty = file->tty;

    irq_flags_t flags = spin_lock_irq(&tty->lock);
    if (--tty->opens == 0)
        tty->exclusive = false;
    spin_unlock_irq(&tty->lock, flags);
    kfree(file);
    if (tty->driver->closed)
        tty->driver->closed(tty);
}

static const struct file_ops tty_file_ops = {
    .read = tty_read,
    .write = tty_write,
    .ioctl = tty_ioctl,
    .poll = tty_poll,
    .release = tty_release,
};

int tty_file_open(struct tty *tty, struct file *f, bool survives) {
    struct tty_file *file = kzalloc(sizeof(*file));
    if (!file)
        return -ENOMEM;

    irq_flags_t flags = spin_lock_irq(&tty->lock);
    int error = tty->is_gone ? -EIO : tty->exclusive && tty->opens > 0 ? -EBUSY : 0;
    if (!error) {
        tty->opens++;
        if (tty->driver->opened)
            tty->driver->opened(tty);
    }
    *file = (struct tty_file){tty, tty->generation, survives};
    spin_unlock_irq(&tty->lock, flags);
    if (error) {
        kfree(file);
        return error;
    }
    f->data = file;
    f->ops = &tty_file_ops;
    return 0;
}

int tty_open(struct tty *tty, struct file *f) {
    int error = tty_file_open(tty, f, false);

    if (!error && !(f->flags & O_NOCTTY) && (f->mode & FILE_READ))
        tty_job_opened(tty);
    return error;
}

static int device_open(struct device *device, struct file *f) {
    return tty_open(device->data, f);
}

/* /dev/tty: whatever terminal the caller's session has. */
static int current_open(struct device *device, struct file *f) {
    struct tty *tty = tty_job_current();
    int error = tty ? tty_file_open(tty, f, false) : -ENXIO;

    (void)device;
    tty_drop(tty);
    return error;
}

static int console_open(struct device *device, struct file *f) {
    (void)device;
    return tty_file_open(console_tty, f, true);
}

void tty_hang_up(struct tty *tty) {
    irq_flags_t flags = spin_lock_irq(&tty->lock);

    tty->generation++;
    tty->exclusive = false;
    ldisc_flush_input(&tty->ldisc);
    ldisc_flush_output(&tty->ldisc);
    wait_queue_wake_all(&tty->input_wait);
    wait_queue_wake_all(&tty->output_wait);
    spin_unlock_irq(&tty->lock, flags);
}

/* ---- registration ---- */

void tty_setup(struct tty *tty) {
    spin_init(&tty->lock, "tty", LOCK_RANK_TTY);
    ldisc_init(&tty->ldisc);
    wait_queue_init(&tty->input_wait);
    wait_queue_init(&tty->output_wait);
}

int tty_register(struct tty *tty) {
    tty_setup(tty);
    tty->device.type = S_IFCHR;
    tty->device.is_stream = true;
    tty->device.open = device_open;
    tty->device.ops = &tty_file_ops;
    tty->device.data = tty;
    return device_register(&tty->device);
}

static struct device current_device = {
    .name = "tty",
    .type = S_IFCHR,
    .mode = 0666,
    .is_stream = true,
    .ops = &tty_file_ops,
    .open = current_open,
};

static struct device console_device = {
    .name = "console",
    .type = S_IFCHR,
    .mode = 0600,
    .is_stream = true,
    .ops = &tty_file_ops,
    .open = console_open,
};

void tty_init(struct tty *console) {
    console_tty = console;
    current_device.dev = dev_make(TTY_MAJOR_AUX, TTY_MINOR_CURRENT);
    console_device.dev = dev_make(TTY_MAJOR_AUX, TTY_MINOR_CONSOLE);
    (void)device_register(&current_device);
    (void)device_register(&console_device);
}
