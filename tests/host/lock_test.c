/* SPDX-License-Identifier: MIT */
/*
 * kernel/vm: the mlock family and vm_populate on one space: flags and what they split and join, the
 * limit, holes, each allocation failing in turn.
 */
#include "vm/lock.h"

#include "abi/errno.h"
#include "lib/bits.h"
#include "support/arena.h"
#include "support/check.h"
#include "support/inject.h"
#include "support/vm_fixture.h"

static struct vm_space *space;

static void begin(void) {
    const struct vm_limits limits = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX};

    vm_fixture_init();
    space = space_begin();
    vm_space_set_limits(space, &limits);
}

static void limit_locked(uint64_t pages) {
    const struct vm_limits limits = {UINT64_MAX, UINT64_MAX, UINT64_MAX, pages * PAGE_SIZE,
                                     UINT64_MAX};

    vm_space_set_limits(space, &limits);
}

static int lock(unsigned page, unsigned pages) {
    return vm_lock(space, AT(page), pages * PAGE_SIZE, 0);
}

static int unlock(unsigned page, unsigned pages) {
    return vm_unlock(space, AT(page), pages * PAGE_SIZE);
}

static uint64_t locked_pages(void) {
    space_check(space);
    return space->areas.locked_bytes / PAGE_SIZE;
}

/* vm_populate until it is done or fails. */
static int populate(unsigned page, unsigned pages, enum vm_populate_mode mode) {
    struct vm_populate wanted = {AT(page), AT(page + pages), mode};
    int result;

    while ((result = vm_populate(space, &wanted)) > 0)
        continue;
    if (result == 0)
        CHECK_EQ(wanted.at, wanted.end);
    return result;
}

/* ---- locking ---- */

/*
 *   [wwwwwwww]
 *     ^^^^        locked and unlocked again, in parts
 */
static void test_split_and_join(void) {
    begin();
    map_fixed(space, 0, 8, RW, 0);
    CHECK_EQ(lock(2, 4), 0);
    expect_picture(space, 8, "[ww][wwww][ww]");
    CHECK_EQ(locked_pages(), 4);
    CHECK_EQ(lock(3, 1), 0);
    expect_picture(space, 8, "[ww][wwww][ww]");
    CHECK_EQ(unlock(3, 1), 0);
    expect_picture(space, 8, "[ww][w][w][ww][ww]");
    CHECK_EQ(locked_pages(), 3);
    CHECK_EQ(vm_lock(space, AT(3), PAGE_SIZE, VM_LOCK_ON_FAULT), 0);
    expect_picture(space, 8, "[ww][w][w][ww][ww]");
    CHECK_EQ(locked_pages(), 4);
    CHECK_EQ(unlock(0, 8), 0);
    expect_picture(space, 8, "[wwwwwwww]");
    CHECK_EQ(locked_pages(), 0);
}

/* Pages that are only touched by the range count; nothing is nothing. */
static void test_rounding(void) {
    begin();
    map_fixed(space, 0, 4, RW, 0);
    CHECK_EQ(vm_lock(space, AT(1) + 4095, 2, 0), 0);
    expect_picture(space, 4, "[w][ww][w]");
    CHECK_EQ(vm_unlock(space, AT(1) + 4095, 1), 0);
    expect_picture(space, 4, "[ww][w][w]");
    CHECK_EQ(vm_lock(space, AT(20), 0, 0), 0);
    CHECK_EQ(vm_unlock(space, AT(2) + 1, PAGE_SIZE - 1), 0);
    CHECK_EQ(locked_pages(), 0);
}

/*
 *   [ww]..[ww]     what lies before the hole is locked
 */
static void test_holes(void) {
    begin();
    map_fixed(space, 0, 2, RW, 0);
    map_fixed(space, 4, 2, RW, 0);
    CHECK_EQ(lock(1, 5), -ENOMEM);
    expect_picture(space, 6, "[w][w]..[ww]");
    CHECK_EQ(locked_pages(), 1);
    CHECK_EQ(lock(2, 4), -ENOMEM);
    CHECK_EQ(locked_pages(), 1);
    CHECK_EQ(lock(4, 2), 0);
    CHECK_EQ(unlock(0, 6), -ENOMEM);
    CHECK_EQ(locked_pages(), 2);
    CHECK_EQ(vm_lock(space, AT(0), UINT64_MAX - PAGE_SIZE, 0), -EINVAL);
    CHECK_EQ(vm_unlock(space, AT(0), UINT64_MAX - PAGE_SIZE), -EINVAL);
    CHECK_EQ(vm_lock(space, AT(0), PAGE_SIZE, 8), -EINVAL);
    CHECK_EQ(vm_lock(space, USER_END, PAGE_SIZE, 0), -ENOMEM);
}

