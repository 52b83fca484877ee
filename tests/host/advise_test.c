/* SPDX-License-Identifier: MIT */
/*
 * kernel/vm: madvise and mincore on one space: who refuses an advice, what it does, holes, what a
 * child sees, each allocation failing in turn.
 */
#include "vm/advise.h"

#include "abi/errno.h"
#include "lib/bits.h"
#include "support/arena.h"
#include "support/check.h"
#include "support/inject.h"
#include "support/vm_fixture.h"

static struct vm_space *space;

static void begin(void) {
    vm_fixture_init();
    space = space_begin();
}

static int advise(unsigned page, unsigned pages, enum vm_advice advice) {
    return vm_advise(space, AT(page), pages * PAGE_SIZE, advice);
}

static void fill(unsigned page, unsigned pages) {
    for (unsigned i = page; i < page + pages; i++)
        CHECK_EQ(poke(space, i, (unsigned char)(i + 1)), 0);
}

/* The flags of an area but for what is promised, which advice says nothing about. */
static uint32_t flags_at(unsigned page) {
    struct vm_area *area = vm_area_find(&space->areas, AT(page));

    CHECK(area != NULL);
    return area->flags & ~VM_AREA_ACCOUNTED;
}

/* ---- flags ---- */

/* Each advice that is a flag: set in the middle, split; taken back, joined. */
static void test_flags(void) {
    static const struct {
        enum vm_advice on, off;
        uint32_t flag;
    } pairs[] = {
        {VM_ADVICE_RANDOM, VM_ADVICE_NORMAL, VM_AREA_RANDOM},
        {VM_ADVICE_SEQUENTIAL, VM_ADVICE_NORMAL, VM_AREA_SEQUENTIAL},
        {VM_ADVICE_DONT_FORK, VM_ADVICE_DO_FORK, VM_AREA_NO_FORK},
        {VM_ADVICE_WIPE_ON_FORK, VM_ADVICE_KEEP_ON_FORK, VM_AREA_WIPE_ON_FORK},
        {VM_ADVICE_DONT_DUMP, VM_ADVICE_DO_DUMP, VM_AREA_NO_DUMP},
    };

    begin();
    map_fixed(space, 0, 6, RW, 0);
    fill(0, 6);
    for (unsigned i = 0; i < ARRAY_SIZE(pairs); i++) {
        CHECK_EQ(advise(2, 2, pairs[i].on), 0);
        expect_picture(space, 6, "[ww][ww][ww]");
        CHECK_EQ(flags_at(2), pairs[i].flag);
        CHECK_EQ(flags_at(4), 0);
        CHECK_EQ(advise(0, 6, pairs[i].off), 0);
        expect_picture(space, 6, "[wwwwww]");
    }
    CHECK_EQ(advise(2, 2, VM_ADVICE_HUGE), 0);
    CHECK_EQ(flags_at(3), VM_AREA_HUGE);
    CHECK_EQ(advise(0, 6, VM_ADVICE_NO_HUGE), 0);
    expect_picture(space, 6, "[wwwwww]");
    CHECK_EQ(flags_at(3), VM_AREA_NO_HUGE);
    for (unsigned i = 0; i < 6; i++)
        CHECK_EQ(peek(space, i), i + 1);
}

/* ---- who refuses ---- */

