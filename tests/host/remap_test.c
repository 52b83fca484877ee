/* SPDX-License-Identifier: MIT */
/*
 * kernel/vm: mremap on one space, each case with its drawing (see expect_picture), each error of
 * the manual page, each allocation failing in turn.
 */
#include "vm/remap.h"

#include "abi/errno.h"
#include "lib/bits.h"
#include "support/arena.h"
#include "support/check.h"
#include "support/inject.h"
#include "support/vm_fixture.h"
#include "vm/lock.h"

#define MAY_MOVE VM_REMAP_MAY_MOVE
#define FIXED (VM_REMAP_MAY_MOVE | VM_REMAP_FIXED)
#define KEEP (VM_REMAP_MAY_MOVE | VM_REMAP_KEEP)

static struct vm_space *space;
static uint64_t at; /* where the last remap led */

static void begin(void) {
    vm_fixture_init();
    space = space_begin();
}

/* Pages of AT(page) to `target` (a page number too), by vm_remap. */
struct move {
    unsigned page, pages, new_pages, flags, target;
};

static int remap_with(const struct move *move) {
    const struct vm_remap_request request = {
        .address = AT(move->page),
        .old_length = move->pages * PAGE_SIZE,
        .new_length = move->new_pages * PAGE_SIZE,
        .flags = move->flags,
        .target = move->flags & (VM_REMAP_FIXED | VM_REMAP_KEEP) ? AT(move->target) : 0,
    };

    return vm_remap(space, &request, &at);
}

#define remap_to(...) remap_with(&(const struct move){__VA_ARGS__})
#define remap(page, pages, new_pages, flags) remap_to(page, pages, new_pages, flags, 0)

static int unmap(unsigned page, unsigned pages) {
    return vm_unmap(space, AT(page), pages * PAGE_SIZE);
}

/* Writes n to the n-th page of some, from 1 on. */
static void fill(unsigned page, unsigned pages) {
    for (unsigned i = 0; i < pages; i++)
        CHECK_EQ(poke(space, page + i, (unsigned char)(i + 1)), 0);
}

static void expect_filled(unsigned page, unsigned pages) {
    for (unsigned i = 0; i < pages; i++)
        CHECK_EQ(peek(space, page + i), i + 1);
}

/* ---- in place ---- */

/*
 *   [wwwwww]      [wwww]..      [ww]..[w]
 *       ^^ shrunk     ^^ grown      over several areas, a hole among them
 */
static void test_shrink_and_grow(void) {
    begin();
    map_fixed(space, 0, 6, RW, 0);
    fill(0, 6);
    CHECK_EQ(remap(0, 6, 4, 0), 0);
    CHECK_EQ(at, AT(0));
    expect_picture(space, 8, "[wwww]....");
    CHECK_EQ(remap(0, 4, 6, 0), 0);
    CHECK_EQ(at, AT(0));
    expect_picture(space, 8, "[wwwwww]..");
    expect_filled(0, 4);
    CHECK_EQ(peek(space, 4), 0);
    CHECK_EQ(unmap(2, 2), 0);
    CHECK_EQ(remap(0, 6, 1, 0), 0);
    expect_picture(space, 8, "[w].......");
    CHECK_EQ(remap(0, 1, 1, 0), 0);
    CHECK_EQ(at, AT(0));
}

/*
 *   [ww]..[ww]     what grows up to one alike becomes one with it
 */
static void test_grow_joins(void) {
    begin();
    map_fixed(space, 0, 2, RW, 0);
    map_fixed(space, 4, 2, RW, 0);
    CHECK_EQ(poke(space, 5, 9), 0);
    CHECK_EQ(remap(0, 2, 4, 0), 0);
    expect_picture(space, 6, "[wwwwww]");
    CHECK_EQ(peek(space, 5), 9);
}

