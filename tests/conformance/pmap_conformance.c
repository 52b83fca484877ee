/* SPDX-License-Identifier: MIT */
/*
 * What every implementation of vm/pmap.h must do. The host runs this on its model and on the x86-64
 * sources, the kernel on the machine.
 *
 * Large leaves have a file of their own, pmap_large.c.
 *
 * Frames are only names here: physical addresses that nobody reads or writes, except where a test
 * says so. Where the contract allows forgetting, "missing or right" is what is asked.
 */
#include "conformance.h"

#include "lib/bits.h"
#include "mm/frame.h"
#include "pmap_tests.h"

#define BASE 0x10000000ull
#define FAR 0x7f0000000000ull
#define MANY 300u /* pages: more than a fork copies entry by entry */

/* A physical address to map for a page; distinct, and inside any machine's reach. */
static paddr_t pa_of(uint64_t page) {
    return (page + 16) << PAGE_SHIFT;
}

static uint64_t va_of(uint64_t page) {
    return BASE + (page << PAGE_SHIFT);
}

/* Enters pages [0, count) at BASE. */
static const char *enter_pages(struct pmap *pmap, unsigned count, unsigned access) {
    for (unsigned i = 0; i < count; i++)
        EXPECT(pmap_enter(pmap, va_of(i), pa_of(i), access) == 0);
    return NULL;
}

static bool is_mapped(struct pmap *pmap, uint64_t va, paddr_t pa, unsigned rights) {
    struct pmap_entry entry;

    return pmap_lookup(pmap, va, &entry) && entry.pa == pa && entry.level == 1 &&
           (entry.access & VM_RIGHTS) == rights;
}

/* Missing, or leading to the right frame and not writable. */
static bool is_harmless(struct pmap *pmap, unsigned page) {
    struct pmap_entry entry;

    return !pmap_lookup(pmap, va_of(page), &entry) ||
           (entry.pa == pa_of(page) && !(entry.access & VM_WRITE));
}

/* ---- one map ---- */

static const char *test_enter_and_lookup(struct pmap *pmap) {
    EXPECT(is_missing(pmap, BASE));
    EXPECT(pmap_enter(pmap, BASE, pa_of(1), RW) == 0);
    EXPECT(is_mapped(pmap, BASE, pa_of(1), RW));
    EXPECT(is_mapped(pmap, BASE + 123, pa_of(1), RW));
    EXPECT(is_missing(pmap, BASE + PAGE_SIZE));
    EXPECT(pmap_enter(pmap, FAR, pa_of(2), VM_READ | VM_EXEC) == 0);
    EXPECT(is_mapped(pmap, FAR, pa_of(2), VM_READ | VM_EXEC));
    EXPECT(pmap_enter(pmap, USER_END - PAGE_SIZE, pa_of(3), VM_READ) == 0);
    EXPECT(is_mapped(pmap, USER_END - PAGE_SIZE, pa_of(3), VM_READ));
    return NULL;
}

static const char *test_enter_replaces(struct pmap *pmap) {
    EXPECT(pmap_enter(pmap, BASE, pa_of(1), VM_READ) == 0);
    EXPECT(pmap_enter(pmap, BASE, pa_of(2), RW) == 0);
    EXPECT(is_mapped(pmap, BASE, pa_of(2), RW));
    EXPECT(pmap_enter(pmap, BASE, pa_of(2), VM_READ) == 0);
    EXPECT(is_mapped(pmap, BASE, pa_of(2), VM_READ));
    return NULL;
}

/*      0 . . . 99 | 100 . . . 199 | 200 . . . 299
 *                   ^ removed  ^                    */
static const char *test_remove_middle(struct pmap *pmap) {
    EXPECT_OK(enter_pages(pmap, MANY, RW));
    pmap_remove(pmap, va_of(100), va_of(200));
    for (unsigned i = 0; i < MANY; i++) {
        bool gone = i >= 100 && i < 200;

        EXPECT(gone ? is_missing(pmap, va_of(i)) : is_mapped(pmap, va_of(i), pa_of(i), RW));
    }
    return NULL;
}

