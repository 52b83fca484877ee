/* SPDX-License-Identifier: MIT */
/*
 * Making allocations fail on purpose.
 *
 * The linker leads calls of the allocators of mm/frame.h and mm/slab.h here first (--wrap, see
 * tests/host/rules.mk). Calls inside one source file do not pass the linker and are not counted.
 */
#ifndef SUPPORT_INJECT_H
#define SUPPORT_INJECT_H

#include <stdbool.h>
#include <stdint.h>

/* The n-th allocation from now on fails (0: the next one), and no other. */
void inject_fail_nth(uint64_t n);

/* The n-th and all that come after it fail. */
void inject_fail_from(uint64_t n);

/* Each allocation fails once in `one_in` times, by a generator of its own started with seed. */
void inject_fail_randomly(uint64_t seed, unsigned one_in);

/* No allocation fails from now on. Returns whether one was made to since inject_fail. */
bool inject_stop(void);

/* Allocations made to fail since the process started. */
uint64_t inject_count(void);

#endif
