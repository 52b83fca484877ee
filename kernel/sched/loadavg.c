/* SPDX-License-Identifier: MIT */
/*
 * Load averages; see loadavg.h.
 *
 * Each sample moves an average towards the number of runnable threads n:
 *     load = load * decay + n * (1 - decay),   decay = exp(-5 s / period)
 *
 * Locks: the caller's run-queue lock.
 */
#include "sched/loadavg.h"

#define SAMPLE_NS 5000000000ull
#define ONE (1ull << LOADAVG_SHIFT)
/* After that many samples without load the 15-minute average has gone too. */
#define SAMPLES_MAX 4096

/* exp(-5/60), exp(-5/300), exp(-5/900), times ONE. */
static const uint64_t decay[3] = {60297, 64453, 65173};
static uint64_t averages[3];
static uint64_t sampled_ns;

static void sample(uint64_t runnable) {
    for (int i = 0; i < 3; i++)
        averages[i] = (averages[i] * decay[i] + runnable * ONE * (ONE - decay[i])) >> LOADAVG_SHIFT;
}

void loadavg_update(uint64_t now_ns, uint32_t runnable) {
    unsigned missed = 0;

    while (now_ns - sampled_ns >= 2 * SAMPLE_NS && missed++ < SAMPLES_MAX) {
        sample(0);
        sampled_ns += SAMPLE_NS;
    }
    if (now_ns - sampled_ns < SAMPLE_NS)
        return;
    sample(runnable);
    sampled_ns = missed < SAMPLES_MAX ? sampled_ns + SAMPLE_NS : now_ns;
}

void loadavg_get(uint64_t load[3]) {
    for (int i = 0; i < 3; i++)
        load[i] = averages[i];
}
