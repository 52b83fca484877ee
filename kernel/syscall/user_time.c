/* SPDX-License-Identifier: MIT */
/*
 * Times given by the user; see user_time.h.
 */
#include "syscall/user_time.h"

#include "abi/errno.h"
#include "abi/time.h"
#include "core/clock.h"
#include "core/uaccess.h"
#include "sched/wait.h"

int user_timespec_get(const void *user, uint64_t *ns) {
    struct linux_timespec time;

    if (copy_from_user(&time, user, sizeof(time)) != 0)
        return -EFAULT;
    if (time.tv_sec < 0 || time.tv_nsec < 0 || time.tv_nsec >= (int64_t)NS_PER_SECOND)
        return -EINVAL;
    if ((uint64_t)time.tv_sec >= INT64_MAX / NS_PER_SECOND)
        *ns = INT64_MAX;
    else
        *ns = (uint64_t)time.tv_sec * NS_PER_SECOND + (uint64_t)time.tv_nsec;
    return 0;
}

int user_timespec_put(uint64_t ns, void *user) {
    struct linux_timespec time = {
        .tv_sec = (int64_t)(ns / NS_PER_SECOND),
        .tv_nsec = (int64_t)(ns % NS_PER_SECOND),
    };

    return copy_to_user(user, &time, sizeof(time));
}

uint64_t deadline_in(uint64_t ns) {
    uint64_t now = clock_monotonic_ns();

    return ns < WAIT_FOREVER - 1 - now ? now + ns : WAIT_FOREVER - 1;
}

uint64_t poll_deadline_in(uint64_t ns) {
    return ns == 0 ? 0 : deadline_in(ns);
}

int user_timespec_deadline(const void *user, uint64_t *deadline_ns) {
    uint64_t ns;
    int error;

    *deadline_ns = WAIT_FOREVER;
    if (!user)
        return 0;
    error = user_timespec_get(user, &ns);
    if (error == 0)
        *deadline_ns = poll_deadline_in(ns);
    return error;
}
