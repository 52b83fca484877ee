/* SPDX-License-Identifier: MIT */
/*
 * kernel/vm/commit: what is promised and taken back, by which call, in which mode, and at which
 * page a promise is refused. Each test ends with nothing promised.
 */
#include "vm/commit.h"

#include "abi/errno.h"
#include "lib/bits.h"
#include "support/arena.h"
#include "support/check.h"
#include "support/inject.h"
#include "support/vm_fixture.h"
#include "vm/map.h"

#define RAM_PAGES (32ull << 20 >> PAGE_SHIFT)
#define SHARED VM_MAP_SHARED

static struct vm_space *space;

static void begin(void) {
    vm_fixture_init();
    vm_commit_register(NULL);
    space = space_begin();
}

static void end(void) {
    space_end(space);
    CHECK_EQ(vm_commit_total(), 0);
}

/* Mode 2 with room for so many pages: the total stays below the limit. */
static void allow(uint64_t pages) {
    vm_commit_settings.mode = VM_COMMIT_NEVER;
    vm_commit_settings.limit_kib = (pages + 1) * (PAGE_SIZE / 1024);
    vm_commit_settings.user_reserve_kib = 0;
}

static int map(unsigned page, unsigned pages, unsigned prot, unsigned flags) {
    const struct vm_map_request request = {
        .address = AT(page), .length = pages * PAGE_SIZE, .prot = prot, .flags = flags};
    uint64_t at;
    int error = vm_map(space, &request, &at);

    space_check(space);
    return error;
}

static int protect(unsigned page, unsigned pages, unsigned prot) {
    int error = vm_protect(space, AT(page), pages * PAGE_SIZE, prot);

    space_check(space);
    return error;
}

static void unmap(unsigned page, unsigned pages) {
    CHECK_EQ(vm_unmap(space, AT(page), pages * PAGE_SIZE), 0);
    space_check(space);
}

/* ---- what is promised ---- */

static void test_private_writable(void) {
    struct test_file file;

    begin();
    file_init(&file, 8 * PAGE_SIZE);
    map_fixed(space, 0, 4, RW, 0);
    CHECK_EQ(vm_commit_total(), 4);
    map_fixed(space, 10, 4, RO, 0);
    map_fixed(space, 15, 4, RX, 0);
    CHECK_EQ(vm_commit_total(), 4);
    map_object(space, 20, 4, RW, 0, &file.object, 0);
    CHECK_EQ(vm_commit_total(), 8);
    map_object(space, 30, 4, RO, 0, &file.object, 0);
    map_object(space, 40, 4, RW, SHARED, &file.object, 0);
    CHECK_EQ(vm_commit_total(), 8);
    map_fixed(space, 50, 4, RW, VM_MAP_NO_RESERVE);
    CHECK_EQ(vm_commit_total(), 8);
    unmap(1, 1);
    CHECK_EQ(vm_commit_total(), 7);
    unmap(21, 40);
    CHECK_EQ(vm_commit_total(), 4);
    end();
}

static void test_replaced(void) {
    begin();
    map_fixed(space, 0, 8, RW, 0);
    map_fixed(space, 2, 4, RW, 0);
    CHECK_EQ(vm_commit_total(), 8);
    map_fixed(space, 2, 4, RO, 0);
    CHECK_EQ(vm_commit_total(), 4);
    map_fixed(space, 1, 6, RW, VM_MAP_NO_RESERVE);
    CHECK_EQ(vm_commit_total(), 2);
    end();
}