/* No room behind, or not at the area's end: only with MAY_MOVE. */
static void test_grow_moves(void) {
    begin();
    map_fixed(space, 0, 3, RW, 0);
    map_fixed(space, 3, 1, RO, 0);
    fill(0, 3);
    CHECK_EQ(remap(0, 3, 4, 0), -ENOMEM);
    expect_picture(space, 5, "[www][r].");
    CHECK_EQ(remap(0, 3, 4, MAY_MOVE), 0);
    CHECK_EQ(at, space->mmap_top - 4 * PAGE_SIZE);
    expect_picture(space, 5, "...[r].");
    for (unsigned i = 0; i < 3; i++) {
        unsigned char byte = 0;

        CHECK_EQ(vm_space_read(space, at + i * PAGE_SIZE, &byte, 1), 0);
        CHECK_EQ(byte, i + 1);
    }
    map_fixed(space, 0, 3, RW, 0);
    CHECK_EQ(remap(0, 2, 3, 0), -ENOMEM);
    CHECK_EQ(remap(0, 2, 3, MAY_MOVE), 0);
    expect_picture(space, 5, "..[w][r].");
}

/* ---- moving ---- */

/*
 *   [wwwwww]......      the middle goes, with its frames; the ends keep theirs
 *     ^^     ->  ^^
 */
static void test_move_part(void) {
    struct frame *frames[6];

    begin();
    map_fixed(space, 0, 6, RW, 0);
    fill(0, 6);
    for (unsigned i = 0; i < 6; i++)
        frames[i] = frame_at(space, i);
    CHECK_EQ(remap_to(2, 2, 2, FIXED, 9), 0);
    CHECK_EQ(at, AT(9));
    expect_picture(space, 12, "[ww]..[ww]...[ww].");
    CHECK_EQ(peek(space, 2), -EFAULT);
    for (unsigned i = 0; i < 6; i++)
        CHECK(frame_at(space, i == 2 || i == 3 ? i + 7 : i) == frames[i]);
    CHECK_EQ(peek(space, 9), 3);
    CHECK_EQ(peek(space, 10), 4);
    CHECK_EQ(poke(space, 9, 33), 0); /* alone again: nothing is copied */
    CHECK(frame_at(space, 9) == frames[2]);
    map_fixed(space, 2, 2, RW, 0); /* joins the ends; its slots are empty */
    expect_picture(space, 12, "[wwwwww]...[ww].");
    CHECK_EQ(peek(space, 2), 0);
    CHECK_EQ(poke(space, 2, 7), 0);
    CHECK_EQ(peek(space, 9), 33);
    CHECK_EQ(peek(space, 5), 6);
}

/* There and back again makes one of all. */
static void test_move_back(void) {
    begin();
    map_fixed(space, 0, 6, RW, 0);
    fill(0, 6);
    CHECK_EQ(remap_to(2, 4, 4, FIXED, 9), 0);
    CHECK_EQ(remap_to(9, 4, 4, FIXED, 2), 0);
    for (unsigned i = 0; i < 6; i++)
        CHECK_EQ(peek(space, i), i + 1);
    space_check(space);
}

/*
 *   [wwww][rr][xx]      target over what is there, growing; shrinking with a tail
 */
static void test_fixed_evicts(void) {
    begin();
    map_fixed(space, 0, 2, RW, 0);
    map_fixed(space, 4, 2, RO, 0);
    map_fixed(space, 6, 2, RX, 0);
    fill(0, 2);
    CHECK_EQ(remap_to(0, 2, 3, FIXED, 4), 0);
    expect_picture(space, 8, "....[www][x]");
    expect_filled(4, 2);
    CHECK_EQ(peek(space, 6), 0);
    CHECK_EQ(remap_to(4, 4, 1, FIXED, 0), 0); /* the tail lies in two areas */
    expect_picture(space, 8, "[w].......");
    CHECK_EQ(peek(space, 0), 1);
}

/* Target and source in one area, sharing a shadow; the rest of it too. */
static void test_move_within(void) {
    begin();
    map_fixed(space, 0, 10, RW, 0);
    fill(0, 10);
    CHECK_EQ(remap_to(1, 4, 2, FIXED, 7), 0);
    expect_picture(space, 10, "[w]....[ww][ww][w]");
    CHECK_EQ(peek(space, 0), 1);
    CHECK_EQ(peek(space, 6), 7);
    CHECK_EQ(peek(space, 7), 2);
    CHECK_EQ(peek(space, 8), 3);
    CHECK_EQ(peek(space, 9), 10);
}

