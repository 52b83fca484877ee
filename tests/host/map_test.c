/* SPDX-License-Identifier: MIT */
/*
 * kernel/vm: mmap, munmap, mprotect and brk on one space, each case with its drawing (see
 * expect_picture), and each error of the manual pages.
 */
#include "vm/map.h"

#include "abi/errno.h"
#include "lib/bits.h"
#include "support/arena.h"
#include "support/check.h"
#include "support/inject.h"
#include "support/vm_fixture.h"
#include "vm/advise.h"
#include "vm/commit.h"

static struct vm_space *space;

static void begin(void) {
    vm_fixture_init();
    space = space_begin();
}

static int unmap(unsigned page, unsigned pages) {
    return vm_unmap(space, AT(page), pages * PAGE_SIZE);
}

static int protect(unsigned page, unsigned pages, unsigned prot) {
    return vm_protect(space, AT(page), pages * PAGE_SIZE, prot);
}

/* vm_map at `address`, without FIXED unless flags say so. */
static int map(uint64_t address, uint64_t length, unsigned flags, uint64_t *at) {
    const struct vm_map_request request = {
        .address = address, .length = length, .prot = RW, .flags = flags};

    return vm_map(space, &request, at);
}

/* At a place that is free; map_object would unmap what it is to meet there first. */
static void map_free(const struct vm_map_request *request) {
    struct vm_map_request there = *request;
    uint64_t at;

    there.length *= PAGE_SIZE;
    there.offset *= PAGE_SIZE;
    there.flags |= VM_MAP_NOREPLACE;
    CHECK_EQ(vm_map(space, &there, &at), 0);
    CHECK_EQ(at, there.address);
}
#define map_there(page, pages, prot, flags, object, index)                                         \
    map_free(&(const struct vm_map_request){AT(page), pages, prot, 0, flags, object, index})

/* ---- munmap ---- */

/*
 *   [wwwwwwww]
 *     ^^        out of the middle
 */
static void test_unmap_middle(void) {
    begin();
    map_fixed(space, 0, 8, RW, 0);
    for (unsigned i = 0; i < 8; i++)
        CHECK_EQ(poke(space, i, (unsigned char)(i + 1)), 0);
    CHECK_EQ(unmap(2, 2), 0);
    expect_picture(space, 10, "[ww]..[wwww]..");
    CHECK_EQ(peek(space, 1), 2);
    CHECK_EQ(peek(space, 2), -EFAULT);
    CHECK_EQ(peek(space, 4), 5);
    map_fixed(space, 2, 2, RW, 0);
    CHECK_EQ(peek(space, 2), 0);
    CHECK_EQ(peek(space, 7), 8);
}

/*
 *   [wwwwwwww]      [wwwwwwww]
 *   ^^                    ^^       start and end
 */
static void test_unmap_start_and_end(void) {
    begin();
    map_fixed(space, 0, 8, RW, 0);
    CHECK_EQ(unmap(0, 2), 0);
    expect_picture(space, 8, "..[wwwwww]");
    CHECK_EQ(unmap(6, 4), 0);
    expect_picture(space, 8, "..[wwww]..");
}

/*
 *   [ww][rr]..[xx][ww]
 *     ^^^^^^^^^^^^       several at once, with a hole
 */
static void test_unmap_several(void) {
    begin();
    map_fixed(space, 0, 2, RW, 0);
    map_fixed(space, 2, 2, RO, 0);
    map_fixed(space, 6, 2, RX, 0);
    map_fixed(space, 8, 2, RW, 0);
    expect_picture(space, 10, "[ww][rr]..[xx][ww]");
    CHECK_EQ(unmap(1, 8), 0);
    expect_picture(space, 10, "[w]........[w]");
    CHECK_EQ(unmap(0, 10), 0);
    expect_picture(space, 10, "..........");
    CHECK_EQ(unmap(0, 10), 0);
}

