/* SPDX-License-Identifier: MIT */
/*
 * kernel/vm: what is taken away in slices, and what others do between two of them. Somebody seems
 * to wait for the space all along, so that it is let go of after each slice; whoever gets in is
 * called in the place of the processors that would.
 *
 * Ranges are of some 2 MiB each, and out of step with the page tables.
 */
#include "vm/narrow.h"

#include "abi/errno.h"
#include "lib/bits.h"
#include "support/arena.h"
#include "support/check.h"
#include "support/inject.h"
#include "support/vm_fixture.h"
#include "vm/advise.h"
#include "vm/pmap.h"
#include "vm/space_lock.h"

#define LONG 1200u /* pages that are taken away; AT(8) is where a table begins */
#define FIRST 9u
#define LAST (FIRST + LONG - 1)
#define BEHIND (FIRST + LONG) /* pages that are not */
#define PAGES (BEHIND + 20)

static struct vm_space *space;
static unsigned slices;                  /* after which the space was let go of */
static void (*between)(unsigned slices); /* what others do then */

static void let_in(void) {
    host_answers = NULL;
    CHECK(!spin_held(&space->lock) || space->lock.taken != VM_SPACE_TAKEN);
    slices++;
    if (between)
        between(slices);
    host_answers = let_in;
}

static void begin(void (*others)(unsigned)) {
    vm_fixture_init();
    space = space_begin();
    slices = 0;
    between = others;
}

/* From here on somebody waits, or not any more. */
static void wait_begin(void) {
    space->waiting = 1;
    host_answers = let_in;
}

static void wait_end(void) {
    host_answers = NULL;
    space->waiting = 0;
    CHECK(space->narrowings == NULL);
    CHECK_EQ(space->lock.taken, space->when_free);
    CHECK(!(space->when_free & VM_SPACE_NARROWING));
}

static void fill(unsigned page, unsigned pages) {
    for (unsigned i = page; i < page + pages; i++)
        CHECK_EQ(poke(space, i, (unsigned char)(i + 1)), 0);
}

static void expect_filled(unsigned page, unsigned pages) {
    for (unsigned i = page; i < page + pages; i++)
        CHECK_EQ(peek(space, i), (unsigned char)(i + 1));
}

static struct vm_range range_of(unsigned page, unsigned pages) {
    return (struct vm_range){AT(page), AT(page + pages)};
}

/* All of what is mapped by the tests, touched. */
static void map_all(void) {
    map_fixed(space, 0, PAGES, RW, 0);
    fill(0, PAGES);
}

/* ---- munmap ---- */

static uint64_t frames_mapped;

/* The pages are there as long as an entry may lead to one; the map has changed already. */
static void others_while_unmapped(unsigned slice) {
    struct vm_area_info info;

    CHECK_EQ(frames_in_use() + 8 > frames_mapped, 1);
    CHECK(vm_space_area_info(space, AT(FIRST), &info));
    CHECK_EQ(info.start, AT(BEHIND));
    CHECK_EQ(rights_at(space, FIRST), 0);
    CHECK_EQ(rights_at(space, LAST), RW);
    CHECK_EQ(vm_fault(space, AT(LAST), VM_READ), -EFAULT);
    CHECK(vm_narrowing_hinders(space, range_of(LAST, 1)));
    CHECK(vm_narrowing_hinders(space, VM_RANGE_VACANT));
    CHECK(!vm_narrowing_hinders(space, range_of(BEHIND + 600, 4)));
    CHECK(!vm_narrowing_hinders(space, VM_RANGE_NONE));
    CHECK_EQ(poke(space, BEHIND + slice, 77), 0);
    CHECK_EQ(vm_protect(space, AT(BEHIND + 600), PAGE_SIZE, RO), -ENOMEM);
}

static void test_unmap(void) {
    begin(others_while_unmapped);
    map_all();
    frames_mapped = frames_in_use();
    wait_begin();
    CHECK_EQ(vm_unmap(space, AT(FIRST), LONG * PAGE_SIZE), 0);
    wait_end();
    CHECK_EQ(slices, 2);
    CHECK(frames_in_use() <= frames_mapped - LONG);
    for (unsigned i = FIRST; i <= LAST; i++)
        CHECK_EQ(rights_at(space, i), 0);
    CHECK_EQ(peek(space, FIRST), -EFAULT);
    CHECK_EQ(peek(space, LAST), -EFAULT);
    CHECK_EQ(peek(space, BEHIND + 2), 77);
    expect_filled(0, FIRST);
    expect_filled(BEHIND + 3, 17);
    space_end(space);
}

