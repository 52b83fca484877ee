/* SPDX-License-Identifier: MIT */
/*
 * What every implementation of vm/pmap.h must do with leaves of 2 MiB, and with a range that moves.
 * See pmap_conformance.c.
 */
#include "conformance.h"
#include "lib/bits.h"
#include "pmap_tests.h"

#define PAGES (PMAP_LARGE_BYTES / PAGE_SIZE)
#define BASE 0x40000000ull
#define FAR 0x7e0000000000ull
#define MANY 70u /* large leaves: more entries than a fork copies one by one */

/* Frames that a large leaf, by number, leads to; a page has them from `page` on. */
static paddr_t pa_of(unsigned leaf, uint64_t page) {
    return (leaf + 1) * PMAP_LARGE_BYTES + (page << PAGE_SHIFT);
}

static uint64_t va_of(unsigned leaf, uint64_t page) {
    return BASE + leaf * PMAP_LARGE_BYTES + (page << PAGE_SHIFT);
}

/* Frames that are no large leaf's. */
static paddr_t other_pa(uint64_t page) {
    return (page + 16) << PAGE_SHIFT;
}

static const char *enter_leaves(struct pmap *pmap, unsigned count, unsigned access) {
    for (unsigned i = 0; i < count; i++)
        EXPECT(pmap_enter_large(pmap, va_of(i, 0), pa_of(i, 0), access) == 0);
    return NULL;
}

static bool leads_to(struct pmap *pmap, uint64_t va, paddr_t pa, unsigned rights, uint8_t level) {
    struct pmap_entry entry;

    return pmap_lookup(pmap, va, &entry) && entry.va == va && entry.pa == pa &&
           (level == 0 || entry.level == level) && (entry.access & VM_RIGHTS) == rights;
}

/* The pages [from, to) of leaf 0 are mapped, as they were entered, with rights, by a level (0:
 * any).
 */
static const char *expect_pages(struct pmap *pmap, uint64_t from, uint64_t to, unsigned rights,
                                uint8_t level) {
    for (uint64_t page = from; page < to; page++)
        EXPECT(leads_to(pmap, va_of(0, page), pa_of(0, page), rights, level));
    return NULL;
}

static const char *expect_missing(struct pmap *pmap, uint64_t from, uint64_t to) {
    for (uint64_t page = from; page < to; page++)
        EXPECT(is_missing(pmap, va_of(0, page)));
    return NULL;
}

/* Each page of the first leaves is missing, or right and not writable; but for one of leaf 0. */
static const char *expect_harmless(struct pmap *pmap, unsigned leaves, uint64_t but) {
    struct pmap_entry entry;

    for (uint64_t page = 0; page < leaves * PAGES; page++) {
        if (page != but && pmap_lookup(pmap, va_of(0, page), &entry))
            EXPECT(entry.pa == pa_of(0, page) && !(entry.access & VM_WRITE));
    }
    return NULL;
}

/* ---- one map ---- */

static const char *test_enter(struct pmap *pmap) {
    size_t empty = pmap_table_pages(pmap);

    EXPECT_OK(enter_leaves(pmap, 1, RW));
    EXPECT_OK(expect_pages(pmap, 0, PAGES, RW, 2));
    EXPECT(is_missing(pmap, BASE - PAGE_SIZE) && is_missing(pmap, va_of(1, 0)));
    EXPECT(pmap_table_pages(pmap) == empty + 2);
    EXPECT(pmap_enter_large(pmap, FAR, pa_of(1, 0), VM_READ | VM_EXEC) == 0);
    EXPECT(leads_to(pmap, FAR + 5 * PAGE_SIZE, pa_of(1, 5), VM_READ | VM_EXEC, 2));
    return NULL;
}

static const char *test_replaces_large(struct pmap *pmap) {
    EXPECT_OK(enter_leaves(pmap, 1, VM_READ));
    EXPECT(pmap_enter_large(pmap, BASE, pa_of(0, 0), RW) == 0);
    EXPECT_OK(expect_pages(pmap, 0, PAGES, RW, 2));
    EXPECT(pmap_enter_large(pmap, BASE, pa_of(7, 0), VM_READ) == 0);
    EXPECT(leads_to(pmap, va_of(0, 511), pa_of(7, 511), VM_READ, 2));
    return NULL;
}