/* After a fork the pages are shared; moving copies none, writing copies one. */
static void test_move_after_fork(void) {
    struct vm_space *child;
    struct frame *frame;

    begin();
    map_fixed(space, 0, 6, RW, 0);
    fill(0, 6);
    child = space_fork(space);
    frame = frame_at(space, 3);
    CHECK_EQ(remap_to(2, 3, 3, FIXED, 20), 0);
    CHECK(frame_at(space, 21) == frame);
    CHECK(frame_at(child, 3) == frame);
    CHECK_EQ(poke(space, 21, 77), 0);
    CHECK(frame_at(space, 21) != frame);
    CHECK_EQ(peek(child, 3), 4);
    CHECK_EQ(peek(space, 21), 77);
    CHECK_EQ(peek(space, 20), 3);
    space_end(child);
    space_check(space);
}

static void test_move_files(void) {
    struct test_file file;

    begin();
    file_init(&file, 16 * PAGE_SIZE);
    for (unsigned i = 0; i < 8; i++)
        file_poke(&file, i, (unsigned char)(i + 100));
    map_object(space, 0, 4, RW, 0, &file.object, 2);
    CHECK_EQ(poke(space, 1, 1), 0);
    CHECK_EQ(remap_to(1, 2, 3, FIXED, 10), 0);
    CHECK_EQ(peek(space, 10), 1);
    CHECK_EQ(peek(space, 11), 104);
    CHECK_EQ(peek(space, 12), 105); /* grown into the file */
    CHECK_EQ(peek(space, 0), 102);
    CHECK_EQ(peek(space, 3), 105);
    map_object(space, 20, 2, RW, VM_MAP_SHARED, &file.object, 6);
    CHECK_EQ(poke(space, 20, 200), 0);
    CHECK_EQ(remap_to(20, 2, 2, FIXED, 30), 0);
    CHECK_EQ(peek(space, 30), 200);
    vm_object_truncate(&file.object, 3 * PAGE_SIZE);
    CHECK_EQ(peek(space, 11), -ENXIO);
    CHECK_EQ(peek(space, 30), -ENXIO);
    CHECK_EQ(peek(space, 0), 102);
}

/* old_length 0: the shared pages once more. */
static void test_duplicate(void) {
    struct test_file file;

    begin();
    file_init(&file, 16 * PAGE_SIZE);
    map_object(space, 0, 4, RW, VM_MAP_SHARED, &file.object, 0);
    CHECK_EQ(poke(space, 2, 5), 0);
    CHECK_EQ(remap_to(1, 0, 2, FIXED, 8), 0);
    expect_picture(space, 10, "[WWWW]....[WW]");
    CHECK_EQ(peek(space, 9), 5);
    CHECK_EQ(poke(space, 8, 6), 0);
    CHECK_EQ(peek(space, 1), 6);
    CHECK_EQ(remap(0, 0, 2, MAY_MOVE), 0);
    CHECK_EQ(remap(0, 0, 2, 0), -ENOMEM);
    map_fixed(space, 20, 1, RW, 0);
    CHECK_EQ(remap(20, 0, 1, MAY_MOVE), -EINVAL);
}

/*
 *   [WWWW]      old_length 0, and the copy is to lie over what it is a copy of
 */
static void test_duplicate_over_itself(void) {
    struct test_file file;

    begin();
    file_init(&file, 16 * PAGE_SIZE);
    map_object(space, 0, 4, RW, VM_MAP_SHARED, &file.object, 0);
    CHECK_EQ(poke(space, 0, 5), 0);
    CHECK_EQ(remap_to(0, 0, 4, FIXED, 0), -EFAULT);
    CHECK_EQ(remap_to(0, 0, 6, FIXED, 0), -EFAULT);
    CHECK_EQ(remap_to(2, 0, 1, FIXED, 2), -EFAULT);
    CHECK_EQ(remap_to(1, 0, 2, FIXED, 0), -EINVAL);
    expect_picture(space, 8, "[WWWW]....");
    CHECK_EQ(remap_to(0, 0, 4, FIXED, 2), 0);
    expect_picture(space, 8, "[WW][WWWW]..");
    CHECK_EQ(peek(space, 2), 5);
}

/*
 *   [wwww]      KEEP: pages go, the range stays and reads as new
 */
