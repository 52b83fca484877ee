/* SPDX-License-Identifier: MIT */
/*
 * kernel/vm: the fault path, case by case (the drawing is at the head of kernel/vm/fault.c). Each
 * test says which case the access has to come to, what it finds, and how many frames it may take.
 */
#include "vm/fault.h"

#include "abi/errno.h"
#include "core/cpu.h"
#include "lib/bits.h"
#include "support/arena.h"
#include "support/check.h"
#include "support/inject.h"
#include "support/model_cpu.h"
#include "support/vm_fixture.h"
#include "vm/pmap.h"
#include "vm/space_lock.h"

static struct vm_space *space;
static uint64_t pages_before;

/* Frames that hold pages. */
static uint64_t pages_now(void) {
    struct frame_stats stats;

    frame_stats_get(&stats);
    return stats.by_use[FRAME_ANON] + stats.by_use[FRAME_FILE] + stats.by_use[FRAME_SHMEM];
}

static void expect_pages_taken(uint64_t n) {
    CHECK_EQ(pages_now() - pages_before, n);
    pages_before = pages_now();
}

#define expect_case(which) CHECK_EQ(fault_case_delta(which), 1)
#define expect_no_case(which) CHECK_EQ(fault_case_delta(which), 0)

static void begin(void) {
    vm_fixture_init();
    space = space_begin();
    pages_before = pages_now();
}

static void expect_zero_fill(struct vm_space *in, unsigned page, unsigned char byte) {
    CHECK_EQ(poke(in, page, byte), 0);
    expect_case(VM_FAULT_ZERO_FILL);
    expect_pages_taken(1);
    CHECK_EQ(peek(in, page), byte);
}

/* ---- case 0 ---- */

static void test_0_no_area(void) {
    begin();
    map_fixed(space, 2, 1, RW, 0);
    CHECK_EQ(peek(space, 1), -EFAULT);
    expect_case(VM_FAULT_NO_AREA);
    CHECK_EQ(poke(space, 3, 1), -EFAULT);
    expect_case(VM_FAULT_NO_AREA);
    CHECK_EQ(vm_fault(space, 0, VM_READ | VM_USER), -EFAULT);
    CHECK_EQ(vm_fault(space, USER_END, VM_READ | VM_USER), -EFAULT);
    CHECK_EQ(vm_fault(space, UINT64_MAX, VM_WRITE | VM_USER), -EFAULT);
    CHECK_EQ(vm_fault(space, 0xffff888000000000ull, VM_READ | VM_USER), -EFAULT);
    CHECK_EQ(fault_case_delta(VM_FAULT_NO_AREA), 4);
    expect_pages_taken(0);
    space_end(space);
}

/* Each right that an area lacks, with a page there and without. */
static void test_0_forbidden(void) {
    begin();
    map_fixed(space, 0, 1, 0, 0);
    map_fixed(space, 1, 1, RO, 0);
    map_fixed(space, 2, 1, RW, 0);
    map_fixed(space, 3, 1, RX, 0);
    CHECK_EQ(peek(space, 0), -EACCES);
    CHECK_EQ(poke(space, 0, 1), -EACCES);
    CHECK_EQ(fetch(space, 0), -EACCES);
    CHECK_EQ(poke(space, 1, 1), -EACCES);
    CHECK_EQ(fetch(space, 1), -EACCES);
    CHECK_EQ(fetch(space, 2), -EACCES);
    CHECK_EQ(poke(space, 3, 1), -EACCES);
    CHECK_EQ(fault_case_delta(VM_FAULT_FORBIDDEN), 7);
    CHECK_EQ(peek(space, 1), 0);
    CHECK_EQ(poke(space, 1, 1), -EACCES);
    CHECK_EQ(poke(space, 2, 1), 0);
    CHECK_EQ(fetch(space, 2), -EACCES);
    CHECK_EQ(fetch(space, 3), 0);
    expect_pages_taken(1);
    space_end(space);
}

/*
 *   ......[ww]     grows by fault down to its limit; touching 8 new pages takes 8 frames
 */