/* A table of pages gives way, and is given back; the next page does not go into it. */
static const char *test_replaces_pages(struct pmap *pmap) {
    size_t tables;

    EXPECT_OK(enter_leaves(pmap, 1, RW));
    tables = pmap_table_pages(pmap);
    pmap_remove(pmap, BASE, va_of(1, 0));
    for (unsigned page = 0; page < PAGES; page += 3)
        EXPECT(pmap_enter(pmap, va_of(0, page), other_pa(page), RW) == 0);
    EXPECT(pmap_enter_large(pmap, BASE, pa_of(0, 0), VM_READ) == 0);
    EXPECT_OK(expect_pages(pmap, 0, PAGES, VM_READ, 2));
    EXPECT(pmap_table_pages(pmap) == tables);
    EXPECT(pmap_enter(pmap, va_of(0, 4), other_pa(9), VM_READ) == 0);
    EXPECT(leads_to(pmap, va_of(0, 4), other_pa(9), VM_READ, 1));
    EXPECT_OK(expect_pages(pmap, 5, PAGES, VM_READ, 1));
    return NULL;
}

/* A page entered below a large leaf: the others stay as they were. */
static const char *test_page_splits(struct pmap *pmap) {
    EXPECT_OK(enter_leaves(pmap, 2, VM_READ | VM_EXEC));
    EXPECT(pmap_enter(pmap, va_of(0, 100), other_pa(1), RW) == 0);
    EXPECT_OK(expect_pages(pmap, 0, 100, VM_READ | VM_EXEC, 1));
    EXPECT(leads_to(pmap, va_of(0, 100), other_pa(1), RW, 1));
    EXPECT_OK(expect_pages(pmap, 101, PAGES, VM_READ | VM_EXEC, 1));
    EXPECT_OK(expect_pages(pmap, PAGES, 2 * PAGES, VM_READ | VM_EXEC, 2));
    return NULL;
}

/* Pages [from, to) of a leaf go, the others stay. */
static const char *remove_part(struct pmap *pmap, uint64_t from, uint64_t to) {
    EXPECT_OK(enter_leaves(pmap, 2, RW));
    pmap_remove(pmap, va_of(0, from), va_of(0, to));
    EXPECT_OK(expect_pages(pmap, 0, from, RW, 1));
    EXPECT_OK(expect_missing(pmap, from, to));
    if (to < PAGES)
        EXPECT_OK(expect_pages(pmap, to, PAGES, RW, 1));
    pmap_remove(pmap, BASE, va_of(2, 0));
    EXPECT_OK(expect_missing(pmap, 0, 2 * PAGES));
    return NULL;
}

static const char *test_remove_parts(struct pmap *pmap) {
    size_t empty = pmap_table_pages(pmap);

    EXPECT_OK(remove_part(pmap, 0, 1));
    EXPECT_OK(remove_part(pmap, PAGES - 1, PAGES));
    EXPECT_OK(remove_part(pmap, 200, 300));
    EXPECT_OK(remove_part(pmap, 0, PAGES - 1));
    EXPECT_OK(remove_part(pmap, 1, PAGES));
    EXPECT_OK(remove_part(pmap, 500, PAGES + 12));
    EXPECT(pmap_table_pages(pmap) == empty);
    return NULL;
}

static const char *test_remove_whole(struct pmap *pmap) {
    EXPECT_OK(enter_leaves(pmap, 3, RW));
    pmap_remove(pmap, va_of(1, 0), va_of(2, 0));
    EXPECT_OK(expect_pages(pmap, 0, PAGES, RW, 2));
    EXPECT_OK(expect_missing(pmap, PAGES, 2 * PAGES));
    EXPECT_OK(expect_pages(pmap, 2 * PAGES, 3 * PAGES, RW, 2));
    pmap_teardown(pmap, va_of(2, 5), va_of(2, 6));
    EXPECT(is_missing(pmap, va_of(2, 5)));
    return NULL;
}

