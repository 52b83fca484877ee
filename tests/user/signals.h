/* SPDX-License-Identifier: MIT */
/* What the signal tests share: a counting handler, and sets of one signal. */
#ifndef TESTS_USER_SIGNALS_H
#define TESTS_USER_SIGNALS_H

#include "check.h"

static volatile sig_atomic_t seen[65];
static volatile int order[16], order_count;

static inline void count_signal(int number) {
    seen[number]++;
    if (order_count < 16)
        order[order_count++] = number;
}

static inline void handle(int number, int flags) {
    struct sigaction action = {.sa_handler = count_signal, .sa_flags = flags};

    CHECK_EQ(sigaction(number, &action, NULL), 0);
}

static inline sigset_t set_of(int number) {
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, number);
    return set;
}

static inline void block(int number) {
    sigset_t set = set_of(number);

    CHECK_EQ(sigprocmask(SIG_BLOCK, &set, NULL), 0);
}

static inline void unblock(int number) {
    sigset_t set = set_of(number);

    CHECK_EQ(sigprocmask(SIG_UNBLOCK, &set, NULL), 0);
}

#endif
