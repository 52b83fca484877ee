/* SPDX-License-Identifier: MIT */
/*
 * Waiting until another process waits: for tests of what interrupts or ends a call that sleeps. A
 * length of time in its place is too short on a busy machine, sooner or later.
 */
#ifndef TESTS_USER_ASLEEP_H
#define TESTS_USER_ASLEEP_H

#include "facts.h"

/* The state of the process's first thread, as a letter of /proc/PID/stat; 0: it has gone. */
static inline char process_state(pid_t pid) {
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    return fact_state(path);
}

/* Waits until it sleeps in a call that a signal can interrupt, or has ended. */
static inline void await_asleep(pid_t pid) {
    for (;;) {
        char state = process_state(pid);

        if (state == 'S' || state == 'Z' || state == 0)
            return;
        usleep(1000);
    }
}

#endif
