/* SPDX-License-Identifier: MIT */
/*
 * Clocks, sleeping, interval timers.
 *
 * Of the interval timers ITIMER_REAL is there; the two that count processor time are EINVAL. A
 * sleep until a time of the real-time clock does not notice when that clock is set meanwhile.
 *
 * Sources: clock_gettime(2), nanosleep(2), clock_nanosleep(2), getitimer(2), alarm(2),
 * gettimeofday(2), time(2).
 */
#include "abi/errno.h"
#include "abi/time.h"
#include "core/clock.h"
#include "core/uaccess.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "proc/signal_core.h"
#include "proc/tree.h"
#include "syscall/calls.h"
#include "syscall/user_time.h"

#define NS_PER_US 1000ull
#define US_PER_SECOND 1000000ull
#define COARSE_RESOLUTION_NS 1ull
#define INTERVAL_MIN_NS 100000ull

/* ---- reading clocks ---- */

/*
 * Clocks of other processes and threads have negative ids: the complement of the pid, shifted, and
 * three bits of kind (clock_getcpuclockid(3)).
 */
#define CPU_CLOCK_KIND_MASK 3
#define CPU_CLOCK_OF_THREAD 4
#define CPU_CLOCK_USER 1 /* kind: time in user mode only */
#define CPU_CLOCK_FD 3   /* kind: not a processor clock at all */

static uint64_t usage_ns(const struct process_usage *usage, int kind) {
    return usage->user_ns + (kind == CPU_CLOCK_USER ? 0 : usage->system_ns);
}

static uint64_t own_cpu_ns(bool of_thread) {
    struct process_usage usage;
    struct thread_times times;

    if (of_thread) {
        thread_times(thread_current(), &times);
        return times.user_ns + times.system_ns;
    }
    process_times(process_current(), &usage);
    return usage.user_ns + usage.system_ns;
}

/* 0: the calling process. -EINVAL: there is no such process. */
static int usage_of_pid(int pid, struct process_usage *usage) {
    struct process *process = process_get(pid == 0 ? process_current()->pid : pid);
    int error = -EINVAL;

    if (process && (pid == 0 || process->pid == pid)) {
        process_times(process, usage);
        error = 0;
    }
    process_put(process);
    return error;
}

/* Of one task of the calling process; 0: the calling one. */
static int usage_of_tid(int tid, struct process_usage *usage) {
    irq_flags_t flags = spin_lock_irq(&process_tree_lock);
    const struct task *task = tid == 0 ? task_current() : task_find_locked(tid);
    int error = -EINVAL;

    if (task && task->thread.process == process_current()) {
        usage_of_task(task, usage);
        error = 0;
    }
    spin_unlock_irq(&process_tree_lock, flags);
    return error;
}

static int read_cpu_clock(int clock, uint64_t *ns) {
    int id = ~(clock >> 3);
    int kind = clock & CPU_CLOCK_KIND_MASK;
    struct process_usage usage;
    int error;

    if (kind == CPU_CLOCK_FD)
        return -EINVAL;
    error = clock & CPU_CLOCK_OF_THREAD ? usage_of_tid(id, &usage) : usage_of_pid(id, &usage);
    if (error)
        return error;
    *ns = usage_ns(&usage, kind);
    return 0;
}

static int read_clock(int clock, uint64_t *ns) {
    switch (clock) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_REALTIME_ALARM:
    case CLOCK_TAI:
        *ns = clock_realtime_ns();
        return 0;
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_BOOTTIME:
    case CLOCK_BOOTTIME_ALARM:
        *ns = clock_monotonic_ns();
        return 0;
    case CLOCK_PROCESS_CPUTIME_ID:
    case CLOCK_THREAD_CPUTIME_ID:
        *ns = own_cpu_ns(clock == CLOCK_THREAD_CPUTIME_ID);
        return 0;
    default:
        return clock < 0 ? read_cpu_clock(clock, ns) : -EINVAL;
    }
}

long sys_clock_gettime(int clock, void *time) {
    uint64_t ns;
    int error = read_clock(clock, &ns);

    return error ? error : user_timespec_put(ns, time);
}

long sys_clock_getres(int clock, void *resolution) {
    uint64_t ns;
    int error = read_clock(clock, &ns);

    if (error)
        return error;
    return resolution ? user_timespec_put(COARSE_RESOLUTION_NS, resolution) : 0;
}