static void test_refusals(void) {
    static const struct {
        enum vm_advice advice;
        int locked, object, device;
    } rows[] = {
        {VM_ADVICE_NORMAL, 0, 0, 0},
        {VM_ADVICE_WILL_NEED, 0, 0, 0},
        {VM_ADVICE_DONT_NEED, -EINVAL, 0, -EINVAL},
        {VM_ADVICE_DONT_NEED_LOCKED, 0, 0, -EINVAL},
        {VM_ADVICE_FREE, -EINVAL, -EINVAL, -EINVAL},
        {VM_ADVICE_COLD, -EINVAL, 0, -EINVAL},
        {VM_ADVICE_PAGE_OUT, -EINVAL, 0, -EINVAL},
        {VM_ADVICE_DONT_FORK, 0, 0, 0},
        {VM_ADVICE_DO_FORK, 0, 0, -EINVAL},
        {VM_ADVICE_WIPE_ON_FORK, 0, -EINVAL, -EINVAL},
        {VM_ADVICE_KEEP_ON_FORK, 0, 0, 0},
        {VM_ADVICE_DO_DUMP, 0, 0, -EINVAL},
        {VM_ADVICE_HUGE, 0, 0, -EINVAL},
    };
    struct vm_object *device;
    struct test_file file;

    begin();
    file_init(&file, 8 * PAGE_SIZE);
    device = vm_object_device_create(1ull << 40, 4 * PAGE_SIZE);
    map_fixed(space, 0, 1, RW, VM_MAP_LOCKED);
    map_object(space, 2, 1, RW, 0, &file.object, 0);
    map_object(space, 4, 1, RW, VM_MAP_SHARED, device, 0);
    vm_object_unref(device);
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        CHECK_EQ(advise(0, 1, rows[i].advice), rows[i].locked);
        CHECK_EQ(advise(2, 1, rows[i].advice), rows[i].object);
        CHECK_EQ(advise(4, 1, rows[i].advice), rows[i].device);
    }
}

/*
 *   [ww]..[ww][locked][ww]     up to the first that refuses, passing over holes
 */
static void test_reach(void) {
    begin();
    map_fixed(space, 0, 2, RW, 0);
    map_fixed(space, 4, 2, RW, 0);
    map_fixed(space, 6, 1, RW, VM_MAP_LOCKED);
    map_fixed(space, 7, 2, RW, 0);
    for (unsigned i = 0; i < 9; i++)
        CHECK_EQ(poke(space, i, 1), i == 2 || i == 3 ? -EFAULT : 0);
    CHECK_EQ(advise(1, 8, VM_ADVICE_DONT_NEED), -EINVAL);
    CHECK_EQ(peek(space, 0), 1);
    CHECK_EQ(peek(space, 1), 0);
    CHECK_EQ(peek(space, 5), 0);
    CHECK_EQ(peek(space, 6), 1);
    CHECK_EQ(peek(space, 8), 1);
    CHECK_EQ(advise(1, 3, VM_ADVICE_DONT_FORK), -ENOMEM);
    CHECK_EQ(flags_at(1), VM_AREA_NO_FORK);
    CHECK_EQ(advise(2, 2, VM_ADVICE_NORMAL), -ENOMEM);
    CHECK_EQ(advise(2, 4, VM_ADVICE_DONT_DUMP), -ENOMEM);
    CHECK_EQ(flags_at(5), VM_AREA_NO_DUMP);
    CHECK_EQ(advise(20, 0, VM_ADVICE_DONT_NEED), 0);
    CHECK_EQ(vm_advise(space, AT(0) + 1, PAGE_SIZE, VM_ADVICE_NORMAL), -EINVAL);
    CHECK_EQ(vm_advise(space, AT(0), UINT64_MAX - PAGE_SIZE, VM_ADVICE_NORMAL), -EINVAL);
    CHECK_EQ(vm_advise(space, AT(0), PAGE_SIZE, VM_ADVICE_COUNT), -EINVAL);
    CHECK_EQ(vm_advise(space, USER_END, PAGE_SIZE, VM_ADVICE_NORMAL), -ENOMEM);
}

static void test_free(void) {
    uint64_t before;

    begin();
    map_fixed(space, 0, 4, RW, 0);
    before = frames_in_use();
    fill(0, 4);
    CHECK_EQ(advise(0, 4, VM_ADVICE_FREE), 0);
    for (unsigned i = 0; i < 4; i++)
        CHECK_EQ(peek(space, i), 0);
    fill(0, 4);
    CHECK_EQ(peek(space, 3), 4);
    CHECK_EQ(advise(0, 4, VM_ADVICE_FREE), 0);
    CHECK(frames_in_use() <= before + 4); /* tables stay; pages do not */
}

