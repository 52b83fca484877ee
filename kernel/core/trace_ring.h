/* SPDX-License-Identifier: MIT */
/*
 * Where records of the trace wait for their reader: a ring for each processor, and the order of
 * all.
 *
 * Words: a record's stamp is its time: ticks of the processor's counter, made to rise strictly over
 * all processors by one number that they share. The horizon is a time up to which no record is
 * missing from the rings.
 *
 * A processor writes to its own ring, with interrupts off, so one record is whole before the next
 * begins. It never waits: where there is no room it counts what is lost, and tells so before the
 * next record that fits. The reader takes records of all rings in the order of their stamps, as far
 * as the horizon.
 *
 * Protocol: who writes says so (`since`: no earlier stamp will be taken) before it takes its stamp,
 * and that it has ended after the record can be seen. The reader takes the number that the last
 * stamp was made of and then looks at `since` of each: either the record of an earlier stamp is
 * seen, or `since` is, and lowers the horizon.
 *
 * Locks: none. Rings are given and taken while no tracepoint is on and no processor is at one. One
 * reader at a time, which is the caller's to see to.
 */
#ifndef CORE_TRACE_RING_H
#define CORE_TRACE_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/trace.h"

/* Gives a processor's ring `bytes` of memory, a power of two and at least a page; NULL: takes it.
 */
void trace_ring_set(unsigned cpu, void *memory, size_t bytes);

/*
 * Takes whole records off the rings in order, up to `limit` and the horizon, as far as they fit.
 * Bytes of them. `limit`: no stamp from there on; UINT64_MAX: none.
 */
size_t trace_rings_read(void *buffer, size_t bytes, uint64_t limit);

/* Whether a ring has something, or something before a stamp. A hint, while records are written. */
bool trace_rings_have(uint64_t before);

/* The fullest ring: bytes in it, and the most it has room for. */
void trace_rings_fill(size_t *bytes, size_t *room);

/* Records lost by all processors since their rings were given. */
uint64_t trace_rings_lost(void);

/* A stamp of one's own. */
uint64_t trace_stamp(void);

/*
 * Where records go instead of into the rings, while it is set: those of the processor that has set
 * it, when all others stand still. NULL: nowhere else.
 */
struct trace_sink {
    void (*put)(struct trace_sink *sink, const void *bytes, size_t size);
    uint64_t records;     /* counted by trace_emit */
    uint64_t first_stamp; /* of the first of them */
};
void trace_sink_set(struct trace_sink *sink);

/* Tells the id of the running thread; 0: idle. Set at start, by who knows threads. */
extern uint32_t (*trace_tid)(void);

/*
 * Switches the tracepoints of these events on (a bit each, by number) and all others off, on all
 * processors. Implemented by arch. All others stand still (sched/stop_machine.h).
 */
void trace_points_switch(const uint64_t on[TRACE_EVENTS_MAX / 64]);

#endif