long sys_time(void *time) {
    uint64_t seconds = clock_realtime_ns() / NS_PER_SECOND;

    if (time && put_user_u64(seconds, time) != 0)
        return -EFAULT;
    return (long)seconds;
}

static struct linux_timeval to_timeval(uint64_t ns) {
    return (struct linux_timeval){
        .tv_sec = (int64_t)(ns / NS_PER_SECOND),
        .tv_usec = (int64_t)(ns % NS_PER_SECOND / NS_PER_US),
    };
}

long sys_gettimeofday(void *time, void *zone) {
    struct linux_timeval now = to_timeval(clock_realtime_ns());
    struct linux_timezone utc = {0, 0};

    if (time && copy_to_user(time, &now, sizeof(now)) != 0)
        return -EFAULT;
    return zone ? copy_to_user(zone, &utc, sizeof(utc)) : 0;
}

/* ---- setting the clock ---- */

static int set_clock(uint64_t ns) {
    if (credentials_current()->euid != 0)
        return -EPERM;
    clock_set_realtime_ns(ns);
    return 0;
}

long sys_clock_settime(int clock, const void *time) {
    uint64_t ns;
    int error;

    if (clock != CLOCK_REALTIME)
        return -EINVAL;
    error = user_timespec_get(time, &ns);
    return error ? error : set_clock(ns);
}

static int timeval_to_ns(const struct linux_timeval *time, uint64_t *ns) {
    if (time->tv_sec < 0 || time->tv_usec < 0 || time->tv_usec >= (int64_t)US_PER_SECOND)
        return -EINVAL;
    if ((uint64_t)time->tv_sec >= INT64_MAX / NS_PER_SECOND)
        *ns = INT64_MAX;
    else
        *ns = (uint64_t)time->tv_sec * NS_PER_SECOND + (uint64_t)time->tv_usec * NS_PER_US;
    return 0;
}

/* The zone is read and forgotten: the kernel's clock is UTC. */
long sys_settimeofday(const void *time, const void *zone) {
    struct linux_timezone ignored;
    struct linux_timeval wanted;
    uint64_t ns;
    int error;

    if (zone && copy_from_user(&ignored, zone, sizeof(ignored)) != 0)
        return -EFAULT;
    if (!time)
        return credentials_current()->euid == 0 ? 0 : -EPERM;
    if (copy_from_user(&wanted, time, sizeof(wanted)) != 0)
        return -EFAULT;
    error = timeval_to_ns(&wanted, &ns);
    return error ? error : set_clock(ns);
}

/* ---- sleeping ---- */

/* Sleeps; an interrupted one leaves the rest at `remaining` and can go on by restart_syscall. */
static long sleep_relative(uint64_t deadline_ns, void *remaining);

static long restart_sleep(struct task *task) {
    return sleep_relative(task->restart_data[0], (void *)task->restart_data[1]);
}

static long sleep_relative(uint64_t deadline_ns, void *remaining) {
    struct task *task = task_current();
    uint64_t now;

    if (sleep_until(deadline_ns) == 0)
        return 0;
    now = clock_monotonic_ns();
    if (now >= deadline_ns)
        return 0;
    if (remaining && user_timespec_put(deadline_ns - now, remaining) != 0)
        return -EFAULT;
    task->restart = restart_sleep;
    task->restart_data[0] = deadline_ns;
    task->restart_data[1] = (uint64_t)remaining;
    return -ERESTART_RESTARTBLOCK;
}

long sys_nanosleep(const void *request, void *remaining) {
    uint64_t ns;
    int error = user_timespec_get(request, &ns);

    return error ? error : sleep_relative(deadline_in(ns), remaining);
}

/* A time of the clock as one of the monotonic clock. */
static uint64_t to_monotonic(int clock, uint64_t ns) {
    uint64_t now_ns;

    if (clock != CLOCK_REALTIME && clock != CLOCK_TAI)
        return ns;
    now_ns = clock_realtime_ns();
    return ns > now_ns ? deadline_in(ns - now_ns) : 0;
}

/* 0 for clocks that one can sleep by. */
static int check_sleep_clock(int clock) {
    switch (clock) {
    case CLOCK_REALTIME:
    case CLOCK_MONOTONIC:
    case CLOCK_BOOTTIME:
    case CLOCK_TAI:
        return 0;
    case CLOCK_PROCESS_CPUTIME_ID:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_MONOTONIC_COARSE:
        return -EOPNOTSUPP;
    default:
        return -EINVAL;
    }
}

