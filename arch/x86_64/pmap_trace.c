/* SPDX-License-Identifier: MIT */
/*
 * What the trace says of tables: of one entry, of one table, and of all in a snapshot.
 * Contract: vm/pmap.h.
 */
#include "core/trace_state.h"
#include "lib/bits.h"
#include "page_table.h"
#include "pmap_private.h"

/* Entries of one record: what is left of it behind the table and the first slot. */
#define RECORD_ENTRIES (TRACE_RECORD_WORDS_MAX - TRACE_HEADER_WORDS - 1)

uint64_t table_tell_entry(uint64_t entry, uint64_t value) {
    trace_put_entry((uint32_t)phys_to_pfn(virt_to_phys((const void *)entry)),
                    (uint32_t)(entry / sizeof(pte_t) % TABLE_ENTRIES), value);
    return 0;
}

uint64_t table_tell_made(uint64_t table, uint64_t level) {
    trace_put_table_make((uint32_t)frame_to_pfn((const struct frame *)table), (uint8_t)(level + 1));
    return 0;
}

uint64_t table_tell_free(uint64_t table, uint64_t unused) {
    (void)unused;
    trace_put_table_free((uint32_t)frame_to_pfn((const struct frame *)table));
    return 0;
}

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
