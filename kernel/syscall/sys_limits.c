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
#include "proc/priority.h"
#include "proc/usage.h"
#include "syscall/calls.h"

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

long sys_getpriority(int which, int who) {
    return priority_get(which, who);
}

long sys_setpriority(int which, int who, int nice) {
    return priority_set(which, who, nice);
}
