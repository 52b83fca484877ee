/* SPDX-License-Identifier: MIT */
/*
 * A C library's threads, made and joined.
 */
#ifndef TESTS_USER_THREADS_H
#define TESTS_USER_THREADS_H

#include "check.h"

#include <pthread.h>

static inline void start(pthread_t *thread, void *(*run)(void *), void *argument) {
    CHECK_EQ(pthread_create(thread, NULL, run, argument), 0);
}

static inline void *join(pthread_t thread) {
    void *result;

    CHECK_EQ(pthread_join(thread, &result), 0);
    return result;
}

#endif
