/* SPDX-License-Identifier: MIT */
/*
 * Page tables under check: each way to a table, and the rules that each table keeps (page_table.h).
 * It only reads.
 *
 * vm/pmap.h numbers levels from 1 (a table of 4 KiB pages), paging.h from 0.
 */
#include "page_table.h"
#include "pmap_private.h"

/* Whether an entry of a table of a level leads to another table. */
static bool leads_to_table(pte_t entry, unsigned level) {
    return entry && level > 0 && !(entry & PTE_LARGE);
}

/* Entries that are a pmap's own: the kernel's half of the top table is everybody's. */
static unsigned own_entries(unsigned level) {
    return level == TABLE_TOP_LEVEL ? TABLE_KERNEL_FIRST : TABLE_ENTRIES;
}

static void visit(const struct pmap_table *at, const struct pmap_table_visitor *visitor) {
    unsigned level = at->level - 1u;

    if (!visitor->table(visitor->arg, at))
        return;
    for (unsigned i = 0; i < own_entries(level); i++) {
        pte_t entry = table_entries(at->frame)[i];
        struct pmap_table below = {.va = at->va + i * level_size(level), .level = (uint8_t)level};

        if (!leads_to_table(entry, level))
            continue;
        below.frame = entry_table(entry);
        below.is_masked = at->is_masked || !(entry & PTE_WRITE);
        visit(&below, visitor);
    }
}

void pmap_visit_tables(struct pmap *pmap, const struct pmap_table_visitor *visitor) {
    const struct pmap_table top = {.frame = pmap->top, .level = TABLE_TOP_LEVEL + 1};

    visit(&top, visitor);
}

/*
 * W where it may not be: the way to a table that others have too takes W from all below. An entry
 * before it may have done so: a table that is ours alone again still says W of those that a child
 * has un-shared it from.
 */
static bool leads_writable_to_shared(const struct pmap_table *at, pte_t entry, unsigned level) {
    return !at->is_masked && leads_to_table(entry, level) && (entry & PTE_WRITE) &&
           frame_refs(entry_table(entry)) > 1;
}

const char *pmap_table_violation(const struct pmap_table *table) {
    unsigned level = table->level - 1u, used = 0;
    const pte_t *entries = table_entries(table->frame);

    for (unsigned i = 0; i < own_entries(level); i++) {
        used += entries[i] != 0;
        if (leads_writable_to_shared(table, entries[i], level))
            return "leads writable to a table that others have";
        if (entries[i] && (entries[i] & (PTE_PRESENT | PTE_USER)) != (PTE_PRESENT | PTE_USER))
            return "has an entry that is not for users";
        if (leads_to_table(entries[i], level) && entry_table(entries[i])->use != FRAME_TABLE)
            return "leads to a frame that is no table";
    }
    if (used == 0 && level != TABLE_TOP_LEVEL)
        return "is empty, and not let go of";
    return used == table->frame->count ? NULL : "counts its entries wrong";
}