static const char *test_protect_whole(struct pmap *pmap) {
    EXPECT_OK(enter_leaves(pmap, 2, VM_RIGHTS));
    pmap_protect(pmap, BASE, va_of(1, 0), RW);
    EXPECT_OK(expect_pages(pmap, 0, PAGES, RW, 2));
    pmap_protect(pmap, BASE, va_of(1, 0), VM_READ);
    EXPECT_OK(expect_pages(pmap, 0, PAGES, VM_READ, 2));
    EXPECT_OK(expect_pages(pmap, PAGES, 2 * PAGES, VM_RIGHTS, 2));
    pmap_protect(pmap, BASE, va_of(2, 0), 0);
    EXPECT_OK(expect_missing(pmap, 0, 2 * PAGES));
    return NULL;
}

static const char *test_protect_part(struct pmap *pmap) {
    EXPECT_OK(enter_leaves(pmap, 1, RW));
    pmap_protect(pmap, va_of(0, 50), va_of(0, 60), RW);
    EXPECT_OK(expect_pages(pmap, 0, PAGES, RW, 0)); /* nothing was to be taken away */
    pmap_protect(pmap, va_of(0, 50), va_of(0, 60), VM_READ);
    EXPECT_OK(expect_pages(pmap, 0, 50, RW, 1));
    EXPECT_OK(expect_pages(pmap, 50, 60, VM_READ, 1));
    EXPECT_OK(expect_pages(pmap, 60, PAGES, RW, 1));
    pmap_protect(pmap, va_of(0, 511), va_of(1, 0), 0);
    EXPECT_OK(expect_missing(pmap, 511, 512));
    EXPECT(pmap_enter_large(pmap, BASE, pa_of(0, 0), RW) == 0);
    EXPECT_OK(expect_pages(pmap, 0, PAGES, RW, 2));
    return NULL;
}

static const char *test_cursor(struct pmap *pmap) {
    struct pmap_cursor cursor;
    uint64_t pages = 0;

    EXPECT_OK(enter_leaves(pmap, 2, VM_READ));
    EXPECT(pmap_enter(pmap, va_of(3, 9), other_pa(1), VM_READ) == 0);
    pmap_cursor_init(&cursor, pmap, va_of(0, 10));
    while (pmap_cursor_next_present(&cursor, va_of(3, 0))) {
        EXPECT(cursor.at.va == va_of(0, 10 + pages) && cursor.at.pa == pa_of(0, 10 + pages));
        pmap_cursor_advance(&cursor, PAGE_SIZE);
        pages++;
    }
    EXPECT(pages == 2 * PAGES - 10);
    EXPECT(pmap_cursor_next_present(&cursor, USER_END) && cursor.at.va == va_of(3, 9));
    return NULL;
}

/* Tables that lead to large leaves only have none below them. */
static const char *test_table_cursor(struct pmap *pmap) {
    struct pmap_table_cursor cursor;
    unsigned by_level[4] = {0};

    EXPECT_OK(enter_leaves(pmap, 3, VM_READ));
    EXPECT(pmap_enter_large(pmap, FAR, pa_of(5, 0), VM_READ) == 0);
    EXPECT(pmap_enter(pmap, va_of(1, 9), other_pa(1), VM_READ) == 0);
    for (pmap_table_cursor_init(&cursor, pmap); cursor.active; pmap_table_cursor_next(&cursor))
        by_level[cursor.level]++;
    EXPECT(by_level[1] == 1 && by_level[2] == 2 && by_level[3] == 2);
    EXPECT(pmap_table_pages(pmap) == 6);
    return NULL;
}

/* ---- fork ---- */

static const char *with_child(struct pmap *pmap, unsigned leaves,
                              const char *(*test)(struct pmap *parent, struct pmap *child)) {
    struct pmap *child;
    const char *failure;

    EXPECT_OK(enter_leaves(pmap, leaves, RW));
    child = pmap_create();
    EXPECT(child);
    pmap_fork(pmap, child, BASE, va_of(0, 100)); /* two areas that meet inside a large leaf */
    pmap_fork(pmap, child, va_of(0, 100), USER_END);
    pmap_fork_finish(pmap);
    failure = test(pmap, child);
    pmap_destroy(child);
    return failure;
}

