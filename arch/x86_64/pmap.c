/* SPDX-License-Identifier: MIT */
/*
 * The pmap of x86-64: four-level page tables that are shared at fork. Contract: vm/pmap.h; the
 * tables themselves and their invariants: page_table.h; invalidation: tlb.h; sharing: pmap_fork.c.
 *
 * Whoever changes an entry walks down from the top, which is always ours alone, and owns each table
 * on the way: one that is shared is replaced by a copy. The old one may still be in this space's
 * paging-structure caches, so the space is flushed before the reference is dropped.
 *
 * Leaves of 2 MiB stand where an entry would lead to a table of 4 KiB leaves. They are entered, and
 * split where a part of one changes, by pmap_large.c; moving a range is pmap_move.c's.
 */
#include "vm/pmap.h"

#include "abi/errno.h"
#include "core/assert.h"
#include "core/cpu.h"
#include "arch/x86_64/kmap.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "page_table.h"
#include "pmap_private.h"
#include "tlb.h"
#include "tlb_check.h"
#include "arch/x86_64/x86.h"

struct pmap_counters pmap_counters[CPU_MAX];

pte_t pmap_leaf_bits[PMAP_ACCESSES];

static struct slab_cache pmap_cache;

static pte_t leaf_bits(unsigned access) {
    pte_t entry = PTE_PRESENT | PTE_USER | PTE_ACCESSED;

    if (access & VM_WRITE)
        entry |= PTE_WRITE | PTE_DIRTY;
    if (!(access & VM_EXEC) && cpu_features.no_execute)
        entry |= PTE_NO_EXEC;
    if (access & VM_SHARED)
        entry |= PTE_SHARED;
    if (access & VM_UNCACHED)
        entry |= PTE_NO_CACHE | PTE_WRITE_THROUGH;
    return entry;
}

void pmap_init(void) {
    slab_cache_init(&pmap_cache, "pmap", sizeof(struct pmap), 8);
    for (unsigned access = 0; access < PMAP_ACCESSES; access++)
        pmap_leaf_bits[access] = leaf_bits(access);
    table_init();
    tlb_check_init();
}

void pmap_stats_get(struct pmap_stats *stats) {
    memset(stats, 0, sizeof(*stats));
    for (unsigned i = 0; i < cpu_count(); i++) {
        const struct pmap_stats *own = &pmap_counters[i].stats;

        stats->flush_page += own->flush_page;
        stats->flush_space += own->flush_space;
        stats->flush_told += own->flush_told;
        stats->flush_sent += own->flush_sent;
        stats->flush_received += own->flush_received;
        stats->page_received += own->page_received;
        stats->space_received += own->space_received;
        stats->table_unshared += own->table_unshared;
        stats->table_shared += own->table_shared;
        stats->large_entered += own->large_entered;
        stats->large_split += own->large_split;
    }
}

struct pmap *pmap_create(void) {
    struct pmap *pmap = slab_alloc(&pmap_cache);

    if (!pmap)
        return NULL;
    pmap_forget_ready(pmap);
    atomic_init(&pmap->active, 0);
    pmap->top = table_alloc_top();
    if (!pmap->top) {
        slab_free(&pmap_cache, pmap);
        return NULL;
    }
    table_trace_made(pmap->top, TABLE_TOP_LEVEL);
    return pmap;
}

void pmap_destroy(struct pmap *pmap) {
    ASSERT(atomic_load_explicit(&pmap->active, memory_order_acquire) == 0);
    tlb_check_destroy(pmap);
    table_free_top(pmap->top);
    slab_free(&pmap_cache, pmap);
}

void pmap_activate(struct pmap *pmap) {
    struct cpu *cpu = cpu_self();
    struct pmap *old = cpu->pmap;

    if (old == pmap)
        return;
    if (pmap)
        atomic_fetch_or_explicit(&pmap->active, cpu->mask, memory_order_seq_cst);
    tlb_check_loading(pmap);
    cpu->pmap = pmap;
    write_cr3(pmap ? frame_to_phys(pmap->top) : kmap_root());
    tlb_check_loaded(pmap);
    if (old)
        atomic_fetch_and_explicit(&old->active, ~(cpu->mask), memory_order_release);
}

/* ---- owning the way to an entry ---- */

