/* SPDX-License-Identifier: MIT */
/*
 * Invalidation of translations; see tlb.h.
 *
 * Who runs a space is told by the bits of pmap->active. A processor sets its bit before it loads
 * the tables and clears it after it has loaded others; whoever changes an entry looks at the bits
 * afterwards. So a processor whose bit is not seen has not read the entry before the change.
 *
 * A processor that has a space left over from a thread that is gone lets go of it when it is told,
 * instead of being told again and again.
 *
 * Pages are flushed one by one up to TLB_BATCH_PAGES; beyond that reloading CR3 is cheaper.
 */
#include "tlb.h"

#include "core/cpu.h"
#include "page_table.h"
#include "pmap_private.h"
#include "sync/cpu_call.h"
#include "tlb_check.h"
#include "arch/x86_64/x86.h"

/* What other processors have to forget: some pages, or everything when there are none. */
struct order {
    struct pmap *pmap;
    const uint64_t *va;
    unsigned pages;
};

static void flush_space_here(const struct pmap *pmap) {
    pmap_count()->flush_space++;
    write_cr3(frame_to_phys(pmap->top));
    tlb_check_flushed();
}

static void flush_page_here(uint64_t va) {
    invlpg(va);
    tlb_check_flushed_page(va);
}

static void flush_pages_here(const uint64_t *va, unsigned pages) {
    pmap_count()->flush_page += pages;
    for (unsigned i = 0; i < pages; i++)
        flush_page_here(va[i]);
}

/* In an interrupt on another processor. */
static void obey(void *arg) {
    const struct order *order = arg;
    const struct cpu *cpu = cpu_self();

    pmap_count()->flush_received++;
    if (cpu->pmap != order->pmap)
        return;
    if (cpu->pmap_is_left_over) {
        pmap_activate(NULL);
    } else if (order->pages == 0) {
        pmap_count()->space_received++;
        flush_space_here(order->pmap);
    } else {
        pmap_count()->page_received += order->pages;
        flush_pages_here(order->va, order->pages);
    }
}

static __attribute__((noinline)) void tell(uint64_t others, struct pmap *pmap, const uint64_t *va,
                                           unsigned pages) {
    struct order order = {pmap, va, pages};

    pmap_count()->flush_told++;
    for (uint64_t left = others; left; left &= left - 1)
        pmap_count()->flush_sent++;
    cpu_call(others, obey, &order);
}

/* The other processors that may have used what was changed before. */
static uint64_t others_of(struct pmap *pmap) {
    atomic_thread_fence(memory_order_seq_cst); /* the change comes before the look */
    /* One that has left wrote by what was changed before it did. */
    return atomic_load_explicit(&pmap->active, memory_order_acquire) & ~cpu_mask();
}

static bool runs_here(const struct pmap *pmap) {
    return cpu_self()->pmap == pmap;
}

void tlb_flush_space(struct pmap *pmap) {
    uint64_t others = others_of(pmap);

    trace_flush_space((uint32_t)frame_to_pfn(pmap->top), (uint32_t)others);
    if (runs_here(pmap))
        flush_space_here(pmap);
    if (others)
        tell(others, pmap, NULL, 0);
}

static void flush_pages(struct pmap *pmap, const uint64_t *va, unsigned pages) {
    uint64_t others = others_of(pmap);

    for (unsigned i = 0; trace_flush_page_is_on() && i < pages; i++)
        trace_put_flush_page((uint32_t)frame_to_pfn(pmap->top), va[i], (uint32_t)others);
    if (runs_here(pmap))
        flush_pages_here(va, pages);
    if (others)
        tell(others, pmap, va, pages);
}

void tlb_flush_page(struct pmap *pmap, uint64_t va) {
    uint64_t others = others_of(pmap);

    trace_flush_page((uint32_t)frame_to_pfn(pmap->top), va, (uint32_t)others);
    if (runs_here(pmap)) {
        pmap_count()->flush_page++;
        flush_page_here(va);
    }
    if (others)
        tell(others, pmap, &(uint64_t){va}, 1);
}

static void let_go(void *pmap) {
    if (cpu_self()->pmap == pmap)
        pmap_activate(NULL);
}

void pmap_retire(struct pmap *pmap) {
    uint64_t active = atomic_load_explicit(&pmap->active, memory_order_acquire);

    ASSERT(cpu_self()->pmap != pmap);
    if (active)
        cpu_call(active, let_go, pmap);
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
    else if (batch->pages)
        flush_pages(batch->pmap, batch->va, batch->pages);
    for (unsigned i = 0; i < batch->tables; i++)
        table_drop(batch->table[i].frame, batch->table[i].level);
    tlb_batch_init(batch, batch->pmap);
}