static const char *fork_takes_write(struct pmap *parent, struct pmap *child) {
    EXPECT_OK(expect_harmless(parent, 3, UINT64_MAX));
    EXPECT_OK(expect_harmless(child, 3, UINT64_MAX));
    EXPECT(leads_to(child, va_of(1, 7), pa_of(1, 7), VM_READ, 2));
    return NULL;
}

static const char *test_fork_few(struct pmap *pmap) {
    EXPECT_OK(with_child(pmap, 3, fork_takes_write));
    return NULL;
}

static const char *test_fork_many(struct pmap *pmap) {
    EXPECT_OK(with_child(pmap, MANY, fork_takes_write));
    return NULL;
}

static const char *both_write(struct pmap *parent, struct pmap *child) {
    EXPECT(pmap_enter(child, va_of(0, 3), other_pa(1), RW) == 0);
    EXPECT(pmap_enter(parent, va_of(0, 5), other_pa(2), RW) == 0);
    EXPECT(leads_to(child, va_of(0, 3), other_pa(1), RW, 1));
    EXPECT(leads_to(parent, va_of(0, 5), other_pa(2), RW, 1));
    EXPECT_OK(expect_harmless(child, 3, 3));
    EXPECT_OK(expect_harmless(parent, 3, 5));
    return NULL;
}

static const char *test_fork_both_write_few(struct pmap *pmap) {
    return with_child(pmap, 3, both_write);
}

static const char *test_fork_both_write_many(struct pmap *pmap) {
    return with_child(pmap, MANY, both_write);
}

static const char *child_changes(struct pmap *parent, struct pmap *child) {
    pmap_remove(child, va_of(0, 10), va_of(0, 20));
    pmap_remove(child, va_of(1, 0), va_of(2, 0));
    pmap_protect(child, va_of(2, 511), va_of(2, 512), 0);
    EXPECT_OK(expect_missing(child, 10, 20));
    EXPECT_OK(expect_missing(child, PAGES, 2 * PAGES));
    EXPECT_OK(expect_missing(child, 3 * PAGES - 1, 3 * PAGES));
    EXPECT_OK(expect_pages(parent, 0, 3 * PAGES, VM_READ, 2));
    EXPECT(pmap_enter_large(child, va_of(1, 0), pa_of(200, 0), RW) == 0);
    EXPECT_OK(expect_pages(parent, 0, 3 * PAGES, VM_READ, 2));
    EXPECT_OK(expect_harmless(child, 1, UINT64_MAX));
    return NULL;
}

static const char *test_fork_child_changes_few(struct pmap *pmap) {
    return with_child(pmap, 3, child_changes);
}

static const char *test_fork_child_changes_many(struct pmap *pmap) {
    return with_child(pmap, MANY, child_changes);
}

/* The child is gone: one leaf gets its W back, the others wait for theirs. */
static const char *test_fork_child_dies(struct pmap *pmap) {
    EXPECT_OK(with_child(pmap, MANY, fork_takes_write));
    EXPECT(pmap_enter_large(pmap, BASE, pa_of(0, 0), RW) == 0);
    EXPECT_OK(expect_pages(pmap, 0, PAGES, RW, 2));
    for (unsigned leaf = 1; leaf < MANY; leaf++)
        EXPECT(leads_to(pmap, va_of(leaf, 0), pa_of(leaf, 0), VM_READ, 2));
    return NULL;
}

/* ---- moving ---- */

