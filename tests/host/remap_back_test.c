/* SPDX-License-Identifier: MIT */
/*
 * kernel/vm: pages that were moved away by mremap and come back to where they were, beside those
 * that they were taken from.
 */
#include "support/check.h"
#include "support/inject.h"
#include "support/vm_fixture.h"
#include "mm/frame.h"
#include "vm/remap.h"

static struct vm_space *space;

static void begin(void) {
    vm_fixture_init();
    space = space_begin();
}

/* Moves pages to a place. */
static int remap_to(unsigned page, unsigned pages, unsigned target) {
    const struct vm_remap_request request = {
        .address = AT(page),
        .old_length = pages * PAGE_SIZE,
        .new_length = pages * PAGE_SIZE,
        .flags = VM_REMAP_MAY_MOVE | VM_REMAP_FIXED,
        .target = AT(target),
    };
    uint64_t at;

    return vm_remap(space, &request, &at);
}

/* Writes n to the n-th page, from 1 on. */
static void fill(unsigned pages) {
    for (unsigned i = 0; i < pages; i++)
        CHECK_EQ(poke(space, i, (unsigned char)(i + 1)), 0);
}

static void expect_filled(unsigned page, unsigned pages) {
    for (unsigned i = 0; i < pages; i++)
        CHECK_EQ(peek(space, page + i), (unsigned char)(i + 1));
}

static uint64_t anonymous_pages(void) {
    struct frame_stats stats;

    frame_stats_get(&stats);
    return stats.by_use[FRAME_ANON];
}

/* Moves each page there and back by itself, in an order in which neighbours come first and last. */
static void scatter_and_gather(unsigned pages) {
    for (unsigned i = 0; i < pages; i++)
        CHECK_EQ(remap_to(i, 1, 20 + 2 * i), 0);
    for (unsigned i = 0; i < pages; i++) {
        unsigned page = i % 2 ? pages / 2 + i / 2 : i / 2;

        CHECK_EQ(remap_to(20 + 2 * page, 1, page), 0);
    }
}

/* Page by page as well, with and without a child that sees them. */
static void test_pages_come_back_one_by_one(void) {
    struct vm_space *child;

    begin();
    map_fixed(space, 0, 6, RW, 0);
    fill(6);
    scatter_and_gather(6);
    expect_picture(space, 8, "[wwwwww]..");
    expect_filled(0, 6);
    CHECK_EQ(anonymous_pages(), 6);
    CHECK_EQ(remap_to(0, 6, 9), 0);
    expect_picture(space, 16, ".........[wwwwww].");
    CHECK_EQ(remap_to(9, 6, 0), 0);
    child = space_fork(space);
    scatter_and_gather(6);
    expect_picture(space, 8, "[wwwwww]..");
    expect_filled(0, 6);
    CHECK_EQ(anonymous_pages(), 6);
    CHECK_EQ(poke(space, 3, 77), 0);
    CHECK_EQ(peek(child, 3), 4);
    CHECK_EQ(anonymous_pages(), 7);
    space_end(child);
    space_check(space);
    CHECK_EQ(anonymous_pages(), 6);
}

/* Without memory for it pages stay areas of their own, and are all there. */
static void test_come_back_without_memory(void) {
    struct vm_space *child;

    begin();
    map_fixed(space, 0, 6, RW, 0);
    fill(6);
    child = space_fork(space);
    CHECK_EQ(remap_to(2, 1, 20), 0);
    inject_fail_randomly(1, 1);
    CHECK_EQ(remap_to(20, 1, 2), 0);
    CHECK(inject_stop());
    expect_picture(space, 8, "[ww][w][www]..");
    expect_filled(0, 6);
    space_end(child);
    space_check(space);
    CHECK_EQ(anonymous_pages(), 6);
}

/*
 *   [s][s][ss]Q[pp][p][pp]      Q goes to the areas before it, and those behind keep their shadow
 */
static void test_shadows_of_several_stay_apart(void) {
    begin();
    map_fixed(space, 0, 10, RW, 0);
    fill(10);
    CHECK_EQ(remap_to(5, 5, 30), 0);
    CHECK_EQ(remap_to(4, 1, 50), 0);
    CHECK_EQ(remap_to(30, 5, 5), 0);
    CHECK_EQ(vm_protect(space, AT(1), PAGE_SIZE, RO), 0);
    CHECK_EQ(vm_protect(space, AT(7), PAGE_SIZE, RO), 0);
    CHECK_EQ(remap_to(50, 1, 4), 0);
    expect_picture(space, 12, "[w][r][www][ww][r][ww]..");
    expect_filled(0, 10);
    space_check(space);
    CHECK_EQ(anonymous_pages(), 10);
}

/* What has too many pages for that stays by itself. */
static void test_many_pages_stay_apart(void) {
    begin();
    map_fixed(space, 0, 1400, RW, 0);
    for (unsigned i = 0; i < 1400; i++)
        CHECK_EQ(poke(space, i, (unsigned char)i), 0);
    CHECK_EQ(remap_to(700, 700, 2000), 0);
    CHECK_EQ(remap_to(0, 700, 3000), 0);
    CHECK_EQ(remap_to(2000, 700, 700), 0);
    CHECK_EQ(remap_to(3000, 700, 0), 0);
    CHECK_EQ(space->areas.count, 2);
    for (unsigned i = 0; i < 1400; i++)
        CHECK_EQ(peek(space, i), (unsigned char)i);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        {"pages_come_back_one_by_one", test_pages_come_back_one_by_one},
        {"come_back_without_memory", test_come_back_without_memory},
        {"shadows_of_several_stay_apart", test_shadows_of_several_stay_apart},
        {"many_pages_stay_apart", test_many_pages_stay_apart},
    };

    return test_main(argc, argv, "remap_back", tests, ARRAY_SIZE(tests));
}