/* Once: when it becomes writable. Back only while nothing private has been made. */
static void test_protect(void) {
    begin();
    map_fixed(space, 0, 8, RO, 0);
    CHECK_EQ(protect(2, 4, RW), 0);
    CHECK_EQ(vm_commit_total(), 4);
    CHECK_EQ(protect(0, 8, RW), 0);
    CHECK_EQ(protect(0, 8, RW | VM_EXEC), 0);
    CHECK_EQ(vm_commit_total(), 8);
    expect_picture(space, 8, "[????????]");
    CHECK_EQ(protect(0, 4, RO), 0);
    CHECK_EQ(vm_commit_total(), 4);
    CHECK_EQ(protect(0, 8, RW), 0);
    CHECK_EQ(poke(space, 1, 1), 0);
    CHECK_EQ(protect(0, 4, RO), 0);
    CHECK_EQ(vm_commit_total(), 8);
    CHECK_EQ(protect(0, 4, 0), 0);
    CHECK_EQ(protect(0, 4, RW), 0);
    CHECK_EQ(vm_commit_total(), 8);
    map_fixed(space, 20, 4, RO, VM_MAP_NO_RESERVE);
    CHECK_EQ(protect(20, 4, RW), 0);
    CHECK_EQ(vm_commit_total(), 8);
    end();
}

static void test_heap_and_stack(void) {
    begin();
    vm_space_set_brk_start(space, AT(0));
    CHECK_EQ(vm_brk(space, AT(6) + 1), AT(6) + 1);
    CHECK_EQ(vm_commit_total(), 7);
    CHECK_EQ(vm_brk(space, AT(2)), AT(2));
    CHECK_EQ(vm_commit_total(), 2);
    map_fixed(space, 1000, 1, RW, VM_MAP_GROWS_DOWN);
    CHECK_EQ(poke(space, 990, 1), 0);
    CHECK_EQ(vm_commit_total(), 2 + 11);
    end();
}

static void test_shared_memory(void) {
    struct vm_object *whole, *by_page;

    begin();
    whole = vm_object_anon_create(5 * PAGE_SIZE + 1);
    CHECK_EQ(vm_commit_total(), 6);
    by_page = vm_object_anon_create_unreserved(100 * PAGE_SIZE);
    CHECK_EQ(vm_commit_total(), 6);
    map_object(space, 0, 6, RW, SHARED, whole, 0);
    map_object(space, 10, 100, RW, SHARED, by_page, 0);
    for (unsigned i = 0; i < 20; i++)
        CHECK_EQ(poke(space, 10 + i, 1), 0);
    CHECK_EQ(poke(space, 0, 1), 0);
    CHECK_EQ(vm_commit_total(), 26);
    CHECK_EQ(vm_object_punch(by_page, 0, 5), 0);
    CHECK_EQ(vm_commit_total(), 21);
    vm_object_truncate(by_page, 10 * PAGE_SIZE);
    CHECK_EQ(vm_commit_total(), 11);
    vm_object_unref(whole);
    unmap(0, 6);
    CHECK_EQ(vm_commit_total(), 5);
    vm_object_unref(by_page);
    end();
}

static void test_fork(void) {
    struct vm_space *child;

    begin();
    map_fixed(space, 0, 8, RW, 0);
    map_fixed(space, 10, 8, RO, 0);
    child = space_fork(space);
    CHECK_EQ(vm_commit_total(), 16);
    CHECK_EQ(vm_unmap(child, AT(0), 4 * PAGE_SIZE), 0);
    CHECK_EQ(vm_commit_total(), 12);
    space_end(child);
    CHECK_EQ(vm_commit_total(), 8);
    end();
}

/* ---- when it is refused ---- */

static void test_guess(void) {
    const struct vm_map_request request = {.length = (RAM_PAGES + 1) * PAGE_SIZE, .prot = RW};
    struct vm_map_request fits = {.length = RAM_PAGES * PAGE_SIZE, .prot = RW};
    uint64_t at;

    begin();
    CHECK_EQ(vm_map(space, &request, &at), -ENOMEM);
    for (unsigned i = 0; i < 3; i++)
        CHECK_EQ(vm_map(space, &fits, &at), 0);
    CHECK_EQ(vm_commit_total(), 3 * RAM_PAGES);
    CHECK(vm_object_anon_create(request.length) == NULL);
    vm_commit_settings.mode = VM_COMMIT_ALWAYS;
    CHECK_EQ(vm_map(space, &request, &at), 0);
    end();
}