static void test_keep(void) {
    struct test_file file;

    begin();
    map_fixed(space, 0, 4, RW, 0);
    fill(0, 4);
    CHECK_EQ(remap_to(1, 2, 2, KEEP | FIXED, 8), 0);
    expect_picture(space, 11, "[wwww]....[ww].");
    CHECK_EQ(peek(space, 8), 2);
    CHECK_EQ(peek(space, 9), 3);
    CHECK_EQ(peek(space, 1), 0);
    CHECK_EQ(poke(space, 1, 50), 0);
    CHECK_EQ(peek(space, 8), 2);
    CHECK_EQ(peek(space, 0), 1);
    CHECK_EQ(peek(space, 3), 4);
    CHECK_EQ(remap_to(0, 4, 4, KEEP, 20), 0);
    CHECK_EQ(at, AT(20)); /* a wish */
    CHECK_EQ(peek(space, 23), 4);
    CHECK_EQ(peek(space, 3), 0);
    file_init(&file, 4 * PAGE_SIZE);
    file_poke(&file, 1, 111);
    map_object(space, 30, 2, RW, 0, &file.object, 0);
    CHECK_EQ(poke(space, 31, 1), 0);
    CHECK_EQ(remap_to(30, 2, 2, KEEP | FIXED, 40), 0);
    CHECK_EQ(peek(space, 41), 1);
    CHECK_EQ(peek(space, 31), 111);
}

/* A stack that was moved up grows until its indexes are used up, and no further. */
static void test_moved_stack_grows(void) {
    const struct vm_map_request request = {
        .address = USER_MIN + 2 * PAGE_SIZE,
        .length = PAGE_SIZE,
        .prot = RW,
        .flags = VM_MAP_FIXED | VM_MAP_GROWS_DOWN,
    };
    const struct vm_limits limits = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX};
    uint64_t pages = (USER_MIN + 2 * PAGE_SIZE) / PAGE_SIZE;
    struct vm_remap_request up = {
        .old_length = PAGE_SIZE, .new_length = PAGE_SIZE, .flags = FIXED, .target = AT(1000)};

    begin();
    vm_space_set_limits(space, &limits);
    CHECK_EQ(vm_map(space, &request, &up.address), 0);
    CHECK_EQ(vm_fault(space, up.address, VM_WRITE), 0);
    CHECK_EQ(vm_remap(space, &up, &at), 0);
    CHECK_EQ(poke(space, 1000 - (unsigned)pages - 1, 1), -EFAULT);
    CHECK_EQ(poke(space, 1000 - (unsigned)pages, 1), 0);
    CHECK_EQ(poke(space, 999, 2), 0);
    CHECK_EQ(poke(space, 1000 - (unsigned)pages - 1, 1), -EFAULT);
    space_check(space);
}

/* ---- errors ---- */

static void test_errors(void) {
    begin();
    map_fixed(space, 0, 4, RW, 0);
    map_fixed(space, 4, 2, RO, 0);
    fill(0, 4);
    CHECK_EQ(remap(0, 4, 0, MAY_MOVE), -EINVAL);
    CHECK_EQ(remap(0, 4, 4, 8), -EINVAL);
    CHECK_EQ(remap_to(0, 4, 4, VM_REMAP_FIXED, 10), -EINVAL);
    CHECK_EQ(remap_to(0, 4, 4, VM_REMAP_KEEP, 10), -EINVAL);
    CHECK_EQ(remap_to(0, 4, 5, KEEP, 10), -EINVAL);
    CHECK_EQ(remap_to(0, 4, 4, FIXED, 0), -EINVAL);
    CHECK_EQ(remap_to(0, 4, 4, FIXED, 3), -EINVAL);
    CHECK_EQ(remap_to(1, 2, 2, FIXED, 0), -EINVAL);
    CHECK_EQ(remap(10, 1, 2, MAY_MOVE), -EFAULT);
    CHECK_EQ(remap(0, 6, 7, MAY_MOVE), -EFAULT); /* two areas */
    CHECK_EQ(remap_to(0, 6, 6, FIXED, 10), -EFAULT);
    expect_picture(space, 8, "[wwww][rr]..");
    expect_filled(0, 4);
}

