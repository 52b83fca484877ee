/* SPDX-License-Identifier: MIT */
/*
 * Load averages; see loadavg.h.
 *
 * Each sample moves an average towards the number of runnable threads n:
 *     load = load * decay + n * (1 - decay),   decay = exp(-5 s / period)
 *
 * Locks: loadavg_lock, inside a run queue's.
 */
#include "sched/loadavg.h"

#include "sync/spinlock.h"

#define SAMPLE_NS 5000000000ull
#define ONE (1ull << LOADAVG_SHIFT)
/* After that many samples without load the 15-minute average has gone too. */
#define SAMPLES_MAX 4096

/* exp(-5/60), exp(-5/300), exp(-5/900), times ONE. */
static const uint64_t decay[3] = {60297, 64453, 65173};
static struct spinlock loadavg_lock = SPINLOCK_INIT("loadavg", LOCK_RANK_LOADAVG);
static uint64_t averages[3]; /* loadavg_lock */
static uint64_t sampled_ns;  /* loadavg_lock */

static void sample(uint64_t runnable) {
    for (int i = 0; i < 3; i++)
        averages[i] = (averages[i] * decay[i] + runnable * ONE * (ONE - decay[i])) >> LOADAVG_SHIFT;
}

static void update_locked(uint64_t now_ns, uint32_t runnable) {
    unsigned missed = 0;

    if (now_ns < sampled_ns)
        return; /* another processor's clock was read later */
    while (now_ns - sampled_ns >= 2 * SAMPLE_NS && missed++ < SAMPLES_MAX) {
        sample(0);
        sampled_ns += SAMPLE_NS;
    }
    if (now_ns - sampled_ns < SAMPLE_NS)
        return;
    sample(runnable);
    sampled_ns = missed < SAMPLES_MAX ? sampled_ns + SAMPLE_NS : now_ns;
}

void loadavg_update(uint64_t now_ns, uint32_t runnable) {
    irq_flags_t flags;

    if (now_ns - __atomic_load_n(&sampled_ns, __ATOMIC_RELAXED) < SAMPLE_NS)
        return;
    flags = spin_lock_irq(&loadavg_lock);
    update_locked(now_ns, runnable);
    spin_unlock_irq(&loadavg_lock, flags);
}

void loadavg_get(uint64_t load[3]) {
    irq_flags_t flags = spin_lock_irq(&loadavg_lock);

    for (int i = 0; i < 3; i++)
        load[i] = averages[i];
    spin_unlock_irq(&loadavg_lock, flags);
}