static void test_0_stack_grows(void) {
    const struct vm_limits limits = {10 * PAGE_SIZE, UINT64_MAX, UINT64_MAX, UINT64_MAX,
                                     UINT64_MAX};

    begin();
    vm_space_set_limits(space, &limits);
    map_fixed(space, 20, 2, RW, VM_MAP_GROWS_DOWN);
    for (unsigned page = 19; page >= 12; page--) {
        CHECK_EQ(poke(space, page, (unsigned char)page), 0);
        expect_case(VM_FAULT_STACK_GROWN);
        expect_case(VM_FAULT_ZERO_FILL);
    }
    expect_pages_taken(8);
    expect_picture(space, 24, "............[wwwwwwwwww]..");
    CHECK_EQ(poke(space, 11, 1), -EFAULT);
    CHECK_EQ(poke(space, 22, 1), -EFAULT);
    CHECK_EQ(fault_case_delta(VM_FAULT_NO_AREA), 2);
    expect_no_case(VM_FAULT_STACK_GROWN);
    expect_pages_taken(0);
    space_end(space);
}

/* In one step over untouched pages; the area's rights still decide. */
static void test_0_stack_grows_far(void) {
    begin();
    map_fixed(space, 50, 1, RW, VM_MAP_GROWS_DOWN);
    CHECK_EQ(peek(space, 10), 0);
    expect_case(VM_FAULT_STACK_GROWN);
    expect_pages_taken(0);
    CHECK_EQ(fetch(space, 5), -EACCES);
    CHECK_EQ(space->areas.count, 1);
    CHECK_EQ(poke(space, 30, 1), 0);
    expect_pages_taken(1);
    space_end(space);
}

/* Something below: the stack stays away from it by the guard gap. */
static void test_0_stack_keeps_its_distance(void) {
    begin();
    map_fixed(space, 0, 1, RW, 0);
    map_fixed(space, 300, 1, RW, VM_MAP_GROWS_DOWN);
    CHECK_EQ(poke(space, 256, 1), -EFAULT);
    CHECK_EQ(poke(space, 257, 1), 0);
    CHECK_EQ(poke(space, 256, 1), -EFAULT);
    space_end(space);
}

/* ---- case 1 ---- */

/* The pmap knows already: nothing changes. */
static void test_1_stale(void) {
    struct frame *frame;

    begin();
    map_fixed(space, 0, 1, RW, 0);
    expect_zero_fill(space, 0, 5);
    frame = frame_at(space, 0);
    CHECK_EQ(vm_fault(space, AT(0), VM_READ | VM_USER), 0);
    CHECK_EQ(vm_fault(space, AT(0), VM_WRITE | VM_USER), 0);
    CHECK_EQ(fault_case_delta(VM_FAULT_STALE), 2);
    CHECK(frame_at(space, 0) == frame);
    expect_pages_taken(0);
    CHECK_EQ(peek(space, 0), 5);
    space_end(space);
}

/* A right that was added without a flush: the processor finds out by a fault, once. */
static void test_1_right_added(void) {
    begin();
    map_fixed(space, 0, 1, RW, 0);
    expect_zero_fill(space, 0, 5);
    CHECK_EQ(vm_protect(space, AT(0), PAGE_SIZE, RO), 0);
    CHECK_EQ(peek(space, 0), 5);
    CHECK_EQ(vm_protect(space, AT(0), PAGE_SIZE, RW), 0);
    CHECK_EQ(poke(space, 0, 6), 0);
    expect_case(VM_FAULT_REUSE);
    expect_pages_taken(0);
    space_end(space);
}

/* Whatever the pmap forgets comes back, the same pages. */
static void test_1_forgotten(void) {
    begin();
    map_fixed(space, 0, 4, RW, 0);
    for (unsigned i = 0; i < 4; i++)
        CHECK_EQ(poke(space, i, (unsigned char)(i + 1)), 0);
    expect_pages_taken(4);
    vm_space_lock(space);
    pmap_remove(space->pmap, USER_MIN, USER_END);
    vm_space_unlock(space);
    for (unsigned i = 0; i < 4; i++)
        CHECK_EQ(peek(space, i), (int)i + 1);
    CHECK_EQ(fault_case_delta(VM_FAULT_READ_PRIVATE), 4);
    expect_pages_taken(0);
    space_end(space);
}

