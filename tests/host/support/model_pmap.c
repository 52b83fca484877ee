/* SPDX-License-Identifier: MIT */
/*
 * vm/pmap.h as a model: a sorted array of entries for each map.
 *
 * It does as little as the contract allows: a translation that only gained rights stays cached as
 * it was, and entries are forgotten at random when a test asks for it. There are table frames as a
 * machine with four levels has them, so that memory can run out here as in a real pmap, but nobody
 * looks into them, and they are never shared. An entry is a page or a large leaf.
 *
 * It also checks its callers: alignment, ranges, destroying what is active.
 */
#include <stdlib.h>
#include <string.h>

#include "abi/errno.h"
#include "core/cpu.h"
#include "lib/bits.h"
#include "mm/frame.h"
#include "support/check.h"
#include "support/mmu_model.h"
#include "support/random.h"
#include "vm/pmap.h"

#define LEVELS 3u /* below the top */

/* Bytes that a table of a level covers: 2 MiB, 1 GiB, 512 GiB. */
#define TABLE_BYTES(level) (PAGE_SIZE << (9 * (level)))

struct entry {
    uint64_t va, bytes; /* PAGE_SIZE or PMAP_LARGE_BYTES */
    paddr_t pa;
    unsigned access;
};

struct table {
    uint64_t va;
    unsigned level;      /* 1: its entries lead to pages */
    struct frame *frame; /* its count: entries in use */
};

struct pmap {
    struct frame *top;
    struct entry *entries; /* sorted by va */
    size_t count, room;
    struct table *tables; /* in any order */
    size_t table_count, table_room;
    bool is_claimed; /* some page */
};

static struct pmap *active;
static struct pmap_stats stats;
static struct random forget_random;
static unsigned forget_one_in;
static uint64_t liberties;

static void *grown(void *array, size_t count, size_t *room, size_t size) {
    if (count < *room)
        return array;
    *room = *room ? *room * 2 : 16;
    array = realloc(array, *room * size);
    CHECK(array != NULL);
    return array;
}

/* ---- entries ---- */

static uint64_t end_of(const struct entry *entry) {
    return entry->va + entry->bytes;
}

static bool is_large(const struct entry *entry) {
    return entry->bytes > PAGE_SIZE;
}

