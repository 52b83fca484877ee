/* SPDX-License-Identifier: MIT */
/*
 * Allocations that fail on purpose, in the debug kernel: so that a program can see what a call does
 * when it finds no memory, at each of its allocations in turn. The host tests have
 * tests/host/support/inject.h for it.
 *
 * One thread at a time counts its allocations of frames and small objects down, and one fails. An
 * allocation that a larger one makes counts too. Source: fail-nth of Linux's fault injection
 * (Documentation/fault-injection).
 *
 * Locks: none. Only the thread that asked for it changes the count while it is not 0.
 */
#ifndef MM_ALLOC_FAIL_H
#define MM_ALLOC_FAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/assert.h"

/* Allocations of the thread until one fails, that one included; 0: none does. */
extern uint64_t alloc_fail_left;

/* The *nth allocation of the running thread fails, 1 being the next; 0: none does. Returns 0. */
int alloc_fail_set(const uint64_t *nth);

/* alloc_fails() in the debug kernel. */
bool alloc_fail_count_down(void);

/* To be asked by each allocation: whether it is the one. */
static inline bool alloc_fails(void) {
    return QUIRE_DEBUG && alloc_fail_count_down();
}

/* Whether one has failed in the running thread since this was asked last. */
bool alloc_failed_on_purpose(void);

#endif
