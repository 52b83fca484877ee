/* SPDX-License-Identifier: MIT */
/*
 * Reading the trace in the kernel: for /proc/trace and for a driver that carries it out.
 *
 *     trace_start();                         from here on the stream is whole
 *     for (;;) {
 *         n = trace_read(buffer, sizeof(buffer));
 *         if (n == 0) trace_wait(...); ...
 *     }
 *     trace_stop();
 *
 * The stream begins with a snapshot, and is in order. One reader at a time in the whole kernel: the
 * one who has started. All of these may sleep, but for trace_has_some, and are called with no lock
 * held but those of a rank below LOCK_RANK_TRACE.
 */
#ifndef SCHED_TRACE_READER_H
#define SCHED_TRACE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/trace.h"
#include "sched/wait.h"

/* Settings, looked at by trace_start. /proc/sys/kernel/trace_ring_kib, _trace_groups. */
#define TRACE_RING_KIB_MIN 16u
#define TRACE_RING_KIB_MAX 4096u
extern uint64_t trace_ring_kib; /* atomic: of each ring; rounded down to a power of two */
extern uint64_t trace_groups;   /* atomic: a bit for each group (enum trace_group) that is told */

/* At boot, once, after the scheduler. */
void trace_reader_init(void);

/*
 * Takes memory for the rings and for a snapshot, and switches tracepoints on. 0; -EBUSY: there is a
 * reader; -ENOMEM.
 */
int trace_start(void);

/* Switches them off and gives everything back. */
void trace_stop(void);

/* Bytes that trace_read needs at least: the longest record. */
#define TRACE_READ_MIN (8u * TRACE_RECORD_WORDS_MAX)

/*
 * Puts what there is into the buffer (aligned to 8), as much as fits: whole records, but for those
 * of a snapshot, which may go on with the next call. Bytes; 0: there is nothing, or so little that
 * it is worth waiting for more.
 */
size_t trace_read(void *buffer, size_t bytes);

/* Whether trace_read would find something. A hint. */
bool trace_has_some(void);

/*
 * Woken when a ring is half full, and some milliseconds after there is something to read. Nobody
 * waits for less: who reads the trace is in it.
 */
extern struct wait_queue trace_waiters;

/* Sleeps until there is something. 0, -EINTR, -ETIMEDOUT. */
int trace_wait(uint64_t deadline_ns);

/*
 * Puts another snapshot into the stream, behind what has happened before; anybody may. 0; -ENOMEM;
 * -EBUSY: the last one has not been read yet; -ESRCH: there is no reader.
 */
int trace_snapshot(enum trace_snapshot_reason reason);

/*
 * The header of a stream: magic, length, JSON, padded (docs/trace.md). `command`: what is traced,
 * "" if nobody says. *size bytes, to be kfreed; NULL: no memory.
 */
char *trace_stream_header(const char *command, size_t *size);

/* On the way to user mode, with CPU_WORK_TRACE: lets the reader go first. */
void trace_reader_hurry(void);

/* ---- a snapshot by itself ---- */

struct trace_pages;

/* Takes one. 0 with *out, or -ENOMEM. */
int trace_pages_take(enum trace_snapshot_reason reason, struct trace_pages **out);

/* Takes up to `bytes` bytes off its front. 0: there is nothing more. */
size_t trace_pages_read(struct trace_pages *pages, void *buffer, size_t bytes);

void trace_pages_free(struct trace_pages *pages);

#endif
