/* SPDX-License-Identifier: MIT */
/*
 * Rings of the trace with processors that are threads: each tells a row of numbers, and one more
 * thread reads. All come in the order of their stamps, none is missing that is not told as lost.
 */
#ifndef THREADS_TRACE_H
#define THREADS_TRACE_H

struct cpu;

/* `count` processors tell `each` events. */
void threads_trace(struct cpu *cpus, unsigned count, unsigned each);

#endif