/* The middle again and again: no area, node or frame is lost. */
static void test_unmap_middle_repeatedly(void) {
    uint64_t before;

    vm_fixture_init();
    before = frames_in_use();
    space = space_begin();
    for (unsigned round = 0; round < 50; round++) {
        map_fixed(space, 0, 64, RW, 0);
        for (unsigned i = 0; i < 64; i++)
            CHECK_EQ(poke(space, i, 1), 0);
        for (unsigned i = 1; i < 64; i += 2)
            CHECK_EQ(unmap(i, 1), 0);
        CHECK_EQ(space->areas.count, 32);
        for (unsigned i = 0; i < 64; i++)
            CHECK_EQ(unmap(i, 1), 0);
        CHECK_EQ(space->areas.count, 0);
    }
    space_end(space);
    CHECK_EQ(frames_in_use(), before);
    frames_check();
}

static void test_unmap_errors(void) {
    begin();
    map_fixed(space, 0, 4, RW, 0);
    CHECK_EQ(vm_unmap(space, AT(0), 0), -EINVAL);
    CHECK_EQ(vm_unmap(space, AT(0) + 1, PAGE_SIZE), -EINVAL);
    CHECK_EQ(vm_unmap(space, AT(0), UINT64_MAX), -EINVAL);
    CHECK_EQ(vm_unmap(space, USER_END, PAGE_SIZE), -EINVAL);
    CHECK_EQ(vm_unmap(space, USER_END - PAGE_SIZE, 2 * PAGE_SIZE), -EINVAL);
    expect_picture(space, 4, "[wwww]");
    CHECK_EQ(vm_unmap(space, AT(0), 1), 0);
    expect_picture(space, 4, ".[www]");
    CHECK_EQ(vm_unmap(space, USER_END - PAGE_SIZE, PAGE_SIZE), 0);
}

/* ---- mmap ---- */

/*
 *   [wwwwwwwwww]
 *      [rrr]       fixed, over what is there
 */
static void test_fixed_evicts(void) {
    begin();
    map_fixed(space, 0, 10, RW, 0);
    CHECK_EQ(poke(space, 3, 9), 0);
    map_fixed(space, 3, 3, RO, 0);
    expect_picture(space, 10, "[www][rrr][wwww]");
    CHECK_EQ(peek(space, 3), 0);
    map_fixed(space, 0, 10, RO, 0);
    expect_picture(space, 10, "[rrrrrrrrrr]");
}

/*
 *   [ww]ww[ww]     what comes between two alike makes one of all
 */
static void test_neighbours_join(void) {
    begin();
    map_fixed(space, 0, 2, RW, 0);
    map_fixed(space, 4, 2, RW, 0);
    expect_picture(space, 6, "[ww]..[ww]");
    map_fixed(space, 2, 2, RW, 0);
    expect_picture(space, 6, "[wwwwww]");
}

static void test_files_join_by_offset(void) {
    struct test_file file;

    begin();
    file_init(&file, 16 * PAGE_SIZE);
    map_object(space, 0, 2, RO, VM_MAP_SHARED, &file.object, 4);
    map_object(space, 2, 2, RO, VM_MAP_SHARED, &file.object, 6);
    map_object(space, 4, 2, RO, VM_MAP_SHARED, &file.object, 6);
    map_object(space, 6, 2, RO, 0, &file.object, 8);
    expect_picture(space, 8, "[RRRR][RR][rr]");
    CHECK_EQ(refcount_get(&file.object.refs), 4);
    CHECK_EQ(unmap(0, 8), 0);
    CHECK_EQ(refcount_get(&file.object.refs), 1);
    CHECK(list_is_empty(&file.object.areas));
}

/*
 *   [ww]..[ww]..[ww]     what fills a gap belongs to the areas beside it, with no new record; what
 *       ^^    ^^         an end is cut off from needs none either
 */
