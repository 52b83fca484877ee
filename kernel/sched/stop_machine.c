/* SPDX-License-Identifier: MIT */
/*
 * Holding processors still; see stop_machine.h.
 *
 * Whoever stands says so in `standing` and looks at `wanted` until it is over. Those who do not
 * come are interrupted again and again: each interrupt makes a thread give way before it goes back
 * to user code, and an idle processor go around its loop.
 */
#include "sched/stop_machine.h"

#include <stdatomic.h>

#include "core/clock.h"
#include "core/processors.h"
#include "sched/mutex.h"
#include "sync/cpu_call.h"

#define REMIND_NS 1000000ull

static struct mutex stop_mutex; /* one stopper at a time */
static atomic_bool wanted;
static _Atomic uint64_t standing; /* processors that do, as a mask */

void stop_machine_init(void) {
    mutex_init(&stop_mutex, "stop machine", LOCK_RANK_STOP_MACHINE);
}

bool stop_machine_wanted(void) {
    return atomic_load_explicit(&wanted, memory_order_relaxed);
}

static void remind(uint64_t missing) {
    for (; missing; missing &= missing - 1)
        processor_look((unsigned)__builtin_ctzll(missing));
}

void stop_machine_begin(void) {
    uint64_t reminded_ns = 0;
    uint64_t others;

    mutex_lock(&stop_mutex);
    others = cpus_running() & ~cpu_mask();
    atomic_store(&wanted, true);
    while (atomic_load(&standing) != others) {
        uint64_t now = clock_monotonic_ns();

        if (now - reminded_ns >= REMIND_NS) {
            reminded_ns = now;
            remind(others & ~atomic_load(&standing));
        }
        cpu_relax();
    }
}

void stop_machine_end(void) {
    atomic_store(&wanted, false);
    while (atomic_load(&standing) != 0)
        cpu_relax();
    mutex_unlock(&stop_mutex);
}

void stop_machine_stand(void) {
    irq_flags_t flags = irq_save();

    atomic_fetch_or(&standing, cpu_mask());
    while (atomic_load(&wanted)) {
        cpu_call_answer();
        cpu_relax();
    }
    atomic_fetch_and(&standing, ~cpu_mask());
    irq_restore(flags);
}
