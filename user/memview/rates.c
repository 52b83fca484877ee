/* SPDX-License-Identifier: MIT */
/* Events a second; see rates.h. */
#include "user/memview/rates.h"

/* Samples are this part of a second apart at least, so that all of them are more than a second. */
#define SAMPLES_A_SECOND (RATES_SAMPLES / 2)

static size_t newest(const struct rates *rates) {
    return (rates->next + RATES_SAMPLES - 1) % RATES_SAMPLES;
}

void rates_sample(struct rates *rates, const struct model *model, uint64_t ticks_per_second) {
    rates->now = model->totals;
    rates->time = model->time;
    rates->ticks_per_second = ticks_per_second;
    if (rates->count > 0 &&
        rates->time - rates->samples[newest(rates)].time < ticks_per_second / SAMPLES_A_SECOND)
        return;
    rates->samples[rates->next].time = rates->time;
    rates->samples[rates->next].totals = rates->now;
    rates->next = (rates->next + 1) % RATES_SAMPLES;
    rates->count += rates->count < RATES_SAMPLES;
}

static uint64_t counter(const struct totals *totals, size_t offset) {
    return *(const uint64_t *)((const char *)totals + offset);
}

/* From the youngest sample that is a second old, or the oldest. */
double rates_of(const struct rates *rates, size_t offset) {
    size_t at = newest(rates);
    uint64_t passed = 0, rise;

    if (rates->count == 0)
        return 0;
    for (size_t i = 0; i < rates->count; i++) {
        at = (rates->next + RATES_SAMPLES - 1 - i) % RATES_SAMPLES;
        passed = rates->time - rates->samples[at].time;
        if (passed >= rates->ticks_per_second)
            break;
    }
    if (passed == 0)
        return 0;
    rise = counter(&rates->now, offset) - counter(&rates->samples[at].totals, offset);
    return (double)rise * (double)rates->ticks_per_second / (double)passed;
}
