/* SPDX-License-Identifier: MIT */
/*
 * Physical memory: what each frame is used for, as the stream says, and who has it, as the last
 * census (census.h) found.
 */
#ifndef USER_MEMVIEW_FRAME_H
#define USER_MEMVIEW_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_LEAK_LOOKS 8
#define FRAME_COUNT_MAX (1u << 26) /* 256 GiB */

struct frame {
    uint8_t use;   /* enum frame_use */
    uint8_t level; /* of the page table that it is; 0: none that was told of */

    /* Of the census. */
    uint8_t mapped : 1; /* an entry leads here */
    uint8_t held : 1;   /* it is a page of an object or a shadow, or a table of a space */
    uint8_t shared : 1; /* more than one space has it */
    uint8_t owned : 1;  /* `owner` is known */
    uint8_t leaked : 1;
    uint8_t lonely; /* looks in a row, up to FRAME_LEAK_LOOKS, at which nobody had it */
    uint32_t owner; /* index of a space (struct space) */
};

struct frames {
    struct frame *frames;
    size_t count;
};

/* A table of `count` frames, all free. 0, -ENOMEM, -EINVAL if there are too many. */
int frames_make(struct frames *frames, uint64_t count);
void frames_clear(struct frames *frames);

/* [first, first + count) are used for `use` from now on. False if there are no such frames. */
bool frames_use(struct frames *frames, uint64_t first, uint64_t count, uint8_t use);

/* Frame `pfn`, or NULL. */
static inline struct frame *frame_at(const struct frames *frames, uint64_t pfn) {
    return pfn < frames->count ? &frames->frames[pfn] : NULL;
}

/* After a census, a second or more of the stream's time after the last call: what nobody has had at
 * so many looks, and nothing was told of meanwhile, is leaked. (Between allocator and page tree a
 * frame is nobody's: for a moment, or for as long as an emulated processor stands still.) */
void frames_age(struct frames *frames);

/* True if a frame in use for pages or tables is one that nobody has. */
bool frame_is_lonely(const struct frame *frame);

#endif
