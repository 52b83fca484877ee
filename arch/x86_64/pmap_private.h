/* SPDX-License-Identifier: MIT */
/*
 * What the files of the pmap share: the map itself. See vm/pmap.h for the contract.
 */
#ifndef X86_PMAP_PRIVATE_H
#define X86_PMAP_PRIVATE_H

#include "core/cpu.h"
#include "mm/frame.h"
#include "page_table.h"
#include "vm/pmap.h"
#include "arch/x86_64/x86.h"

struct pmap {
    struct frame *top;       /* const: the top-level table; its entries [the space's lock] */
    _Atomic uint64_t active; /* processors that have it loaded, a bit each; see tlb.c */

    /*
     * [the space's lock] The leaf table that was entered into last, and the 2 MiB that it maps:
     * it and all tables on the way are ours alone. Faults come in neighbourhoods. Whoever unlinks,
     * shares or moves tables forgets it.
     */
    struct frame *ready_table;
    pte_t *ready_entries; /* its page */
    uint64_t ready_va;    /* PMAP_NONE_READY: none */
    bool ready_write;     /* W is known to be set all the way */
};

#define PMAP_NONE_READY UINT64_MAX

static inline void pmap_forget_ready(struct pmap *pmap) {
    pmap->ready_va = PMAP_NONE_READY;
}

/* What each processor has counted since boot. */
extern struct pmap_counters {
    struct pmap_stats stats;
} __attribute__((aligned(64))) pmap_counters[CPU_MAX];

static inline struct pmap_stats *pmap_count(void) {
    return &pmap_counters[cpu_index()].stats;
}

/*
 * The table of level 1 for va, whose entries are or lead to what maps 2 MiB, with the way to it
 * made and ours alone; with W all the way if write asks for it. NULL: no memory, nothing changed.
 */
struct frame *pmap_own_large_table(struct pmap *pmap, uint64_t va, bool write);

/*
 * Puts a table of 4 KiB leaves that say the same in place of a large leaf, which *entry is, for va
 * and in a table that is ours alone. NULL: no memory, nothing changed.
 */
struct frame *pmap_split_large(struct pmap *pmap, pte_t *entry, uint64_t va);

/* Tells the trace of a table of a level (paging.h's) and all its entries; a top one's user half. */
void pmap_trace_table(const struct frame *table, unsigned level);

/* What a leaf says beside its frame, by VM_RIGHTS, VM_SHARED and VM_UNCACHED. Const after
 * pmap_init.
 */
#define PMAP_ACCESSES (2 * VM_UNCACHED)
extern pte_t pmap_leaf_bits[PMAP_ACCESSES];

static inline pte_t leaf_entry(paddr_t pa, unsigned access) {
    return pa | pmap_leaf_bits[access % PMAP_ACCESSES];
}

/* Whether a processor that still has the old translation could do what the new one does not allow.
 */
static inline bool takes_away(pte_t old, pte_t next) {
    return (old & PTE_ADDRESS) != (next & PTE_ADDRESS) || (old & ~next & PTE_WRITE) ||
           (next & ~old & PTE_NO_EXEC);
}

#endif
