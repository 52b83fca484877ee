/* SPDX-License-Identifier: MIT */
/* Physical memory; see frame.h. */
#include "user/memview/frame.h"

#include "trace/records.h"

#include <errno.h>
#include <stdlib.h>

int frames_make(struct frames *frames, uint64_t count) {
    frames_clear(frames);
    if (count == 0 || count > FRAME_COUNT_MAX)
        return -EINVAL;
    frames->frames = calloc(count, sizeof *frames->frames);
    if (!frames->frames)
        return -ENOMEM;
    frames->count = count;
    frames_use(frames, 0, count, TRACE_FRAME_USE_FREE);
    return 0;
}

void frames_clear(struct frames *frames) {
    free(frames->frames);
    *frames = (struct frames){0};
}

bool frames_use(struct frames *frames, uint64_t first, uint64_t count, uint8_t use) {
    if (first > frames->count || count > frames->count - first || use >= TRACE_FRAME_USE_COUNT)
        return false;
    for (uint64_t i = first; i < first + count; i++)
        frames->frames[i] = (struct frame){.use = use};
    return true;
}

bool frame_is_lonely(const struct frame *frame) {
    switch (frame->use) {
    case TRACE_FRAME_USE_ANON:
    case TRACE_FRAME_USE_FILE:
    case TRACE_FRAME_USE_SHMEM:
        return !frame->held && !frame->mapped;
    case TRACE_FRAME_USE_TABLE:
        return frame->level > 0 && !frame->held;
    default:
        return false;
    }
}

void frames_age(struct frames *frames) {
    for (size_t i = 0; i < frames->count; i++) {
        struct frame *frame = &frames->frames[i];
        if (!frame_is_lonely(frame))
            frame->lonely = 0;
        else if (frame->lonely < FRAME_LEAK_LOOKS)
            frame->lonely++;
        frame->leaked = frame->lonely == FRAME_LEAK_LOOKS;
    }
}