/* ---- case 2 ---- */

static void test_2_shared(void) {
    struct vm_object *object;
    struct vm_space *child;

    begin();
    object = vm_object_anon_create(4 * PAGE_SIZE);
    map_object(space, 0, 4, RW, VM_MAP_SHARED, object, 0);
    map_object(space, 8, 4, RO, VM_MAP_SHARED, object, 0);
    vm_object_unref(object);
    CHECK_EQ(poke(space, 1, 7), 0);
    expect_case(VM_FAULT_SHARED);
    expect_pages_taken(1);
    CHECK_EQ(peek(space, 9), 7);
    CHECK_EQ(poke(space, 9, 1), -EACCES);
    child = space_fork(space);
    CHECK_EQ(poke(child, 1, 8), 0);
    CHECK_EQ(poke(child, 2, 9), 0);
    CHECK_EQ(peek(space, 1), 8);
    CHECK_EQ(peek(space, 10), 9);
    expect_pages_taken(1);
    CHECK(frame_at(space, 1) == frame_at(child, 9));
    space_end(space);
    CHECK_EQ(peek(child, 9), 8);
    space_end(child);
    CHECK_EQ(pages_now(), 0);
}

/* A page entered writable in a shared mapping stays so through a fork: no fault in the parent. */
static void test_2_shared_writable_after_fork(void) {
    struct vm_object *object;
    struct vm_space *child;

    begin();
    object = vm_object_anon_create(PAGE_SIZE);
    map_object(space, 0, 1, RW, VM_MAP_SHARED, object, 0);
    CHECK_EQ(poke(space, 0, 1), 0);
    child = space_fork(space);
    CHECK_EQ(rights_at(space, 0), RW);
    CHECK_EQ(rights_at(child, 0), RW);
    fault_case_delta(VM_FAULT_SHARED);
    CHECK_EQ(poke(child, 0, 2), 0);
    CHECK_EQ(peek(space, 0), 2);
    expect_no_case(VM_FAULT_SHARED);
    space_end(child);
    space_end(space);
    vm_object_unref(object);
}

static void test_2_beyond_the_object(void) {
    struct test_file file;

    begin();
    file_init(&file, PAGE_SIZE + 1);
    map_object(space, 0, 4, RW, VM_MAP_SHARED, &file.object, 0);
    map_object(space, 8, 4, RW, 0, &file.object, 0);
    for (unsigned base = 0; base <= 8; base += 8) {
        CHECK_EQ(peek(space, base + 1), 0);
        CHECK_EQ(peek(space, base + 2), -ENXIO);
        CHECK_EQ(poke(space, base + 2, 1), -ENXIO);
        CHECK_EQ(poke(space, base + 3, 1), -ENXIO);
    }
    space_end(space);
    CHECK_EQ(refcount_get(&file.object.refs), 1);
    vm_object_unref(&file.object);
    CHECK(file.destroyed);
}

/* ---- case 3R ---- */

static void test_3r_nowhere(void) {
    begin();
    map_fixed(space, 0, 4, RW, 0);
    for (unsigned i = 0; i < 4; i++)
        CHECK_EQ(peek(space, i), 0);
    CHECK_EQ(fault_case_delta(VM_FAULT_READ_ZERO), 4);
    CHECK_EQ(rights_at(space, 0), RO);
    expect_pages_taken(0);
    expect_zero_fill(space, 0, 3);
    CHECK_EQ(peek(space, 1), 0);
    space_end(space);
}

static void test_3r_in_object(void) {
    struct test_file file;

    begin();
    file_init(&file, 4 * PAGE_SIZE);
    file_poke(&file, 2, 9);
    pages_before = pages_now();
    map_object(space, 0, 4, RW, 0, &file.object, 0);
    CHECK_EQ(peek(space, 2), 9);
    expect_case(VM_FAULT_READ_OBJECT);
    CHECK_EQ(rights_at(space, 2), RO);
    expect_pages_taken(0);
    file_poke(&file, 2, 10);
    CHECK_EQ(peek(space, 2), 10);
    space_end(space);
}

