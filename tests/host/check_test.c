/* SPDX-License-Identifier: MIT */
/*
 * The check that debug kernels make after each fault and call: that every call makes it, what it
 * looks at each time, and when at all of a space. What vm_check_space sees is space_test's.
 */
#include "vm/check.h"

#include "abi/errno.h"
#include "lib/bits.h"
#include "mm/frame.h"
#include "support/check.h"
#include "support/kernel_model.h"
#include "support/vm_fixture.h"
#include "vm/advise.h"
#include "vm/lock.h"
#include "vm/pmap.h"
#include "vm/remap.h"
#include "vm/space_lock.h"

#define PAGES(n) ((n)*PAGE_SIZE)

static struct vm_space *space;
static struct vm_object *object;
static uint64_t check_entries;

/*
 *      0 1 2 3 4 5 6 7
 *     [wwww]    [ss]     private memory, two pages of an object, and a heap elsewhere
 */
static void begin(void) {
    vm_fixture_init();
    check_entries = vm_check_entries;
    space = space_begin();
    object = vm_object_anon_create(PAGES(2));
    CHECK(object != NULL);
    map_fixed(space, 0, 4, RW, 0);
    map_object(space, 5, 2, RW, VM_MAP_SHARED, object, 0);
    CHECK_EQ(poke(space, 0, 1), 0);
    CHECK_EQ(poke(space, 5, 1), 0);
    vm_space_set_brk_start(space, AT(100));
}

static void end(void) {
    vm_check_entries = check_entries;
    space_end(space);
    vm_object_unref(object);
}

/* ---- every call checks ---- */

static void call_map(void) {
    const struct vm_map_request request = {.length = PAGE_SIZE, .prot = RO};
    uint64_t address;

    vm_map(space, &request, &address);
}

static void call_map_refused(void) {
    const struct vm_map_request request = {
        .address = AT(0), .length = PAGE_SIZE, .prot = RO, .flags = VM_MAP_NOREPLACE};
    uint64_t address;

    CHECK_EQ(vm_map(space, &request, &address), -EEXIST);
}

static void call_unmap(void) {
    vm_unmap(space, AT(1), PAGE_SIZE);
}

static void call_protect(void) {
    vm_protect(space, AT(1), PAGE_SIZE, RO);
}

static void call_brk(void) {
    vm_brk(space, AT(102));
}

static void call_remap(void) {
    const struct vm_remap_request request = {.address = AT(0),
                                             .old_length = PAGES(4),
                                             .new_length = PAGES(8),
                                             .flags = VM_REMAP_MAY_MOVE};
    uint64_t address;

    vm_remap(space, &request, &address);
}

static void call_advise(void) {
    vm_advise(space, AT(0), PAGES(2), VM_ADVICE_DONT_NEED);
}

static void call_lock(void) {
    vm_lock(space, AT(1), PAGE_SIZE, 0);
}

static void call_unlock(void) {
    vm_unlock(space, AT(1), PAGE_SIZE);
}

static void call_lock_all(void) {
    vm_lock_all(space, VM_LOCK_CURRENT);
}

static void call_unlock_all(void) {
    vm_unlock_all(space);
}

static void call_detach(void) {
    vm_detach(space, AT(5), object->ops);
}

static void call_truncate(void) {
    vm_object_truncate(object, PAGE_SIZE);
}

static void call_reap(void) {
    vm_space_reap(space);
}

static void call_populate(void) {
    struct vm_populate populate = {.at = AT(0), .end = AT(1), .mode = VM_POPULATE_WRITE};

    vm_populate(space, &populate);
}

static void call_write(void) {
    vm_space_write(space, AT(1), "a", 1);
}

static void call_fork(void) {
    struct vm_space *child;

    vm_space_fork(space, &child);
}

static void fault(void) {
    vm_fault(space, AT(2), VM_WRITE);
}

static const struct {
    const char *name;
    void (*call)(void);
} calls[] = {
    {"map", call_map},
    {"map refused", call_map_refused},
    {"unmap", call_unmap},
    {"protect", call_protect},
    {"brk", call_brk},
    {"remap", call_remap},
    {"advise", call_advise},
    {"lock", call_lock},
    {"unlock", call_unlock},
    {"lock all", call_lock_all},
    {"unlock all", call_unlock_all},
    {"detach", call_detach},
    {"truncate", call_truncate},
    {"reap", call_reap},
    {"populate", call_populate},
    {"write", call_write},
    {"fault", fault},
    {"fork", call_fork},
};