static const char *test_remove_all_frees_tables(struct pmap *pmap) {
    size_t empty = pmap_table_pages(pmap);

    EXPECT_OK(enter_pages(pmap, 5, RW));
    EXPECT(pmap_enter(pmap, FAR, pa_of(9), RW) == 0);
    EXPECT(pmap_table_pages(pmap) > empty);
    pmap_remove(pmap, USER_MIN, USER_END);
    EXPECT(is_missing(pmap, BASE) && is_missing(pmap, FAR));
    EXPECT(pmap_table_pages(pmap) == empty);
    return NULL;
}

static const char *test_protect_takes_rights(struct pmap *pmap) {
    EXPECT_OK(enter_pages(pmap, 3, VM_RIGHTS));
    pmap_protect(pmap, va_of(0), va_of(1), VM_READ | VM_EXEC);
    EXPECT(is_mapped(pmap, va_of(0), pa_of(0), VM_READ | VM_EXEC));
    EXPECT(is_mapped(pmap, va_of(1), pa_of(1), VM_RIGHTS));
    pmap_protect(pmap, va_of(1), va_of(2), RW);
    EXPECT(is_mapped(pmap, va_of(1), pa_of(1), RW));
    pmap_protect(pmap, va_of(2), va_of(3), 0);
    EXPECT(is_missing(pmap, va_of(2)));
    return NULL;
}

/*
 * Stops where somebody wants it to, with all done up to there and something each time; nobody:
 * all at once, or as well.
 */
static const char *protect_in_slices(struct pmap *pmap, unsigned access, uint32_t wanted) {
    const uint64_t start = va_of(3), end = va_of(1300);
    uint64_t at = start, next;

    for (unsigned i = 0; i < 1310; i++)
        EXPECT(pmap_enter(pmap, va_of(i), pa_of(i), RW) == 0);
    for (unsigned turns = 0; at < end; at = next, turns++) {
        next = pmap_protect_until(pmap, at, end, access, &wanted);
        EXPECT(next > at && next <= end && turns < 1300);
        EXPECT(!wanted || next - at <= PMAP_LARGE_BYTES);
        EXPECT(is_missing(pmap, next - PAGE_SIZE) || access);
        EXPECT(!access || is_mapped(pmap, at, pa_of((at - BASE) >> PAGE_SHIFT), access));
        EXPECT(next == end || is_mapped(pmap, end - PAGE_SIZE, pa_of(1299), RW));
    }
    EXPECT(is_mapped(pmap, va_of(2), pa_of(2), RW));
    EXPECT(is_mapped(pmap, end, pa_of(1300), RW));
    return NULL;
}

static const char *test_protect_until(struct pmap *pmap) {
    EXPECT_OK(protect_in_slices(pmap, VM_READ, 1));
    EXPECT_OK(protect_in_slices(pmap, 0, 1));
    EXPECT_OK(protect_in_slices(pmap, VM_READ, 0));
    EXPECT_OK(protect_in_slices(pmap, 0, 0));
    return NULL;
}

static const char *test_protect_gives_none(struct pmap *pmap) {
    EXPECT_OK(enter_pages(pmap, 1, VM_READ));
    pmap_protect(pmap, va_of(0), va_of(1), VM_RIGHTS);
    EXPECT(is_mapped(pmap, va_of(0), pa_of(0), VM_READ));
    return NULL;
}

/* ---- cursors ---- */

static const char *test_cursor_finds_all(struct pmap *pmap) {
    const uint64_t vas[] = {BASE, BASE + PAGE_SIZE, BASE + (4ull << 20), FAR, USER_END - PAGE_SIZE};
    struct pmap_cursor cursor;

    for (unsigned i = 0; i < ARRAY_SIZE(vas); i++)
        EXPECT(pmap_enter(pmap, vas[i], pa_of(i), VM_READ) == 0);
    pmap_cursor_init(&cursor, pmap, 0);
    for (unsigned i = 0; i < ARRAY_SIZE(vas); i++) {
        EXPECT(pmap_cursor_next_present(&cursor, USER_END));
        EXPECT(cursor.at.va == vas[i] && cursor.at.pa == pa_of(i));
        pmap_cursor_advance(&cursor, PAGE_SIZE);
    }
    EXPECT(!pmap_cursor_next_present(&cursor, USER_END));
    pmap_cursor_find(&cursor, 0);
    EXPECT(!pmap_cursor_next_present(&cursor, BASE));
    return NULL;
}