/* Nobody waits: all at once. */
static void test_unmap_alone(void) {
    begin(NULL);
    map_all();
    host_answers = let_in;
    CHECK_EQ(vm_unmap(space, AT(FIRST), LONG * PAGE_SIZE), 0);
    wait_end();
    CHECK_EQ(slices, 0);
    space_end(space);
}

/* Several areas, one of them of an object, all in the range; one that a child shares. */
static void test_unmap_areas(void) {
    struct vm_object *object;
    struct vm_space *child;

    begin(NULL);
    map_all();
    object = vm_object_anon_create(700 * PAGE_SIZE);
    map_object(space, 100, 700, RW, VM_MAP_SHARED, object, 0);
    vm_object_unref(object);
    CHECK_EQ(vm_protect(space, AT(900), 10 * PAGE_SIZE, RO), 0);
    fill(100, 700);
    child = space_fork(space);
    wait_begin();
    CHECK_EQ(vm_unmap(space, AT(FIRST), LONG * PAGE_SIZE), 0);
    wait_end();
    CHECK_EQ(slices, 2);
    expect_filled(0, FIRST);
    expect_filled(BEHIND, 20);
    for (unsigned i = 0; i < PAGES; i++)
        CHECK_EQ(peek(child, i), (unsigned char)(i + 1));
    space_end(child);
    space_end(space);
}

/* The other part of a split area has its pages in the same shadow: before and behind what goes. */
static void test_unmap_part(void) {
    begin(NULL);
    map_fixed(space, FIRST, LONG + 20, RW, 0);
    fill(FIRST, LONG + 20);
    wait_begin();
    CHECK_EQ(vm_unmap(space, AT(FIRST), LONG * PAGE_SIZE), 0);
    wait_end();
    CHECK_EQ(slices, 2);
    CHECK_EQ(peek(space, LAST), -EFAULT);
    expect_filled(BEHIND, 20);
    space_end(space);
    begin(NULL);
    map_fixed(space, 0, BEHIND, RW, 0);
    fill(0, BEHIND);
    wait_begin();
    CHECK_EQ(vm_unmap(space, AT(FIRST), LONG * PAGE_SIZE), 0);
    wait_end();
    CHECK_EQ(slices, 2);
    CHECK_EQ(peek(space, FIRST), -EFAULT);
    expect_filled(0, FIRST);
    space_end(space);
}

/* A stack comes down to where an area was, of which entries are left: also above the page that is
 * touched. */
static void others_grow_a_stack(unsigned slice) {
    if (slice == 1) {
        CHECK_EQ(rights_at(space, LAST), RW);
        CHECK_EQ(vm_fault(space, AT(LAST - 1), VM_WRITE), 0);
        CHECK_EQ(rights_at(space, LAST), 0);
        CHECK_EQ(peek(space, LAST - 1), 0);
        CHECK_EQ(peek(space, LAST), 0);
        CHECK_EQ(poke(space, LAST, 5), 0);
    }
    CHECK_EQ(peek(space, LAST), 5);
}

static void test_unmap_below_stack(void) {
    begin(others_grow_a_stack);
    map_fixed(space, FIRST, LONG, RW, 0);
    fill(FIRST, LONG);
    map_fixed(space, BEHIND, 2, RW, VM_MAP_GROWS_DOWN);
    wait_begin();
    CHECK_EQ(vm_unmap(space, AT(FIRST), LONG * PAGE_SIZE), 0);
    wait_end();
    CHECK_EQ(slices, 2);
    CHECK_EQ(peek(space, LAST), 5);
    space_end(space);
}

static void test_brk(void) {
    begin(NULL);
    vm_space_set_brk_start(space, AT(FIRST));
    CHECK_EQ(vm_brk(space, AT(BEHIND)), AT(BEHIND));
    fill(FIRST, LONG);
    wait_begin();
    CHECK_EQ(vm_brk(space, AT(FIRST + 1)), AT(FIRST + 1));
    wait_end();
    CHECK_EQ(slices, 2);
    CHECK_EQ(vm_brk(space, AT(BEHIND)), AT(BEHIND));
    CHECK_EQ(peek(space, FIRST + 1), 0);
    CHECK_EQ(peek(space, LAST), 0);
    expect_filled(FIRST, 1);
    space_end(space);
}

