/* SPDX-License-Identifier: MIT */
/* What kernel/core/trace*.c want of the machine, on the host. */
#include <stdatomic.h>

#include "core/trace.h"
#include "core/trace_ring.h"

bool host_trace_points[TRACE_EVENTS_MAX];

uint64_t machine_trace_ticks(void) {
    static _Atomic uint64_t ticks;

    return atomic_fetch_add(&ticks, 1) + 1;
}

void trace_points_switch(const uint64_t on[TRACE_EVENTS_MAX / 64]) {
    for (unsigned event = 0; event < TRACE_EVENTS_MAX; event++)
        host_trace_points[event] = on[event / 64] >> event % 64 & 1;
}
