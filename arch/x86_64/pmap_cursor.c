/* SPDX-License-Identifier: MIT */
/*
 * Reading page tables: lookup as the hardware would, and cursors over mappings and over tables.
 *
 * Cursors keep no pointers into tables: each step walks down from the top again, so that a cursor
 * stays good when entries come and go, and a step costs four loads.
 *
 * vm/pmap.h numbers levels from 1 (a table of 4 KiB pages), paging.h from 0.
 */
#include "core/assert.h"
#include "lib/bits.h"
#include "page_table.h"
#include "pmap_private.h"

/* ---- lookup ---- */

/* The table of a level on the way to va, which exists. */
static struct frame *table_at(struct pmap *pmap, uint64_t va, unsigned level) {
    struct frame *table = pmap->top;

    for (unsigned at = TABLE_TOP_LEVEL; at > level; at--)
        table = entry_table(table_entries(table)[level_index(va, at)]);
    return table;
}

/* Walks to va, filling entry->raw; returns the level of the last entry read. */
static unsigned walk(struct pmap *pmap, uint64_t va, struct pmap_entry *entry) {
    struct frame *table = pmap->top;
    unsigned level = TABLE_TOP_LEVEL;

    for (;; level--) {
        pte_t value = table_entries(table)[level_index(va, level)];

        entry->raw[TABLE_TOP_LEVEL - level] = value;
        if (level == 0 || !entry_is_way(value))
            return level;
        table = entry_table(value);
        entry->table_refs = (uint16_t)MAX(entry->table_refs, MIN(frame_refs(table), 0xffffu));
    }
}

/* The rights that the levels leave to a leaf, which is one of them: W and U are ANDed, NX is ORed.
 */
static unsigned rights_of(const pte_t raw[4], pte_t leaf) {
    pte_t all = raw[0] & raw[1] & raw[2] & leaf;
    pte_t any = raw[0] | raw[1] | raw[2] | leaf;
    unsigned rights = VM_READ;

    if (all & PTE_WRITE)
        rights |= VM_WRITE;
    if (!(any & PTE_NO_EXEC))
        rights |= VM_EXEC;
    if (leaf & PTE_SHARED)
        rights |= VM_SHARED;
    if (leaf & PTE_NO_CACHE)
        rights |= VM_UNCACHED;
    return rights;
}

bool pmap_lookup(struct pmap *pmap, uint64_t va, struct pmap_entry *entry) {
    unsigned level;
    pte_t leaf;

    *entry = (struct pmap_entry){.va = align_down(va, PAGE_SIZE)};
    level = walk(pmap, va, entry);
    leaf = entry->raw[TABLE_TOP_LEVEL - level];
    entry->level = (uint8_t)(level + 1);
    entry->present = leaf & PTE_PRESENT;
    if (entry->present) {
        entry->pa = (leaf & PTE_ADDRESS) | (entry->va & (level_size(level) - 1));
        entry->access = rights_of(entry->raw, leaf);
    }
    return entry->present;
}

/* ---- mappings ---- */

void pmap_cursor_init(struct pmap_cursor *cursor, struct pmap *pmap, uint64_t va) {
    cursor->pmap = pmap;
    pmap_cursor_find(cursor, va);
}

void pmap_cursor_find(struct pmap_cursor *cursor, uint64_t va) {
    if (va < USER_END)
        pmap_lookup(cursor->pmap, va, &cursor->at);
    else
        cursor->at = (struct pmap_entry){.va = align_down(va, PAGE_SIZE), .level = 1};
}

void pmap_cursor_advance(struct pmap_cursor *cursor, int64_t delta_bytes) {
    pmap_cursor_find(cursor, cursor->at.va + (uint64_t)delta_bytes);
}

/* Where a hole ends: at the next entry of its table that is present, or with the table. */
static uint64_t hole_end(const struct pmap_cursor *cursor) {
    unsigned level = cursor->at.level - 1u;
    const pte_t *entries = table_entries(table_at(cursor->pmap, cursor->at.va, level));
    uint64_t va = align_down(cursor->at.va, level_size(level));
    uint64_t end = align_down(va, level_size(level + 1)) + level_size(level + 1);

    do
        va += level_size(level);
    while (va < end && !(entries[level_index(va, level)] & PTE_PRESENT));
    return va;
}