static inline bool is_shared(const struct frame *table) {
    return frame_refs(table) > 1;
}

/* Replaces the shared table that *entry leads to by a copy of our own. NULL: no memory. */
static struct frame *unshare(struct pmap *pmap, pte_t *entry, unsigned level) {
    struct frame *shared = entry_table(*entry);
    struct frame *copy = table_copy(shared, level);

    if (!copy)
        return NULL;
    *entry = entry_for_table(copy);
    tlb_check_entry(pmap, 0, level + 1, entry_for_table(shared), *entry);
    trace_table_copy((uint32_t)frame_to_pfn(pmap->top), (uint32_t)frame_to_pfn(shared),
                     (uint32_t)frame_to_pfn(copy), (uint8_t)(level + 1));
    table_trace_entry(entry, *entry);
    pmap_count()->table_unshared++;
    tlb_flush_space(pmap);
    table_drop(shared, level);
    return copy;
}

/*
 * The table of a level that entry leads to, ours alone, and reachable with W if write asks for it.
 * NULL: no memory.
 */
static inline __attribute__((always_inline)) struct frame *
own_child(struct pmap *pmap, pte_t *entry, unsigned level, bool write) {
    struct frame *table = entry_table(*entry);

    if (is_shared(table))
        return unshare(pmap, entry, level);
    if (write && !(*entry & PTE_WRITE)) {
        table_regain(table, level);
        *entry |= PTE_WRITE;
        table_trace_entry(entry, *entry);
    }
    return table;
}

/* A table where there was none, for an entry in the table parent: empty, or of what a large leaf
 * said. NULL: no memory. */
static inline struct frame *make_child(struct pmap *pmap, struct frame *parent, pte_t *entry,
                                       uint64_t va, unsigned level) {
    struct frame *table;

    if (*entry)
        return pmap_split_large(pmap, entry, va);
    table = table_alloc();
    if (table) {
        *entry = entry_for_table(table);
        parent->count++;
        table_trace_made(table, level);
        table_trace_entry(entry, *entry);
    }
    return table;
}

static inline void unlink_table(struct tlb_batch *batch, struct frame *parent, pte_t *entry,
                                unsigned level) {
    struct frame *table = entry_table(*entry);

    *entry = 0;
    tlb_check_entry(batch->pmap, 0, level + 1, entry_for_table(table), 0);
    table_trace_entry(entry, 0);
    parent->count--;
    tlb_batch_table(batch, table, level);
}

/* Lets go of the empty tables on the way to va, below one that is ours alone. */
static void prune(struct tlb_batch *batch, struct frame *table, unsigned level, uint64_t va) {
    pte_t *entry = &table_entries(table)[level_index(va, level)];
    struct frame *child;

    if (level == 0 || !entry_is_way(*entry))
        return;
    child = entry_table(*entry);
    if (is_shared(child))
        return;
    prune(batch, child, level - 1, va);
    if (child->count == 0)
        unlink_table(batch, table, entry, level - 1);
}

/* Undoes what was made of a way that could not be made whole. */
static struct frame *own_failed(struct pmap *pmap, uint64_t va) {
    struct tlb_batch batch;

    pmap_forget_ready(pmap);
    tlb_batch_init(&batch, pmap);
    prune(&batch, pmap->top, TABLE_TOP_LEVEL, va);
    tlb_batch_finish(&batch);
    return NULL;
}

static inline __attribute__((always_inline)) struct frame *own_way(struct pmap *pmap, uint64_t va,
                                                                   unsigned to_level, bool write) {
    struct frame *table = pmap->top;

    for (unsigned level = TABLE_TOP_LEVEL; level > to_level; level--) {
        pte_t *entry = &table_entries(table)[level_index(va, level)];

        if (entry_is_way(*entry))
            table = own_child(pmap, entry, level - 1, write);
        else
            table = make_child(pmap, table, entry, va, level - 1);
        if (!table)
            return own_failed(pmap, va);
    }
    return table;
}

/* The level 0 table for va with the way to it owned. NULL: no memory, nothing changed. */
static struct frame *own_leaf_table(struct pmap *pmap, uint64_t va, bool write) {
    struct frame *table = own_way(pmap, va, 0, write);