static void test_limit(void) {
    uint64_t at;
    const struct vm_map_request request = {
        .address = AT(20), .length = 2 * PAGE_SIZE, .prot = RW, .flags = VM_MAP_LOCKED};

    begin();
    map_fixed(space, 0, 8, RW, 0);
    limit_locked(3);
    CHECK_EQ(lock(0, 4), -ENOMEM);
    CHECK_EQ(locked_pages(), 0);
    CHECK_EQ(lock(0, 3), 0);
    CHECK_EQ(lock(1, 2), 0); /* no more than there is */
    CHECK_EQ(lock(2, 2), -ENOMEM);
    CHECK_EQ(unlock(0, 2), 0);
    CHECK_EQ(lock(2, 2), 0);
    CHECK_EQ(vm_map(space, &request, &at), -EAGAIN);
    CHECK_EQ(vm_lock_all(space, VM_LOCK_CURRENT), -ENOMEM);
    limit_locked(0);
    CHECK_EQ(lock(2, 1), -EPERM);
    CHECK_EQ(vm_map(space, &request, &at), -EPERM);
    CHECK_EQ(vm_lock_all(space, VM_LOCK_FUTURE), -EPERM);
    CHECK_EQ(unlock(0, 8), 0);
    CHECK_EQ(locked_pages(), 0);
}

static void test_all(void) {
    uint64_t at;
    const struct vm_map_request request = {.length = 2 * PAGE_SIZE, .prot = RW};

    begin();
    map_fixed(space, 0, 4, RW, 0);
    map_fixed(space, 6, 2, RO, 0);
    CHECK_EQ(vm_lock_all(space, 0), -EINVAL);
    CHECK_EQ(vm_lock_all(space, VM_LOCK_ON_FAULT), -EINVAL);
    CHECK_EQ(vm_lock_all(space, 8), -EINVAL);
    CHECK_EQ(lock(1, 1), 0);
    CHECK_EQ(vm_lock_all(space, VM_LOCK_CURRENT), 0);
    expect_picture(space, 8, "[wwww]..[rr]");
    CHECK_EQ(locked_pages(), 6);
    CHECK_EQ(vm_map(space, &request, &at), 0);
    CHECK_EQ(locked_pages(), 6);
    CHECK_EQ(vm_lock_all(space, VM_LOCK_FUTURE | VM_LOCK_ON_FAULT), 0);
    CHECK_EQ(locked_pages(), 6);
    CHECK_EQ(vm_map(space, &request, &at), 0);
    CHECK_EQ(locked_pages(), 8);
    limit_locked(9);
    CHECK_EQ(vm_map(space, &request, &at), -EAGAIN);
    vm_unlock_all(space);
    CHECK_EQ(locked_pages(), 0);
    CHECK_EQ(vm_map(space, &request, &at), 0);
    CHECK_EQ(locked_pages(), 0);
}

/* The heap and stacks grow locked, as far as the limit goes. */
static void test_growing(void) {
    begin();
    vm_space_set_brk_start(space, AT(10));
    CHECK_EQ(vm_lock_all(space, VM_LOCK_FUTURE), 0);
    limit_locked(4);
    CHECK_EQ(vm_brk(space, AT(12)), AT(12));
    CHECK_EQ(locked_pages(), 2);
    CHECK_EQ(vm_brk(space, AT(16)), AT(12));
    CHECK_EQ(vm_brk(space, AT(11)), AT(11));
    CHECK_EQ(locked_pages(), 1);
    map_fixed(space, 500, 1, RW, VM_MAP_GROWS_DOWN);
    CHECK_EQ(poke(space, 498, 1), 0);
    CHECK_EQ(locked_pages(), 4);
    CHECK_EQ(poke(space, 497, 1), -EFAULT);
}

/* A child's memory is not locked; what locks kept apart is one there. */
static void test_fork(void) {
    struct vm_space *child;

    begin();
    map_fixed(space, 0, 6, RW, 0);
    for (unsigned i = 0; i < 6; i++)
        CHECK_EQ(poke(space, i, (unsigned char)(i + 1)), 0);
    CHECK_EQ(lock(2, 2), 0);
    CHECK_EQ(vm_lock_all(space, VM_LOCK_FUTURE), 0);
    child = space_fork(space);
    CHECK_EQ(child->areas.locked_bytes, 0);
    CHECK_EQ(child->future_flags, 0);
    expect_picture(child, 6, "[wwwwww]");
    for (unsigned i = 0; i < 6; i++)
        CHECK_EQ(peek(child, i), i + 1);
    space_end(child);
    CHECK_EQ(locked_pages(), 2);
}