/* Each allocation fails in turn: what cannot leave later goes at once, or all stays. */
static void test_unmap_no_memory(void) {
    bool failed = true;
    int error;

    for (uint64_t n = 0; failed; n++) {
        begin(NULL);
        map_all();
        wait_begin();
        inject_fail_nth(n);
        error = vm_unmap(space, AT(FIRST), LONG * PAGE_SIZE);
        failed = inject_stop();
        wait_end();
        CHECK(error == 0 || (failed && error == -ENOMEM));
        expect_filled(0, FIRST);
        expect_filled(BEHIND, 20);
        CHECK_EQ(peek(space, FIRST), error < 0 ? (int)FIRST + 1 : -EFAULT);
        space_end(space);
    }
}

/* ---- mmap ---- */

/* The new area is there; what is touched of it stays. */
static void others_in_the_new_area(unsigned slice) {
    if (slice == 1)
        CHECK_EQ(poke(space, FIRST, 9), 0);
    CHECK_EQ(peek(space, FIRST), 9);
    CHECK(vm_narrowing_hinders(space, range_of(LAST, 1)));
    CHECK(!vm_narrowing_hinders(space, VM_RANGE_VACANT));
}

static void test_map_over(void) {
    begin(others_in_the_new_area);
    map_all();
    wait_begin();
    map_fixed(space, FIRST, LONG, RW, 0);
    wait_end();
    CHECK_EQ(slices, 2);
    CHECK_EQ(peek(space, FIRST), 9);
    for (unsigned i = FIRST + 1; i <= LAST; i++)
        CHECK_EQ(peek(space, i), 0);
    expect_filled(0, FIRST);
    expect_filled(BEHIND, 20);
    space_end(space);
}

/* ---- mprotect ---- */

static void others_while_protected(unsigned slice) {
    (void)slice;
    CHECK_EQ(rights_at(space, FIRST), RO);
    CHECK_EQ(rights_at(space, LAST), RW);
    CHECK_EQ(vm_fault(space, AT(LAST), VM_WRITE), -EACCES);
    CHECK(vm_narrowing_hinders(space, range_of(LAST, 1)));
    CHECK(!vm_narrowing_hinders(space, VM_RANGE_VACANT));
    CHECK_EQ(vm_narrowing_excess(space, AT(LAST)), VM_EXCESS_RIGHTS);
    CHECK_EQ(vm_narrowing_excess(space, AT(FIRST)), VM_EXCESS_NONE);
    CHECK_EQ(vm_fault(space, AT(BEHIND), VM_WRITE), 0);
}

static void test_protect(void) {
    begin(others_while_protected);
    map_all();
    wait_begin();
    CHECK_EQ(vm_protect(space, AT(FIRST), LONG * PAGE_SIZE, RO), 0);
    wait_end();
    CHECK_EQ(slices, 2);
    for (unsigned i = FIRST; i <= LAST; i++)
        CHECK_EQ(rights_at(space, i), RO);
    CHECK_EQ(poke(space, LAST, 1), -EACCES);
    expect_filled(0, PAGES);
    between = NULL;
    wait_begin();
    CHECK_EQ(vm_protect(space, AT(FIRST), LONG * PAGE_SIZE, 0), 0);
    wait_end();
    CHECK_EQ(slices, 4);
    for (unsigned i = FIRST; i <= LAST; i++)
        CHECK_EQ(rights_at(space, i), 0);
    space_end(space);
}

/* ---- madvise ---- */

/* What is written behind the slices stays, though the entry may be forgotten again. */
static void others_write(unsigned slice) {
    CHECK_EQ(poke(space, FIRST + slice, 99), 0);
    CHECK_EQ(vm_fault(space, AT(LAST), VM_WRITE), 0);
    CHECK_EQ(vm_narrowing_excess(space, AT(LAST)), VM_EXCESS_ALL);
}

static void test_advise(void) {
    begin(others_write);
    map_all();
    frames_mapped = frames_in_use();
    wait_begin();
    CHECK_EQ(vm_advise(space, AT(FIRST), LONG * PAGE_SIZE, VM_ADVICE_DONT_NEED), 0);
    wait_end();
    CHECK_EQ(slices, 2);
    CHECK(frames_in_use() <= frames_mapped - LONG + 8);
    CHECK_EQ(peek(space, FIRST), 0);
    CHECK_EQ(peek(space, FIRST + 1), 99);
    CHECK_EQ(peek(space, FIRST + 2), 99);
    for (unsigned i = FIRST + 3; i <= LAST; i++)
        CHECK_EQ(peek(space, i), 0);
    expect_filled(0, FIRST);
    expect_filled(BEHIND, 20);
    space_end(space);
}