/* A large leaf, pages around it, and a table of pages. */
static const char *enter_mixture(struct pmap *pmap) {
    EXPECT(pmap_enter(pmap, va_of(0, 511), other_pa(1), RW) == 0);
    EXPECT(pmap_enter_large(pmap, va_of(1, 0), pa_of(1, 0), RW) == 0);
    for (unsigned page = 0; page < PAGES; page += 2)
        EXPECT(pmap_enter(pmap, va_of(2, page), other_pa(page), VM_READ) == 0);
    EXPECT(pmap_enter(pmap, va_of(3, 0), other_pa(2), VM_READ | VM_EXEC) == 0);
    EXPECT(pmap_enter(pmap, va_of(3, 1), other_pa(3), RW) == 0);
    return NULL;
}

/* Missing, or as it was entered. */
static bool may_lead_to(struct pmap *pmap, uint64_t va, paddr_t pa, unsigned rights) {
    struct pmap_entry entry;

    return !pmap_lookup(pmap, va, &entry) ||
           (entry.pa == pa && (entry.access & VM_RIGHTS) == rights);
}

/* What was entered from va_of(0, 511) to va_of(3, 1) is at `to` or missing, and not there. */
static const char *expect_moved(struct pmap *pmap, uint64_t to) {
    EXPECT_OK(expect_missing(pmap, 511, 3 * PAGES + 1));
    EXPECT(leads_to(pmap, va_of(3, 1), other_pa(3), RW, 1));
    EXPECT(may_lead_to(pmap, to, other_pa(1), RW));
    for (uint64_t page = 0; page < PAGES; page++) {
        uint64_t at = to + ((1 + page) << PAGE_SHIFT);

        EXPECT(may_lead_to(pmap, at, pa_of(1, page), RW));
        if (page % 2 == 0)
            EXPECT(may_lead_to(pmap, at + PMAP_LARGE_BYTES, other_pa(page), VM_READ));
        else
            EXPECT(is_missing(pmap, at + PMAP_LARGE_BYTES));
    }
    EXPECT(may_lead_to(pmap, to + ((1 + 2 * PAGES) << PAGE_SHIFT), other_pa(2), VM_READ | VM_EXEC));
    EXPECT(is_missing(pmap, to - PAGE_SIZE));
    EXPECT(is_missing(pmap, to + ((2 + 2 * PAGES) << PAGE_SHIFT)));
    return NULL;
}

static const char *test_move_alike(struct pmap *pmap) {
    const uint64_t to = FAR + 511 * PAGE_SIZE;

    EXPECT_OK(enter_mixture(pmap));
    pmap_move(pmap, va_of(0, 511), to, (2 * PAGES + 2) * PAGE_SIZE);
    EXPECT_OK(expect_moved(pmap, to));
    EXPECT(leads_to(pmap, to + 2 * PAGE_SIZE, pa_of(1, 1), RW, 2)); /* as a whole */
    EXPECT(leads_to(pmap, to + (1 + PAGES) * PAGE_SIZE, other_pa(0), VM_READ, 1));
    return NULL;
}

/* A page that comes where a whole table has gone from does not go with it. */
static const char *test_move_then_enter(struct pmap *pmap) {
    EXPECT(pmap_enter(pmap, va_of(0, 3), other_pa(0), RW) == 0);
    pmap_move(pmap, va_of(0, 0), FAR, PMAP_LARGE_BYTES);
    EXPECT(pmap_enter(pmap, va_of(0, 5), other_pa(1), RW) == 0);
    EXPECT(leads_to(pmap, va_of(0, 5), other_pa(1), RW, 1) && is_missing(pmap, va_of(0, 3)));
    EXPECT(leads_to(pmap, FAR + 3 * PAGE_SIZE, other_pa(0), RW, 1));
    EXPECT(is_missing(pmap, FAR + 5 * PAGE_SIZE));
    return NULL;
}

static const char *test_move_otherwise(struct pmap *pmap) {
    const uint64_t to = FAR + 17 * PAGE_SIZE;

    EXPECT_OK(enter_mixture(pmap));
    pmap_move(pmap, va_of(0, 511), to, (2 * PAGES + 2) * PAGE_SIZE);
    EXPECT_OK(expect_moved(pmap, to));
    return NULL;
}