/* Index of the first entry that ends above va. */
static size_t position(const struct pmap *pmap, uint64_t va) {
    size_t low = 0, high = pmap->count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (end_of(&pmap->entries[middle]) <= va)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct entry *find(const struct pmap *pmap, uint64_t va) {
    size_t i = position(pmap, va);

    return i < pmap->count && pmap->entries[i].va <= va ? &pmap->entries[i] : NULL;
}

static struct table *table_of(const struct pmap *pmap, uint64_t va, unsigned level) {
    for (size_t i = 0; i < pmap->table_count; i++) {
        struct table *table = &pmap->tables[i];

        if (table->level == level && table->va == align_down(va, TABLE_BYTES(level)))
            return table;
    }
    return NULL;
}

/* Adds an empty table; false: no memory. */
static bool table_add(struct pmap *pmap, uint64_t va, unsigned level) {
    struct frame *frame = frame_alloc_zeroed(FRAME_TABLE);

    if (!frame)
        return false;
    pmap->tables = grown(pmap->tables, pmap->table_count, &pmap->table_room, sizeof(struct table));
    pmap->tables[pmap->table_count++] =
        (struct table){align_down(va, TABLE_BYTES(level)), level, frame};
    if (level < LEVELS)
        table_of(pmap, va, level + 1)->frame->count++;
    return true;
}

/* Removes the tables on the way to va that are empty, from below. */
static void tables_prune(struct pmap *pmap, uint64_t va) {
    for (unsigned level = 1; level <= LEVELS; level++) {
        struct table *table = table_of(pmap, va, level);

        if (!table)
            continue;
        if (table->frame->count > 0)
            return;
        frame_unref(table->frame);
        *table = pmap->tables[--pmap->table_count];
        if (level < LEVELS)
            table_of(pmap, va, level + 1)->frame->count--;
    }
}

/* The table of a level for va, made with the way to it; NULL: no memory, nothing changed. */
static struct table *table_make(struct pmap *pmap, uint64_t va, unsigned lowest) {
    for (unsigned level = LEVELS; level >= lowest; level--) {
        if (!table_of(pmap, va, level) && !table_add(pmap, va, level)) {
            tables_prune(pmap, va);
            return NULL;
        }
    }
    return table_of(pmap, va, lowest);
}

static void table_lose_entry(struct pmap *pmap, const struct entry *entry) {
    table_of(pmap, entry->va, is_large(entry) ? 2 : 1)->frame->count--;
    tables_prune(pmap, entry->va);
}

/* Makes room for n entries at an index. */
static void make_room(struct pmap *pmap, size_t at, size_t n) {
    while (pmap->count + n > pmap->room)
        pmap->entries = grown(pmap->entries, pmap->room, &pmap->room, sizeof(struct entry));
    memmove(&pmap->entries[at + n], &pmap->entries[at], (pmap->count - at) * sizeof(struct entry));
    pmap->count += n;
}

/* Drops the entries [from, to) by index; the TLB is the caller's. */
static void drop(struct pmap *pmap, size_t from, size_t to) {
    if (from == to)
        return;
    for (size_t i = from; i < to; i++)
        table_lose_entry(pmap, &pmap->entries[i]);
    memmove(&pmap->entries[from], &pmap->entries[to], (pmap->count - to) * sizeof(struct entry));
    pmap->count -= to - from;
}

/* Makes pages of the large leaf that va lies in, if it does. False: no memory. */
static bool split(struct pmap *pmap, uint64_t va) {
    struct entry *entry = find(pmap, va);
    struct entry large;
    struct table *table;
    size_t at;

    if (!entry || !is_large(entry))
        return true;
    large = *entry;
    table = table_make(pmap, va, 1);
    if (!table)
        return false;
    table->frame->count = PMAP_LARGE_BYTES / PAGE_SIZE;
    table_of(pmap, va, 2)->frame->count--;
    stats.large_split++;
    at = position(pmap, va);
    make_room(pmap, at, PMAP_LARGE_BYTES / PAGE_SIZE - 1);
    for (uint64_t done = 0; done < PMAP_LARGE_BYTES; done += PAGE_SIZE)
        pmap->entries[at++] =
            (struct entry){large.va + done, PAGE_SIZE, large.pa + done, large.access};
    return true;
}

/* Makes entries end at an edge: a large leaf across it is split, or dropped if there is no memory.
 */
static void cut(struct pmap *pmap, uint64_t edge) {
    size_t at = position(pmap, edge);

    if (at == pmap->count || pmap->entries[at].va >= edge || split(pmap, edge))
        return;
    tlb_forget_range(pmap, pmap->entries[at].va, end_of(&pmap->entries[at]));
    drop(pmap, at, at + 1);
}

/* Puts an entry in place of all that is there. False: no memory. */
static bool put(struct pmap *pmap, struct entry entry) {
    struct table *table;
    size_t at;

    if (!is_large(&entry) && !split(pmap, entry.va))
        return false;
    table = table_make(pmap, entry.va, is_large(&entry) ? 2 : 1);
    if (!table)
        return false;
    table->frame->count++;
    drop(pmap, position(pmap, entry.va), position(pmap, end_of(&entry)));
    at = position(pmap, entry.va);
    make_room(pmap, at, 1);
    pmap->entries[at] = entry;
    return true;
}

/* ---- the model's own liberties and checks ---- */

void mmu_forget_randomly(uint64_t seed, unsigned one_in) {
    forget_random.state = seed;
    forget_one_in = one_in;
}

/* Whether to do now what the contract allows and a caller may not expect. */
static bool takes_liberty(void) {
    bool taken = forget_one_in > 0 && random_one_in(&forget_random, forget_one_in);

    liberties += taken;
    return taken;
}

uint64_t mmu_liberties(void) {
    return liberties;
}

/* Any entry may be missing at any time. */
static void maybe_forget(struct pmap *pmap) {
    size_t from, to;

    if (pmap->count == 0 || !takes_liberty())
        return;
    from = random_below(&forget_random, pmap->count);
    to = MIN(from + 1 + random_below(&forget_random, 8), pmap->count);
    tlb_forget_range(pmap, pmap->entries[from].va, end_of(&pmap->entries[to - 1]));
    drop(pmap, from, to);
}

static void check_range(uint64_t start, uint64_t end) {
    CHECK(is_aligned(start, PAGE_SIZE) && is_aligned(end, PAGE_SIZE) && end <= USER_END);
}

/* ---- the contract ---- */

void pmap_init(void) {
}

struct pmap *pmap_create(void) {
    struct frame *top = frame_alloc_zeroed(FRAME_TABLE);
    struct pmap *pmap;

    if (!top)
        return NULL;
    pmap = calloc(1, sizeof(*pmap));
    CHECK(pmap != NULL);
    pmap->top = top;
    return pmap;
}

void pmap_retire(struct pmap *pmap) {
    CHECK(pmap != active);
}

void pmap_destroy(struct pmap *pmap) {
    CHECK(pmap != active);
    tlb_forget_space(pmap);
    drop(pmap, 0, pmap->count);
    CHECK_EQ(pmap->table_count, 0);
    frame_unref(pmap->top);
    free(pmap->entries);
    free(pmap->tables);
    free(pmap);
}

void pmap_activate(struct pmap *pmap) {
    active = pmap;
}

struct pmap *mmu_active(void) {
    return active;
}

int pmap_enter(struct pmap *pmap, uint64_t va, paddr_t pa, unsigned access) {
    struct entry entry = {va, PAGE_SIZE, pa, access};
    const struct entry *old;
    paddr_t old_pa;

    check_range(va, va + PAGE_SIZE);
    CHECK(is_aligned(pa, PAGE_SIZE));
    maybe_forget(pmap);
    old = find(pmap, va);
    old_pa = old ? old->pa + (va - old->va) : 0;
    if (old && (old_pa != pa || (old->access & ~access & VM_RIGHTS))) {
        tlb_forget_page(pmap, va);
        stats.flush_page++;
    }
    return put(pmap, entry) ? 0 : -ENOMEM;
}

/* ---- pages one by one: as the contract says, though here only one processor does it ---- */

bool pmap_page_claim(struct pmap *pmap, uint64_t va, bool write, struct pmap_page *page) {
    const struct entry *old = find(pmap, va);
    const struct table *table = table_of(pmap, va, 1);

    check_range(va, va + PAGE_SIZE);
    CHECK(!pmap->is_claimed);
    if ((old && is_large(old)) || takes_liberty())
        return false;
    *page = (struct pmap_page){.pmap = pmap, .va = va, .is_claimed = table != NULL};
    page->was = write || !takes_liberty() ? VM_WRITE : 0;
    pmap->is_claimed = page->is_claimed;
    return true;
}

bool pmap_page_allows(const struct pmap_page *page, paddr_t pa, unsigned access) {
    const struct entry *old = page->is_claimed ? find(page->pmap, page->va) : NULL;

    return old && old->pa == pa && !(access & VM_RIGHTS & ~old->access);
}

void pmap_page_release(const struct pmap_page *page) {
    page->pmap->is_claimed = false;
}

int pmap_page_enter(const struct pmap_page *page, paddr_t pa, unsigned access) {
    if (!page->is_claimed && takes_liberty())
        return -EEXIST;
    page->pmap->is_claimed = false;
    return pmap_enter(page->pmap, page->va, pa, access & (page->was | ~(unsigned)VM_WRITE));
}

void pmap_page_offer(const struct pmap_page *near, uint64_t va, paddr_t pa, unsigned access) {
    CHECK_EQ(align_down(va, PMAP_LARGE_BYTES), align_down(near->va, PMAP_LARGE_BYTES));
    CHECK(!(access & VM_WRITE));
    if (near->is_claimed && !find(near->pmap, va) && !takes_liberty())
        put(near->pmap, (struct entry){va, PAGE_SIZE, pa, access});
}

int pmap_enter_large(struct pmap *pmap, uint64_t va, paddr_t pa, unsigned access) {
    const struct entry entry = {va, PMAP_LARGE_BYTES, pa, access};

    check_range(va, va + PMAP_LARGE_BYTES);
    CHECK(is_aligned(va | pa, PMAP_LARGE_BYTES) && !(access & ~VM_RIGHTS));
    maybe_forget(pmap);
    if (!put(pmap, entry))
        return -ENOMEM;
    tlb_forget_range(pmap, va, va + PMAP_LARGE_BYTES);
    stats.large_entered++;
    return 0;
}

void pmap_remove(struct pmap *pmap, uint64_t start, uint64_t end) {
    check_range(start, end);
    maybe_forget(pmap);
    if (start >= end)
        return;
    cut(pmap, start);
    cut(pmap, end);
    tlb_forget_range(pmap, start, end);
    stats.flush_space++;
    drop(pmap, position(pmap, start), position(pmap, end));
}

void pmap_protect(struct pmap *pmap, uint64_t start, uint64_t end, unsigned access) {
    check_range(start, end);
    maybe_forget(pmap);
    if (start >= end)
        return;
    cut(pmap, start);
    cut(pmap, end);
    tlb_forget_range(pmap, start, end);
    stats.flush_space++;
    if (!(access & VM_RIGHTS)) {
        drop(pmap, position(pmap, start), position(pmap, end));
        return;
    }
    for (size_t i = position(pmap, start); i < pmap->count && pmap->entries[i].va < end; i++)
        pmap->entries[i].access &= access | ~VM_RIGHTS;
}

uint64_t pmap_protect_until(struct pmap *pmap, uint64_t start, uint64_t end, unsigned access,
                            const uint32_t *wanted) {
    uint64_t slice = align_down(start, PMAP_LARGE_BYTES) + PMAP_LARGE_BYTES;

    if (*wanted || takes_liberty())
        end = MIN(end, slice);
    pmap_protect(pmap, start, end, access);
    return end;
}

void pmap_fork(struct pmap *parent, struct pmap *child, uint64_t start, uint64_t end) {
    bool neighbours = takes_liberty();

    CHECK(parent != child);
    check_range(start, end);
    for (size_t i = 0; i < parent->count; i++) {
        struct entry *entry = &parent->entries[i];

        if (!neighbours && (end_of(entry) <= start || entry->va >= end))
            continue;
        if (!(entry->access & VM_SHARED))
            entry->access &= ~VM_WRITE;
        put(child, *entry);
    }
}

void pmap_move(struct pmap *pmap, uint64_t from, uint64_t to, uint64_t bytes) {
    check_range(from, from + bytes);
    check_range(to, to + bytes);
    CHECK(from + bytes <= to || to + bytes <= from);
    CHECK_EQ(position(pmap, to), position(pmap, to + bytes));
    maybe_forget(pmap);
    cut(pmap, from);
    cut(pmap, from + bytes);
    for (size_t i;
         i = position(pmap, from), i < pmap->count && pmap->entries[i].va < from + bytes;) {
        struct entry entry = pmap->entries[i];

        drop(pmap, i, i + 1);
        entry.va += to - from;
        if (is_large(&entry) && !is_aligned(entry.va, PMAP_LARGE_BYTES))
            continue;
        put(pmap, entry);
    }
    tlb_forget_range(pmap, from, from + bytes);
    tlb_forget_range(pmap, to, to + bytes);
    stats.flush_space++;
}

void pmap_fork_finish(struct pmap *parent) {
    tlb_forget_space(parent);
    stats.flush_space++;
    maybe_forget(parent);
}

void pmap_teardown(struct pmap *pmap, uint64_t start, uint64_t end) {
    CHECK(pmap != active);
    if (takes_liberty())
        pmap_remove(pmap, 0, USER_END);
    else
        pmap_remove(pmap, start, end);
}

bool pmap_lookup(struct pmap *pmap, uint64_t va, struct pmap_entry *entry) {
    const struct entry *found = find(pmap, align_down(va, PAGE_SIZE));

    *entry = (struct pmap_entry){.va = align_down(va, PAGE_SIZE), .level = 1};
    while (entry->level <= LEVELS && !table_of(pmap, va, entry->level))
        entry->level++;
    if (found) {
        entry->present = true;
        entry->level = is_large(found) ? 2 : 1;
        entry->pa = found->pa + (entry->va - found->va);
        entry->access = found->access;
        entry->table_refs = 1;
    }
    return entry->present;
}

void pmap_stats_get(struct pmap_stats *to) {
    *to = stats;
}

/* ---- cursors ---- */

void pmap_cursor_init(struct pmap_cursor *cursor, struct pmap *pmap, uint64_t va) {
    cursor->pmap = pmap;
    pmap_cursor_find(cursor, va);
}

void pmap_cursor_find(struct pmap_cursor *cursor, uint64_t va) {
    pmap_lookup(cursor->pmap, va, &cursor->at);
}

void pmap_cursor_advance(struct pmap_cursor *cursor, int64_t delta_bytes) {
    pmap_cursor_find(cursor, cursor->at.va + (uint64_t)delta_bytes);
}

bool pmap_cursor_next_present(struct pmap_cursor *cursor, uint64_t limit) {
    const struct pmap *pmap = cursor->pmap;
    size_t i = position(pmap, cursor->at.va);

    if (i == pmap->count || pmap->entries[i].va >= limit)
        return false;
    pmap_cursor_find(cursor, MAX(pmap->entries[i].va, cursor->at.va));
    return true;
}

int pmap_cursor_map(struct pmap_cursor *cursor, paddr_t pa, unsigned access) {
    int error = pmap_enter(cursor->pmap, cursor->at.va, pa, access);

    pmap_cursor_find(cursor, cursor->at.va);
    return error;
}

/* Whether table a comes before b: lower levels before those that lead to them. */
static bool comes_before(const struct table *a, const struct table *b) {
    uint64_t a_end = a->va + TABLE_BYTES(a->level);
    uint64_t b_end = b->va + TABLE_BYTES(b->level);

    return a_end != b_end ? a_end < b_end : a->level < b->level;
}

/* Stands at the first table after `last`, NULL: at the first of all. */
static void table_cursor_find(struct pmap_table_cursor *cursor, const struct table *last) {
    const struct table *best = NULL;

    for (size_t i = 0; i < cursor->pmap->table_count; i++) {
        const struct table *table = &cursor->pmap->tables[i];

        if ((!last || comes_before(last, table)) && (!best || comes_before(table, best)))
            best = table;
    }
    cursor->active = best != NULL;
    if (!best)
        return;
    cursor->va = best->va;
    cursor->end_va = best->va + TABLE_BYTES(best->level);
    cursor->pa = frame_to_phys(best->frame);
    cursor->level = (uint8_t)best->level;
    cursor->refs = 1;
}

void pmap_table_cursor_init(struct pmap_table_cursor *cursor, struct pmap *pmap) {
    *cursor = (struct pmap_table_cursor){.pmap = pmap};
    table_cursor_find(cursor, NULL);
}

void pmap_table_cursor_next(struct pmap_table_cursor *cursor) {
    const struct table last = {.va = cursor->va, .level = cursor->level};

    table_cursor_find(cursor, &last);
}

paddr_t pmap_root(const struct pmap *pmap) {
    (void)pmap;
    return 0;
}

size_t pmap_table_pages(struct pmap *pmap) {
    return 1 + pmap->table_count;
}

/* Nobody shares a table here, so each has one way to it. */
void pmap_visit_tables(struct pmap *pmap, const struct pmap_table_visitor *visitor) {
    struct pmap_table at = {.frame = pmap->top, .level = LEVELS + 1};

    visitor->table(visitor->arg, &at);
    for (size_t i = 0; i < pmap->table_count; i++) {
        at = (struct pmap_table){.frame = pmap->tables[i].frame,
                                 .va = pmap->tables[i].va,
                                 .level = (uint8_t)pmap->tables[i].level};
        visitor->table(visitor->arg, &at);
    }
}

const char *pmap_table_violation(const struct pmap_table *table) {
    return table->level <= LEVELS && table->frame->count == 0 ? "is empty" : NULL;
}

/* ---- translation ---- */

bool mmu_translate(uint64_t va, unsigned access, paddr_t *pa) {
    const struct tlb_entry *cached = tlb_find(active, va);
    struct pmap_entry entry;

    if (!cached && pmap_lookup(active, va, &entry)) {
        tlb_keep(active, va, entry.pa, entry.access);
        cached = tlb_find(active, va);
    }
    if (!cached || (access & ~cached->access)) {
        tlb_forget_page(active, va);
        return false;
    }
    *pa = cached->pa + va % PAGE_SIZE;
    return true;
}
