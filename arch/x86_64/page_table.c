/* SPDX-License-Identifier: MIT */
/*
 * Table pages; see page_table.h.
 *
 * Tables in hand: each processor keeps some empty tables, and some top-level ones with the kernel's
 * half still in them, since clearing or filling 4 KiB costs more than the rest of a small fork.
 * They are linked through their first entry, counted as spare (free), and given back when an
 * allocation finds nothing.
 */
#include "page_table.h"

#include "core/assert.h"
#include "core/cpu.h"
#include "arch/x86_64/kmap.h"
#include "lib/string.h"

#define HAND_MAX 64

struct hand {
    struct frame *first; /* linked through the first entry */
    unsigned count;
};

/* Per processor; used with preemption off, as all of the kernel runs. */
static struct { struct hand empty, top; } hands[CPU_MAX];

static struct frame *hand_take(struct hand *hand) {
    struct frame *table = hand->first;
    pte_t *entries;

    if (!table)
        return NULL;
    entries = table_entries(table);
    hand->first = entries[0] ? phys_to_frame(entries[0]) : NULL;
    hand->count--;
    entries[0] = 0;
    frame_set_use(table, FRAME_TABLE);
    atomic_store_explicit(&table->refs, 1, memory_order_relaxed);
    return table;
}

/* Keeps a table (refs 0) in hand if there is room. */
static bool hand_keep(struct hand *hand, struct frame *table) {
    if (hand->count == HAND_MAX)
        return false;
    table_entries(table)[0] = hand->first ? frame_to_phys(hand->first) : 0;
    hand->first = table;
    hand->count++;
    frame_set_use(table, FRAME_SPARE);
    return true;
}

static size_t hand_empty(struct hand *hand) {
    struct frame *table;
    size_t given = 0;

    while ((table = hand_take(hand)) != NULL) {
        frame_unref(table);
        given++;
    }
    return given;
}

static size_t reclaim_tables(void) {
    return hand_empty(&hands[cpu_index()].empty) + hand_empty(&hands[cpu_index()].top);
}

void table_init(void) {
    static struct frame_reclaimer reclaimer = {.reclaim = reclaim_tables};

    frame_reclaimer_add(&reclaimer);
}

struct frame *table_alloc(void) {
    struct frame *table = hand_take(&hands[cpu_index()].empty);

    return table ? table : frame_alloc_zeroed(FRAME_TABLE);
}

/* Frees an empty table with no references. */
static void table_free(struct frame *table) {
    DEBUG_ASSERT(table->count == 0);
    if (!hand_keep(&hands[cpu_index()].empty, table))
        frame_free(table);
}

struct frame *table_alloc_top(void) {
    struct frame *top = hand_take(&hands[cpu_index()].top);
    const pte_t *kernel = phys_to_virt(kmap_root());

    if (top)
        return top;
    top = frame_alloc_zeroed(FRAME_TABLE);
    if (top)
        memcpy(table_entries(top) + TABLE_KERNEL_FIRST, kernel + TABLE_KERNEL_FIRST,
               (TABLE_ENTRIES - TABLE_KERNEL_FIRST) * sizeof(pte_t));
    return top;
}

/* Empties a table, dropping what its entries lead to. */
static void table_empty(struct frame *table, unsigned level) {
    pte_t *entry = table_entries(table);

    for (; table->count > 0; entry++) {
        pte_t value = *entry;

        if (!value)
            continue;
        *entry = 0;
        table->count--;
        if (level > 0 && !entry_is_large(value))
            table_drop(entry_table(value), level - 1);
    }
}

void table_free_top(struct frame *top) {
    table_empty(top, TABLE_TOP_LEVEL);
    atomic_store_explicit(&top->refs, 0, memory_order_relaxed);
    if (!hand_keep(&hands[cpu_index()].top, top))
        frame_free(top);
}

void table_drop(struct frame *table, unsigned level) {
    if (atomic_fetch_sub_explicit(&table->refs, 1, memory_order_acq_rel) != 1)
        return;
    table_empty(table, level);
    table_free(table);
}

struct frame *table_copy(const struct frame *table, unsigned level) {
    struct frame *copy = table_alloc();
    const pte_t *from = table_entries(table);
    unsigned left = table->count;
    pte_t *to;

    if (!copy)
        return NULL;
    copy->count = table->count;
    for (to = table_entries(copy); left > 0; from++, to++) {
        if (!*from)
            continue;
        if (level > 0 && !entry_is_large(*from))
            frame_ref(entry_table(*from));
        *to = entry_unwritable(*from, level);
        left--;
    }
    return copy;
}

void table_regain(struct frame *table, unsigned level) {
    pte_t *entry = table_entries(table);

    for (unsigned left = table->count; left > 0; entry++) {
        if (!*entry)
            continue;
        *entry = entry_unwritable(*entry, level);
        left--;
    }
}
