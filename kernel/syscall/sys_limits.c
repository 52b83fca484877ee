/* SPDX-License-Identifier: MIT */
/*
 * Limits, usage, priorities. Sources: getrlimit(2), prlimit(2), getrusage(2), getpriority(2).
 */
#include "abi/errno.h"
#include "abi/resource.h"
#include "abi/time.h"
#include "core/clock.h"
#include "core/uaccess.h"
#include "proc/permission.h"
#include "proc/usage.h"
#include "syscall/calls.h"

#define NICE_MIN (-20)
#define NICE_MAX 19
#define NICE_ZERO_RESULT 20 /* getpriority returns 20 - nice, which is never negative */

long sys_getrlimit(uint32_t resource, void *limit) {
    struct linux_rlimit64 old;
    int error = limit_exchange(process_current(), resource, NULL, &old);

    return error ? error : copy_to_user(limit, &old, sizeof(old));
}

long sys_setrlimit(uint32_t resource, const void *limit) {
    struct linux_rlimit64 wanted;

    if (copy_from_user(&wanted, limit, sizeof(wanted)) != 0)
        return -EFAULT;
    return limit_exchange(process_current(), resource, &wanted, NULL);
}

long sys_prlimit64(int pid, uint32_t resource, const void *limit, void *old) {
    struct linux_rlimit64 wanted, before;
    struct process *process;
    long error = 0;

    if (limit && copy_from_user(&wanted, limit, sizeof(wanted)) != 0)
        return -EFAULT;
    process = process_get(pid == 0 ? process_current()->pid : pid);
    if (!process)
        return -ESRCH;
    if (process != process_current() && !permission_all_ids(process))
        error = -EPERM;
    if (error == 0)
        error = limit_exchange(process, resource, limit ? &wanted : NULL, &before);
    process_put(process);
    if (error == 0 && old)
        error = copy_to_user(old, &before, sizeof(before));
    return error;
}

long sys_getrusage(int who, void *user) {
    struct process_usage usage;
    struct linux_rusage rusage;
    int error = usage_get(who, &usage);

    if (error)
        return error;
    usage_to_rusage(&usage, &rusage);
    return copy_to_user(user, &rusage, sizeof(rusage));
}

static int64_t to_ticks(uint64_t ns) {
    return (int64_t)(ns / (NS_PER_SECOND / USER_HZ));
}

long sys_times(void *buffer) {
    const struct process *self = process_current();
    struct process_usage usage;
    struct linux_tms tms;

    if (buffer) {
        (void)usage_get(RUSAGE_SELF, &usage);
        tms.tms_utime = to_ticks(usage.user_ns);
        tms.tms_stime = to_ticks(usage.system_ns);
        tms.tms_cutime = to_ticks(self->children_usage.user_ns);
        tms.tms_cstime = to_ticks(self->children_usage.system_ns);
        if (copy_to_user(buffer, &tms, sizeof(tms)) != 0)
            return -EFAULT;
    }
    return to_ticks(clock_monotonic_ns());
}

/* ---- nice ---- */

/* Which processes a call of getpriority or setpriority means. */
static bool is_meant(const struct process *process, int which, int who) {
    const struct process *self = process_current();

    switch (which) {
    case PRIO_PROCESS:
        return process->pid == (who == 0 ? self->pid : who);
    case PRIO_PGRP:
        return process_group_id(process) == (who == 0 ? process_group_id(self) : who);
    default:
        return process->vfs.credentials.uid ==
               (who == 0 ? self->vfs.credentials.uid : (uint32_t)who);
    }
}

/* Calls fn for each that is meant. The first error, or -ESRCH if there was none at all. */
static int for_each_meant(int which, int who, int (*fn)(struct process *, int *), int *value) {
    int first = which == PRIO_PROCESS && who > 0 ? who : 1;
    struct process *process;
    int result = -ESRCH;

    for (process = process_next(first); process;) {
        int next = process->pid + 1;

        if (is_meant(process, which, who)) {
            int error = fn(process, value);

            if (result == -ESRCH || result == 0)
                result = error;
        }
        process_put(process);
        process = process_next(next);
    }
    return result;
}

static int find_highest(struct process *process, int *best) {
    if (NICE_ZERO_RESULT - process->nice > *best)
        *best = NICE_ZERO_RESULT - process->nice;
    return 0;
}

static int set_nice(struct process *process, int *nice) {
    if (!permission_same_user(process))
        return -EPERM;
    if (*nice < process->nice && credentials_current()->euid != 0)
        return -EACCES;
    process->nice = *nice;
    return 0;
}

long sys_getpriority(int which, int who) {
    int best = 0;
    int error;

    if (which < PRIO_PROCESS || which > PRIO_USER)
        return -EINVAL;
    error = for_each_meant(which, who, find_highest, &best);
    return error ? error : best;
}

long sys_setpriority(int which, int who, int nice) {
    if (which < PRIO_PROCESS || which > PRIO_USER)
        return -EINVAL;
    if (nice < NICE_MIN)
        nice = NICE_MIN;
    if (nice > NICE_MAX)
        nice = NICE_MAX;
    return for_each_meant(which, who, set_nice, &nice);
}