long sys_clock_nanosleep(int clock, int flags, const void *request, void *remaining) {
    uint64_t ns;
    int error;

    error = check_sleep_clock(clock);
    if (error == 0)
        error = user_timespec_get(request, &ns);
    if (error)
        return error;
    if (!(flags & TIMER_ABSTIME))
        return sleep_relative(deadline_in(ns), remaining);
    return sleep_until(to_monotonic(clock, ns)) == 0 ? 0 : -ERESTARTNOHAND;
}

/* ---- interval timers ---- */

/* Periods that have passed unnoticed are left out, and nobody may fill the processor with alarms.
 */
static uint64_t next_alarm(uint64_t last_ns, uint64_t interval_ns) {
    uint64_t now = clock_monotonic_ns();
    uint64_t next = last_ns + interval_ns;

    if (next < now)
        next += (now - next) / interval_ns * interval_ns;
    return MAX(next, now + INTERVAL_MIN_NS);
}

/* Of all processes: one task sets a timer at a time. The timer's function does not take it. */
static struct spinlock itimer_lock = SPINLOCK_INIT("itimer", LOCK_RANK_ITIMER);

/* In the timer interrupt. */
static void real_timer_fired(void *arg) {
    struct process *process = arg;
    uint64_t interval_ns = process->real_interval_ns;

    (void)signal_send_process(process, SIGALRM, NULL);
    if (interval_ns != 0)
        timer_start(&process->real_timer, next_alarm(process->real_timer.deadline_ns, interval_ns));
}

static struct linux_itimerval real_timer_value_locked(const struct process *process) {
    uint64_t now = clock_monotonic_ns();
    uint64_t left = 0;

    if (process->real_timer.active) {
        uint64_t deadline = process->real_timer.deadline_ns;

        /* Due but not fired yet: still not zero, which would mean stopped. */
        left = deadline > now + NS_PER_US ? deadline - now : NS_PER_US;
    }
    return (struct linux_itimerval){
        .it_interval = to_timeval(process->real_interval_ns),
        .it_value = to_timeval(left),
    };
}

static struct linux_itimerval real_timer_value(const struct process *process) {
    irq_flags_t flags = spin_lock_irq(&itimer_lock);
    struct linux_itimerval value = real_timer_value_locked(process);

    spin_unlock_irq(&itimer_lock, flags);
    return value;
}

/* Returns what the timer was set to before. */
static struct linux_itimerval set_real_timer(struct process *process, uint64_t value_ns,
                                             uint64_t interval_ns) {
    irq_flags_t flags = spin_lock_irq(&itimer_lock);
    struct linux_itimerval before = real_timer_value_locked(process);

    timer_cancel(&process->real_timer);
    timer_init(&process->real_timer, real_timer_fired, process);
    process->real_interval_ns = interval_ns;
    if (value_ns != 0)
        timer_start(&process->real_timer, deadline_in(value_ns));
    spin_unlock_irq(&itimer_lock, flags);
    return before;
}

long sys_getitimer(int which, void *value) {
    struct linux_itimerval now;

    if (which != ITIMER_REAL)
        return -EINVAL;
    now = real_timer_value(process_current());
    return copy_to_user(value, &now, sizeof(now));
}

long sys_setitimer(int which, const void *value, void *old) {
    struct process *process = process_current();
    struct linux_itimerval wanted, before;
    uint64_t value_ns, interval_ns;

    memset(&wanted, 0, sizeof(wanted));
    if (value && copy_from_user(&wanted, value, sizeof(wanted)) != 0)
        return -EFAULT;
    if (which != ITIMER_REAL)
        return -EINVAL;
    if (timeval_to_ns(&wanted.it_value, &value_ns) != 0 ||
        timeval_to_ns(&wanted.it_interval, &interval_ns) != 0)
        return -EINVAL;
    before = set_real_timer(process, value_ns, interval_ns);
    return old ? copy_to_user(old, &before, sizeof(before)) : 0;
}

long sys_alarm(uint32_t seconds) {
    struct linux_itimerval before = set_real_timer(process_current(), seconds * NS_PER_SECOND, 0);
    long left = before.it_value.tv_sec;

    /* Rounded, but a pending alarm is never told as none. */
    if ((left == 0 && before.it_value.tv_usec != 0) ||
        before.it_value.tv_usec >= (int64_t)US_PER_SECOND / 2)
        left++;
    return left;
}
