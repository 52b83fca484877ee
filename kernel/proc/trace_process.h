/* SPDX-License-Identifier: MIT */
/* The processes' part of a snapshot of the trace (core/trace_state.h). */
#ifndef PROC_TRACE_PROCESS_H
#define PROC_TRACE_PROCESS_H

/* At boot, once, after those of the layers below. */
void process_trace_init(void);

#endif
