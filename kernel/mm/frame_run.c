/* SPDX-License-Identifier: MIT */
/*
 * Runs: as many single frames as a huge page has, next to each other. Contracts: mm/frame.h.
 *
 * Nobody keeps a list or a count of runs. The mark in the records of their frames tells them apart,
 * and goes when a frame is handed out again; so a run ends with the first frame of it that does,
 * without anybody having to notice.
 *
 * No locks but the buddy's. Looking at records of frames that belong to others is a look at this
 * moment: what it says of a run of one's own is certain, of others' it may be over already.
 */
#include "core/trace.h"
#include "lib/bits.h"
#include "mm/frame_private.h"

struct frame *frame_alloc_run(enum frame_use use) {
    const struct frame record = {.refs = 1, .use = (uint8_t)use, .count = FRAME_RUN_MARK};
    struct frame *first = buddy_alloc(FRAME_RUN_ORDER);

    if (!first)
        return NULL;
    frame_fill_records(first, &record, FRAME_RUN_FRAMES);
    frame_count_move(FRAME_FREE, use, FRAME_RUN_FRAMES);
    trace_frame_alloc((uint32_t)frame_to_pfn(first), FRAME_RUN_ORDER, use);
    return first;
}

bool frame_run_is_whole(const struct frame *f) {
    uint64_t first = align_down(frame_to_pfn(f), FRAME_RUN_FRAMES);

    if (first + FRAME_RUN_FRAMES > frame_table_count)
        return false;
    for (unsigned i = 0; i < FRAME_RUN_FRAMES; i++) {
        if (!frame_is_of_run(&frame_table[first + i]))
            return false;
    }
    return true;
}

uint64_t frame_run_bytes(void) {
    uint64_t bytes = 0;

    for (uint64_t first = 0; first < frame_table_count; first += FRAME_RUN_FRAMES) {
        if (frame_run_is_whole(&frame_table[first]))
            bytes += FRAME_RUN_BYTES;
    }
    return bytes;
}