/* ---- truncation ---- */

/* Another area of the object is unmapped meanwhile, or an area is split. */
static void others_unmap(unsigned slice) {
    if (slice == 1)
        CHECK_EQ(vm_protect(space, AT(2 * PAGES + 700), PAGE_SIZE, RO), 0);
    if (slice == 2)
        CHECK_EQ(vm_unmap(space, AT(2 * PAGES + 800), 4 * PAGE_SIZE), 0);
}

static void test_truncate(void) {
    struct vm_object *object;

    begin(others_unmap);
    object = vm_object_anon_create(PAGES * PAGE_SIZE);
    map_object(space, 0, PAGES, RW, VM_MAP_SHARED, object, 0);
    map_object(space, 2 * PAGES, PAGES, RW, VM_MAP_SHARED, object, 0);
    fill(0, PAGES);
    for (unsigned i = 0; i < PAGES; i++)
        CHECK_EQ(peek(space, 2 * PAGES + i), (unsigned char)(i + 1));
    wait_begin();
    vm_object_truncate(object, FIRST * PAGE_SIZE);
    wait_end();
    CHECK(slices >= 4);
    expect_filled(0, FIRST);
    for (unsigned i = FIRST; i < PAGES; i++)
        CHECK_EQ(rights_at(space, i) | rights_at(space, 2 * PAGES + i), 0);
    CHECK_EQ(peek(space, FIRST), -ENXIO);
    space_end(space);
    vm_object_unref(object);
}

/* ---- readers ---- */

static void others_unmap_the_next(unsigned slice) {
    if (slice == 1)
        CHECK_EQ(vm_unmap(space, AT(10), 4 * PAGE_SIZE), 0);
}

/* What a reader finds in three areas of four pages each while others come in: private pages. */
static uint64_t usage_of_three(void (*others)(unsigned slice)) {
    struct vm_space_usage usage;

    begin(others);
    for (unsigned i = 0; i < 3; i++) {
        map_fixed(space, 10 * i, 4, RW, 0);
        fill(10 * i, 4);
    }
    wait_begin();
    vm_space_usage(space, &usage);
    wait_end();
    space_end(space);
    return usage.private_pages;
}

/* Who reads a whole space lets others in behind each area. */
static void test_usage(void) {
    CHECK_EQ(usage_of_three(others_unmap_the_next), 8);
    CHECK_EQ(slices, 2);
}

/* The one that was looked at goes, and another comes right behind where it was. */
static void others_replace_the_last(unsigned slice) {
    if (slice > 1)
        return;
    CHECK_EQ(vm_unmap(space, AT(0), 4 * PAGE_SIZE), 0);
    map_fixed(space, 5, 3, RW, 0);
    fill(5, 3);
}

static void test_usage_goes_on(void) {
    CHECK_EQ(usage_of_three(others_replace_the_last), 15);
    CHECK_EQ(slices, 4);
}

/* ---- who waits ---- */

/* One waits until no more is narrowed: nobody begins to narrow any more, but faults go on. */
static void others_want_the_end(unsigned slice) {
    (void)slice;
    CHECK(!vm_narrowing_hinders(space, range_of(BEHIND + 600, 4)));
    space->want_end = 1;
    CHECK(vm_narrowing_hinders(space, range_of(BEHIND + 600, 4)));
    CHECK(!vm_narrowing_hinders(space, VM_RANGE_NONE));
    space->want_end = 0;
}

static void test_end_is_wanted(void) {
    begin(others_want_the_end);
    map_all();
    wait_begin();
    CHECK_EQ(vm_protect(space, AT(FIRST), LONG * PAGE_SIZE, RO), 0);
    wait_end();
    CHECK_EQ(slices, 2);
    CHECK_EQ(space->narrowed, 1);
    space_end(space);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        {"unmap", test_unmap},
        {"unmap_alone", test_unmap_alone},
        {"unmap_areas", test_unmap_areas},
        {"unmap_part", test_unmap_part},
        {"unmap_below_stack", test_unmap_below_stack},
        {"unmap_no_memory", test_unmap_no_memory},
        {"brk", test_brk},
        {"map_over", test_map_over},
        {"protect", test_protect},
        {"advise", test_advise},
        {"truncate", test_truncate},
        {"usage", test_usage},
        {"usage_goes_on", test_usage_goes_on},
        {"end_is_wanted", test_end_is_wanted},
    };

    return test_main(argc, argv, "narrow", tests, ARRAY_SIZE(tests));
}