static void test_3r_in_shadow(void) {
    struct vm_space *child;

    begin();
    map_fixed(space, 0, 2, RW, 0);
    expect_zero_fill(space, 0, 4);
    child = space_fork(space);
    pmap_remove(child->pmap, AT(0), AT(1));
    fault_case_delta(VM_FAULT_READ_PRIVATE);
    CHECK_EQ(peek(child, 0), 4);
    expect_case(VM_FAULT_READ_PRIVATE);
    CHECK_EQ(rights_at(child, 0), RO);
    expect_pages_taken(0);
    space_end(space);
    pmap_remove(child->pmap, AT(0), AT(1));
    CHECK_EQ(peek(child, 0), 4);
    CHECK_EQ(rights_at(child, 0), RW);
    space_end(child);
}

/* A read fault maps what the object has around it: in the area, not beyond it, never writable, and
 * never over a private page. */
static void test_3r_around(void) {
    struct test_file file;

    begin();
    file_init(&file, 32 * PAGE_SIZE);
    for (unsigned i = 0; i < 32; i += 1)
        file_poke(&file, i, (unsigned char)(i + 1));
    map_object(space, 10, 6, RW, 0, &file.object, 10);
    CHECK_EQ(poke(space, 12, 99), 0);
    pmap_remove(space->pmap, AT(10), AT(16));
    fault_case_delta(VM_FAULT_READ_OBJECT);
    CHECK_EQ(peek(space, 11), 12);
    expect_case(VM_FAULT_READ_OBJECT);
    for (unsigned i = 10; i < 16; i++) {
        CHECK(rights_at(space, i) == (i == 12 ? 0 : RO) || rights_at(space, i) == 0);
        CHECK_EQ(peek(space, i), i == 12 ? 99 : (int)i + 1);
    }
    CHECK_EQ(rights_at(space, 9), 0);
    CHECK_EQ(rights_at(space, 16), 0);
    space_end(space);
}

/* ---- case 3W ---- */

/* a: the other one has gone: made writable, nothing copied. */
static void test_3wa_ours_alone(void) {
    struct vm_space *child;
    struct frame *frame;

    begin();
    map_fixed(space, 0, 2, RW, 0);
    expect_zero_fill(space, 0, 4);
    frame = frame_at(space, 0);
    child = space_fork(space);
    CHECK_EQ(rights_at(space, 0), RO);
    space_end(child);
    CHECK_EQ(poke(space, 0, 5), 0);
    expect_case(VM_FAULT_REUSE);
    CHECK(frame_at(space, 0) == frame);
    expect_pages_taken(0);
    space_end(space);
}

/* a, the other way: the child made its copy, and the parent is alone with the original. */
static void test_3wa_after_the_other_copied(void) {
    struct vm_space *child;

    begin();
    map_fixed(space, 0, 2, RW, 0);
    expect_zero_fill(space, 0, 4);
    child = space_fork(space);
    CHECK_EQ(poke(child, 0, 5), 0);
    expect_case(VM_FAULT_COPY);
    expect_pages_taken(1);
    CHECK_EQ(poke(space, 0, 6), 0);
    expect_case(VM_FAULT_REUSE);
    expect_pages_taken(0);
    CHECK_EQ(peek(child, 0), 5);
    CHECK_EQ(peek(space, 0), 6);
    space_end(child);
    space_end(space);
}