static const char *test_cursor_maps(struct pmap *pmap) {
    struct pmap_cursor cursor;

    pmap_cursor_init(&cursor, pmap, BASE);
    EXPECT(!cursor.at.present);
    EXPECT(pmap_cursor_map(&cursor, pa_of(4), RW) == 0);
    EXPECT(cursor.at.present && cursor.at.pa == pa_of(4));
    pmap_cursor_advance(&cursor, PAGE_SIZE);
    EXPECT(!cursor.at.present && cursor.at.va == BASE + PAGE_SIZE);
    pmap_cursor_advance(&cursor, -(int64_t)PAGE_SIZE);
    EXPECT(cursor.at.present);
    return NULL;
}

/* Seed exercise: copy_mappings(dst, src) with one cursor over each. */
static const char *copy_mappings(struct pmap *dst, struct pmap *src) {
    struct pmap_cursor from, to;

    pmap_cursor_init(&from, src, 0);
    pmap_cursor_init(&to, dst, 0);
    while (pmap_cursor_next_present(&from, USER_END)) {
        pmap_cursor_find(&to, from.at.va);
        EXPECT(pmap_cursor_map(&to, from.at.pa, from.at.access) == 0);
        pmap_cursor_advance(&from, PAGE_SIZE);
    }
    return NULL;
}

static const char *test_copy_mappings(struct pmap *pmap) {
    struct pmap *copy = pmap_create();
    const char *failure;

    EXPECT(copy);
    failure = enter_pages(pmap, 40, RW);
    if (!failure && pmap_enter(pmap, FAR, pa_of(50), VM_READ | VM_EXEC) == 0)
        failure = copy_mappings(copy, pmap);
    for (unsigned i = 0; i < 40 && !failure; i++)
        failure = is_mapped(copy, va_of(i), pa_of(i), RW) ? NULL : "a page was not copied";
    if (!failure && !is_mapped(copy, FAR, pa_of(50), VM_READ | VM_EXEC))
        failure = "the far page was not copied with its rights";
    pmap_destroy(copy);
    return failure;
}

/* Seed exercise: the walk of free_everything. Lower tables come before those that lead to them. */
static const char *test_table_cursor_order(struct pmap *pmap) {
    struct pmap_table_cursor cursor;
    uint64_t done_below[4] = {0};
    size_t tables = 0;

    EXPECT_OK(enter_pages(pmap, 3, RW));
    EXPECT(pmap_enter(pmap, BASE + (1ull << 30), pa_of(5), RW) == 0);
    EXPECT(pmap_enter(pmap, FAR, pa_of(6), RW) == 0);
    for (pmap_table_cursor_init(&cursor, pmap); cursor.active; pmap_table_cursor_next(&cursor)) {
        EXPECT(cursor.level >= 1 && cursor.level <= 3);
        EXPECT(cursor.va < cursor.end_va && cursor.va >= done_below[cursor.level]);
        for (unsigned level = cursor.level; level > 1; level--)
            EXPECT(done_below[level - 1] > cursor.va && done_below[level - 1] <= cursor.end_va);
        done_below[cursor.level] = cursor.end_va;
        tables++;
    }
    EXPECT(tables == pmap_table_pages(pmap) - 1);
    EXPECT(tables == 8); /* two leaf tables under one directory, one under another, and above */
    return NULL;
}

static const char *test_table_cursor_empty(struct pmap *pmap) {
    struct pmap_table_cursor cursor;

    pmap_table_cursor_init(&cursor, pmap);
    EXPECT(!cursor.active);
    EXPECT(pmap_table_pages(pmap) == 1);
    return NULL;
}

/* ---- fork ---- */

