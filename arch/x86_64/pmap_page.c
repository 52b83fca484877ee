/* SPDX-License-Identifier: MIT */
/*
 * Entering pages one by one, on several processors at a time. Contract: vm/pmap.h.
 *
 * Nothing here changes what another processor may be looking at, but for two steps, each one
 * compare-and-swap: a leaf is claimed by a bit that the hardware ignores, and a way of new tables,
 * whole and with its leaf in it, is hung into an empty entry. So no table is ever seen half made or
 * empty, and the loser of either step finds what the winner made.
 *
 * Tables that others share, and setting W on the way, are for who has the space alone. Where W is
 * missing there a leaf may say it all the same: see page_table.h.
 */
#include "abi/errno.h"
#include "core/assert.h"
#include "core/panic.h"
#include "lib/bits.h"
#include "page_table.h"
#include "pmap_private.h"
#include "sync/patience.h"
#include "tlb.h"
#include "tlb_check.h"

/* Software's bit in a leaf, or alone where there is none: the page is somebody's for the moment. */
#define PTE_CLAIMED (1UL << 10)

static pte_t entry_read(const pte_t *entry) {
    return __atomic_load_n(entry, __ATOMIC_ACQUIRE);
}

static bool entry_swap(pte_t *entry, pte_t old, pte_t next) {
    return __atomic_compare_exchange_n(entry, &old, next, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_RELAXED);
}

static void count_one_more(struct frame *table) {
    __atomic_fetch_add(&table->count, 1, __ATOMIC_RELAXED);
}

/*
 * Goes down to the table whose entry for va is a leaf's, or where the way ends: page->table and
 * ->level. False: the rest of the way is not ours to change, or a large leaf is on it.
 */
static bool go_down(struct pmap_page *page, bool write) {
    struct frame *table = page->pmap->top;
    unsigned level = TABLE_TOP_LEVEL;

    for (; level > 0; level--) {
        pte_t entry = entry_read(&table_entries(table)[level_index(page->va, level)]);

        if (!entry)
            break;
        if (!entry_is_way(entry) || (write && !(entry & PTE_WRITE)) ||
            frame_refs(entry_table(entry)) > 1)
            return false;
        table = entry_table(entry);
    }
    page->table = table;
    page->level = (uint8_t)level;
    return true;
}

static pte_t *place_of(const struct pmap_page *page) {
    return &table_entries(page->table)[level_index(page->va, page->level)];
}

/* Claims the leaf; waits while somebody else has it. Returns what it says. */
static pte_t claim(pte_t *leaf) {
    struct patience patience = {0};

    for (;;) {
        pte_t old = entry_read(leaf);

        if (!(old & PTE_CLAIMED) && entry_swap(leaf, old, old | PTE_CLAIMED))
            return old;
        machine_answer_calls();
        cpu_relax();
        if (patience_is_over(&patience))
            panic_everywhere("a page is claimed for too long");
    }
}

bool pmap_page_claim(struct pmap *pmap, uint64_t va, bool write, struct pmap_page *page) {
    page->pmap = pmap;
    page->va = va;
    page->was = 0;
    if (!go_down(page, write))
        return false;
    page->is_claimed = page->level == 0;
    if (page->is_claimed)
        page->was = claim(place_of(page));
    return true;
}

bool pmap_page_allows(const struct pmap_page *page, paddr_t pa, unsigned access) {
    pte_t wanted = PTE_PRESENT | (access & VM_WRITE ? PTE_WRITE : 0);

    return (page->was & wanted) == wanted && (page->was & PTE_ADDRESS) == pa &&
           !((access & VM_EXEC) && (page->was & PTE_NO_EXEC));
}

void pmap_page_release(const struct pmap_page *page) {
    if (page->is_claimed)
        __atomic_store_n(place_of(page), page->was, __ATOMIC_RELEASE);
}

/* New tables from a level down to the leaf; what leads to the highest. 0: no memory. */
static pte_t make_way(uint64_t va, unsigned highest, pte_t leaf) {
    pte_t below = leaf;

    for (unsigned level = 0; level <= highest; level++) {
        struct frame *table = table_alloc();

        if (!table) {
            if (level > 0)
                table_drop(entry_table(below), level - 1);
            return 0;
        }
        table_entries(table)[level_index(va, level)] = below;
        tlb_check_unseen(level, 0, below);
        table_trace_made(table, level);
        table_trace_entry(&table_entries(table)[level_index(va, level)], below);
        table->count = 1;
        below = entry_for_table(table);
    }
    return below;
}

/* Hangs a way with the leaf in where it ends. */
static int enter_with_way(const struct pmap_page *page, pte_t leaf) {
    pte_t way = make_way(page->va, page->level - 1u, leaf);

    if (!way)
        return -ENOMEM;
    if (!entry_swap(place_of(page), 0, way)) {
        table_drop(entry_table(way), page->level - 1u);
        return -EEXIST;
    }
    count_one_more(page->table);
    table_trace_entry(place_of(page), way);
    return 0;
}

int pmap_page_enter(const struct pmap_page *page, paddr_t pa, unsigned access) {
    pte_t next = leaf_entry(pa, access), old = page->was;

    if (!page->is_claimed)
        return enter_with_way(page, next);
    if (!page->was) {
        count_one_more(page->table);
    } else if (takes_away(page->was, next)) {
        __atomic_store_n(place_of(page), PTE_CLAIMED, __ATOMIC_RELEASE);
        tlb_check_entry(page->pmap, page->va, 0, old, 0);
        tlb_flush_page(page->pmap, page->va);
        old = 0;
    }
    tlb_check_unseen(0, old, next);
    table_trace_entry(place_of(page), next); /* while it is claimed */
    __atomic_store_n(place_of(page), next, __ATOMIC_RELEASE);
    tlb_check_settled(page->pmap);
    return 0;
}

void pmap_page_offer(const struct pmap_page *near, uint64_t va, paddr_t pa, unsigned access) {
    pte_t *leaf = &table_entries(near->table)[level_index(va, 0)];
    pte_t next = leaf_entry(pa, access);

    DEBUG_ASSERT(align_down(va, PMAP_LARGE_BYTES) == align_down(near->va, PMAP_LARGE_BYTES));
    DEBUG_ASSERT(!(access & VM_WRITE));
    if (near->is_claimed && !entry_read(leaf) && entry_swap(leaf, 0, PTE_CLAIMED)) {
        tlb_check_unseen(0, 0, next);
        count_one_more(near->table);
        table_trace_entry(leaf, next);
        __atomic_store_n(leaf, next, __ATOMIC_RELEASE);
    }
}
