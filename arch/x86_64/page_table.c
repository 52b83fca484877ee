/* SPDX-License-Identifier: MIT */
/*
 * Table pages; see page_table.h.
 *
 * Tables in hand: each processor keeps some empty tables, and some top-level ones with the kernel's
 * half still in them, since clearing or filling 4 KiB costs more than the rest of a small fork.
 * They are linked through their first words, counted as spare (free), and given back when an
 * allocation finds nothing, on whatever processor that is (mm/hand.h).
 */
#include "page_table.h"

#include "core/assert.h"
#include "core/cpu.h"
#include "core/trace.h"
#include "arch/x86_64/kmap.h"
#include "tlb_check.h"
#include "lib/string.h"
#include "mm/hand.h"

#define HAND_MAX 64

struct hand {
    union hand_state state;
    struct frame *first;  /* linked through the first words */
    struct frame *handed; /* likewise: to whoever reclaims */
} __attribute__((aligned(32)));

/* Per processor; used with preemption off, as all of the kernel runs. */
static struct { struct hand empty, top; } hands[CPU_MAX];

/* Where a table in hand leads to the next. */
static struct frame **hand_link(const struct frame *table) {
    return frame_to_virt(table);
}

static struct frame *hand_take(struct hand *hand) {
    uint32_t count = hand_touch(&hand->state);
    struct frame *table = hand->first, **link;

    if (count == 0) {
        hand_leave(&hand->state, 0);
        return NULL;
    }
    link = hand_link(table);
    hand->first = *link;
    hand_leave(&hand->state, count - 1);
    *link = NULL;
    frame_set_use(table, FRAME_TABLE);
    atomic_store_explicit(&table->refs, 1, memory_order_relaxed);
    return table;
}

/* Keeps a table (refs 0) in hand if there is room. */
static bool hand_keep(struct hand *hand, struct frame *table) {
    uint32_t count;

    if (hand->state.count == HAND_MAX) /* an interrupt makes it less at most */
        return false;
    frame_set_use(table, FRAME_SPARE);
    count = hand_touch(&hand->state);
    *hand_link(table) = hand->first;
    hand->first = table;
    hand_leave(&hand->state, count + 1);
    return true;
}

/* False: it is being touched. */
static bool hand_give(struct hand *hand) {
    if (hand_is_touched(&hand->state))
        return false;
    if (hand->state.count == 0 || hand->handed)
        return true;
    hand->handed = hand->first;
    hand->first = NULL;
    hand->state.count = 0;
    return true;
}

/* Frees the tables of a hand that was given. */
static size_t hand_empty(struct hand *hand) {
    struct frame *table = hand->handed;
    size_t freed = 0;

    hand->handed = NULL;
    for (; table; freed++) {
        struct frame *next = *hand_link(table);

        frame_free(table);
        table = next;
    }
    return freed;
}

static bool hand_over_tables(void) {
    bool empty = hand_give(&hands[cpu_index()].empty);
    bool top = hand_give(&hands[cpu_index()].top);

    return empty && top;
}

static size_t reclaim_tables(void) {
    size_t freed = 0;

    hand_over_tables();
    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++)
        freed += hand_empty(&hands[cpu].empty) + hand_empty(&hands[cpu].top);
    return freed;
}

void table_init(void) {
    static struct frame_reclaimer reclaimer = {.reclaim = reclaim_tables,
                                               .hand_over = hand_over_tables};

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

    for (unsigned left = table->count; left > 0; entry++) {
        pte_t value = *entry;

        if (!value)
            continue;
        *entry = 0;
        tlb_check_unseen(level, value, 0);
        left--;
        if (level > 0 && !entry_is_large(value))
            table_drop(entry_table(value), level - 1);
    }
    table->count = 0;
}

void table_free_top(struct frame *top) {
    table_trace_free(top);
    table_empty(top, TABLE_TOP_LEVEL);
    atomic_store_explicit(&top->refs, 0, memory_order_relaxed);
    if (!hand_keep(&hands[cpu_index()].top, top))
        frame_free(top);
}

extern inline void table_drop(struct frame *table, unsigned level) {
    tlb_check_table(table);
    if (atomic_fetch_sub_explicit(&table->refs, 1, memory_order_acq_rel) != 1)
        return;
    table_trace_free(table);
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
        tlb_check_unseen(level, 0, *to);
        left--;
    }
    return copy;
}

void table_regain(struct frame *table, unsigned level) {
    pte_t *entry = table_entries(table);

    trace_table_unwritable((uint32_t)frame_to_pfn(table), (uint8_t)(level + 1));
    for (unsigned left = table->count; left > 0; entry++) {
        if (!*entry)
            continue;
        *entry = entry_unwritable(*entry, level);
        left--;
    }
}
