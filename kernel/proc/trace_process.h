/* SPDX-License-Identifier: MIT */
/* What the trace hears of a process, and the processes' part of its snapshots (core/trace_state.h).
 */
#ifndef PROC_TRACE_PROCESS_H
#define PROC_TRACE_PROCESS_H

#include <stdint.h>

/* Tells that the process is there; for machine_call_rarely(), with `unused`. */
uint64_t process_tell(uint64_t process, uint64_t unused);

/* At boot, once, after those of the layers below. */
void process_trace_init(void);

#endif
