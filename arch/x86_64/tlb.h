/* SPDX-License-Identifier: MIT */
/*
 * Taking translations away: invalidations are collected while tables are changed and done once, and
 * only then are tables that were unlinked let go of. Private to the pmap.
 *
 * A processor may use what it cached, leaf or path, until it is told; so the order is always:
 * change the entry, flush wherever the space runs, drop the table (SDM volume 3, 4.10.4
 * and 4.10.5).
 */
#ifndef X86_TLB_H
#define X86_TLB_H

#include <stdbool.h>
#include <stdint.h>

struct frame;
struct pmap;

#define TLB_BATCH_PAGES 16
#define TLB_BATCH_TABLES 16

struct tlb_batch {
    struct pmap *pmap;
    unsigned pages;  /* addresses collected */
    unsigned tables; /* tables collected */
    bool everything; /* more than pages tells: flush the whole space */
    uint64_t va[TLB_BATCH_PAGES];
    struct {
        struct frame *frame;
        unsigned level;
    } table[TLB_BATCH_TABLES];
};

void tlb_batch_init(struct tlb_batch *batch, struct pmap *pmap);

/* The translation of one page has lost something. */
static inline void tlb_batch_page(struct tlb_batch *batch, uint64_t va) {
    if (batch->pages == TLB_BATCH_PAGES)
        batch->everything = true;
    else
        batch->va[batch->pages++] = va;
}

/* A table of a level was unlinked: drop the reference that led to it, after the flush. */
void tlb_batch_table(struct tlb_batch *batch, struct frame *table, unsigned level);

/* Flushes what was collected and drops the tables. */
void tlb_batch_finish(struct tlb_batch *batch);

/* Flushes all of a space's translations, or one page's, wherever it runs. */
void tlb_flush_space(struct pmap *pmap);
void tlb_flush_page(struct pmap *pmap, uint64_t va);

#endif
