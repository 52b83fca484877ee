/* SPDX-License-Identifier: MIT */
/*
 * pmap_walk of the model pmap: its tables are frames that nobody looks into, so what their entries
 * would say is made up from what the other calls of vm/pmap.h tell.
 */
#include "lib/bits.h"
#include "mm/frame.h"
#include "vm/pmap.h"

/* Bytes that one entry of a table covers. */
#define ENTRY_BYTES(level) (PAGE_SIZE << (9 * ((level)-1)))

/* The tables on the way to an address. */
struct way {
    uint64_t va;
    struct frame *tables[PMAP_LEVELS + 1]; /* by level */
};

static bool note_table(void *arg, const struct pmap_table *table) {
    struct way *way = arg;

    if (way->va - table->va < 512 * ENTRY_BYTES(table->level))
        way->tables[table->level] = table->frame;
    return true;
}

static uint16_t leaf_bits(unsigned access) {
    uint16_t bits =
        PMAP_STEP_PRESENT | PMAP_STEP_USER | PMAP_STEP_LEAF | PMAP_STEP_ACCESSED | PMAP_STEP_DIRTY;

    bits |= access & VM_WRITE ? PMAP_STEP_WRITE : 0;
    bits |= access & VM_EXEC ? 0 : PMAP_STEP_NO_EXEC;
    bits |= access & VM_SHARED ? PMAP_STEP_SHARED : 0;
    return bits | (access & VM_UNCACHED ? PMAP_STEP_UNCACHED : 0);
}

static void fill(struct pmap_step *step, const struct way *way, const struct pmap_entry *entry) {
    const struct frame *below = step->level > 1 ? way->tables[step->level - 1u] : NULL;

    if (entry->present && entry->level == step->level) {
        step->target = entry->pa - (entry->va & (ENTRY_BYTES(step->level) - 1));
        step->bits = leaf_bits(entry->access);
    } else if (below) {
        step->target = frame_to_phys(below);
        step->bits = PMAP_STEP_PRESENT | PMAP_STEP_WRITE | PMAP_STEP_USER | PMAP_STEP_ACCESSED;
    }
}

unsigned pmap_walk(struct pmap *pmap, uint64_t va, struct pmap_step steps[PMAP_LEVELS]) {
    const struct pmap_table_visitor visitor = {note_table, &(struct way){.va = va}};
    const struct way *way = visitor.arg;
    struct pmap_entry entry;
    unsigned count = 0;

    pmap_visit_tables(pmap, &visitor);
    pmap_lookup(pmap, va, &entry);
    for (unsigned level = PMAP_LEVELS; level > 0; level--) {
        struct pmap_step *step = &steps[count++];

        *step = (struct pmap_step){
            .table = frame_to_phys(way->tables[level]),
            .refs = frame_refs(way->tables[level]),
            .index = (uint16_t)(va / ENTRY_BYTES(level) % 512),
            .level = (uint8_t)level,
        };
        fill(step, way, &entry);
        if (!(step->bits & PMAP_STEP_PRESENT) || (step->bits & PMAP_STEP_LEAF))
            break;
    }
    return count;
}