static void test_neighbours_need_no_memory(void) {
    begin();
    map_fixed(space, 0, 2, RW, 0);
    map_fixed(space, 4, 2, RW, 0);
    map_fixed(space, 8, 2, RW, 0);
    CHECK_EQ(poke(space, 1, 11), 0);
    CHECK_EQ(poke(space, 4, 44), 0);
    inject_fail_nth(0);
    map_there(2, 1, RW, 0, NULL, 0); /* above one */
    map_there(7, 1, RW, 0, NULL, 0); /* below one */
    CHECK(!inject_stop());
    expect_picture(space, 11, "[www].[ww].[www].");
    inject_fail_nth(0);
    map_there(6, 1, RW, 0, NULL, 0); /* between two */
    CHECK_EQ(unmap(9, 1), 0);
    CHECK_EQ(unmap(4, 1), 0);
    CHECK_EQ(unmap(2, 1), 0);
    CHECK(!inject_stop());
    expect_picture(space, 11, "[ww]...[wwww]..");
    CHECK_EQ(peek(space, 1), 11);
    map_fixed(space, 2, 3, RW, 0);
    CHECK_EQ(peek(space, 4), 0);                  /* what was cut off does not come back */
    expect_picture(space, 11, "[ww][wwwwwww].."); /* each with private pages */
}

/* What is not alike in anything stays apart: rights, kind, lock, object, offset, private pages. */
static void test_only_alike_neighbours_extend(void) {
    struct test_file file;

    begin();
    file_init(&file, 16 * PAGE_SIZE);
    map_object(space, 0, 2, RW, VM_MAP_GROWS_DOWN, NULL, 0);
    map_there(2, 1, RW, 0, NULL, 0);
    map_there(3, 1, VM_READ, 0, NULL, 0);
    map_there(4, 1, RW, VM_MAP_LOCKED, NULL, 0);
    map_there(5, 1, RW, VM_MAP_SHARED, &file.object, 5);
    map_there(6, 1, RW, VM_MAP_SHARED, &file.object, 6);
    map_there(7, 1, RW, VM_MAP_SHARED, &file.object, 8);
    map_there(8, 1, RW, 0, &file.object, 9);
    map_there(9, 1, RW, VM_MAP_LOCKED, NULL, 0);
    expect_picture(space, 10, "[ww][w][r][w][WW][W][w][w]");
    CHECK_EQ(space->areas.locked_bytes, 2 * PAGE_SIZE);
    map_there(10, 2, RW, VM_MAP_LOCKED, NULL, 0);
    CHECK_EQ(space->areas.locked_bytes, 4 * PAGE_SIZE);
    CHECK_EQ(unmap(11, 1), 0);
    CHECK_EQ(space->areas.locked_bytes, 3 * PAGE_SIZE);
    expect_picture(space, 13, "[ww][w][r][w][WW][W][w][ww]..");
}

/* An object's part is found by its index when the area began later or was cut at its start. */
static void test_object_is_extended_downwards(void) {
    struct test_file file;

    begin();
    file_init(&file, 16 * PAGE_SIZE);
    for (unsigned i = 0; i < 8; i++)
        file_poke(&file, i, (unsigned char)(i + 1));
    map_object(space, 4, 2, RW, VM_MAP_SHARED, &file.object, 4);
    map_there(2, 2, RW, VM_MAP_SHARED, &file.object, 2);
    expect_picture(space, 7, "..[WWWW].");
    CHECK_EQ(peek(space, 2), 3);
    CHECK_EQ(peek(space, 5), 6);
    CHECK_EQ(unmap(2, 1), 0);
    CHECK_EQ(unmap(5, 1), 0);
    expect_picture(space, 7, "...[WW]..");
    CHECK_EQ(peek(space, 3), 4);
    CHECK_EQ(peek(space, 4), 5);
}

/* The place of an area that left is taken by what comes there, elsewhere not. */
static void test_mapping_in_turn(void) {
    begin();
    map_fixed(space, 0, 1, RW, 0);
    map_fixed(space, 9, 1, RW, 0);
    map_fixed(space, 4, 1, VM_READ, 0);
    for (unsigned i = 0; i < 3; i++) {
        CHECK_EQ(unmap(4, 1), 0);
        expect_picture(space, 10, "[w]........[w]");
        inject_fail_nth(0);
        map_there(4 + i, 1, VM_READ, 0, NULL, 0);
        CHECK(!inject_stop());
        CHECK_EQ(unmap(4 + i, 1), 0);
        map_fixed(space, 4, 1, VM_READ, 0);
    }
    CHECK_EQ(unmap(4, 1), 0);
    map_fixed(space, 1, 2, RW, 0); /* the one before grows over the place */
    map_fixed(space, 12, 1, VM_READ, 0);
    map_fixed(space, 6, 1, VM_READ, 0);
    expect_picture(space, 13, "[www]...[r]..[w]..[r]");
    CHECK_EQ(unmap(0, 13), 0);
    expect_picture(space, 13, ".............");
}

