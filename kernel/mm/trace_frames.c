/* SPDX-License-Identifier: MIT */
/* What a snapshot of the trace says of frames: their use, in runs of equal ones. */
#include "core/trace_state.h"
#include "mm/frame.h"
#include "mm/trace_frames.h"

static void tell_frames(uint64_t *seen) {
    uint64_t first = 0;

    (void)seen;
    for (uint64_t pfn = 1; pfn <= frame_table_count; pfn++) {
        if (pfn < frame_table_count && frame_table[pfn].use == frame_table[first].use)
            continue;
        trace_put_frame_use((uint32_t)first, (uint32_t)(pfn - first), frame_table[first].use);
        first = pfn;
    }
}

void trace_frames_init(void) {
    trace_frame_count = frame_table_count;
    trace_teller_add(tell_frames);
}
