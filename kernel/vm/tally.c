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

int vm_tally_add(struct vm_tally *tally, const struct frame *frame) {
    pfn_t pfn = frame_to_pfn(frame);
    uint32_t **chunk = &tally->chunks[pfn / CHUNK_FRAMES];

    if (!*chunk)
        *chunk = kcalloc(CHUNK_FRAMES, sizeof(uint32_t));
    if (!*chunk)
        return -ENOMEM;
    (*chunk)[pfn % CHUNK_FRAMES]++;
    return 0;
}

void vm_tally_mark(struct vm_tally *tally, const struct frame *frame, uint32_t bits) {
    pfn_t pfn = frame_to_pfn(frame);

    tally->chunks[pfn / CHUNK_FRAMES][pfn % CHUNK_FRAMES] |= bits;
}

uint32_t vm_tally_get(const struct vm_tally *tally, const struct frame *frame) {
    pfn_t pfn = frame_to_pfn(frame);
    const uint32_t *chunk = tally->chunks[pfn / CHUNK_FRAMES];

    return chunk ? chunk[pfn % CHUNK_FRAMES] : 0;
}
