/* SPDX-License-Identifier: MIT */
/*
 * The host's machine/trace_point.h: a tracepoint is on when a flag says so.
 */
#ifndef MACHINE_TRACE_POINT_H
#define MACHINE_TRACE_POINT_H

#include <stdbool.h>
#include <stdint.h>

/* By number of the event: tests/host/support/trace_model.c. */
extern bool host_trace_points[128];

#define MACHINE_TRACE_POINT(event) host_trace_points[event]
#define MACHINE_TRACE_POINT_SELF(event, self)                                                      \
    ((self) = machine_cpu_self(), host_trace_points[event])

/* The next tick: tests/host/support/trace_model.c. */
uint64_t machine_trace_ticks(void);

void trace_emit(const uint64_t *words);

static inline void machine_trace_emit_0(uint64_t first) {
    trace_emit(&first);
}

static inline void machine_trace_emit_1(uint64_t first, uint64_t a) {
    trace_emit((const uint64_t[]){first, a});
}

static inline void machine_trace_emit_2(uint64_t first, uint64_t a, uint64_t b) {
    trace_emit((const uint64_t[]){first, a, b});
}

static inline void machine_trace_emit_3(uint64_t first, uint64_t a, uint64_t b, uint64_t c) {
    trace_emit((const uint64_t[]){first, a, b, c});
}

static inline void machine_trace_emit_4(uint64_t first, uint64_t a, uint64_t b, uint64_t c,
                                        uint64_t d) {
    trace_emit((const uint64_t[]){first, a, b, c, d});
}

#endif
