/* SPDX-License-Identifier: MIT */
/*
 * A number for each frame; see tally.h.
 */
#include "vm/tally.h"

#include "abi/errno.h"
#include "lib/bits.h"
#include "mm/slab.h"

/* Frames of a chunk: its numbers fill one frame. */
#define CHUNK_FRAMES (PAGE_SIZE / sizeof(uint32_t))

static size_t chunk_count(void) {
    return div_round_up(frame_table_count, CHUNK_FRAMES);
}

int vm_tally_init(struct vm_tally *tally) {
    tally->chunks = kcalloc(chunk_count(), sizeof(tally->chunks[0]));
    return tally->chunks ? 0 : -ENOMEM;
}

void vm_tally_free(struct vm_tally *tally) {
    for (size_t i = 0; tally->chunks && i < chunk_count(); i++)
        kfree(tally->chunks[i]);
    kfree(tally->chunks);
    tally->chunks = NULL;
}

/* Where a frame's number is, its chunk made if need be. NULL: no memory. */
static uint32_t *number_of(struct vm_tally *tally, const struct frame *frame) {
    pfn_t pfn = frame_to_pfn(frame);
    uint32_t **chunk = &tally->chunks[pfn / CHUNK_FRAMES];

    if (!*chunk)
        *chunk = kcalloc(CHUNK_FRAMES, sizeof(uint32_t));
    return *chunk ? &(*chunk)[pfn % CHUNK_FRAMES] : NULL;
}

int vm_tally_add(struct vm_tally *tally, const struct frame *frame) {
    uint32_t *number = number_of(tally, frame);

    if (!number)
        return -ENOMEM;
    ++*number;
    return 0;
}

int vm_tally_mark(struct vm_tally *tally, const struct frame *frame, uint32_t bits) {
    uint32_t *number = number_of(tally, frame), before;

    if (!number)
        return -ENOMEM;
    before = *number;
    *number |= bits;
    return (before & bits) == bits;
}

uint32_t vm_tally_get(const struct vm_tally *tally, const struct frame *frame) {
    pfn_t pfn = frame_to_pfn(frame);
    const uint32_t *chunk = tally->chunks[pfn / CHUNK_FRAMES];

    return chunk ? chunk[pfn % CHUNK_FRAMES] : 0;
}