/* A hole in the object; everybody sees it. */
static void test_remove(void) {
    struct vm_map_request read_only = {
        .address = AT(10),
        .length = 4 * PAGE_SIZE,
        .prot = RO,
        .max_prot = RO,
        .flags = VM_MAP_FIXED | VM_MAP_SHARED,
        .offset = 2 * PAGE_SIZE,
    };
    struct test_file file;
    struct vm_space *child;
    uint64_t at;

    begin();
    file_init(&file, 8 * PAGE_SIZE);
    map_object(space, 0, 4, RW, VM_MAP_SHARED, &file.object, 2);
    read_only.object = &file.object;
    CHECK_EQ(vm_map(space, &read_only, &at), 0);
    map_object(space, 20, 4, RW, 0, &file.object, 2);
    map_fixed(space, 30, 1, RW, 0);
    map_object(space, 31, 1, RW, VM_MAP_SHARED | VM_MAP_LOCKED, &file.object, 0);
    fill(0, 4);
    child = space_fork(space);
    CHECK_EQ(advise(1, 2, VM_ADVICE_REMOVE), 0);
    CHECK_EQ(peek(space, 0), 1);
    CHECK_EQ(peek(space, 1), 0);
    CHECK_EQ(peek(child, 2), 0);
    CHECK_EQ(peek(space, 13), 4);
    CHECK_EQ(file_peek(&file, 3), 0);
    CHECK_EQ(advise(10, 1, VM_ADVICE_REMOVE), -EACCES);
    CHECK_EQ(advise(20, 1, VM_ADVICE_REMOVE), -EACCES);
    CHECK_EQ(advise(30, 1, VM_ADVICE_REMOVE), -EINVAL);
    CHECK_EQ(advise(31, 1, VM_ADVICE_REMOVE), -EINVAL);
    CHECK_EQ(advise(0, 5, VM_ADVICE_REMOVE), -ENOMEM);
    CHECK_EQ(peek(space, 3), 0);
    CHECK_EQ(advise(5, 2, VM_ADVICE_REMOVE), -ENOMEM);
    space_end(child);
}

/* ---- what a child sees ---- */

/*
 *   [wwww][not forked][wwww][wiped][wwww]     cut out of one mapping, with one shadow
 */
static void test_fork(void) {
    struct vm_space *child, *grandchild;
    uint64_t frames;

    begin();
    map_fixed(space, 0, 600, RW, 0); /* enough for tables to be shared */
    for (unsigned i = 0; i < 600; i++)
        CHECK_EQ(poke(space, i, (unsigned char)(i % 250 + 1)), 0);
    CHECK_EQ(advise(100, 50, VM_ADVICE_DONT_FORK), 0);
    CHECK_EQ(advise(300, 50, VM_ADVICE_WIPE_ON_FORK), 0);
    child = space_fork(space);
    CHECK_EQ(peek(child, 99), 100);
    CHECK_EQ(peek(child, 100), -EFAULT);
    CHECK_EQ(peek(child, 149), -EFAULT);
    CHECK_EQ(peek(child, 150), 151);
    CHECK_EQ(peek(child, 299), 50);
    CHECK_EQ(peek(child, 300), 0);
    CHECK_EQ(peek(child, 349), 0);
    CHECK_EQ(peek(child, 350), 101);
    CHECK_EQ(peek(space, 120), 121);
    CHECK_EQ(peek(space, 320), 71);
    frames = frames_in_use();
    CHECK_EQ(poke(space, 120, 5), 0); /* nobody else has it */
    CHECK(frames_in_use() <= frames + 2);
    CHECK_EQ(poke(child, 320, 9), 0);
    CHECK_EQ(peek(space, 320), 71);
    grandchild = space_fork(child);
    CHECK_EQ(peek(grandchild, 320), 0); /* still to be wiped */
    space_end(grandchild);
    space_end(child);
    space_check(space);
}

/* All of it: the child has nothing of the shadow. */
static void test_fork_all(void) {
    struct vm_space *child;

    begin();
    map_fixed(space, 0, 8, RW, 0);
    fill(0, 8);
    CHECK_EQ(advise(0, 4, VM_ADVICE_DONT_FORK), 0);
    CHECK_EQ(advise(4, 4, VM_ADVICE_WIPE_ON_FORK), 0);
    child = space_fork(space);
    expect_picture(child, 8, "....[wwww]");
    CHECK_EQ(peek(child, 5), 0);
    space_end(child);
    CHECK_EQ(peek(space, 0), 1);
    CHECK_EQ(peek(space, 7), 8);
}

