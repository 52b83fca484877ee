/* SPDX-License-Identifier: MIT */
/*
 * Invalidation of translations; see tlb.h. One processor runs, so telling every processor that runs
 * a space is telling this one if it does.
 *
 * Pages are flushed one by one up to TLB_BATCH_PAGES; beyond that reloading CR3 is cheaper.
 */
#include "tlb.h"

#include "core/cpu.h"
#include "page_table.h"
#include "pmap_private.h"
#include "arch/x86_64/x86.h"

static bool runs_here(const struct pmap *pmap) {
    return cpu_self()->pmap == pmap;
}

void tlb_flush_space(struct pmap *pmap) {
    if (!runs_here(pmap))
        return;
    pmap_counters.flush_space++;
    write_cr3(frame_to_phys(pmap->top));
}

void tlb_flush_page(struct pmap *pmap, uint64_t va) {
    if (!runs_here(pmap))
        return;
    pmap_counters.flush_page++;
    invlpg(va);
}

void tlb_batch_init(struct tlb_batch *batch, struct pmap *pmap) {
    batch->pmap = pmap;
    batch->pages = 0;
    batch->tables = 0;
    batch->everything = false;
}

void tlb_batch_table(struct tlb_batch *batch, struct frame *table, unsigned level) {
    if (batch->tables == TLB_BATCH_TABLES)
        tlb_batch_finish(batch);
    batch->table[batch->tables].frame = table;
    batch->table[batch->tables++].level = level;
    batch->everything = true;
}

void tlb_batch_finish(struct tlb_batch *batch) {
    if (batch->everything)
        tlb_flush_space(batch->pmap);
    for (unsigned i = 0; i < batch->pages && !batch->everything; i++)
        tlb_flush_page(batch->pmap, batch->va[i]);
    for (unsigned i = 0; i < batch->tables; i++)
        table_drop(batch->table[i].frame, batch->table[i].level);
    tlb_batch_init(batch, batch->pmap);
}
