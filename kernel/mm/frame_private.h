/* SPDX-License-Identifier: MIT */
/*
 * Between frame.c (the allocator), frame_init.c (building the table), frame_run.c and
 * frame_collect.c. Nobody else's.
 */
#ifndef MM_FRAME_PRIVATE_H
#define MM_FRAME_PRIVATE_H

#include "machine/memory.h"
#include "mm/frame.h"
#include "mm/hand.h"

/* Forgets everything: no free frames, counts 0, no reclaimers. */
void buddy_init(void);

/* Frees the frames [start, end), whose records say FRAME_FREE and FRAME_ORDER_TAIL and which are
 * on no list. Counts nothing. Takes the buddy's lock. */
void buddy_free_range(pfn_t start, pfn_t end);

/* A block of exactly `order`, its records those of free frames on no list; NULL: none is that
 * large. Counts nothing. Takes the buddy's lock. */
struct frame *buddy_alloc(unsigned order);

/* Writes one record over n frames. */
static inline void frame_fill_records(struct frame *first, const struct frame *record, uint64_t n) {
    uint64_t word;

    __builtin_memcpy(&word, record, sizeof(word));
    machine_fill_words(first, word, n);
}

/* Use and order as one word, which is what a neighbour that is freed looks at. */
static inline uint16_t frame_kind(enum frame_use use, unsigned order) {
    return (uint16_t)((unsigned)use | order << 8);
}

static inline uint16_t frame_kind_get(const struct frame *f) {
    return __atomic_load_n((const uint16_t *)(const void *)&f->use, __ATOMIC_RELAXED);
}

static inline void frame_kind_set(struct frame *f, enum frame_use use, unsigned order) {
    __atomic_store_n((uint16_t *)(void *)&f->use, frame_kind(use, order), __ATOMIC_RELAXED);
}

/* Writes a whole record at once. */
static inline void frame_record_set(struct frame *f, const struct frame *record) {
    uint64_t word;

    __builtin_memcpy(&word, record, sizeof(word));
    __atomic_store_n((uint64_t *)(void *)f, word, __ATOMIC_RELAXED);
}

/* While it is set a cache that is empty takes one frame at a time. Takes the buddy's lock. */
void buddy_set_frugal(bool frugal);

/* No reclaimers. */
void frame_collect_init(void);

/* Tries take(order), then has everybody's spare frames brought together and tries again. NULL:
 * there is nothing. `take` takes the buddy's lock only. */
struct frame *frame_collect(struct frame *(*take)(unsigned order), unsigned order);

/* In an interrupt: this processor's cache is handed over to who collects, who takes it. False: it
 * is being touched, and nothing was done. */
bool frame_cache_hand_over(void);

/* Who collects gives the buddy what a processor has handed over. */
void frame_cache_take_over(unsigned index);

/* Counts `frames` frames as `to` instead of `from`. */
void frame_count_move(enum frame_use from, enum frame_use to, uint64_t frames);

#endif