static void test_noreplace(void) {
    uint64_t at = 0;

    begin();
    map_fixed(space, 2, 1, RO, 0);
    CHECK_EQ(map(AT(0), 3 * PAGE_SIZE, VM_MAP_NOREPLACE, &at), -EEXIST);
    CHECK_EQ(map(AT(2), 1, VM_MAP_NOREPLACE, &at), -EEXIST);
    CHECK_EQ(map(AT(0), 2 * PAGE_SIZE, VM_MAP_NOREPLACE, &at), 0);
    CHECK_EQ(map(AT(3), PAGE_SIZE, VM_MAP_NOREPLACE, &at), 0);
    expect_picture(space, 5, "[ww][r][w].");
}

/* A wish is granted if the range is free; otherwise the highest free range below mmap_top. */
static void test_wish_and_search(void) {
    uint64_t first, second, third;

    begin();
    CHECK_EQ(map(AT(3) + 5, PAGE_SIZE, 0, &first), 0);
    CHECK_EQ(first, AT(3));
    CHECK_EQ(map(AT(3), PAGE_SIZE, 0, &second), 0);
    CHECK_EQ(second, space->mmap_top - PAGE_SIZE);
    CHECK_EQ(map(0, 3 * PAGE_SIZE, 0, &third), 0);
    CHECK_EQ(third, space->mmap_top - 4 * PAGE_SIZE);
    CHECK_EQ(vm_unmap(space, second, PAGE_SIZE), 0);
    CHECK_EQ(map(1, PAGE_SIZE, 0, &first), 0);
    CHECK_EQ(first, second);
    space_check(space);
}

/* When nothing is free below mmap_top, what is above it is used, then there is none. */
static void test_fill_the_space(void) {
    const uint64_t all = USER_END - USER_MIN;
    uint64_t at;

    begin();
    vm_commit_settings.mode = VM_COMMIT_ALWAYS;
    vm_mmap_min_addr = 0;
    CHECK_EQ(map(0, all + PAGE_SIZE, 0, &at), -ENOMEM);
    CHECK_EQ(map(0, space->mmap_top - USER_MIN, 0, &at), 0);
    CHECK_EQ(at, USER_MIN);
    CHECK_EQ(map(0, PAGE_SIZE, 0, &at), 0);
    CHECK_EQ(at, space->mmap_top);
    CHECK_EQ(map(0, USER_END - space->mmap_top - PAGE_SIZE, 0, &at), 0);
    CHECK_EQ(map(0, PAGE_SIZE, 0, &at), -ENOMEM);
    CHECK_EQ(vm_unmap(space, AT(0), PAGE_SIZE), 0);
    CHECK_EQ(map(0, PAGE_SIZE, 0, &at), 0);
    CHECK_EQ(at, AT(0));
    CHECK_EQ(vm_unmap(space, 0, USER_END), 0);
    CHECK_EQ(space->areas.count, 0);
}

