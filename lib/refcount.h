/* SPDX-License-Identifier: MIT */
/*
 * Counting references atomically.
 *
 * A count starts at 1 for its maker. Taking a reference needs one already held (or a lock that
 * keeps the object alive), so that a count never leaves 0 again. Dropping releases: whatever the
 * droppers did before is seen by the one who is told "last" and frees.
 */
#ifndef LIB_REFCOUNT_H
#define LIB_REFCOUNT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct refcount {
    _Atomic uint32_t n;
};

#define REFCOUNT_INIT(count)                                                                       \
    { (count) }

static inline void refcount_init(struct refcount *r, uint32_t n) {
    atomic_init(&r->n, n);
}

/* A momentary value; exact only while nobody else can take or drop. */
static inline uint32_t refcount_get(const struct refcount *r) {
    return atomic_load_explicit(&((struct refcount *)(uintptr_t)r)->n, memory_order_relaxed);
}

static inline void refcount_inc(struct refcount *r) {
    atomic_fetch_add_explicit(&r->n, 1, memory_order_relaxed);
}

/* Takes a reference unless there is none any more: false then. */
static inline bool refcount_inc_unless_zero(struct refcount *r) {
    uint32_t n = atomic_load_explicit(&r->n, memory_order_relaxed);

    while (n != 0) {
        if (atomic_compare_exchange_weak_explicit(&r->n, &n, n + 1, memory_order_relaxed,
                                                  memory_order_relaxed))
            return true;
    }
    return false;
}

/* Drops one reference; true if it was the last: the caller frees. */
static inline bool refcount_dec_and_test(struct refcount *r) {
    return atomic_fetch_sub_explicit(&r->n, 1, memory_order_acq_rel) == 1;
}

#endif
