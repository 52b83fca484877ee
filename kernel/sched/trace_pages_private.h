/* SPDX-License-Identifier: MIT */
/*
 * A snapshot in memory: see trace_reader.h. Between trace_pages.c and trace_reader.c.
 */
#ifndef SCHED_TRACE_PAGES_PRIVATE_H
#define SCHED_TRACE_PAGES_PRIVATE_H

#include "core/trace_ring.h"
#include "sched/trace_reader.h"

/* The stamp of its first record: what comes before is to be read before. */
uint64_t trace_pages_begin(const struct trace_pages *pages);

/* Bytes that are to be read yet. */
uint64_t trace_pages_left(const struct trace_pages *pages);

/*
 * trace_pages_take, which calls then(arg) when it is done, while all others stand still yet. NULL:
 * nobody.
 */
int trace_pages_take_and(enum trace_snapshot_reason reason, struct trace_pages **out,
                         void (*then)(void));

#endif