static void test_strict_edges(void) {
    begin();
    allow(10);
    CHECK_EQ(map(0, 11, RW, VM_MAP_FIXED), -ENOMEM);
    CHECK_EQ(map(0, 10, RW, VM_MAP_FIXED), 0);
    CHECK_EQ(map(20, 1, RW, VM_MAP_FIXED), -ENOMEM);
    CHECK_EQ(map(20, 1, RW, VM_MAP_FIXED | VM_MAP_NO_RESERVE), -ENOMEM);
    CHECK_EQ(map(20, 4, RO, VM_MAP_FIXED), 0);
    CHECK_EQ(protect(20, 1, RW), -ENOMEM);
    CHECK_EQ(map(2, 4, RW, VM_MAP_FIXED), 0);
    CHECK_EQ(map(8, 4, RW, VM_MAP_FIXED), -ENOMEM);
    expect_picture(space, 25, "[wwwwwwwwww]..........[rrrr].");
    unmap(0, 1);
    CHECK_EQ(protect(20, 2, RW), -ENOMEM);
    expect_picture(space, 25, ".[wwwwwwwww]..........[rrrr].");
    CHECK_EQ(protect(20, 1, RW), 0);
    CHECK_EQ(vm_commit_total(), 10);
    end();
}

/* What is replaced is promised already: only the rest has to be. */
static void test_strict_replaced(void) {
    begin();
    allow(10);
    CHECK_EQ(map(0, 8, RW, VM_MAP_FIXED), 0);
    CHECK_EQ(map(6, 5, RW, VM_MAP_FIXED), -ENOMEM);
    CHECK_EQ(map(6, 4, RW, VM_MAP_FIXED), 0);
    CHECK_EQ(vm_commit_total(), 10);
    end();
}

static void test_strict_growth(void) {
    begin();
    map_fixed(space, 1000, 1, RW, VM_MAP_GROWS_DOWN);
    vm_space_set_brk_start(space, AT(0));
    allow(4);
    CHECK_EQ(poke(space, 996, 1), -EFAULT);
    CHECK_EQ(poke(space, 997, 1), 0);
    CHECK_EQ(vm_brk(space, AT(1)), AT(0));
    allow(5);
    CHECK_EQ(vm_brk(space, AT(2)), AT(0));
    CHECK_EQ(vm_brk(space, AT(1)), AT(1));
    space_check(space);
    CHECK_EQ(vm_commit_total(), 5);
    end();
}

static void test_strict_objects(void) {
    struct vm_object *object;

    begin();
    object = vm_object_anon_create_unreserved(8 * PAGE_SIZE);
    allow(4);
    CHECK(vm_object_anon_create(5 * PAGE_SIZE) == NULL);
    CHECK(vm_object_anon_create_unreserved(5 * PAGE_SIZE) == NULL);
    CHECK_EQ(vm_commit_total(), 0);
    map_object(space, 0, 8, RW, SHARED, object, 0);
    for (unsigned i = 0; i < 4; i++)
        CHECK_EQ(poke(space, i, 1), 0);
    CHECK_EQ(poke(space, 4, 1), -ENOSPC);
    CHECK_EQ(vm_object_punch(object, 0, 1), 0);
    CHECK_EQ(poke(space, 4, 1), 0);
    vm_object_unref(object);
    end();
}

/* The child does not fit: the parent has lost nothing, not even the right to write at once. */
static void test_strict_fork(void) {
    struct vm_space *child = NULL;

    begin();
    map_fixed(space, 0, 8, RW, 0);
    CHECK_EQ(poke(space, 0, 1), 0);
    allow(15);
    CHECK_EQ(vm_space_fork(space, &child), -ENOMEM);
    CHECK(child == NULL);
    space_check(space);
    CHECK_EQ(rights_at(space, 0), RW);
    CHECK_EQ(vm_commit_total(), 8);
    allow(16);
    CHECK_EQ(vm_space_fork(space, &child), 0);
    space_end(child);
    end();
}

static struct vm_commit_caller who;

static void describe(struct vm_commit_caller *caller) {
    *caller = who;
}