static int remap_raw(uint64_t address, uint64_t old_length, uint64_t new_length, unsigned flags,
                     uint64_t target) {
    const struct vm_remap_request request = {address, old_length, new_length, flags, target};

    return vm_remap(space, &request, &at);
}

static void test_errors_of_numbers(void) {
    struct test_file file;

    begin();
    file_init(&file, PAGE_SIZE);
    map_fixed(space, 0, 2, RW, 0);
    CHECK_EQ(remap_raw(AT(0) + 1, PAGE_SIZE, PAGE_SIZE, 0, 0), -EINVAL);
    CHECK_EQ(remap_raw(AT(0), PAGE_SIZE, PAGE_SIZE, FIXED, AT(8) + 1), -EINVAL);
    CHECK_EQ(remap_raw(AT(0), PAGE_SIZE, PAGE_SIZE, FIXED, USER_END), -EINVAL);
    CHECK_EQ(remap_raw(AT(0), PAGE_SIZE, 2 * PAGE_SIZE, FIXED, USER_END - PAGE_SIZE), -EINVAL);
    CHECK_EQ(remap_raw(AT(0), PAGE_SIZE, PAGE_SIZE, FIXED, 0), -EPERM);
    CHECK_EQ(remap_raw(AT(0), PAGE_SIZE, UINT64_MAX, MAY_MOVE, 0), -EINVAL);
    CHECK_EQ(remap_raw(AT(0), PAGE_SIZE, 1ull << 60, MAY_MOVE, 0), -EINVAL);
    CHECK_EQ(remap_raw(AT(0), PAGE_SIZE, USER_END, MAY_MOVE, 0), -ENOMEM);
    CHECK_EQ(remap_raw(AT(0), USER_END, PAGE_SIZE, 0, 0), -EINVAL);
    CHECK_EQ(remap_raw(USER_END, PAGE_SIZE, PAGE_SIZE, 0, 0), -EFAULT);
    CHECK_EQ(remap_raw(UINT64_MAX - PAGE_SIZE + 1, PAGE_SIZE, PAGE_SIZE, 0, 0), -EFAULT);
    map_object(space, 4, 1, RO, VM_MAP_SHARED, &file.object, 0);
    expect_picture(space, 6, "[ww]..[R].");
}

static void test_limits(void) {
    const struct vm_limits limits = {UINT64_MAX, 6 * PAGE_SIZE, 8 * PAGE_SIZE, 3 * PAGE_SIZE,
                                     UINT64_MAX};

    begin();
    vm_space_set_limits(space, &limits);
    map_fixed(space, 0, 4, RW, 0);
    CHECK_EQ(remap(0, 4, 7, 0), -ENOMEM); /* data */
    CHECK_EQ(remap_to(0, 4, 4, KEEP, 20), -ENOMEM);
    CHECK_EQ(remap(0, 4, 6, 0), 0);
    map_fixed(space, 10, 2, RO, 0);
    CHECK_EQ(remap(10, 2, 3, 0), -ENOMEM); /* space */
    CHECK_EQ(remap_to(10, 2, 2, FIXED, 20), 0);
    CHECK_EQ(remap_to(20, 2, 4, FIXED, 4), 0); /* in place of two */
    expect_picture(space, 10, "[wwww][rrrr]..");
    CHECK_EQ(vm_lock(space, AT(0), 2 * PAGE_SIZE, 0), 0);
    CHECK_EQ(unmap(4, 4), 0);
    CHECK_EQ(remap(0, 2, 4, MAY_MOVE), -EAGAIN);
    CHECK_EQ(remap(0, 2, 3, MAY_MOVE), 0);
    CHECK_EQ(space->areas.locked_bytes, 3 * PAGE_SIZE);
    CHECK_EQ(remap_to(2, 2, 2, FIXED, 30), 0);
    CHECK_EQ(space->areas.locked_bytes, 3 * PAGE_SIZE);
}

/* With KEEP the lock goes along. */
static void test_locked_keep(void) {
    begin();
    map_fixed(space, 0, 2, RW, VM_MAP_LOCKED);
    CHECK_EQ(space->areas.locked_bytes, 2 * PAGE_SIZE);
    CHECK_EQ(remap_to(0, 2, 2, KEEP | FIXED, 8), 0);
    CHECK_EQ(space->areas.locked_bytes, 2 * PAGE_SIZE);
    CHECK_EQ(vm_unlock(space, AT(8), 2 * PAGE_SIZE), 0);
    CHECK_EQ(space->areas.locked_bytes, 0);
    space_check(space);
}