static void test_no_memory(void) {
    begin();
    map_fixed(space, 0, 8, RW, 0);
    for (unsigned n = 0; n < 2; n++) {
        inject_fail_nth(n);
        CHECK_EQ(lock(2, 4), -ENOMEM);
        CHECK(inject_stop());
        expect_picture(space, 8, "[wwwwwwww]");
        CHECK_EQ(locked_pages(), 0);
    }
    CHECK_EQ(lock(0, 8), 0);
    inject_fail_nth(0);
    CHECK_EQ(unlock(2, 4), -ENOMEM); /* one record is left over, and it takes two */
    CHECK(inject_stop());
    expect_picture(space, 8, "[wwwwwwww]");
    CHECK_EQ(locked_pages(), 8);
}

/* ---- populating ---- */

static void test_populate_area(void) {
    struct test_file file;

    begin();
    file_init(&file, 8 * PAGE_SIZE);
    map_fixed(space, 0, 200, RW, 0);
    map_fixed(space, 210, 2, RO, 0);
    map_object(space, 212, 2, RW, VM_MAP_SHARED, &file.object, 2);
    CHECK_EQ(populate(0, 214, VM_POPULATE_AREA), 0);
    for (unsigned i = 0; i < 200; i++)
        CHECK(frame_at(space, i) != NULL);
    CHECK(frame_at(space, 210) == NULL); /* zeroes, mapped */
    CHECK_EQ(rights_at(space, 211), RO);
    CHECK(file_peek(&file, 3) == 0);
    map_fixed(space, 210, 1, 0, 0);
    CHECK_EQ(populate(205, 6, VM_POPULATE_AREA), -EFAULT);
    map_object(space, 220, 2, RO, VM_MAP_SHARED, &file.object, 7);
    CHECK_EQ(populate(220, 2, VM_POPULATE_AREA), -EFAULT); /* beyond the end */
    CHECK_EQ(rights_at(space, 220), RO);
}

static void test_populate_locked(void) {
    begin();
    map_fixed(space, 0, 6, RW, 0);
    CHECK_EQ(lock(0, 1), 0);
    CHECK_EQ(vm_lock(space, AT(3), PAGE_SIZE, VM_LOCK_ON_FAULT), 0);
    CHECK_EQ(lock(5, 1), 0);
    CHECK_EQ(populate(0, 8, VM_POPULATE_LOCKED), 0);
    for (unsigned i = 0; i < 6; i++)
        CHECK_EQ(frame_at(space, i) != NULL, i == 0 || i == 5);
}

static void test_populate_advice(void) {
    struct vm_populate wanted = {AT(0), AT(5), VM_POPULATE_WRITE};

    begin();
    map_fixed(space, 0, 2, RW, 0);
    map_fixed(space, 2, 1, RO, 0);
    map_fixed(space, 4, 1, RW, 0);
    CHECK_EQ(populate(0, 3, VM_POPULATE_READ), 0);
    CHECK(frame_at(space, 0) == NULL);
    CHECK_EQ(populate(0, 2, VM_POPULATE_WRITE), 0);
    CHECK(frame_at(space, 1) != NULL);
    CHECK_EQ(populate(2, 1, VM_POPULATE_WRITE), -EINVAL);
    CHECK_EQ(populate(0, 5, VM_POPULATE_READ), -ENOMEM);
    CHECK_EQ(vm_populate(space, &wanted), 1);
    CHECK_EQ(vm_populate(space, &wanted), -EINVAL);
    CHECK_EQ(wanted.at, AT(2));
    vm_populate_skip(space, &wanted);
    CHECK_EQ(wanted.at, AT(3));
    CHECK_EQ(vm_populate(space, &wanted), -ENOMEM);
    map_fixed(space, 2, 1, 0, 0);
    CHECK_EQ(populate(2, 1, VM_POPULATE_READ), -EINVAL);
}

static void test_populate_no_memory(void) {
    begin();
    map_fixed(space, 0, 4, RW, 0);
    for (unsigned n = 0; n < 4; n++) {
        inject_fail_nth(n);
        CHECK_EQ(populate(0, 4, VM_POPULATE_WRITE), -ENOMEM);
        CHECK(inject_stop());
        space_check(space);
    }
    CHECK_EQ(populate(0, 4, VM_POPULATE_WRITE), 0);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        {"split_and_join", test_split_and_join},
        {"rounding", test_rounding},
        {"holes", test_holes},
        {"limit", test_limit},
        {"all", test_all},
        {"growing", test_growing},
        {"fork", test_fork},
        {"no_memory", test_no_memory},
        {"populate_area", test_populate_area},
        {"populate_locked", test_populate_locked},
        {"populate_advice", test_populate_advice},
        {"populate_no_memory", test_populate_no_memory},
    };

    return test_main(argc, argv, "lock", tests, ARRAY_SIZE(tests));
}
