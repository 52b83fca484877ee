/* SPDX-License-Identifier: MIT */
/*
 * Tracepoints: where the kernel tells what happens to memory, in the records of
 * include/trace/schema.json. docs/trace.md says what the words mean.
 *
 *     trace_frame_alloc(pfn, order, use);      one no-op, unless somebody reads the trace: only
 *                                              then are the arguments made
 *     if (trace_fault_is_on()) ...             the same, to find out what is costly to tell
 *     trace_put_map(...)                       tells without asking: in a snapshot
 *
 * One for each event; the functions are made at build time (tools/trace_schema.py). They may be
 * called anywhere but in an NMI, with any lock held and in interrupts. They take none and never
 * wait.
 *
 * Where to put one: what is given up is told before anybody else can have it, what is taken
 * afterwards, and both under the lock that orders it with what others do to the same thing. So the
 * stream never says that a thing is two's.
 *
 * Who reads, and when tracepoints are switched on: sched/trace_reader.h. The rings:
 * core/trace_ring.h.
 */
#ifndef CORE_TRACE_H
#define CORE_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "machine/cpu.h"
#include "machine/trace_point.h"

#define TRACE_INLINE __attribute__((always_inline))

#define TRACE_EVENTS_MAX 128u /* numbers of events are below */
#define TRACE_HEADER_WORDS 2u
#define TRACE_RECORD_WORDS_MAX 255u
#define TRACE_STRING SIZE_MAX /* as a length: up to the NUL, which is told too */
#define TRACE_STRING_MAX 255u /* bytes that are told of a string, the NUL among them */

/* What begins the words that trace_emit() gets: the event, and the words of the whole record. */
#define TRACE_FIRST(event, payload_words)                                                          \
    ((uint64_t)(event) | (uint64_t)(TRACE_HEADER_WORDS + (payload_words)) << 16)

/*
 * Records an event: words[0] is TRACE_FIRST, the rest is the payload. Into the processor's ring; in
 * a snapshot into its sink.
 */
void trace_emit(const uint64_t *words);

/* The same as machine_call_rarely() wants it. */
uint64_t trace_emit_rarely(uint64_t words, uint64_t unused);

/*
 * The same where the last field may be of any length: `head_bytes` of the payload lie in `head`,
 * the field's bytes follow. A string is cut where it is too long; else it has to fit.
 */
void trace_emit_tail(unsigned event, const uint64_t *head, size_t head_bytes, const void *tail,
                     size_t tail_bytes);

/* The number that names an object or a shadow while it lives. NULL: 0. */
static inline uint64_t trace_id(const void *thing) {
    return (uint64_t)thing & ((1ull << 48) - 1);
}

#define trace_point(event) MACHINE_TRACE_POINT(event)

/* The same, and in passing self = cpu_self(): together they cost what that costs alone. */
#define trace_point_self(event, self) MACHINE_TRACE_POINT_SELF(event, self)

#include "trace/events.h"

#endif
