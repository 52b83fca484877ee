/* SPDX-License-Identifier: MIT */
/*
 * Allocations that fail on purpose; see alloc_fail.h. The release kernel never asks.
 */
#include "mm/alloc_fail.h"

#include "core/cpu.h"

uint64_t alloc_fail_left;

static const struct thread *counted; /* whose allocations count; only to compare with */
static bool has_failed;              /* one of its allocations, which nobody has asked for yet */

static bool is_counted(void) {
    return __atomic_load_n(&counted, __ATOMIC_RELAXED) == cpu_self()->current;
}

int alloc_fail_set(const uint64_t *nth) {
    alloc_fail_left = 0;
    has_failed = false;
    __atomic_store_n(&counted, cpu_self()->current, __ATOMIC_RELAXED);
    alloc_fail_left = *nth;
    return 0;
}

bool alloc_fail_count_down(void) {
    if (__atomic_load_n(&alloc_fail_left, __ATOMIC_RELAXED) == 0 || !is_counted())
        return false;
    has_failed = --alloc_fail_left == 0;
    return has_failed;
}

bool alloc_failed_on_purpose(void) {
    bool failed = has_failed && is_counted();

    if (failed)
        has_failed = false;
    return failed;
}