    if (table) {
        pmap->ready_table = table;
        pmap->ready_entries = table_entries(table);
        pmap->ready_va = align_down(va, PMAP_LARGE_BYTES);
        pmap->ready_write = write;
    }
    return table;
}

struct frame *pmap_own_large_table(struct pmap *pmap, uint64_t va, bool write) {
    return own_way(pmap, va, 1, write);
}

/* ---- entering ---- */

/*
 * Changes a leaf that says more than the next one will: it is cleared first, so no two processors
 * see different pages at any time.
 */
static __attribute__((noinline)) void leaf_replace(struct pmap *pmap, pte_t *entry, uint64_t va,
                                                   pte_t next) {
    pte_t old = *entry;

    *entry = 0;
    tlb_check_entry(pmap, va, 0, old, 0);
    tlb_flush_page(pmap, va);
    tlb_check_settled(pmap);
    *entry = next;
    tlb_check_unseen(0, 0, next);
    table_trace_entry(entry, next);
}

/* Puts a leaf into the ready table. */
static inline void leaf_set(struct pmap *pmap, uint64_t va, pte_t next) {
    pte_t *entry = &pmap->ready_entries[level_index(va, 0)];
    pte_t old = *entry;

    if (old && takes_away(old, next)) {
        leaf_replace(pmap, entry, va, next);
        return;
    }
    *entry = next;
    tlb_check_entry(pmap, va, 0, old, next);
    table_trace_entry(entry, next);
    if (!old)
        pmap->ready_table->count++;
}

/* pmap_enter where the way to the table is not ready. */
static __attribute__((noinline)) int enter_anywhere(struct pmap *pmap, uint64_t va, pte_t next) {
    if (!own_leaf_table(pmap, va, next & PTE_WRITE))
        return -ENOMEM;
    leaf_set(pmap, va, next);
    return 0;
}

int pmap_enter(struct pmap *pmap, uint64_t va, paddr_t pa, unsigned access) {
    pte_t next = leaf_entry(pa, access);

    DEBUG_ASSERT(va < USER_END && is_aligned(va, PAGE_SIZE));
    if (pmap->ready_va != align_down(va, PMAP_LARGE_BYTES) ||
        ((access & VM_WRITE) && !pmap->ready_write))
        return enter_anywhere(pmap, va, next);
    leaf_set(pmap, va, next);
    return 0;
}

/* ---- taking away ---- */

/* A change to all leaves in [start, end), all of it set by hand: a large `= {0}` is a loop. */
struct change {
    struct tlb_batch *batch;
    uint64_t start, end;
    pte_t clear, set;       /* bits; clear with PTE_PRESENT removes the entry */
    const uint32_t *wanted; /* atomic: not 0: the end is where it is now; NULL: go on */
};

/* What one table of a level covers. */
struct table_window {
    uint64_t start, end;
    unsigned level;
};

static inline pte_t changed_leaf(const struct change *change, pte_t leaf) {
    return change->clear & PTE_PRESENT ? 0 : (leaf & ~change->clear) | change->set;
}

/* Tells of a change to `count` entries of a table; for machine_call_rarely_3(). */
static uint64_t tell_change(uint64_t change_address, uint64_t entry, uint64_t count) {
    const struct change *change = (const struct change *)change_address;
    uint32_t pfn = (uint32_t)phys_to_pfn(virt_to_phys((const void *)entry));
    uint32_t slot = (uint32_t)(entry / sizeof(pte_t) % TABLE_ENTRIES);

    if (change->clear & PTE_PRESENT)
        trace_put_entries_clear(pfn, slot, (uint32_t)count);
    else
        trace_put_entries_and(pfn, slot, (uint32_t)count, ~change->clear, change->set);
    return 0;
}

