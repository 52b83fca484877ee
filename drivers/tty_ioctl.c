/* SPDX-License-Identifier: MIT */
/*
 * Settings of terminals: the ioctls of ioctl_tty(2), one function each, found by a table. Those
 * that change something make a background process stop first (SIGTTOU).
 */
#include "drivers/tty.h"

#include "abi/ioctl.h"
#include "abi/signal.h"
#include "core/clock.h"
#include "core/uaccess.h"
#include "drivers/tty_job.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "sched/timer.h"
#include "vfs/access.h"

#define BREAK_NS (NS_PER_SECOND / 4)

struct call {
    struct file *file;
    struct tty_file *tty_file;
    struct tty *tty;
    unsigned command;
    uint64_t argument;
};

static void *user(const struct call *call) {
    return (void *)call->argument;
}

static long put_int(const struct call *call, int value) {
    return put_user_u32((uint32_t)value, user(call));
}

static long get_int(const struct call *call, int *value) {
    uint32_t bits = 0;
    long error = get_user_u32(&bits, user(call));

    *value = (int)bits;
    return error;
}

/* ---- settings ---- */

static const uint32_t speeds[] = {0,   50,   75,   110,  134,  150,  200,   300,
                                  600, 1200, 1800, 2400, 4800, 9600, 19200, 38400};
static const uint32_t fast_speeds[] = {0, 57600, 115200, 230400, 460800, 500000, 576000, 921600};

/* Bits per second for the CBAUD bits of c_cflag. */
static uint32_t speed_of(uint32_t cflag) {
    uint32_t code = cflag & (CBAUD & ~BOTHER);

    if (!(cflag & BOTHER))
        return speeds[code];
    return code < ARRAY_SIZE(fast_speeds) ? fast_speeds[code] : 0;
}

/* c_cflag with the code for a number of bits per second in place of BOTHER; false: no such code. */
static bool speed_encode(uint32_t *cflag, uint32_t speed) {
    for (uint32_t code = 0; code < 32; code++) {
        uint32_t bits = (code & 15) | (code & 16 ? BOTHER : 0);
        if (bits != BOTHER && speed_of(bits) == speed && (speed != 0 || bits == B0)) {
            *cflag = (*cflag & ~(uint32_t)CBAUD) | bits;
            return true;
        }
    }
    return false;
}

static void settings_get(struct tty *tty, struct linux_termios *out) {
    irq_flags_t flags = spin_lock_irq(&tty->lock);
    *out = tty->ldisc.termios;
    spin_unlock_irq(&tty->lock, flags);
}

static long call_get(const struct call *call) {
    struct linux_termios settings;

    settings_get(call->tty, &settings);
    return copy_to_user(user(call), &settings, sizeof(settings));
}

static long call_get2(const struct call *call) {
    struct linux_termios settings;
    struct linux_termios2 long_settings;

    settings_get(call->tty, &settings);
    memcpy(&long_settings, &settings, sizeof(settings));
    long_settings.c_ospeed = speed_of(settings.c_cflag);
    long_settings.c_ispeed = long_settings.c_ospeed;
    return copy_to_user(user(call), &long_settings, sizeof(long_settings));
}

/* Reads either form from the user. */
static long settings_from_user(const struct call *call, struct linux_termios *settings) {
    struct linux_termios2 long_settings;
    bool is_long =
        call->command == TCSETS2 || call->command == TCSETSW2 || call->command == TCSETSF2;

    if (!is_long)
        return copy_from_user(settings, user(call), sizeof(*settings));
    long error = copy_from_user(&long_settings, user(call), sizeof(long_settings));
    if (error)
        return error;
    memcpy(settings, &long_settings, sizeof(*settings));
    if ((settings->c_cflag & CBAUD) == BOTHER &&
        !speed_encode(&settings->c_cflag, long_settings.c_ospeed))
        return -EINVAL;
    return 0;
}