bool pmap_cursor_next_present(struct pmap_cursor *cursor, uint64_t limit) {
    limit = MIN(limit, USER_END);
    while (!cursor->at.present && cursor->at.va < limit)
        pmap_cursor_find(cursor, hole_end(cursor));
    return cursor->at.present && cursor->at.va < limit;
}

int pmap_cursor_map(struct pmap_cursor *cursor, paddr_t pa, unsigned access) {
    int error = pmap_enter(cursor->pmap, cursor->at.va, pa, access);

    pmap_cursor_find(cursor, cursor->at.va);
    return error;
}

/* ---- table pages ---- */

/* The first entry at or after va that leads to a table, in one that covers up to end; its address
 * or end. */
static uint64_t next_below(const struct frame *table, unsigned level, uint64_t va, uint64_t end) {
    while (va < end && !entry_is_way(table_entries(table)[level_index(va, level)]))
        va = align_down(va, level_size(level)) + level_size(level);
    return va;
}

/* Stands at the table of a level that covers va, or at the first one below it. */
static void stand_at(struct pmap_table_cursor *cursor, uint64_t va, unsigned level) {
    struct frame *table = table_at(cursor->pmap, va, level);

    va = align_down(va, level_size(level + 1));
    for (; level > 0; level--) {
        uint64_t end = va + level_size(level + 1);
        uint64_t below = next_below(table, level, va, end);

        if (below == end)
            break; /* large leaves only */
        va = below;
        table = entry_table(table_entries(table)[level_index(va, level)]);
    }
    cursor->va = va;
    cursor->end_va = va + level_size(level + 1);
    cursor->pa = frame_to_phys(table);
    cursor->level = (uint8_t)(level + 1);
    cursor->refs = frame_refs(table);
    cursor->active = true;
}

/* Stands at a table itself, not below it. */
static void stand_on(struct pmap_table_cursor *cursor, uint64_t va, unsigned level) {
    struct frame *table = table_at(cursor->pmap, va, level);

    cursor->va = align_down(va, level_size(level + 1));
    cursor->end_va = cursor->va + level_size(level + 1);
    cursor->pa = frame_to_phys(table);
    cursor->level = (uint8_t)(level + 1);
    cursor->refs = frame_refs(table);
}

void pmap_table_cursor_init(struct pmap_table_cursor *cursor, struct pmap *pmap) {
    uint64_t va = next_below(pmap->top, TABLE_TOP_LEVEL, 0, USER_END);

    *cursor = (struct pmap_table_cursor){.pmap = pmap};
    if (va < USER_END)
        stand_at(cursor, va, TABLE_TOP_LEVEL - 1);
}

void pmap_table_cursor_next(struct pmap_table_cursor *cursor) {
    unsigned parent = cursor->level; /* paging.h's number of the level above */
    uint64_t parent_start = align_down(cursor->va, level_size(parent + 1));
    uint64_t parent_end =
        parent == TABLE_TOP_LEVEL ? USER_END : parent_start + level_size(parent + 1);
    uint64_t va =
        next_below(table_at(cursor->pmap, cursor->va, parent), parent, cursor->end_va, parent_end);

    if (va < parent_end)
        stand_at(cursor, va, parent - 1);
    else if (parent < TABLE_TOP_LEVEL)
        stand_on(cursor, parent_start, parent);
    else
        cursor->active = false;
}

paddr_t pmap_root(const struct pmap *pmap) {
    return frame_to_phys(pmap->top);
}

size_t pmap_table_pages(struct pmap *pmap) {
    struct pmap_table_cursor cursor;
    size_t pages = 1;

    for (pmap_table_cursor_init(&cursor, pmap); cursor.active; pmap_table_cursor_next(&cursor))
        pages++;
    return pages;
}
