/* SPDX-License-Identifier: MIT */
/*
 * Between frame.c (the allocator) and frame_init.c (building the table). Nobody else's.
 */
#ifndef MM_FRAME_PRIVATE_H
#define MM_FRAME_PRIVATE_H

#include "mm/frame.h"

/* Forgets everything: no free frames, counts 0, no reclaimers. */
void buddy_init(void);

/* Frees the frames [start, end), whose records say FRAME_FREE and FRAME_ORDER_TAIL and which are
 * on no list. Counts nothing. Takes the buddy's lock. */
void buddy_free_range(pfn_t start, pfn_t end);

/* Counts `frames` frames as `to` instead of `from`. */
void frame_count_move(enum frame_use from, enum frame_use to, uint64_t frames);

#endif