/* The child that a fork had made when it noticed. */
static void drop_child(void) {
    struct vm_space *child;

    vm_space_ref(space);
    child = vm_space_next(space);
    CHECK(child != NULL);
    vm_space_unref(child);
    vm_space_unref(child);
}

static __attribute__((noinline)) bool panics(void (*call)(void)) {
    return PANICS(call());
}

/* Whether a call notices that a number is wrong that no call uses. */
static bool is_noticed(size_t i) {
    bool noticed;

    space->areas.bytes += PAGE_SIZE;
    noticed = panics(calls[i].call);
    space->areas.bytes -= PAGE_SIZE;
    if (noticed && calls[i].call == call_fork)
        drop_child();
    else if (noticed)
        vm_space_unlock(space);
    while (refcount_get(&space->refs) > 1) /* who walked the spaces */
        vm_space_unref(space);
    return noticed;
}

static void test_every_call_checks(void) {
    for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
        begin();
        if (!is_noticed(i))
            FAIL("%s does not check what it leaves behind", calls[i].name);
        end();
    }
}

/* ---- what is looked at ---- */

/* The check after a call that changed [from, to). */
static bool passes(unsigned from, unsigned to) {
    bool ok;

    vm_space_lock(space);
    ok = vm_check_passes_call_locked(space, (struct vm_range){AT(from), AT(to)});
    vm_space_unlock(space);
    return ok;
}

/* An entry that leads to another page's frame; and how it goes. */
static void entry_break(unsigned page) {
    struct frame *frame = frame_at(space, 0);

    CHECK_EQ(pmap_enter(space->pmap, AT(page), frame_to_phys(frame), RO), 0);
}

static void entry_mend(unsigned page) {
    pmap_remove(space->pmap, AT(page), AT(page + 1));
}

static void test_small_space_whole(void) {
    begin();
    for (unsigned i = 0; i < 3; i++) {
        entry_break(3);
        CHECK(!passes(50, 51));
        entry_mend(3);
        CHECK(passes(50, 51));
    }
    end();
}

/* 100 pages and what was there cost 106: too much for each call, so one of 106 looks. */
static void test_large_space_in_turn(void) {
    unsigned cost;

    begin();
    vm_check_entries = 1;
    map_fixed(space, 10, 100, RW, 0);
    for (unsigned i = 10; i < 110; i++)
        CHECK_EQ(poke(space, i, 1), 0);
    space_check(space);
    entry_break(3);
    for (cost = 0; passes(50, 51); cost++)
        CHECK(cost < 200);
    CHECK(cost >= 106 - 16 - 1 && cost <= 110);
    entry_mend(3);
    end();
}

static void test_change_always(void) {
    begin();
    vm_check_entries = 0;
    map_fixed(space, 10, 600, RW, 0);
    for (unsigned i = 10; i < 610; i++)
        CHECK_EQ(poke(space, i, 1), 0);
    for (unsigned i = 10; i < 610; i += i == 10 ? 255 : i == 265 ? 344 : 1) {
        entry_break(i);
        CHECK(!passes(10, 610));
        CHECK(!passes(i, i + 1));
        CHECK(passes(i + 1, i + 100));
        CHECK_EQ(vm_fault(space, AT(i), VM_WRITE), 0); /* mends it */
    }
    entry_break(300);
    CHECK(passes(10, 610)); /* amid a large change */
    entry_mend(300);
    end();
}

/* [w][w][w]... at every other page: too many to be looked at each time. */
static void test_areas_near_a_change(void) {
    struct vm_area *area;

    begin();
    vm_check_entries = 0;
    for (unsigned i = 0; i < 60; i++)
        map_fixed(space, 10 + 2 * i, 1, RW, 0);
    area = vm_area_find(&space->areas, AT(110));
    area->gap++;
    CHECK(passes(20, 21));
    CHECK(!passes(110, 111));
    CHECK(!passes(109, 110)); /* the one behind a hole */
    CHECK(!passes(60, 120));
    area->gap--;
    CHECK(passes(60, 120));
    end();
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        {"every_call_checks", test_every_call_checks},
        {"small_space_whole", test_small_space_whole},
        {"large_space_in_turn", test_large_space_in_turn},
        {"change_always", test_change_always},
        {"areas_near_a_change", test_areas_near_a_change},
    };

    return test_main(argc, argv, "check", tests, ARRAY_SIZE(tests));
}
