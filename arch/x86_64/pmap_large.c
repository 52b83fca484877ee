/* SPDX-License-Identifier: MIT */
/*
 * Leaves of 2 MiB: entering and splitting them. Contract: vm/pmap.h.
 *
 * A large leaf stands in a table of level 1, in place of an entry that leads to a table of 4 KiB
 * leaves. Where one takes the other's place the entry is cleared, flushed, and only then written:
 * a processor that cached both would be free to use either (SDM volume 3, 4.10.4.3). One INVLPG
 * drops all that is cached of a large leaf; what is cached below a table takes the whole space.
 */
#include "abi/errno.h"
#include "core/assert.h"
#include "lib/bits.h"
#include "page_table.h"
#include "pmap_private.h"
#include "tlb.h"
#include "tlb_check.h"

struct frame *pmap_split_large(struct pmap *pmap, pte_t *entry, uint64_t va) {
    struct frame *table = table_alloc();
    pte_t large = *entry, leaf = large & ~PTE_LARGE;
    pte_t *to;

    if (!table)
        return NULL;
    to = table_entries(table);
    for (unsigned i = 0; i < TABLE_ENTRIES; i++, leaf += PAGE_SIZE)
        to[i] = leaf;
    tlb_check_unseen(1, 0, large); /* what the new leaves lead to */
    table->count = TABLE_ENTRIES;
    *entry = 0;
    tlb_check_entry(pmap, va, 1, large, 0);
    tlb_flush_page(pmap, va);
    *entry = entry_for_table(table);
    if (trace_table_make_is_on())
        pmap_trace_table(table, 0);
    table_trace_entry(entry, *entry);
    pmap_count()->large_split++;
    return table;
}

/* Clears an entry, with all that processors have of it, for a leaf of another size. */
static void clear_table_entry(struct pmap *pmap, pte_t *entry) {
    struct frame *table = entry_table(*entry);

    pmap_forget_ready(pmap);
    *entry = 0;
    tlb_check_entry(pmap, 0, 1, entry_for_table(table), 0);
    table_trace_entry(entry, 0);
    tlb_flush_space(pmap);
    table_drop(table, 0);
}

int pmap_enter_large(struct pmap *pmap, uint64_t va, paddr_t pa, unsigned access) {
    struct frame *table = pmap_own_large_table(pmap, va, access & VM_WRITE);
    pte_t next = leaf_entry(pa, access) | PTE_LARGE;
    pte_t *entry, old;

    DEBUG_ASSERT(va < USER_END && is_aligned(va | pa, PMAP_LARGE_BYTES));
    DEBUG_ASSERT(!(access & VM_SHARED));
    if (!table)
        return -ENOMEM;
    entry = &table_entries(table)[level_index(va, 1)];
    old = *entry;
    if (old && !entry_is_large(old))
        clear_table_entry(pmap, entry);
    *entry = next;
    tlb_check_entry(pmap, va, 1, entry_is_large(old) ? old : 0, next);
    table_trace_entry(entry, next);
    table->count += !old;
    if (old && entry_is_large(old) && takes_away(old, next))
        tlb_flush_page(pmap, va);
    tlb_check_settled(pmap);
    pmap_count()->large_entered++;
    return 0;
}
