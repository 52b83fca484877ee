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

/* Tells of entries that a fork copies, from one on and to the same places of another table. For
 * machine_call_rarely_3(): the third is their level, from 1, and from bit 8 on how many. */
static uint64_t tell_forked(uint64_t source, uint64_t target, uint64_t level_and_count) {
    trace_put_entries_forked((uint32_t)phys_to_pfn(virt_to_phys((const void *)source)),
                             (uint32_t)phys_to_pfn(virt_to_phys((const void *)target)),
                             (uint8_t)level_and_count, source / sizeof(pte_t) % TABLE_ENTRIES,
                             (uint32_t)(level_and_count >> 8));
    return 0;
}

static inline TRACE_INLINE void trace_forked(const pte_t *source, const pte_t *target,
                                             uint64_t level, uint64_t count) {
    if (trace_entries_forked_is_on())
        machine_call_rarely_3(tell_forked, (uint64_t)source, (uint64_t)target,
                              (level + 1) | count << 8);
}

/* Gives the table `to` the leaves that `from` has in [va, end). */
static void fork_leaves(struct frame *from, struct frame *to, uint64_t va, uint64_t end) {
    pte_t *source = table_entries(from), *target = table_entries(to);
    unsigned first = level_index(va, 0), last = level_index(end - 1, 0);
    unsigned left = from->count; /* that may be met yet */

    trace_forked(source + first, target + first, 0, last + 1 - first);
    for (unsigned i = first; i <= last && left > 0; i++) {
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

/* Tells of a table for the child that is to be filled, and of the entry that will lead to it; for
 * machine_call_rarely_3(). */
static uint64_t tell_copied(uint64_t table, uint64_t entry, uint64_t level) {
    table_tell_made(table, level);
    table_tell_entry(entry, entry_for_table((const struct frame *)table));
    return 0;
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
        machine_call_rarely_3(tell_copied, (uint64_t)to, (uint64_t)target, level);
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
    trace_forked(source, target, level, 1);
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