/* A test that has a child of pmap, made by fork after pages [0, count) were entered writable. */
static const char *with_child(struct pmap *pmap, unsigned count,
                              const char *(*test)(struct pmap *parent, struct pmap *child)) {
    struct pmap *child;
    const char *failure;

    EXPECT_OK(enter_pages(pmap, count, RW));
    child = pmap_create();
    EXPECT(child);
    pmap_fork(pmap, child, USER_MIN, USER_END);
    pmap_fork_finish(pmap);
    failure = test(pmap, child);
    pmap_destroy(child);
    return failure;
}

static const char *expect_harmless(struct pmap *pmap, unsigned from, unsigned to) {
    for (unsigned i = from; i < to; i++)
        EXPECT(is_harmless(pmap, i));
    return NULL;
}

static const char *fork_takes_write(struct pmap *parent, struct pmap *child) {
    EXPECT_OK(expect_harmless(parent, 0, MANY));
    EXPECT_OK(expect_harmless(child, 0, MANY));
    return NULL;
}

static const char *test_fork_small(struct pmap *pmap) {
    return with_child(pmap, 3, fork_takes_write);
}

static const char *test_fork_large(struct pmap *pmap) {
    return with_child(pmap, MANY, fork_takes_write);
}

/* Trap: setting W above a table must not revive the W of its other leaves. */
static const char *parent_writes(struct pmap *parent, struct pmap *child) {
    EXPECT(pmap_enter(parent, va_of(7), pa_of(1000), RW) == 0);
    EXPECT(is_mapped(parent, va_of(7), pa_of(1000), RW));
    EXPECT_OK(expect_harmless(parent, 8, MANY));
    EXPECT_OK(expect_harmless(child, 0, MANY));
    return NULL;
}

static const char *test_fork_parent_writes(struct pmap *pmap) {
    return with_child(pmap, MANY, parent_writes);
}

/* Trap: after the child took its own table, the parent's is alone again, but its leaves say W. */
static const char *both_write(struct pmap *parent, struct pmap *child) {
    EXPECT(pmap_enter(child, va_of(3), pa_of(1000), RW) == 0);
    EXPECT(pmap_enter(parent, va_of(5), pa_of(1001), RW) == 0);
    EXPECT(is_mapped(child, va_of(3), pa_of(1000), RW));
    EXPECT(is_mapped(parent, va_of(5), pa_of(1001), RW));
    EXPECT(is_harmless(parent, 3) && is_harmless(child, 5));
    EXPECT_OK(expect_harmless(parent, 6, MANY));
    EXPECT_OK(expect_harmless(child, 6, MANY));
    return NULL;
}

static const char *test_fork_both_write(struct pmap *pmap) {
    return with_child(pmap, MANY, both_write);
}

/* Trap: the sharer is gone, the table ours alone without ever having been copied. */
static const char *test_fork_child_dies(struct pmap *pmap) {
    EXPECT_OK(with_child(pmap, MANY, fork_takes_write));
    EXPECT(pmap_enter(pmap, va_of(0), pa_of(0), RW) == 0);
    EXPECT(is_mapped(pmap, va_of(0), pa_of(0), RW));
    EXPECT_OK(expect_harmless(pmap, 1, MANY));
    return NULL;
}

/* Adding to a shared table must not add for the other side. */
static const char *child_adds(struct pmap *parent, struct pmap *child) {
    EXPECT(pmap_enter(child, va_of(MANY), pa_of(MANY), VM_READ) == 0);
    EXPECT(is_mapped(child, va_of(MANY), pa_of(MANY), VM_READ));
    EXPECT(is_missing(parent, va_of(MANY)));
    return NULL;
}

static const char *test_fork_add_is_private(struct pmap *pmap) {
    return with_child(pmap, MANY, child_adds);
}

static const char *child_removes(struct pmap *parent, struct pmap *child) {
    pmap_remove(child, va_of(10), va_of(20));
    pmap_protect(child, va_of(20), va_of(30), 0);
    for (unsigned i = 10; i < 30; i++)
        EXPECT(is_missing(child, va_of(i)));
    EXPECT_OK(expect_harmless(parent, 0, MANY));
    EXPECT(is_mapped(parent, va_of(10), pa_of(10), VM_READ));
    return NULL;
}

