/* SPDX-License-Identifier: MIT */
/* The frames' part of a snapshot of the trace (core/trace_state.h). */
#ifndef MM_TRACE_FRAMES_H
#define MM_TRACE_FRAMES_H

/* At boot, once, when the frame table is there. */
void trace_frames_init(void);

#endif
