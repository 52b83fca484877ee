/* SPDX-License-Identifier: MIT */
/*
 * Moving a range of a map to other addresses, for mremap. Contract: vm/pmap.h.
 *
 * A table of 4 KiB leaves does not know which addresses it serves. So where both places are alike
 * modulo 2 MiB the entry that leads to it moves, or the large leaf, and nothing below is touched or
 * copied, even if others share it; only the tables above have to be ours. The rest is entered page
 * by page. Whatever there is no memory for is forgotten.
 */
#include "core/assert.h"
#include "lib/bits.h"
#include "page_table.h"
#include "pmap_private.h"
#include "tlb.h"
#include "tlb_check.h"

/* The W that is left of it down to a table of level 1. */
static pte_t way_write(struct pmap *pmap, uint64_t va) {
    struct frame *table = pmap->top;
    pte_t write = PTE_WRITE;

    for (unsigned level = TABLE_TOP_LEVEL; level > 1; level--) {
        pte_t entry = table_entries(table)[level_index(va, level)];

        write &= entry;
        table = entry_table(entry);
    }
    return write;
}

/* Moves what maps the 2 MiB at `from`; returns whether anything was. */
static bool move_entry(struct pmap *pmap, uint64_t from, uint64_t to) {
    struct frame *source, *target;
    pte_t *source_entry, *target_entry, moved;

    source = pmap_own_large_table(pmap, from, false);
    target = source ? pmap_own_large_table(pmap, to, true) : NULL;
    if (!target)
        return false;
    source_entry = &table_entries(source)[level_index(from, 1)];
    target_entry = &table_entries(target)[level_index(to, 1)];
    DEBUG_ASSERT(!*target_entry);
    *target_entry = way_write(pmap, from) ? *source_entry : *source_entry & ~PTE_WRITE;
    tlb_check_unseen(1, 0, *target_entry);
    table_trace_entry(target_entry, *target_entry);
    target->count++;
    moved = *source_entry;
    *source_entry = 0;
    tlb_check_entry(pmap, from, 1, moved, 0);
    table_trace_entry(source_entry, 0);
    source->count--;
    return true;
}

/* Enters at `to` what the pages from `from` on have, up to `end`. */
static void copy_pages(struct pmap *pmap, uint64_t from, uint64_t to, uint64_t end) {
    struct pmap_cursor cursor;

    pmap_cursor_init(&cursor, pmap, from);
    while (pmap_cursor_next_present(&cursor, end)) {
        if (pmap_enter(pmap, to + (cursor.at.va - from), cursor.at.pa, cursor.at.access) < 0)
            return;
        pmap_cursor_advance(&cursor, PAGE_SIZE);
    }
}

void pmap_move(struct pmap *pmap, uint64_t from, uint64_t to, uint64_t bytes) {
    bool alike = is_aligned(from ^ to, PMAP_LARGE_BYTES);
    struct pmap_cursor cursor;
    bool moved = false;
    uint64_t next;

    DEBUG_ASSERT(is_aligned(from | to | bytes, PAGE_SIZE));
    DEBUG_ASSERT(from + bytes <= to || to + bytes <= from);
    tlb_check_begin(pmap);
    pmap_cursor_init(&cursor, pmap, from);
    while (pmap_cursor_next_present(&cursor, from + bytes)) {
        uint64_t va = cursor.at.va;

        next = MIN(align_down(va, PMAP_LARGE_BYTES) + PMAP_LARGE_BYTES, from + bytes);
        if (alike && align_down(va, PMAP_LARGE_BYTES) >= from && is_aligned(next, PMAP_LARGE_BYTES))
            moved |= move_entry(pmap, align_down(va, PMAP_LARGE_BYTES),
                                to + (align_down(va, PMAP_LARGE_BYTES) - from));
        else
            copy_pages(pmap, va, to + (va - from), next);
        pmap_cursor_find(&cursor, next);
    }
    pmap_forget_ready(pmap);
    if (moved)
        tlb_flush_space(pmap);
    tlb_check_end(pmap);
    pmap_remove(pmap, from, from + bytes);
}
