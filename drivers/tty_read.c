/* SPDX-License-Identifier: MIT */
/*
 * Reading from a terminal: how long to wait and when to stop.
 *
 * Canonical: one line, or what fits of it. Raw, by VMIN and VTIME (tenths of a second):
 *
 *   VMIN  VTIME
 *   0     0      what is there, at once
 *   0     > 0    as soon as there is something, or nothing after VTIME
 *   > 0   0      VMIN bytes
 *   > 0   > 0    VMIN bytes, or fewer when VTIME passes between two bytes; the first may take for
 * ever
 *
 * and never more than was asked for. A read that has something never fails.
 *
 * Source: termios(3), "Canonical and noncanonical mode".
 */
#include "drivers/tty.h"

#include "abi/signal.h"
#include "core/clock.h"
#include "drivers/tty_job.h"
#include "lib/bits.h"

#define READ_CHUNK_BYTES 256u
#define NS_PER_TENTH (NS_PER_SECOND / 10)

/* What a read is to wait for, from the settings at its start. */
struct read_plan {
    bool canonical;
    size_t minimum;       /* raw: bytes after which the read is done */
    uint64_t pause_ns;    /* raw: longest pause between bytes; 0: any */
    uint64_t deadline_ns; /* monotonic: when to give up; 0: do not wait, WAIT_FOREVER: never */
};

static void plan_make(const struct tty *tty, size_t size, struct read_plan *plan) {
    const struct linux_termios *settings = &tty->ldisc.termios;
    uint64_t time_ns = settings->c_cc[VTIME] * NS_PER_TENTH;

    *plan = (struct read_plan){.canonical = (settings->c_lflag & ICANON) != 0,
                               .deadline_ns = WAIT_FOREVER};
    if (plan->canonical)
        return;
    plan->minimum = MIN((size_t)settings->c_cc[VMIN], size);
    if (settings->c_cc[VMIN] > 0)
        plan->pause_ns = time_ns;
    else
        plan->deadline_ns = time_ns ? clock_monotonic_ns() + time_ns : 0;
}

/* Takes what is there and fits into the chunk. */
static size_t take(struct tty *tty, uint8_t *chunk, size_t size, bool *line_over) {
    irq_flags_t flags = spin_lock_irq(&tty->lock);
    size_t taken = ldisc_read(&tty->ldisc, chunk, size, line_over);

    if (ldisc_output_bytes(&tty->ldisc) > 0)
        tty->driver->start_output(tty); /* IXOFF may have queued a START */
    tty_unthrottle_locked(tty);
    spin_unlock_irq(&tty->lock, flags);
    return taken;
}

/*
 * Copies out as much as there is, without waiting. Returns bytes copied, or -EFAULT; *line_over: a
 * canonical line has ended.
 */
static long take_all(struct tty *tty, struct iobuf *b, bool *line_over) {
    uint8_t chunk[READ_CHUNK_BYTES];
    long total = 0;

    *line_over = false;
    while (b->left > 0 && !*line_over) {
        size_t taken = take(tty, chunk, MIN(b->left, sizeof(chunk)), line_over);
        if (taken == 0)
            break;
        long copied = iobuf_copy_out(b, chunk, taken);
        if (copied < 0)
            return total > 0 ? total : copied;
        total += copied;
        if ((size_t)copied < taken)
            break;
    }
    return total;
}

static bool read_may_go_on(struct tty_file *file) {
    struct tty *tty = file->tty;

    irq_flags_t flags = spin_lock_irq(&tty->lock);
    bool ready = tty_file_is_dead(file) || ldisc_readable(&tty->ldisc, 1);
    spin_unlock_irq(&tty->lock, flags);
    return ready;
}

/* Waits for input. 0; -ETIMEDOUT: by the plan the read is over; -EAGAIN, -EINTR. */
static int read_wait(struct file *f, const struct read_plan *plan) {
    struct tty_file *file = f->data;

    if (plan->deadline_ns == 0)
        return -ETIMEDOUT;
    if (file_is_nonblocking(f))
        return -EAGAIN;
    return WAIT_EVENT_TIMEOUT(&file->tty->input_wait, read_may_go_on(file), plan->deadline_ns);
}

/* Is a read that has `total` bytes done? */
static bool read_is_done(const struct read_plan *plan, long total, bool line_over) {
    if (line_over)
        return true;
    return total > 0 && (plan->canonical || (size_t)total >= plan->minimum);
}

long tty_read(struct file *f, struct iobuf *b, uint64_t *pos) {
    struct tty_file *file = f->data;
    struct read_plan plan;
    long total = 0;
    int error = 0;

    (void)pos;
    plan_make(file->tty, b->left, &plan);
    while (b->left > 0 && !tty_file_is_dead(file)) {
        bool line_over;
        error = tty_job_check(file->tty, SIGTTIN);
        if (error)
            break;
        long taken = take_all(file->tty, b, &line_over);
        if (taken < 0)
            return total > 0 ? total : taken;
        total += taken;
        if (read_is_done(&plan, total, line_over) || b->left == 0)
            return total;
        if (taken > 0 && plan.pause_ns)
            plan.deadline_ns = clock_monotonic_ns() + plan.pause_ns;
        error = read_wait(f, &plan);
        if (error)
            break;
    }
    return total > 0 || error == -ETIMEDOUT ? total : error;
}