static const char *test_fork_remove_is_private(struct pmap *pmap) {
    return with_child(pmap, MANY, child_removes);
}

/* A shared mapping may keep its W through a fork, or take one needless fault: never more. */
static const char *test_fork_shared_mapping(struct pmap *pmap) {
    struct pmap *child = pmap_create();
    struct pmap_entry entry;
    const char *failure = NULL;

    EXPECT(child);
    if (pmap_enter(pmap, BASE, pa_of(1), RW | VM_SHARED) < 0)
        failure = "no memory";
    pmap_fork(pmap, child, USER_MIN, USER_END);
    pmap_fork_finish(pmap);
    if (!failure && pmap_lookup(child, BASE, &entry) && entry.pa != pa_of(1))
        failure = "the child's shared page leads elsewhere";
    if (!failure && pmap_lookup(pmap, BASE, &entry) && !(entry.access & VM_SHARED))
        failure = "the page is no shared one any more";
    pmap_destroy(child);
    return failure;
}

static const char *grandchild(struct pmap *parent, struct pmap *child) {
    struct pmap *third = pmap_create();
    const char *failure;

    EXPECT(third);
    pmap_fork(child, third, USER_MIN, USER_END);
    pmap_fork_finish(child);
    failure = pmap_enter(child, va_of(1), pa_of(1000), RW) == 0 ? NULL : "no memory";
    if (!failure)
        failure = expect_harmless(third, 0, MANY);
    if (!failure)
        failure = expect_harmless(parent, 0, MANY);
    if (!failure)
        failure = expect_harmless(child, 2, MANY);
    pmap_destroy(third);
    return failure;
}

static const char *test_fork_generations(struct pmap *pmap) {
    return with_child(pmap, MANY, grandchild);
}

/* ---- running them ---- */

static const struct pmap_test tests[] = {
    {"enter and lookup", test_enter_and_lookup},
    {"enter replaces", test_enter_replaces},
    {"remove the middle", test_remove_middle},
    {"removing all frees the tables", test_remove_all_frees_tables},
    {"protect takes rights", test_protect_takes_rights},
    {"protect gives none", test_protect_gives_none},
    {"protect until somebody wants", test_protect_until},
    {"cursor finds all mappings", test_cursor_finds_all},
    {"cursor maps and moves", test_cursor_maps},
    {"copy_mappings", test_copy_mappings},
    {"table cursor, lower levels first", test_table_cursor_order},
    {"table cursor of an empty map", test_table_cursor_empty},
    {"fork takes W, small", test_fork_small},
    {"fork takes W, shared tables", test_fork_large},
    {"parent writes after fork", test_fork_parent_writes},
    {"both write after fork", test_fork_both_write},
    {"child dies, table is alone again", test_fork_child_dies},
    {"adding after fork is private", test_fork_add_is_private},
    {"removing after fork is private", test_fork_remove_is_private},
    {"shared mapping through fork", test_fork_shared_mapping},
    {"three generations", test_fork_generations},
};

static uint64_t free_frames(void) {
    struct frame_stats stats;

    frame_stats_get(&stats);
    return stats.free;
}

/* Runs one test on a map of its own and sees that no frame is lost. */
static const char *run_one(const char *(*run)(struct pmap *pmap)) {
    struct pmap *pmap = pmap_create();
    const char *failure;

    EXPECT(pmap);
    failure = run(pmap);
    pmap_destroy(pmap);
    return failure;
}

static void run_tests(const struct pmap_test *list, size_t count,
                      const struct conformance_report *report) {
    for (size_t i = 0; i < count; i++) {
        uint64_t before = free_frames();
        const char *failure = run_one(list[i].run);

        if (!failure && free_frames() != before)
            failure = "frames were lost";
        report->result(report->arg, list[i].name, failure);
    }
}

void pmap_conformance_run(const struct conformance_report *report) {
    run_tests(tests, ARRAY_SIZE(tests), report);
    run_tests(pmap_large_tests, pmap_large_test_count, report);
    run_tests(pmap_page_tests, pmap_page_test_count, report);
    run_tests(pmap_walk_tests, pmap_walk_test_count, report);
}
