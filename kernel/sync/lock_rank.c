/* SPDX-License-Identifier: MIT */
/*
 * Checking the order of locks, in debug builds; in others this file is empty. The check comes
 * before the wait: a wrong order is told the first time it happens, not when it hangs.
 */
#include "sync/lock_rank.h"

#if QUIRE_DEBUG

#include <stdbool.h>

#include "core/panic.h"

void lock_stack_push(struct lock_stack *s, const struct lock_held *lock, bool same) {
    for (unsigned i = 0; i < s->depth; i++) {
        const struct lock_held *held = &s->held[i];

        if (held->lock == lock->lock)
            panic("lock '%s' is taken twice", lock->name);
        if (held->rank > lock->rank || (held->rank == lock->rank && !same))
            panic("lock order: '%s' (rank %u) is taken while '%s' (rank %u) is held", lock->name,
                  lock->rank, held->name, held->rank);
    }
    if (s->depth == LOCK_STACK_MAX)
        panic("lock '%s': %u locks are held", lock->name, s->depth);
    s->held[s->depth++] = *lock;
}

void lock_stack_pop(struct lock_stack *s, const void *lock) {
    unsigned i = s->depth;

    do {
        if (i == 0)
            panic("a lock is released that is not held");
    } while (s->held[--i].lock != lock);
    for (s->depth--; i < s->depth; i++)
        s->held[i] = s->held[i + 1];
}

bool lock_stack_holds(const struct lock_stack *s, const void *lock) {
    for (unsigned i = 0; i < s->depth; i++) {
        if (s->held[i].lock == lock)
            return true;
    }
    return false;
}

#endif
