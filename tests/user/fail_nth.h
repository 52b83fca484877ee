/* SPDX-License-Identifier: MIT */
/*
 * Allocations that fail on purpose: debug kernels fail the n-th of whoever writes n to
 * /proc/sys/vm/fail_nth. Elsewhere there is nothing to be seen.
 */
#ifndef TESTS_USER_FAIL_NTH_H
#define TESTS_USER_FAIL_NTH_H

#include "facts.h"

#include <sched.h>

#define FAIL_NTH_MAX 1000 /* no call has so many allocations */

static int fail_nth_setting;

/* On one processor who is awaited has left nothing behind when we go on: the kernel gives way where
 * a task sleeps or has ended, and there it takes what is left of one that has ended. */
static inline void run_on_one(void) {
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(0, &set);
    CHECK_EQ(sched_setaffinity(0, sizeof set, &set), 0);
}

/* The n-th allocation from here on fails; 0: none. The write itself may meet the one before. */
static inline void fail_nth(unsigned n) {
    char text[16];
    int length = snprintf(text, sizeof text, "%u", n);
    ssize_t done;

    while ((done = pwrite(fail_nth_setting, text, (size_t)length, 0)) < 0 && errno == ENOMEM)
        ;
    CHECK_EQ(done, length);
}

/* Whether it is still to come, or has come to this very question. */
static inline bool failure_is_left(void) {
    char text[16] = "";
    ssize_t got = pread(fail_nth_setting, text, sizeof text - 1, 0);

    CHECK(got > 0 || errno == ENOMEM);
    return got < 0 || strtoul(text, NULL, 10) > 0;
}

static inline void may_fail_or_skip(void) {
    frames_exact_or_skip();
    fail_nth_setting = open("/proc/sys/vm/fail_nth", O_RDWR);
    CHECK(fail_nth_setting >= 0);
    if (pwrite(fail_nth_setting, "1", 1, 0) < 0)
        SKIP("not a debug kernel");
    run_on_one();
    fail_nth(0);
    failure_is_left(); /* the open file keeps what it has shown */
}

#endif