static void test_map_errors(void) {
    struct vm_map_request request = {.address = AT(0), .length = PAGE_SIZE, .prot = RW};
    struct test_file file;
    uint64_t at = 77;

    begin();
    file_init(&file, PAGE_SIZE);
    CHECK_EQ(map(AT(0), 0, 0, &at), -EINVAL);
    CHECK_EQ(map(AT(0), UINT64_MAX, 0, &at), -ENOMEM);
    CHECK_EQ(map(AT(0) + 1, PAGE_SIZE, VM_MAP_FIXED, &at), -EINVAL);
    CHECK_EQ(map(0, PAGE_SIZE, VM_MAP_FIXED, &at), -EPERM);
    CHECK_EQ(map(USER_MIN - PAGE_SIZE, PAGE_SIZE, VM_MAP_FIXED, &at), -EPERM);
    CHECK_EQ(map(USER_END, PAGE_SIZE, VM_MAP_FIXED, &at), -ENOMEM);
    CHECK_EQ(map(USER_END - PAGE_SIZE, 2 * PAGE_SIZE, VM_MAP_FIXED, &at), -ENOMEM);
    CHECK_EQ(map(-PAGE_SIZE, PAGE_SIZE, VM_MAP_FIXED, &at), -ENOMEM);
    CHECK_EQ(map(AT(0), PAGE_SIZE, VM_MAP_SHARED, &at), -EINVAL);
    request.object = &file.object;
    request.offset = 1;
    CHECK_EQ(vm_map(space, &request, &at), -EINVAL);
    request.offset = -PAGE_SIZE;
    CHECK_EQ(vm_map(space, &request, &at), -EOVERFLOW);
    CHECK_EQ(at, 77);
    CHECK_EQ(space->areas.count, 0);
    CHECK_EQ(refcount_get(&file.object.refs), 1);
}

/* ---- mprotect ---- */

/*
 *   [wwwwwwww]
 *     rrrr       splits at both edges; back again: one area
 */
/*
 *   [rr][wwww]     the range ends amid what is so already
 */
static void test_protect_into_what_is_so(void) {
    begin();
    map_fixed(space, 0, 6, RW, 0);
    CHECK_EQ(protect(0, 2, RO), 0);
    expect_picture(space, 6, "[rr][wwww]");
    CHECK_EQ(protect(0, 4, RW), 0);
    expect_picture(space, 6, "[wwwwww]");
}

static void test_protect_middle_and_back(void) {
    begin();
    map_fixed(space, 0, 8, RW, 0);
    for (unsigned i = 0; i < 8; i++)
        CHECK_EQ(poke(space, i, (unsigned char)(i + 1)), 0);
    CHECK_EQ(protect(2, 4, RO), 0);
    expect_picture(space, 8, "[ww][rrrr][ww]");
    CHECK_EQ(poke(space, 3, 50), -EACCES);
    CHECK_EQ(poke(space, 1, 51), 0);
    CHECK_EQ(peek(space, 3), 4);
    CHECK_EQ(protect(2, 4, RW), 0);
    expect_picture(space, 8, "[wwwwwwww]");
    CHECK_EQ(poke(space, 3, 52), 0);
    CHECK_EQ(peek(space, 3), 52);
    CHECK_EQ(peek(space, 1), 51);
}

/*
 *   [ww][rr][xx]
 *     ------       across areas
 */
static void test_protect_across(void) {
    begin();
    map_fixed(space, 0, 2, RW, 0);
    map_fixed(space, 2, 2, RO, 0);
    map_fixed(space, 4, 2, RX, 0);
    CHECK_EQ(protect(1, 4, 0), 0);
    expect_picture(space, 6, "[w][----][x]");
    CHECK_EQ(peek(space, 2), -EACCES);
    CHECK_EQ(fetch(space, 4), -EACCES);
    CHECK_EQ(protect(0, 6, RO), 0);
    expect_picture(space, 6, "[rrrrrr]");
    CHECK_EQ(fetch(space, 5), -EACCES);
}

static void test_protect_errors(void) {
    const struct vm_map_request request = {
        .address = AT(6), .length = PAGE_SIZE, .prot = RO, .max_prot = RO, .flags = VM_MAP_FIXED};
    uint64_t at;

    begin();
    map_fixed(space, 0, 2, RW, 0);
    map_fixed(space, 3, 3, RW, 0);
    CHECK_EQ(vm_map(space, &request, &at), 0);
    CHECK_EQ(vm_protect(space, AT(0) + 1, PAGE_SIZE, RO), -EINVAL);
    CHECK_EQ(vm_protect(space, AT(0), PAGE_SIZE, 8), -EINVAL);
    CHECK_EQ(vm_protect(space, AT(0), 0, RO), 0);
    CHECK_EQ(vm_protect(space, AT(0), UINT64_MAX - PAGE_SIZE, RO), -ENOMEM);
    CHECK_EQ(vm_protect(space, AT(0), UINT64_MAX / 2, RO), -ENOMEM);
    expect_picture(space, 7, "[rr].[www][r]"); /* up to the hole, all the same */
    CHECK_EQ(protect(1, 3, RX), -ENOMEM);
    CHECK_EQ(protect(2, 2, RX), -ENOMEM);
    CHECK_EQ(protect(5, 2, RX), -EACCES);
    CHECK_EQ(protect(6, 1, RX), -EACCES);
    expect_picture(space, 7, "[r][x].[ww][x][r]");
    CHECK_EQ(protect(6, 1, 0), 0);
    CHECK_EQ(protect(6, 1, RO), 0);
}

