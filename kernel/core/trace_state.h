/* SPDX-License-Identifier: MIT */
/*
 * A snapshot of the trace: the whole state in the words of its events. Each layer adds a teller for
 * what it owns, which calls the trace_put_*() functions.
 *
 * Tellers are called while all other processors stand still (sched/stop_machine.h): nobody holds a
 * spinlock and nothing is halfway. They allocate nothing and never sleep. What they tell goes into
 * a sink (core/trace_ring.h).
 */
#ifndef CORE_TRACE_STATE_H
#define CORE_TRACE_STATE_H

#include "core/trace.h"
#include "core/trace_ring.h"

/*
 * At start: adds a teller; they are called in the order in which they were added. `seen` has a bit
 * for each frame, 0 at first: for tables that more than one entry leads to.
 */
void trace_teller_add(void (*tell)(uint64_t *seen));

/* Frames that the machine has records of. Set at start, by mm. */
extern uint64_t trace_frame_count;

/* Bytes that `seen` takes. */
static inline size_t trace_seen_bytes(void) {
    return (trace_frame_count + 63) / 64 * sizeof(uint64_t);
}

/* Tells all of it into the sink, snapshot_begin and snapshot_end around. */
void trace_state_tell(struct trace_sink *sink, uint64_t *seen, enum trace_snapshot_reason reason);

/* Marks a frame. Whether it was marked before. */
static inline bool trace_seen_mark(uint64_t *seen, uint64_t pfn) {
    uint64_t bit = 1ull << pfn % 64;
    bool before = seen[pfn / 64] & bit;

    seen[pfn / 64] |= bit;
    return before;
}

#endif
