/* SPDX-License-Identifier: MIT */
/*
 * Waiting with an end; see patience.h. Empty but in debug builds.
 */
#include "sync/patience.h"

#if QUIRE_DEBUG

#include "core/clock.h"
#include "lib/bits.h"

#define LIMIT_NS (30 * NS_PER_SECOND)

/* The clock is looked at every so many turns; between two looks at most so much has passed. */
#define LOOK_TURNS 64u
#define LOOK_NS_MAX 10000000ull

uint64_t patience_limit_ns = LIMIT_NS;

bool patience_is_over(struct patience *patience) {
    uint64_t now;

    if (++patience->turns % LOOK_TURNS != 0)
        return false;
    now = clock_monotonic_ns();
    if (patience->looked_ns != 0)
        patience->waited_ns += MIN(now - patience->looked_ns, LOOK_NS_MAX);
    patience->looked_ns = now;
    return patience->waited_ns >= patience_limit_ns;
}

#endif
