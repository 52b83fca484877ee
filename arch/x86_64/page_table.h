/* SPDX-License-Identifier: MIT */
/*
 * Table pages of user spaces: making, sharing, copying and giving them back. Private to the pmap.
 *
 * A table is a frame: its refs are the entries that lead to it (a top-level table has one: its
 * pmap's), its count the entries in use. Entries below the top hold no reference on pages, and one
 * reference on a table each. An entry of level 1 may be a leaf itself, of 2 MiB: a large leaf.
 *
 * Invariants:
 *   - a table with more than one reference is never changed (by us; the processor sets A and D);
 *   - where an entry that leads to a table lacks W, the entries below may say W without deserving
 *     it: whoever sets W there clears it below first (table_regain);
 *   - a free table in hand is all zeroes, so only the entries in use ever have to be cleared.
 *
 * Levels are those of paging.h: 0 holds the leaves of 4 KiB.
 */
#ifndef X86_PAGE_TABLE_H
#define X86_PAGE_TABLE_H

#include <stdbool.h>

#include "core/trace.h"
#include "mm/frame.h"
#include "paging.h"

/* What an entry that leads to a user table says, rights at the widest: the leaves narrow them. */
#define PTE_TABLE (PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_ACCESSED)

/* Software's bit in a leaf: the page of a shared mapping; a fork leaves its W alone. */
#define PTE_SHARED (1UL << 9)

static inline pte_t *table_entries(const struct frame *table) {
    return frame_to_virt(table);
}

static inline struct frame *entry_table(pte_t entry) {
    return phys_to_frame(entry & PTE_ADDRESS);
}

static inline pte_t entry_for_table(const struct frame *table) {
    return frame_to_phys(table) | PTE_TABLE;
}

/* Whether an entry, above level 0, is a leaf itself. */
static inline bool entry_is_large(pte_t entry) {
    return entry & PTE_LARGE;
}

/* Whether it leads to a table: neither that nor empty. */
static inline bool entry_is_way(pte_t entry) {
    return (entry & (PTE_PRESENT | PTE_LARGE)) == PTE_PRESENT;
}

/*
 * Tell the trace of an entry that was written, or is about to be, under the lock that keeps others
 * from it; of a new table of a level with nothing in it; of one that goes. For
 * machine_call_rarely(): pointers as numbers.
 */
uint64_t table_tell_entry(uint64_t entry, uint64_t value);
uint64_t table_tell_made(uint64_t table, uint64_t level);
uint64_t table_tell_free(uint64_t table, uint64_t unused);

static inline TRACE_INLINE void table_trace_entry(const pte_t *entry, pte_t value) {
    if (trace_entry_is_on())
        machine_call_rarely(table_tell_entry, (uint64_t)entry, value);
}

static inline TRACE_INLINE void table_trace_made(const struct frame *table, unsigned level) {
    if (trace_table_make_is_on())
        machine_call_rarely(table_tell_made, (uint64_t)table, level);
}

static inline TRACE_INLINE void table_trace_free(const struct frame *table) {
    if (trace_table_free_is_on())
        machine_call_rarely(table_tell_free, (uint64_t)table, 0);
}

/* At boot: the caches of tables in hand. */
void table_init(void);

/* An empty table, refs 1; NULL: no memory. */
struct frame *table_alloc(void);

/* A top-level table: empty but for the kernel's half. NULL: no memory. */
struct frame *table_alloc_top(void);

/* Gives back a top-level table, and drops all that its user half leads to. */
void table_free_top(struct frame *top);

/* Drops one reference; with the last one, what the table leads to is dropped as well. */
void table_drop(struct frame *table, unsigned level);

/* A copy that is ours alone, with W cleared where a fork clears it. NULL: no memory. */
struct frame *table_copy(const struct frame *table, unsigned level);

/* Prepares a table that is ours alone again for W above it: nothing below says W undeservedly. */
void table_regain(struct frame *table, unsigned level);

/* An entry as the other side of a fork may have it. */
static inline pte_t entry_unwritable(pte_t entry, unsigned level) {
    return level == 0 && (entry & PTE_SHARED) ? entry : entry & ~PTE_WRITE;
}

#endif