/* Changes the leaves of a table that is ours alone, from first_va on. */
static void change_leaves(struct change *change, struct frame *table, uint64_t first_va) {
    pte_t *entry = &table_entries(table)[level_index(first_va, 0)];
    uint64_t table_end = align_down(first_va, PMAP_LARGE_BYTES) + PMAP_LARGE_BYTES;
    uint64_t end = MIN(change->end, table_end);
    unsigned left = table->count;

    if (trace_entries_and_is_on() && left > 0)
        machine_call_rarely_3(tell_change, (uint64_t)change, (uint64_t)entry,
                              (end - first_va) >> PAGE_SHIFT);
    for (uint64_t va = first_va; va < end && left > 0; va += PAGE_SIZE, entry++) {
        pte_t old = *entry;
        pte_t next;

        if (!old)
            continue;
        next = changed_leaf(change, old);
        if (old == next)
            continue;
        *entry = next;
        tlb_check_entry(change->batch->pmap, va, 0, old, next);
        left -= !next;
        tlb_batch_page(change->batch, va);
    }
    table->count = (uint16_t)left;
}

/* What is below `at`, on the first level of tables, is done: maybe that is all for now. */
static inline void change_done(struct change *change, uint64_t at) {
    if (change->wanted && __atomic_load_n(change->wanted, __ATOMIC_RELAXED) != 0)
        change->end = MIN(change->end, at);
}

/*
 * Whether a table is let go of with all that is below it. One of tables, ours alone, is emptied one
 * by one where somebody may want us to stop: giving it back takes as long as all of them.
 */
static inline bool is_let_go(const struct change *change, const struct frame *table,
                             struct table_window at) {
    bool whole = change->start <= at.start && at.end <= change->end;

    return whole && (change->clear & PTE_PRESENT) &&
           (at.level == 0 || !change->wanted || is_shared(table));
}

/*
 * The table that entry leads to, ours alone; or NULL when it was let go of: because all it covers
 * is removed, or because it is shared and there is no memory for a copy.
 */
static struct frame *child_to_change(struct change *change, struct frame *parent, pte_t *entry,
                                     struct table_window child) {
    struct frame *table = entry_table(*entry);

    if (is_let_go(change, table, child))
        goto let_go;
    if (!is_shared(table))
        return table;
    table = unshare(change->batch->pmap, entry, child.level);
    if (table)
        return table;

let_go:
    unlink_table(change->batch, parent, entry, child.level);
    return NULL;
}

/*
 * Changes a large leaf (in the table parent, ours alone) whose range is `at`. One that is changed
 * in part is split and its table returned; or forgotten, where there is no memory for that.
 */
static struct frame *change_large(struct change *change, struct frame *parent, pte_t *entry,
                                  struct table_window at) {
    bool whole = change->start <= at.start && at.end <= change->end;
    pte_t old = *entry, next = changed_leaf(change, old);
    struct frame *table = NULL;

    if (next == old)
        return NULL;
    if (!whole)
        table = pmap_split_large(change->batch->pmap, entry, at.start);
    if (table)
        return table;
    *entry = whole ? next : 0;
    tlb_check_entry(change->batch->pmap, at.start, 1, old, *entry);
    table_trace_entry(entry, *entry);
    parent->count -= !*entry;
    tlb_batch_page(change->batch, at.start);
    return NULL;
}

/* Applies the change below a table that is ours alone, from first_va on. */
static void change_below(struct change *change, struct frame *table, unsigned level,
                         uint64_t first_va) {
    uint64_t size = level_size(level);
    uint64_t table_end = align_down(first_va, level_size(level + 1)) + level_size(level + 1);

    if (level == 0) {
        change_leaves(change, table, first_va);
        return;
    }
    for (uint64_t va = first_va; va < MIN(change->end, table_end) && table->count > 0;
         va = align_down(va, size) + size) {
        pte_t *entry = &table_entries(table)[level_index(va, level)];
        struct table_window window = {align_down(va, size), align_down(va, size) + size, level - 1};
        struct frame *child;

        if (!*entry)
            continue;
        child = entry_is_large(*entry) ? change_large(change, table, entry, window)
                                       : child_to_change(change, table, entry, window);
        if (child)
            change_below(change, child, level - 1, va);
        if (child && child->count == 0)
            unlink_table(change->batch, table, entry, level - 1);
        if (level == 1)
            change_done(change, window.end);
    }
}

/*
 * The short way for a range below one leaf table, as most are: the table, if it and all on the way
 * to it are ours alone; NULL with *empty if there is none, or else the long way has to be gone.
 */
static struct frame *leaf_table_alone(struct pmap *pmap, uint64_t va, bool *empty) {
    struct frame *table = pmap->top;