static void test_fork_no_memory(void) {
    struct vm_space *child = NULL;
    unsigned n = 0;
    uint64_t before;

    begin();
    map_fixed(space, 0, 600, RW, 0);
    for (unsigned i = 0; i < 600; i++)
        CHECK_EQ(poke(space, i, 1), 0);
    CHECK_EQ(advise(100, 50, VM_ADVICE_DONT_FORK), 0);
    CHECK_EQ(advise(300, 50, VM_ADVICE_WIPE_ON_FORK), 0);
    before = frames_in_use();
    for (;; n++) {
        int error;

        inject_fail_nth(n);
        error = vm_space_fork(space, &child);
        if (!inject_stop() || error == 0)
            break;
        CHECK_EQ(error, -ENOMEM);
        space_check(space);
        CHECK_EQ(frames_in_use(), before);
    }
    CHECK(n > 3);
    space_end(child);
}

/* ---- no memory ---- */

static void test_no_memory(void) {
    struct vm_space *child;
    unsigned n = 0;

    begin();
    map_fixed(space, 0, 200, RW, 0);
    for (unsigned i = 0; i < 200; i++)
        CHECK_EQ(poke(space, i, 3), 0);
    child = space_fork(space);
    for (;; n++) {
        int error;

        inject_fail_nth(n);
        error = advise(50, 100, VM_ADVICE_DONT_NEED);
        if (!inject_stop() || error == 0)
            break;
        CHECK_EQ(error, -EAGAIN);
        for (unsigned i = 45; i < 155; i++)
            CHECK_EQ(peek(space, i), 3);
        space_check(space);
    }
    CHECK(n > 0);
    CHECK_EQ(peek(space, 100), 0);
    CHECK_EQ(peek(child, 100), 3);
    for (n = 0; n < 2; n++) {
        inject_fail_nth(n);
        CHECK_EQ(advise(50, 100, VM_ADVICE_DONT_FORK), -EAGAIN);
        CHECK(inject_stop());
        CHECK_EQ(flags_at(100), 0);
        CHECK_EQ(space->areas.count, 1);
    }
    space_end(child);
}

/* ---- mincore ---- */

static void test_resident(void) {
    uint8_t vector[12] = {0};
    struct test_file file;

    begin();
    file_init(&file, 8 * PAGE_SIZE);
    file_poke(&file, 1, 1);
    map_fixed(space, 0, 4, RW, 0);
    map_object(space, 4, 4, RW, 0, &file.object, 0);
    map_object(space, 8, 4, RW, VM_MAP_SHARED, &file.object, 0);
    CHECK_EQ(poke(space, 1, 1), 0);
    CHECK_EQ(peek(space, 3), 0);
    CHECK_EQ(poke(space, 6, 1), 0);
    CHECK_EQ(vm_resident(space, AT(0), 12, vector), 0);
    for (unsigned i = 0; i < 12; i++)
        CHECK_EQ(vector[i], i == 1 || i == 3 || i == 5 || i == 6 || i == 9 || i == 10);
    CHECK_EQ(vm_resident(space, AT(0) + 1, 1, vector), -EINVAL);
    CHECK_EQ(vm_resident(space, AT(11), 2, vector), -ENOMEM);
    CHECK_EQ(vm_resident(space, AT(20), 1, vector), -ENOMEM);
    CHECK_EQ(vm_resident(space, AT(20), 0, vector), 0);
    CHECK_EQ(vm_resident(space, USER_END - PAGE_SIZE, 2, vector), -ENOMEM);
    CHECK_EQ(vm_resident(space, AT(0), SIZE_MAX, vector), -ENOMEM);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        {"flags", test_flags},         {"refusals", test_refusals},
        {"reach", test_reach},         {"free", test_free},
        {"remove", test_remove},       {"fork", test_fork},
        {"fork_all", test_fork_all},   {"fork_no_memory", test_fork_no_memory},
        {"no_memory", test_no_memory}, {"resident", test_resident},
    };

    return test_main(argc, argv, "advise", tests, ARRAY_SIZE(tests));
}
