/* SPDX-License-Identifier: MIT */
/*
 * Waiting for another processor, with an end. What is waited for so takes microseconds: whoever has
 * waited for half a minute waits for ever, and says so. Debug builds only; in others it is nothing.
 *
 * Only time counts in which the one that waits runs itself: a machine that was stopped for a while
 * is not hung.
 */
#ifndef SYNC_PATIENCE_H
#define SYNC_PATIENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/assert.h"

/* One wait; all zero at its start. */
struct patience {
    unsigned turns;
    uint64_t looked_ns; /* at the clock last; 0: not yet */
    uint64_t waited_ns;
};

#if QUIRE_DEBUG
/* How long is too long. Tests make it shorter. */
extern uint64_t patience_limit_ns;

/* To be called at each turn of the wait. True: it has taken too long. Any context. */
bool patience_is_over(struct patience *patience);
#else
static inline bool patience_is_over(struct patience *patience) {
    (void)patience;
    return false;
}
#endif

#endif