    for (unsigned level = TABLE_TOP_LEVEL; level > 0; level--) {
        pte_t entry = table_entries(table)[level_index(va, level)];

        if (!entry_is_way(entry)) {
            *empty = !entry;
            return NULL;
        }
        table = entry_table(entry);
        if (is_shared(table))
            return NULL;
    }
    return table;
}

static void change_range(struct pmap *pmap, struct change *change) {
    bool is_short =
        align_down(change->start, level_size(1)) == align_down(change->end - 1, level_size(1));
    struct frame *table = NULL;
    struct tlb_batch batch;
    bool empty = change->start >= change->end;

    if (!empty && is_short)
        table = leaf_table_alone(pmap, change->start, &empty);
    if (empty)
        return;
    change->batch = &batch;
    tlb_batch_init(&batch, pmap);
    if (table)
        change_leaves(change, table, change->start);
    if (!table || table->count == 0) {
        pmap_forget_ready(pmap);
        change_below(change, pmap->top, TABLE_TOP_LEVEL, change->start);
    }
    tlb_batch_finish(&batch);
    tlb_check_settled(pmap);
}

void pmap_remove(struct pmap *pmap, uint64_t start, uint64_t end) {
    struct change change;

    change.start = start;
    change.end = end;
    change.clear = PTE_PRESENT;
    change.set = 0;
    change.wanted = NULL;
    change_range(pmap, &change);
}

/* A change that leaves no rights beyond access. */
static inline void change_protecting(struct change *change, unsigned access) {
    change->clear = 0;
    change->set = 0;
    if (!(access & VM_RIGHTS))
        change->clear = PTE_PRESENT;
    else if (!(access & VM_WRITE))
        change->clear = PTE_WRITE;
    if (!(access & VM_EXEC) && cpu_features.no_execute)
        change->set = PTE_NO_EXEC;
}

void pmap_protect(struct pmap *pmap, uint64_t start, uint64_t end, unsigned access) {
    struct change change;

    change.start = start;
    change.end = end;
    change.wanted = NULL;
    change_protecting(&change, access);
    change_range(pmap, &change);
}

uint64_t pmap_protect_until(struct pmap *pmap, uint64_t start, uint64_t end, unsigned access,
                            const uint32_t *wanted) {
    struct change change;

    change.start = start;
    change.end = end;
    change.wanted = wanted;
    change_protecting(&change, access);
    change_range(pmap, &change);
    return change.end;
}

/* ---- the end of a map ---- */

static void teardown_leaves(struct frame *table, uint64_t start, uint64_t end) {
    pte_t *entry = table_entries(table);
    unsigned last = level_index(end - 1, 0);
    unsigned left = table->count;

    for (unsigned i = level_index(start, 0); i <= last && left > 0; i++) {
        left -= entry[i] != 0;
        tlb_check_unseen(0, entry[i], 0);
        entry[i] = 0;
    }
    table->count = (uint16_t)left;
}

/*
 * Empties a table, ours alone, of what maps [start, end), and drops what leads to nothing more. The
 * trace hears of the tables that go; what goes from the others goes with the map.
 */
static void teardown_below(struct frame *table, unsigned level, uint64_t start, uint64_t end) {
    uint64_t size = level_size(level), next;
    pte_t *entries = table_entries(table);

    if (level == 0) {
        teardown_leaves(table, start, end);
        return;
    }
    for (uint64_t va = start; va < end && table->count > 0; va = next) {
        pte_t *entry = &entries[level_index(va, level)];
        struct frame *child = entry_is_way(*entry) ? entry_table(*entry) : NULL;

        next = MIN(align_down(va, size) + size, end);
        if (child && !is_shared(child)) {
            teardown_below(child, level - 1, va, next);
            if (child->count > 0)
                continue;
        }
        table->count -= *entry != 0;
        tlb_check_unseen(level, *entry, 0);
        *entry = 0;
        if (child)
            table_drop(child, level - 1);
    }
}

void pmap_teardown(struct pmap *pmap, uint64_t start, uint64_t end) {
    DEBUG_ASSERT(atomic_load_explicit(&pmap->active, memory_order_relaxed) == 0);
    pmap_forget_ready(pmap);
    teardown_below(pmap->top, TABLE_TOP_LEVEL, start, end);
}
