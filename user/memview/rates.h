/* SPDX-License-Identifier: MIT */
/*
 * Events a second of the stream's time, over the last second or a little more.
 */
#ifndef USER_MEMVIEW_RATES_H
#define USER_MEMVIEW_RATES_H

#include "user/memview/model.h"

#define RATES_SAMPLES 16

struct rates {
    struct {
        uint64_t time; /* ticks */
        struct totals totals;
    } samples[RATES_SAMPLES];
    size_t count, next;
    struct totals now;
    uint64_t time, ticks_per_second;
};

/* The state at this moment; call it at each refresh. */
void rates_sample(struct rates *rates, const struct model *model, uint64_t ticks_per_second);

/* How much a counter, given by its place in struct totals, rose a second. */
double rates_of(const struct rates *rates, size_t offset);

#define RATE(rates, field) rates_of(rates, offsetof(struct totals, field))

#endif