static long call_set(const struct call *call) {
    struct linux_termios settings;
    struct tty *tty = call->tty;
    bool at_once = call->command == TCSETS || call->command == TCSETS2;
    bool flush = call->command == TCSETSF || call->command == TCSETSF2;

    long error = settings_from_user(call, &settings);
    if (!error && !at_once)
        error = tty_drain(call->tty_file);
    if (error)
        return error;

    irq_flags_t flags = spin_lock_irq(&tty->lock);
    if (flush)
        ldisc_flush_input(&tty->ldisc);
    settings.c_line = N_TTY;
    ldisc_set_termios(&tty->ldisc, &settings);
    tty->driver->set_termios(tty);
    tty->driver->start_output(tty);
    tty_unthrottle_locked(tty);
    wait_queue_wake_all(&tty->input_wait); /* what can be read may have changed */
    spin_unlock_irq(&tty->lock, flags);
    return 0;
}

/* ---- window ---- */

static long call_get_window(const struct call *call) {
    irq_flags_t flags = spin_lock_irq(&call->tty->lock);
    struct linux_winsize window = call->tty->window;
    spin_unlock_irq(&call->tty->lock, flags);
    return copy_to_user(user(call), &window, sizeof(window));
}

static long call_set_window(const struct call *call) {
    struct linux_winsize window;
    struct tty *tty = call->tty;

    long error = copy_from_user(&window, user(call), sizeof(window));
    if (error)
        return error;
    irq_flags_t flags = spin_lock_irq(&tty->lock);
    if (memcmp(&window, &tty->window, sizeof(window)) != 0) {
        tty->window = window;
        tty_job_window_changed_locked(tty);
    }
    spin_unlock_irq(&tty->lock, flags);
    return 0;
}

/* ---- queues and flow ---- */

static long call_flush(const struct call *call) {
    struct tty *tty = call->tty;

    if (call->argument > TCIOFLUSH)
        return -EINVAL;
    irq_flags_t flags = spin_lock_irq(&tty->lock);
    if (call->argument != TCOFLUSH)
        ldisc_flush_input(&tty->ldisc);
    if (call->argument != TCIFLUSH)
        ldisc_flush_output(&tty->ldisc);
    tty_transmitted_locked(tty);
    spin_unlock_irq(&tty->lock, flags);
    return 0;
}

static long call_flow(const struct call *call) {
    struct tty *tty = call->tty;

    if (call->argument > TCION)
        return -EINVAL;
    irq_flags_t flags = spin_lock_irq(&tty->lock);
    tty_received_locked(tty, ldisc_flow(&tty->ldisc, (int)call->argument));
    spin_unlock_irq(&tty->lock, flags);
    return 0;
}

static long call_input_bytes(const struct call *call) {
    irq_flags_t flags = spin_lock_irq(&call->tty->lock);
    size_t bytes = ldisc_input_bytes(&call->tty->ldisc);
    spin_unlock_irq(&call->tty->lock, flags);
    return put_int(call, (int)bytes);
}

static long call_output_bytes(const struct call *call) {
    irq_flags_t flags = spin_lock_irq(&call->tty->lock);
    size_t bytes = ldisc_output_bytes(&call->tty->ldisc);
    spin_unlock_irq(&call->tty->lock, flags);
    return put_int(call, (int)bytes);
}

static void set_break(struct tty *tty, bool on) {
    irq_flags_t flags = spin_lock_irq(&tty->lock);
    tty->driver->set_break(tty, on);
    spin_unlock_irq(&tty->lock, flags);
}

static long call_break_on(const struct call *call) {
    set_break(call->tty, true);
    return 0;
}

static long call_break_off(const struct call *call) {
    set_break(call->tty, false);
    return 0;
}

/* tcdrain(3) comes as TCSBRK 1, tcsendbreak(3) as TCSBRK 0. */
static long call_break(const struct call *call) {
    long error = tty_drain(call->tty_file);

    if (error || (call->command == TCSBRK && call->argument != 0))
        return error;
    set_break(call->tty, true);
    error = sleep_until(clock_monotonic_ns() + BREAK_NS);
    set_break(call->tty, false);
    return error;
}

/* Types a byte, as if it had come from the line: the caller's own terminal only, or root. */
static long call_type(const struct call *call) {
    uint8_t byte;
    unsigned events = 0;

    if (!vfs_is_root() && !tty_job_is_current(call->tty))
        return -EPERM;
    long error = copy_from_user(&byte, user(call), 1);
    if (error)
        return error;
    irq_flags_t flags = spin_lock_irq(&call->tty->lock);
    if (tty_can_receive_locked(call->tty))
        tty_receive_locked(call->tty, byte, &events);
    tty_received_locked(call->tty, events);
    spin_unlock_irq(&call->tty->lock, flags);
    return 0;
}