/* ---- discard ---- */

/*
 *   [ww][rr]..[ww]
 *     ^^^           private pages go, the areas stay; a hole is passed over
 */
static void test_discard(void) {
    struct test_file file;

    begin();
    file_init(&file, 8 * PAGE_SIZE);
    file_poke(&file, 2, 22);
    map_fixed(space, 0, 2, RW, 0);
    map_object(space, 2, 2, RW, 0, &file.object, 2);
    map_object(space, 6, 2, RW, VM_MAP_SHARED, &file.object, 6);
    for (unsigned i = 0; i < 8; i++)
        CHECK_EQ(poke(space, i, (unsigned char)(i + 1)), i == 4 || i == 5 ? -EFAULT : 0);
    CHECK_EQ(vm_advise(space, AT(1), 2 * PAGE_SIZE, VM_ADVICE_DONT_NEED), 0);
    CHECK_EQ(peek(space, 1), 0);
    CHECK_EQ(peek(space, 2), 22);
    CHECK_EQ(poke(space, 1, 9), 0);
    CHECK_EQ(vm_advise(space, AT(1), 4 * PAGE_SIZE, VM_ADVICE_DONT_NEED), -ENOMEM);
    CHECK_EQ(vm_advise(space, AT(6), 2 * PAGE_SIZE, VM_ADVICE_DONT_NEED), 0);
    expect_picture(space, 8, "[ww][ww]..[WW]");
    CHECK_EQ(peek(space, 0), 1);
    CHECK_EQ(peek(space, 1), 0);
    CHECK_EQ(peek(space, 2), 22);
    CHECK_EQ(peek(space, 3), 0);
    CHECK_EQ(peek(space, 6), 7);
    CHECK_EQ(vm_advise(space, AT(0) + 1, PAGE_SIZE, VM_ADVICE_DONT_NEED), -EINVAL);
    CHECK_EQ(vm_advise(space, AT(0), UINT64_MAX, VM_ADVICE_DONT_NEED), -EINVAL);
    CHECK_EQ(vm_is_mapped(space, AT(0), 4 * PAGE_SIZE, false), 0);
    CHECK_EQ(vm_is_mapped(space, AT(0), 5 * PAGE_SIZE, false), -ENOMEM);
    CHECK_EQ(vm_is_mapped(space, AT(0) + 1, PAGE_SIZE, false), -EINVAL);
}

/* ---- brk ---- */

#define HEAP (AT(10) + 100)

static void begin_heap(void) {
    begin();
    vm_space_set_brk_start(space, HEAP);
}

static void test_brk_grow_and_shrink(void) {
    begin_heap();
    CHECK_EQ(vm_brk(space, 0), HEAP);
    CHECK_EQ(vm_brk(space, HEAP + 1), HEAP + 1);
    expect_picture(space, 14, "..............");
    CHECK_EQ(vm_brk(space, AT(11)), AT(11));
    expect_picture(space, 14, "..............");
    CHECK_EQ(vm_brk(space, AT(13) + 1), AT(13) + 1);
    expect_picture(space, 16, "...........[www]..");
    CHECK_EQ(poke(space, 12, 7), 0);
    CHECK_EQ(poke(space, 13, 8), 0);
    CHECK_EQ(vm_brk(space, AT(12) + 5), AT(12) + 5);
    expect_picture(space, 16, "...........[ww]...");
    CHECK_EQ(peek(space, 12), 7);
    CHECK_EQ(vm_brk(space, AT(14)), AT(14));
    CHECK_EQ(peek(space, 13), 0);
    CHECK_EQ(vm_brk(space, HEAP), HEAP);
    expect_picture(space, 16, "................");
}

