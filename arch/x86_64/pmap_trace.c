/* SPDX-License-Identifier: MIT */
/*
 * What the trace says of tables as they are: of one that is made full, and of all in a snapshot.
 * Contract: vm/pmap.h.
 */
#include "core/trace_state.h"
#include "lib/bits.h"
#include "page_table.h"
#include "pmap_private.h"

/* Entries of one record: what is left of it behind the table and the first slot. */
#define RECORD_ENTRIES (TRACE_RECORD_WORDS_MAX - TRACE_HEADER_WORDS - 1)

static unsigned next_used(const pte_t *entries, unsigned slot, unsigned end) {
    while (slot < end && !entries[slot])
        slot++;
    return slot;
}

/* Where a stretch of entries ends that are all in use. */
static unsigned stretch_end(const pte_t *entries, unsigned slot, unsigned end) {
    while (slot < end && entries[slot])
        slot++;
    return slot;
}

void pmap_trace_table(const struct frame *table, unsigned level) {
    const pte_t *entries = table_entries(table);
    unsigned end = level == TABLE_TOP_LEVEL ? TABLE_KERNEL_FIRST : TABLE_ENTRIES;
    uint32_t pfn = (uint32_t)frame_to_pfn(table);

    trace_put_table_make(pfn, (uint8_t)(level + 1));
    for (unsigned slot = next_used(entries, 0, end); slot < end;) {
        unsigned last = MIN(stretch_end(entries, slot, end), slot + RECORD_ENTRIES);

        trace_put_entries(pfn, slot, entries + slot, last - slot);
        slot = next_used(entries, last, end);
    }
}

static bool tell_once(void *seen, const struct pmap_table *table) {
    if (trace_seen_mark(seen, frame_to_pfn(table->frame)))
        return false;
    pmap_trace_table(table->frame, table->level - 1u);
    return true;
}

void pmap_trace_tables(struct pmap *pmap, uint64_t *seen) {
    const struct pmap_table_visitor visitor = {.table = tell_once, .arg = seen};

    pmap_visit_tables(pmap, &visitor);
}
