/* SPDX-License-Identifier: MIT */
/*
 * Fork: giving a child what its parent has mapped. Contract: vm/pmap.h.
 *
 * What is large goes by reference and what is small is copied: un-sharing a table later costs more
 * than copying a few entries now. W is cleared in the entry that leads to a shared table, which
 * takes it from all pages below at once, and in the leaves of a copied one, on either side.
 *
 * One walk goes down both maps. A table that is copied stays the parent's alone; it was large when
 * it was shared, and shared ones do not change, so a small one is nobody else's.
 */
#include "core/assert.h"
#include "core/trace.h"
#include "lib/bits.h"
#include "page_table.h"
#include "pmap_private.h"
#include "tlb.h"
#include "tlb_check.h"

/* A table with more entries than this is shared, not copied. */
#define FORK_COPY_MAX 64

/* Tells of entries of a level that a fork copies: those of [va, end), which lie in one table. */
static inline TRACE_INLINE void trace_forked(const pte_t *source, const pte_t *target,
                                             unsigned level, uint64_t va, uint64_t end) {
    unsigned first = level_index(va, level);

    trace_entries_forked((uint32_t)phys_to_pfn(virt_to_phys(source)),
                         (uint32_t)phys_to_pfn(virt_to_phys(target)), (uint8_t)(level + 1), first,
                         level_index(end - 1, level) + 1 - first);
}

/* Gives the table `to` the leaves that `from` has in [va, end). */
static void fork_leaves(struct frame *from, struct frame *to, uint64_t va, uint64_t end) {
    pte_t *source = table_entries(from), *target = table_entries(to);
    unsigned last = level_index(end - 1, 0);
    unsigned left = from->count; /* that may be met yet */

    trace_forked(source, target, 0, va, end);
    for (unsigned i = level_index(va, 0); i <= last && left > 0; i++) {
        if (!source[i])
            continue;
        source[i] = target[i] = entry_unwritable(source[i], 0);
        tlb_check_unseen(0, 0, target[i]);
        to->count++;
        left--;
    }
}

/* Gives the child a large table by reference. */
static void fork_share(pte_t *source, pte_t *target) {
    *source &= ~PTE_WRITE;
    *target = *source;
    frame_ref(entry_table(*source));
    pmap_count()->table_shared++;
}

static void fork_tables(struct frame *from, struct frame *to, unsigned level, uint64_t va,
                        uint64_t end);

/* Tells of a table for the child that is to be filled, and of the entry that will lead to it. */
static void tell_copied(const struct frame *table, const pte_t *entry, unsigned level) {
    trace_put_table_make((uint32_t)frame_to_pfn(table), (uint8_t)(level + 1));
    table_put_entry(entry, entry_for_table(table));
}

/*
 * Gives the child a table of its own for what a small one of a level has in [va, end), or adds that
 * to the one it has for addresses before. Where there is no memory, or nothing, it gets none.
 */
static void fork_copy(pte_t *source, pte_t *target, unsigned level, uint64_t va, uint64_t end) {
    struct frame *from = entry_table(*source);
    struct frame *to = *target ? entry_table(*target) : table_alloc();

    DEBUG_ASSERT(atomic_load(&from->refs) == 1);
    if (!to) {
        *source &= ~PTE_WRITE;
        table_trace_entry(source, *source);
        return;
    }
    if (trace_table_make_is_on() && !*target)
        tell_copied(to, target, level);
    if (level == 0)
        fork_leaves(from, to, va, end);
    else
        fork_tables(from, to, level, va, end);
    if (to->count > 0) {
        *target = entry_for_table(to);
    } else {
        *target = 0;
        table_trace_entry(target, 0);
        table_drop(to, level);
    }
}

/* Gives the child a large leaf, if a range before has not. */
static void fork_large(pte_t *source, pte_t *target) {
    tlb_check_unseen(1, *target, *source);
    *source = *target = *source & ~PTE_WRITE;
}

/* Gives the child what the parent has in [va, end), below one entry of a level above the leaves. */
static inline void fork_entry(pte_t *source, pte_t *target, unsigned level, uint64_t va,
                              uint64_t end) {
    if (!entry_is_large(*source) && entry_table(*source)->count <= FORK_COPY_MAX) {
        fork_copy(source, target, level - 1, va, end);
        return;
    }
    if (entry_is_large(*source))
        fork_large(source, target);
    else if (!*target) /* else a range before has shared it */
        fork_share(source, target);
    trace_forked(source, target, level, va, end);
}

/* Gives the table `to` what `from` has in [va, end), both of a level above the leaves. */
static void fork_tables(struct frame *from, struct frame *to, unsigned level, uint64_t va,
                        uint64_t end) {
    pte_t *source = table_entries(from), *target = table_entries(to);
    uint64_t size = level_size(level), next;

    for (; va < end; va = next) {
        unsigned i = level_index(va, level);
        bool was_empty = !target[i];

        next = MIN(align_down(va, size) + size, end);
        if (!source[i])
            continue;
        fork_entry(&source[i], &target[i], level, va, next);
        to->count += was_empty && target[i];
    }
}

void pmap_fork(struct pmap *parent, struct pmap *child, uint64_t start, uint64_t end) {
    pmap_forget_ready(parent);
    pmap_forget_ready(child);
    tlb_check_begin(parent);
    fork_tables(parent->top, child->top, TABLE_TOP_LEVEL, start, end);
    tlb_check_unwritable(parent);
}

void pmap_fork_finish(struct pmap *parent) {
    tlb_flush_space(parent);
    tlb_check_end(parent);
}