static void test_brk_refuses(void) {
    const struct vm_limits limits = {UINT64_MAX, 20 * PAGE_SIZE, UINT64_MAX, UINT64_MAX,
                                     UINT64_MAX};

    begin_heap();
    CHECK_EQ(vm_brk(space, AT(12)), AT(12));
    CHECK_EQ(vm_brk(space, HEAP - 1), AT(12));
    CHECK_EQ(vm_brk(space, USER_END + 1), AT(12));
    CHECK_EQ(vm_brk(space, UINT64_MAX), AT(12));
    CHECK_EQ(vm_brk(space, UINT64_MAX - PAGE_SIZE), AT(12));
    map_fixed(space, 15, 1, RO, 0);
    CHECK_EQ(vm_brk(space, AT(15) + 1), AT(12));
    CHECK_EQ(vm_brk(space, AT(14) + 1), AT(12)); /* a page stays free */
    CHECK_EQ(vm_brk(space, AT(14)), AT(14));
    expect_picture(space, 17, "...........[www].[r].");
    CHECK_EQ(unmap(15, 1), 0);
    vm_space_set_limits(space, &limits);
    CHECK_EQ(vm_brk(space, AT(40)), AT(14));
    CHECK_EQ(vm_brk(space, AT(20)), AT(20));
}

/* ---- limits ---- */

static void test_limits(void) {
    const struct vm_limits limits = {UINT64_MAX, 6 * PAGE_SIZE, 10 * PAGE_SIZE, UINT64_MAX,
                                     UINT64_MAX};
    uint64_t at;

    begin();
    vm_space_set_limits(space, &limits);
    CHECK_EQ(map(AT(0), 6 * PAGE_SIZE, 0, &at), 0);
    CHECK_EQ(map(AT(8), PAGE_SIZE, 0, &at), -ENOMEM);
    map_fixed(space, 10, 4, RO, 0);
    CHECK_EQ(map(AT(20), PAGE_SIZE, VM_MAP_GROWS_DOWN, &at), -ENOMEM);
    map_fixed(space, 10, 4, RX, 0);
    expect_picture(space, 15, "[wwwwww]....[xxxx].");
    CHECK_EQ(unmap(0, 1), 0);
    CHECK_EQ(map(AT(0), PAGE_SIZE, 0, &at), 0);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        {"unmap_middle", test_unmap_middle},
        {"unmap_start_and_end", test_unmap_start_and_end},
        {"unmap_several", test_unmap_several},
        {"unmap_middle_repeatedly", test_unmap_middle_repeatedly},
        {"unmap_errors", test_unmap_errors},
        {"fixed_evicts", test_fixed_evicts},
        {"neighbours_join", test_neighbours_join},
        {"files_join_by_offset", test_files_join_by_offset},
        {"neighbours_need_no_memory", test_neighbours_need_no_memory},
        {"only_alike_neighbours_extend", test_only_alike_neighbours_extend},
        {"object_is_extended_downwards", test_object_is_extended_downwards},
        {"mapping_in_turn", test_mapping_in_turn},
        {"noreplace", test_noreplace},
        {"wish_and_search", test_wish_and_search},
        {"fill_the_space", test_fill_the_space},
        {"map_errors", test_map_errors},
        {"protect_into_what_is_so", test_protect_into_what_is_so},
        {"protect_middle_and_back", test_protect_middle_and_back},
        {"protect_across", test_protect_across},
        {"protect_errors", test_protect_errors},
        {"discard", test_discard},
        {"brk_grow_and_shrink", test_brk_grow_and_shrink},
        {"brk_refuses", test_brk_refuses},
        {"limits", test_limits},
    };

    return test_main(argc, argv, "map", tests, ARRAY_SIZE(tests));
}