/* ---- no memory ---- */

/* Tries it with each allocation failing in turn until none fails; nothing changes before. */
static void expect_all_or_nothing(const struct move *move, const char *picture) {
    uint64_t before = frames_in_use();

    for (unsigned n = 0;; n++) {
        int error;

        inject_fail_nth(n);
        error = remap_with(move);
        if (!inject_stop()) {
            CHECK_EQ(error, 0);
            CHECK(n > 0);
            return;
        }
        CHECK_EQ(error, -ENOMEM);
        expect_picture(space, 24, picture);
        CHECK_EQ(peek(space, move->page), 11);
        CHECK(frames_in_use() <= before + 8); /* paths that were un-shared, no more */
    }
}

static void test_no_memory(void) {
    static const char picture[] = "[wwwwwwwwwwwwwwwwwwww]....";
    struct vm_space *child;

    begin();
    map_fixed(space, 0, 20, RW, 0);
    for (unsigned i = 0; i < 20; i++)
        CHECK_EQ(poke(space, i, 11), 0);
    child = space_fork(space);
    expect_all_or_nothing(&(const struct move){4, 4, 4, KEEP, 30}, picture);
    CHECK_EQ(unmap(4, 4), 0);
    map_fixed(space, 4, 4, RW, 0);
    for (unsigned i = 4; i < 8; i++)
        CHECK_EQ(poke(space, i, 11), 0);
    expect_all_or_nothing(&(const struct move){4, 6, 2, FIXED, 14}, picture);
    expect_picture(space, 24, "[wwww]......[wwww][ww][wwww]....");
    CHECK_EQ(peek(space, 14), 11);
    CHECK_EQ(peek(child, 14), 11);
    space_end(child);
    space_check(space);
}

/* Again and again: no area, node or frame is lost. */
static void test_repeatedly(void) {
    uint64_t before;

    vm_fixture_init();
    before = frames_in_use();
    space = space_begin();
    for (unsigned round = 0; round < 50; round++) {
        map_fixed(space, 0, 64, RW, 0);
        for (unsigned i = 0; i < 64; i++)
            CHECK_EQ(poke(space, i, (unsigned char)(i + 1)), 0);
        for (unsigned i = 1; i < 64; i += 3)
            CHECK_EQ(remap_to(i, 1, 1, FIXED, 64 + i), 0);
        for (unsigned i = 0; i < 64; i++)
            CHECK_EQ(peek(space, i % 3 == 1 ? 64 + i : i), i + 1);
        for (unsigned i = 1; i < 64; i += 3)
            CHECK_EQ(remap_to(64 + i, 1, 1, FIXED, i), 0);
        for (unsigned i = 0; i < 64; i++)
            CHECK_EQ(peek(space, i), i + 1);
        CHECK_EQ(unmap(0, 128), 0);
        CHECK_EQ(space->areas.count, 0);
    }
    space_end(space);
    CHECK_EQ(frames_in_use(), before);
    frames_check();
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        {"shrink_and_grow", test_shrink_and_grow},
        {"grow_joins", test_grow_joins},
        {"grow_moves", test_grow_moves},
        {"move_part", test_move_part},
        {"move_back", test_move_back},
        {"fixed_evicts", test_fixed_evicts},
        {"move_within", test_move_within},
        {"move_after_fork", test_move_after_fork},
        {"move_files", test_move_files},
        {"duplicate", test_duplicate},
        {"duplicate_over_itself", test_duplicate_over_itself},
        {"keep", test_keep},
        {"moved_stack_grows", test_moved_stack_grows},
        {"errors", test_errors},
        {"errors_of_numbers", test_errors_of_numbers},
        {"limits", test_limits},
        {"locked_keep", test_locked_keep},
        {"no_memory", test_no_memory},
        {"repeatedly", test_repeatedly},
    };

    return test_main(argc, argv, "remap", tests, ARRAY_SIZE(tests));
}