static void test_reserves(void) {
    begin();
    vm_commit_register(describe);
    allow(100);
    vm_commit_settings.admin_reserve_kib = 40;
    vm_commit_settings.user_reserve_kib = 20;
    who = (struct vm_commit_caller){.is_admin = true};
    CHECK_EQ(vm_commit_charge(101), -ENOMEM);
    CHECK_EQ(vm_commit_charge(100), 0);
    vm_commit_uncharge(100);
    who = (struct vm_commit_caller){.mapped_bytes = 64 * PAGE_SIZE};
    CHECK_EQ(vm_commit_charge(89), -ENOMEM);
    CHECK_EQ(vm_commit_charge(88), 0);
    vm_commit_uncharge(88);
    who.mapped_bytes = 10000 * PAGE_SIZE;
    CHECK_EQ(vm_commit_charge(86), -ENOMEM);
    CHECK_EQ(vm_commit_charge(85), 0);
    vm_commit_uncharge(85);
    vm_commit_settings.limit_kib = 4; /* less than what is kept */
    CHECK_EQ(vm_commit_charge(1), -ENOMEM);
    end();
}

static void test_limit(void) {
    begin();
    CHECK_EQ(vm_commit_limit(), RAM_PAGES / 2);
    vm_commit_settings.ratio_percent = 200;
    CHECK_EQ(vm_commit_limit(), RAM_PAGES * 2);
    vm_commit_settings.limit_kib = 4096;
    CHECK_EQ(vm_commit_limit(), 1024);
    end();
}

/* ---- when memory is out as well ---- */

/*
 * Each allocation of the call fails in turn: nothing stays promised that no area needs. Pages
 * promised before the call, which a failure leaves, and after it.
 */
static void fail_each(int (*call)(void), uint64_t before, uint64_t after) {
    uint64_t n = 0;
    int error;

    do {
        inject_fail_nth(n++);
        error = call();
        CHECK(!inject_stop() || error == -ENOMEM);
        CHECK_EQ(vm_commit_total(), error < 0 ? before : after);
        space_check(space);
    } while (error < 0);
    CHECK(n > 1);
}

/* A page of an object that promises by the page, and no memory for it, its node, its table. */
static void test_no_memory_for_a_page(void) {
    struct vm_object *object;
    uint64_t n = 0;
    int error;

    begin();
    object = vm_object_anon_create_unreserved(8 * PAGE_SIZE);
    map_object(space, 0, 8, RW, SHARED, object, 0);
    do { /* a page that is there counts, even where its table could not be made */
        inject_fail_nth(n++);
        error = poke(space, 3, 1);
        CHECK(!inject_stop() || error == -ENOMEM);
        CHECK_EQ(vm_commit_total(), page_tree_count(&object->tree));
    } while (error < 0);
    CHECK(n > 2);
    CHECK_EQ(vm_commit_total(), 1);
    vm_object_unref(object);
    end();
}

static struct vm_space *forked;

static int makes_writable(void) {
    return protect(2, 2, RW);
}

static int maps_more(void) {
    return map(4, 8, RW, VM_MAP_FIXED);
}

static int forks(void) {
    return vm_space_fork(space, &forked);
}

static void test_no_memory(void) {
    begin();
    map_fixed(space, 0, 8, RO, 0);
    fail_each(makes_writable, 0, 2);
    fail_each(maps_more, 2, 10);
    fail_each(forks, 10, 20);
    space_end(forked);
    end();
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        {"private_writable", test_private_writable},
        {"replaced", test_replaced},
        {"protect", test_protect},
        {"heap_and_stack", test_heap_and_stack},
        {"shared_memory", test_shared_memory},
        {"fork", test_fork},
        {"guess", test_guess},
        {"strict_edges", test_strict_edges},
        {"strict_replaced", test_strict_replaced},
        {"strict_growth", test_strict_growth},
        {"strict_objects", test_strict_objects},
        {"strict_fork", test_strict_fork},
        {"reserves", test_reserves},
        {"limit", test_limit},
        {"no_memory_for_a_page", test_no_memory_for_a_page},
        {"no_memory", test_no_memory},
    };

    return test_main(argc, argv, "commit", tests, ARRAY_SIZE(tests));
}