/* b: several see it: each who writes takes one frame, the last one none; reads take none. */
static void test_3wb_copies(void) {
    struct vm_space *family[5];

    begin();
    family[0] = space;
    map_fixed(space, 0, 4, RW, 0);
    expect_zero_fill(space, 0, 1);
    expect_zero_fill(space, 1, 2);
    for (unsigned i = 1; i < 5; i++)
        family[i] = space_fork(family[i / 2]);
    for (unsigned i = 0; i < 5; i++) {
        CHECK_EQ(peek(family[i], 0), 1);
        CHECK_EQ(peek(family[i], 1), 2);
    }
    expect_pages_taken(0);
    for (unsigned i = 0; i < 5; i++) {
        CHECK_EQ(poke(family[i], 0, (unsigned char)(10 + i)), 0);
        expect_pages_taken(i < 4 ? 1 : 0);
    }
    CHECK_EQ(fault_case_delta(VM_FAULT_COPY), 4);
    expect_case(VM_FAULT_REUSE);
    for (unsigned i = 0; i < 5; i++) {
        CHECK_EQ(peek(family[i], 0), 10 + (int)i);
        CHECK_EQ(peek(family[i], 1), 2);
        space_check(family[i]);
    }
    for (unsigned i = 0; i < 5; i++)
        space_end(family[i]);
    CHECK_EQ(pages_now(), 0);
}

/* c: the object's page is copied into the shadow; the object never changes. */
static void test_3wc_copies_object(void) {
    struct test_file file;

    begin();
    file_init(&file, 2 * PAGE_SIZE);
    file_poke(&file, 0, 50);
    pages_before = pages_now();
    map_object(space, 0, 2, RW, 0, &file.object, 0);
    CHECK_EQ(peek(space, 0), 50);
    CHECK_EQ(poke(space, 0, 51), 0);
    expect_case(VM_FAULT_COPY_OBJECT);
    expect_pages_taken(1);
    CHECK_EQ(file_peek(&file, 0), 50);
    file_poke(&file, 0, 52);
    CHECK_EQ(peek(space, 0), 51);
    space_end(space);
    CHECK_EQ(file_peek(&file, 0), 52);
    expect_pages_taken(-1ull);
}

static void test_3wd_zero_fill(void) {
    begin();
    map_fixed(space, 0, 2, RW, 0);
    expect_zero_fill(space, 0, 1);
    CHECK_EQ(rights_at(space, 0), RW);
    CHECK_EQ(peek(space, 1), 0);
    expect_zero_fill(space, 1, 2);
    space_end(space);
    CHECK_EQ(pages_now(), 0);
}

/* Pages that were read-only stay so after a fork, and are never copied. */
static void test_read_only_stays(void) {
    struct vm_space *child;

    begin();
    map_fixed(space, 0, 2, RW, 0);
    expect_zero_fill(space, 0, 1);
    CHECK_EQ(vm_protect(space, AT(0), 2 * PAGE_SIZE, RO), 0);
    child = space_fork(space);
    CHECK_EQ(poke(child, 0, 2), -EACCES);
    CHECK_EQ(poke(space, 0, 2), -EACCES);
    CHECK_EQ(peek(child, 0), 1);
    expect_pages_taken(0);
    space_end(child);
    space_end(space);
}

/* A heap of 200 pages costs a fork few frames, and none for pages. */
static void test_fork_costs_few_frames(void) {
    struct vm_space *child;
    uint64_t before;

    begin();
    map_fixed(space, 0, 200, RW, 0);
    for (unsigned i = 0; i < 200; i++)
        CHECK_EQ(poke(space, i, (unsigned char)i), 0);
    expect_pages_taken(200);
    before = frames_in_use();
    child = space_fork(space);
    expect_pages_taken(0);
    CHECK(frames_in_use() - before <= 10);
    for (unsigned i = 0; i < 200; i++)
        CHECK_EQ(peek(child, i), (unsigned char)i);
    expect_pages_taken(0);
    space_end(child);
    CHECK_EQ(frames_in_use(), before);
    space_end(space);
}

/* ---- case 4 ---- */

static void test_4_waits(void) {
    struct test_file file;

    begin();
    file_init(&file, 4 * PAGE_SIZE);
    file_poke(&file, 1, 9);
    file.slow = true;
    map_object(space, 0, 4, RW, 0, &file.object, 0);
    CHECK_EQ(peek(space, 1), 9);
    expect_case(VM_FAULT_WAITED);
    CHECK_EQ(file.waits, 1);
    CHECK_EQ(space->faults_major, 1);
    CHECK_EQ(poke(space, 2, 1), 0);
    CHECK_EQ(file.waits, 2);
    CHECK_EQ(peek(space, 1), 9);
    CHECK_EQ(file.waits, 2);
    CHECK_EQ(refcount_get(&file.object.refs), 2);
    space_end(space);
}