/* ---- who may open it ---- */

static long call_exclusive(const struct call *call) {
    irq_flags_t flags = spin_lock_irq(&call->tty->lock);
    call->tty->exclusive = call->command == TIOCEXCL;
    spin_unlock_irq(&call->tty->lock, flags);
    return 0;
}

static long call_get_exclusive(const struct call *call) {
    return put_int(call, call->tty->exclusive);
}

static long call_hang_up(const struct call *call) {
    if (!vfs_is_root())
        return -EPERM;
    if (call->tty->session != 0)
        tty_job_session_ended(call->tty, call->tty->session, true);
    else
        tty_hang_up(call->tty);
    return 0;
}

/* ---- the rest ---- */

static long call_modem(const struct call *call) {
    return put_int(call, TIOCM_DTR | TIOCM_RTS | TIOCM_CTS | TIOCM_CAR | TIOCM_DSR);
}

static long call_get_discipline(const struct call *call) {
    return put_int(call, N_TTY);
}

static long call_set_discipline(const struct call *call) {
    int discipline;
    long error = get_int(call, &discipline);

    return error ? error : discipline == N_TTY ? 0 : -EINVAL;
}

static long call_acquire(const struct call *call) {
    return tty_job_acquire(call->tty, call->argument == 1, (call->file->mode & FILE_READ) != 0);
}

static long call_release(const struct call *call) {
    return tty_job_release(call->tty);
}

static long put_id(const struct call *call, int id) {
    return id < 0 ? id : put_int(call, id);
}

static long call_get_group(const struct call *call) {
    return put_id(call, tty_job_get_group(call->tty));
}

static long call_get_session(const struct call *call) {
    return put_id(call, tty_job_get_session(call->tty));
}

static long call_set_group(const struct call *call) {
    int pgid;
    long error = get_int(call, &pgid);

    return error ? error : tty_job_set_group(call->tty, pgid);
}

static const struct {
    unsigned command;
    bool foreground_only;
    long (*perform)(const struct call *call);
} commands[] = {
    {TCGETS, false, call_get},
    {TCGETS2, false, call_get2},
    {TCSETS, true, call_set},
    {TCSETSW, true, call_set},
    {TCSETSF, true, call_set},
    {TCSETS2, true, call_set},
    {TCSETSW2, true, call_set},
    {TCSETSF2, true, call_set},
    {TIOCGWINSZ, false, call_get_window},
    {TIOCSWINSZ, false, call_set_window},
    {TCFLSH, true, call_flush},
    {TCXONC, true, call_flow},
    {FIONREAD, false, call_input_bytes},
    {TIOCOUTQ, false, call_output_bytes},
    {TCSBRK, true, call_break},
    {TCSBRKP, true, call_break},
    {TIOCSBRK, true, call_break_on},
    {TIOCCBRK, true, call_break_off},
    {TIOCSTI, false, call_type},
    {TIOCEXCL, false, call_exclusive},
    {TIOCNXCL, false, call_exclusive},
    {TIOCGEXCL, false, call_get_exclusive},
    {TIOCVHANGUP, false, call_hang_up},
    {TIOCMGET, false, call_modem},
    {TIOCGETD, false, call_get_discipline},
    {TIOCSETD, true, call_set_discipline},
    {TIOCSCTTY, false, call_acquire},
    {TIOCNOTTY, false, call_release},
    {TIOCGPGRP, false, call_get_group},
    {TIOCSPGRP, false, call_set_group},
    {TIOCGSID, false, call_get_session},
};

long tty_ioctl(struct file *f, unsigned command, uint64_t argument) {
    struct tty_file *file = f->data;
    struct call call = {f, file, file->tty, command, argument};

    if (tty_file_is_dead(file))
        return command == TIOCSPGRP ? -ENOTTY : -EIO;
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        if (commands[i].command != command)
            continue;
        int error = commands[i].foreground_only ? tty_job_check(file->tty, SIGTTOU) : 0;
        return error ? error : commands[i].perform(&call);
    }
    return -ENOTTY;
}