/* A part of a large leaf moves to a neighbour's table. */
static const char *test_move_part(struct pmap *pmap) {
    EXPECT_OK(enter_leaves(pmap, 1, RW));
    pmap_move(pmap, va_of(0, 500), va_of(1, 0), 12 * PAGE_SIZE);
    EXPECT_OK(expect_missing(pmap, 500, PAGES));
    for (uint64_t page = 0; page < 12; page++)
        EXPECT(may_lead_to(pmap, va_of(1, page), pa_of(0, 500 + page), RW));
    for (uint64_t page = 0; page < 500; page++)
        EXPECT(may_lead_to(pmap, va_of(0, page), pa_of(0, page), RW));
    return NULL;
}

static const char *parent_moves(struct pmap *parent, struct pmap *child) {
    const uint64_t target = va_of(MANY + 10, 0);
    struct pmap_entry entry;

    EXPECT(pmap_enter(parent, va_of(1, 4), other_pa(1), RW) == 0);
    pmap_move(parent, va_of(0, 0), target, 3 * PMAP_LARGE_BYTES);
    EXPECT_OK(expect_missing(parent, 0, 3 * PAGES));
    EXPECT_OK(expect_pages(child, 0, 3 * PAGES, VM_READ, 2));
    for (uint64_t page = 0; page < 3 * PAGES; page++) {
        if (page == PAGES + 4 || !pmap_lookup(parent, target + (page << PAGE_SHIFT), &entry))
            continue;
        EXPECT(entry.pa == pa_of(0, page) && !(entry.access & VM_WRITE));
    }
    EXPECT(may_lead_to(parent, target + ((PAGES + 4) << PAGE_SHIFT), other_pa(1), RW));
    EXPECT(is_missing(child, target) && is_missing(child, target + PMAP_LARGE_BYTES));
    return NULL;
}

/* The child has taken copies for itself, and what both had is the parent's alone again; the pages
 * are not. */
static const char *parent_moves_later(struct pmap *parent, struct pmap *child) {
    const uint64_t target = FAR;
    struct pmap_entry entry;

    EXPECT(pmap_enter(child, va_of(5, 0), other_pa(1), RW) == 0);
    pmap_move(parent, va_of(0, 0), target, 3 * PMAP_LARGE_BYTES);
    EXPECT_OK(expect_missing(parent, 0, 3 * PAGES));
    for (uint64_t page = 0; page < 3 * PAGES; page++) {
        if (pmap_lookup(parent, target + (page << PAGE_SHIFT), &entry))
            EXPECT(entry.pa == pa_of(0, page) && !(entry.access & VM_WRITE));
    }
    return NULL;
}

static const char *test_move_after_fork(struct pmap *pmap) {
    return with_child(pmap, MANY, parent_moves);
}

static const char *test_move_after_childs_write(struct pmap *pmap) {
    return with_child(pmap, MANY, parent_moves_later);
}

const struct pmap_test pmap_large_tests[] = {
    {"large: enter", test_enter},
    {"large: replaces large", test_replaces_large},
    {"large: replaces pages", test_replaces_pages},
    {"large: a page splits", test_page_splits},
    {"large: remove parts", test_remove_parts},
    {"large: remove the whole", test_remove_whole},
    {"large: protect the whole", test_protect_whole},
    {"large: protect a part", test_protect_part},
    {"large: cursor", test_cursor},
    {"large: table cursor", test_table_cursor},
    {"large: fork of few", test_fork_few},
    {"large: fork of many", test_fork_many},
    {"large: both write after fork, few", test_fork_both_write_few},
    {"large: both write after fork, many", test_fork_both_write_many},
    {"large: child changes, few", test_fork_child_changes_few},
    {"large: child changes, many", test_fork_child_changes_many},
    {"large: child dies", test_fork_child_dies},
    {"move: alike modulo 2 MiB", test_move_alike},
    {"move: a page where it was", test_move_then_enter},
    {"move: otherwise", test_move_otherwise},
    {"move: part of a large leaf", test_move_part},
    {"move: after a fork", test_move_after_fork},
    {"move: after the child's first write", test_move_after_childs_write},
};

const size_t pmap_large_test_count = ARRAY_SIZE(pmap_large_tests);