static void test_4_device_fails(void) {
    struct test_file file;

    begin();
    file_init(&file, 4 * PAGE_SIZE);
    file.slow = true;
    file.wait_error = -EIO;
    map_object(space, 0, 4, RW, VM_MAP_SHARED, &file.object, 0);
    CHECK_EQ(peek(space, 1), -EIO);
    file.ready = 0;
    CHECK_EQ(poke(space, 1, 1), -EIO);
    CHECK_EQ(refcount_get(&file.object.refs), 2);
    CHECK_EQ(host_cpu.spin_locks.depth, 0);
    space_end(space);
}

/* ---- no memory ---- */

/* A write of one page with each allocation failing: the error, and the bytes as they were. */
static void write_with_failures(struct vm_space *in, unsigned page, int before) {
    uint64_t n;
    int error;

    for (n = 0;; n++) {
        vm_fixture_fail(n);
        error = poke(in, page, 200);
        if (!inject_stop())
            break;
        CHECK_EQ(error, -ENOMEM);
        space_check(in);
        CHECK_EQ(peek(in, page), before);
        CHECK(n < 20);
    }
    CHECK_EQ(error, 0);
    CHECK(n > 0);
    CHECK_EQ(peek(in, page), 200);
}

static void test_no_memory(void) {
    struct test_file file;
    struct vm_space *child;

    begin();
    file_init(&file, 4 * PAGE_SIZE);
    file_poke(&file, 1, 9);
    map_fixed(space, 0, 2, RW, 0);
    map_object(space, 4, 2, RW, 0, &file.object, 0);
    map_object(space, 6, 2, RW, VM_MAP_SHARED, &file.object, 2);
    write_with_failures(space, 0, 0);
    write_with_failures(space, 5, 9);
    write_with_failures(space, 6, 0);
    child = space_fork(space);
    write_with_failures(child, 0, 200);
    write_with_failures(child, 5, 200);
    CHECK_EQ(file_peek(&file, 1), 9);
    space_end(child);
    space_end(space);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        {"0_no_area", test_0_no_area},
        {"0_forbidden", test_0_forbidden},
        {"0_stack_grows", test_0_stack_grows},
        {"0_stack_grows_far", test_0_stack_grows_far},
        {"0_stack_keeps_its_distance", test_0_stack_keeps_its_distance},
        {"1_stale", test_1_stale},
        {"1_right_added", test_1_right_added},
        {"1_forgotten", test_1_forgotten},
        {"2_shared", test_2_shared},
        {"2_shared_writable_after_fork", test_2_shared_writable_after_fork},
        {"2_beyond_the_object", test_2_beyond_the_object},
        {"3R_nowhere", test_3r_nowhere},
        {"3R_in_object", test_3r_in_object},
        {"3R_in_shadow", test_3r_in_shadow},
        {"3R_around", test_3r_around},
        {"3Wa_ours_alone", test_3wa_ours_alone},
        {"3Wa_after_the_other_copied", test_3wa_after_the_other_copied},
        {"3Wb_copies", test_3wb_copies},
        {"3Wc_copies_object", test_3wc_copies_object},
        {"3Wd_zero_fill", test_3wd_zero_fill},
        {"read_only_stays", test_read_only_stays},
        {"fork_costs_few_frames", test_fork_costs_few_frames},
        {"4_waits", test_4_waits},
        {"4_device_fails", test_4_device_fails},
        {"no_memory", test_no_memory},
    };

    int failed = test_main(argc, argv, "fault", tests, ARRAY_SIZE(tests));

    vm_fixture_faults_together = true;
    return failed | test_main(argc, argv, "fault_together", tests, ARRAY_SIZE(tests));
}
