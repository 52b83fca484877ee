/* SPDX-License-Identifier: MIT */
/*
 * kernel/vm: objects: lookup, size, truncation under mappings, holes, references.
 */
#include "vm/object.h"

#include <string.h>

#include "abi/errno.h"
#include "lib/bits.h"
#include "support/account.h"
#include "support/arena.h"
#include "support/check.h"
#include "support/inject.h"
#include "support/model_cpu.h"
#include "support/vm_fixture.h"
#include "vm/pmap.h"

#define PAGES 12u

static struct vm_space *space;
static struct test_file file;

static void begin(void) {
    vm_fixture_init();
    space = space_begin();
    file_init(&file, PAGES * PAGE_SIZE);
    map_fixed(space, 0, 1, VM_READ, 0);
    CHECK_EQ(vm_unmap(space, AT(0), PAGE_SIZE), 0); /* the space has the record to spare now */
}

static void fill_file(void) {
    for (unsigned i = 0; i < PAGES; i++)
        file_poke(&file, i, (unsigned char)(i + 1));
}

static uint64_t file_pages(void) {
    struct frame_stats stats;

    frame_stats_get(&stats);
    CHECK_EQ(stats.by_use[FRAME_FILE], page_tree_count(&file.object.tree));
    return stats.by_use[FRAME_FILE];
}

static uint64_t anonymous_pages(void) {
    struct frame_stats stats;

    frame_stats_get(&stats);
    return stats.by_use[FRAME_ANON];
}

/* Bytes [start, end) of a page, as a processor reads them. */
static void expect_bytes(unsigned page, uint64_t start, uint64_t end, unsigned char expected) {
    unsigned char byte;

    for (uint64_t at = start; at < end; at++) {
        CHECK_EQ(model_cpu_read(space, AT(page) + at, &byte), 0);
        CHECK_EQ(byte, expected);
    }
}

static void expect_accounted(void) {
    account_begin();
    account_space(space);
    account_object(&file.object);
    account_check();
    space_check(space);
}

/* ---- pages ---- */

static void test_page_get(void) {
    struct frame *frame = (struct frame *)1;

    begin();
    CHECK_EQ(vm_object_page_get(&file.object, 3, VM_READ, &frame), 0);
    CHECK(frame == NULL);
    CHECK_EQ(file_pages(), 0);
    CHECK_EQ(vm_object_page_get(&file.object, 3, VM_WRITE, &frame), 0);
    CHECK(frame != NULL);
    CHECK_EQ(frame_refs(frame), 2);
    frame_unref(frame);
    CHECK_EQ(file_pages(), 1);
    CHECK_EQ(vm_object_page_get(&file.object, PAGES, VM_READ, &frame), -ENXIO);
    CHECK_EQ(vm_object_page_get(&file.object, UINT64_MAX, VM_WRITE, &frame), -ENXIO);
    file.slow = true;
    CHECK_EQ(vm_object_page_get(&file.object, 4, VM_WRITE, &frame), 0);
    CHECK_EQ(file.waits, 1);
    frame_unref(frame);
    file.ready = 0;
    file.wait_error = -EIO;
    CHECK_EQ(vm_object_page_get(&file.object, 5, VM_WRITE, &frame), -EIO);
    space_end(space);
}

static void test_page_get_no_memory(void) {
    struct frame *frame;
    uint64_t before;
    int error;

    begin();
    before = frames_in_use();
    for (uint64_t n = 0;; n++) {
        inject_fail_nth(n);
        error = vm_object_page_get(&file.object, 3, VM_WRITE, &frame);
        if (!inject_stop())
            break;
        CHECK_EQ(error, -ENOMEM);
        CHECK_EQ(frames_in_use(), before);
    }
    CHECK_EQ(error, 0);
    frame_unref(frame);
    space_end(space);
}

/* With the last reference pages and object go, and not before. */
static void test_references(void) {
    uint64_t before;

    begin();
    before = frames_in_use();
    fill_file();
    map_object(space, 0, PAGES, RW, VM_MAP_SHARED, &file.object, 0);
    CHECK_EQ(peek(space, 3), 4);
    vm_object_unref(&file.object);
    CHECK(!file.destroyed);
    CHECK_EQ(peek(space, 4), 5);
    CHECK_EQ(vm_unmap(space, AT(0), PAGES * PAGE_SIZE), 0);
    CHECK(file.destroyed);
    CHECK_EQ(frames_in_use(), before);
    space_end(space);
}

/* ---- truncation ---- */

/* Every space that maps it loses the pages, and whatever is left of the last one reads zero. */
static void test_truncate_under_mappings(void) {
    struct vm_space *child;
    unsigned char byte;

    begin();
    fill_file();
    map_object(space, 0, PAGES, RW, VM_MAP_SHARED, &file.object, 0);
    map_object(space, 20, 4, RO, 0, &file.object, 4);
    child = space_fork(space);
    for (unsigned i = 0; i < PAGES; i++) {
        CHECK_EQ(peek(space, i), (int)i + 1);
        CHECK_EQ(peek(child, i), (int)i + 1);
    }
    CHECK_EQ(peek(space, 22), 7);
    CHECK_EQ(model_cpu_write(space, AT(5) + 100, 77), 0);
    CHECK_EQ(model_cpu_write(space, AT(5) + 99, 76), 0);
    vm_object_truncate(&file.object, 5 * PAGE_SIZE + 100);
    CHECK_EQ(vm_object_size(&file.object), 5 * PAGE_SIZE + 100);
    CHECK_EQ(file_pages(), 6);
    CHECK_EQ(peek(space, 5), 6);
    CHECK_EQ(model_cpu_read(child, AT(5) + 99, &byte), 0);
    CHECK_EQ(byte, 76);
    CHECK_EQ(model_cpu_read(child, AT(5) + 100, &byte), 0);
    CHECK_EQ(byte, 0);
    for (unsigned i = 6; i < PAGES; i++) {
        CHECK_EQ(peek(space, i), -ENXIO);
        CHECK_EQ(poke(child, i, 1), -ENXIO);
    }
    CHECK_EQ(peek(space, 21), 6);
    CHECK_EQ(peek(space, 22), -ENXIO);
    space_end(child);
    space_end(space);
}

/*
 * A truncation on another processor has lowered the end and has been in this space, and the pages
 * are still in the tree: a fault before the end does not bring them along.
 */
static void test_no_page_beyond_the_end_comes_along(void) {
    struct pmap_entry entry;

    begin();
    fill_file();
    map_object(space, 0, PAGES, RO, 0, &file.object, 0);
    spin_lock(&file.object.lock);
    file.object.size_bytes = 3 * PAGE_SIZE + 1;
    spin_unlock(&file.object.lock);
    CHECK_EQ(peek(space, 1), 2);
    CHECK(pmap_lookup(space->pmap, AT(3), &entry));
    CHECK(!pmap_lookup(space->pmap, AT(4), &entry));
    vm_object_truncate(&file.object, 3 * PAGE_SIZE);
    CHECK(!pmap_lookup(space->pmap, AT(3), &entry));
    space_end(space);
}

static void test_truncate_and_grow_reads_zero(void) {
    begin();
    fill_file();
    map_object(space, 0, PAGES, RW, VM_MAP_SHARED, &file.object, 0);
    CHECK_EQ(peek(space, 8), 9);
    vm_object_truncate(&file.object, 4 * PAGE_SIZE);
    vm_object_truncate(&file.object, PAGES * PAGE_SIZE);
    CHECK_EQ(file_pages(), 4);
    CHECK_EQ(peek(space, 3), 4);
    CHECK_EQ(peek(space, 8), 0);
    CHECK_EQ(poke(space, 8, 3), 0);
    CHECK_EQ(file_peek(&file, 8), 3);
    vm_object_truncate(&file.object, 0);
    CHECK_EQ(file_pages(), 0);
    vm_object_extend(&file.object, 2 * PAGE_SIZE, 2 * PAGE_SIZE);
    vm_object_extend(&file.object, PAGE_SIZE, PAGE_SIZE);
    CHECK_EQ(vm_object_size(&file.object), 2 * PAGE_SIZE);
    CHECK_EQ(peek(space, 1), 0);
    CHECK_EQ(peek(space, 2), -ENXIO);
    expect_accounted();
    space_end(space);
}

/* Truncating needs no memory: it cannot fail. */
static void test_truncate_needs_no_memory(void) {
    begin();
    fill_file();
    map_object(space, 0, PAGES, RW, VM_MAP_SHARED, &file.object, 0);
    CHECK_EQ(poke(space, 8, 1), 0);
    inject_fail_randomly(1, 1);
    vm_object_truncate(&file.object, PAGE_SIZE + 1);
    inject_stop();
    CHECK_EQ(file_pages(), 2);
    CHECK_EQ(peek(space, 8), -ENXIO);
    expect_accounted();
    space_end(space);
}

/* A private mapping with pages 2 and 8 of its own, and the file cut between them. */
static void begin_with_private_cut(void) {
    begin();
    fill_file();
    map_object(space, 0, PAGES, RW, 0, &file.object, 0);
    CHECK_EQ(poke(space, 2, 102), 0);
    CHECK_EQ(poke(space, 8, 108), 0);
    vm_object_truncate(&file.object, 5 * PAGE_SIZE);
}

/*
 * Private pages that lie wholly beyond the end go with it, as on Linux: when the file grows again
 * they read as the file does (zeroes), and meanwhile nobody holds frames that nobody can see.
 */
static void test_truncate_drops_private_pages(void) {
    begin_with_private_cut();
    CHECK_EQ(peek(space, 8), -ENXIO);
    vm_object_truncate(&file.object, PAGES * PAGE_SIZE);
    CHECK_EQ(peek(space, 2), 102);
    CHECK_EQ(peek(space, 8), 0);
    space_end(space);
}

static void test_truncate_frees_private_frames(void) {
    begin_with_private_cut();
    CHECK_EQ(anonymous_pages(), 1);
    space_end(space);
}

/* A private page of the last, partial page stays: it is not beyond the end. */
static void test_truncate_keeps_partial_private_page(void) {
    begin();
    fill_file();
    map_object(space, 0, PAGES, RW, 0, &file.object, 0);
    CHECK_EQ(poke(space, 5, 105), 0);
    vm_object_truncate(&file.object, 5 * PAGE_SIZE + 1);
    CHECK_EQ(peek(space, 5), 105);
    expect_accounted();
    space_end(space);
}

/* What a mapping wrote behind the end, in the last page, is not there when the file grows over it;
 * what the one who makes it grow writes itself is left to him. */
static void test_growing_clears_the_tail(void) {
    begin();
    file_poke(&file, 4, 5);
    vm_object_truncate(&file.object, 4 * PAGE_SIZE + 10);
    map_object(space, 0, PAGES, RW, VM_MAP_SHARED, &file.object, 0);
    for (unsigned at = 5; at < 100; at++)
        CHECK_EQ(model_cpu_write(space, AT(4) + at, 7), 0);
    vm_object_truncate(&file.object, 4 * PAGE_SIZE + 20);
    expect_bytes(4, 5, 10, 7);
    expect_bytes(4, 10, 20, 0);
    expect_bytes(4, 20, 100, 7); /* still behind the end */
    vm_object_extend(&file.object, 4 * PAGE_SIZE + 50, 4 * PAGE_SIZE + 30);
    expect_bytes(4, 20, 30, 0);
    expect_bytes(4, 30, 100, 7);
    vm_object_extend(&file.object, 4 * PAGE_SIZE + 40, 4 * PAGE_SIZE + 40);
    expect_bytes(4, 30, 100, 7);
    vm_object_extend(&file.object, 8 * PAGE_SIZE, 8 * PAGE_SIZE);
    expect_bytes(4, 50, PAGE_SIZE, 0);
    expect_accounted();
    space_end(space);
}

/* Writes to a page with each allocation failing in turn, until none does. */
static void poke_with_each_failure(struct vm_space *in, unsigned page, unsigned char byte) {
    bool failed = true;

    for (uint64_t n = 0; failed; n++) {
        int error;

        inject_fail_nth(n);
        error = poke(in, page, byte);
        failed = inject_stop();
        CHECK_EQ(error, failed ? -ENOMEM : 0);
    }
}

/*
 * Where a fork shares what a truncation has to take out of a shadow, and there is no memory to
 * un-share it, the pages stay, and nobody finds them: not even when the file is long again.
 */
static void test_truncate_without_memory_hides_private_pages(void) {
    struct vm_space *child, *grandchild;

    begin();
    fill_file();
    map_object(space, 0, PAGES, RW, 0, &file.object, 0);
    for (unsigned i = 0; i < PAGES; i++)
        CHECK_EQ(poke(space, i, (unsigned char)(100 + i)), 0);
    CHECK_EQ(vm_protect(space, AT(6), PAGE_SIZE, RO), 0);
    child = space_fork(space);
    inject_fail_randomly(1, 1);
    vm_object_truncate(&file.object, 5 * PAGE_SIZE);
    CHECK(inject_stop());
    CHECK_EQ(peek(space, 8), -ENXIO);
    vm_object_truncate(&file.object, PAGES * PAGE_SIZE);
    CHECK_EQ(peek(space, 4), 104);
    CHECK_EQ(peek(space, 6), 0);
    CHECK_EQ(peek(child, 8), 0);
    inject_fail_randomly(1, 1);
    CHECK_EQ(poke(child, 8, 9), -ENOMEM);
    inject_stop();
    CHECK_EQ(peek(child, 8), 0);
    file_poke(&file, 9, 19);
    CHECK_EQ(peek(child, 9), 19);
    grandchild = space_fork(child);
    CHECK_EQ(peek(grandchild, 8), 0);
    CHECK_EQ(peek(grandchild, 9), 19);
    space_end(grandchild);
    poke_with_each_failure(child, 8, 9);
    CHECK_EQ(peek(child, 8), 9);
    CHECK_EQ(peek(child, 9), 19);
    CHECK_EQ(peek(child, 4), 104);
    space_end(space);
    CHECK_EQ(peek(child, 10), 0);
    CHECK_EQ(poke(child, 2, 7), 0);
    CHECK_EQ(anonymous_pages(), 6); /* 0 to 4, and 8 */
    space_check(child);
    space_end(child);
}

/*
 * The same when the tree is nobody else's any more: a page that is put in is seen, and does not
 * bring back what was cut off.
 */
static void test_page_after_a_cut_without_memory(void) {
    struct vm_space *child;

    begin();
    fill_file();
    map_object(space, 0, PAGES, RW, 0, &file.object, 0);
    for (unsigned i = 0; i < PAGES; i++)
        CHECK_EQ(i == 9 ? 0 : poke(space, i, (unsigned char)(100 + i)), 0);
    child = space_fork(space);
    inject_fail_randomly(1, 1);
    vm_object_truncate(&file.object, 5 * PAGE_SIZE);
    CHECK(inject_stop());
    space_end(child);
    vm_object_truncate(&file.object, PAGES * PAGE_SIZE);
    CHECK_EQ(poke(space, 9, 19), 0);
    space_check(space);
    CHECK_EQ(peek(space, 8), 0);
    CHECK_EQ(poke(space, 8, 18), 0);
    CHECK_EQ(peek(space, 8), 18);
    CHECK_EQ(peek(space, 9), 19);
    CHECK_EQ(peek(space, 10), 0);
    CHECK_EQ(anonymous_pages(), 7); /* 0 to 4, and these two */
    space_end(space);
}

/* ---- holes ---- */

static void test_punch(void) {
    begin();
    fill_file();
    map_object(space, 0, PAGES, RW, VM_MAP_SHARED, &file.object, 0);
    map_object(space, 20, PAGES, RW, 0, &file.object, 0);
    CHECK_EQ(poke(space, 4, 44), 0);
    CHECK_EQ(poke(space, 24, 45), 0);
    CHECK_EQ(peek(space, 5), 6);
    CHECK_EQ(peek(space, 25), 6);
    CHECK_EQ(vm_object_punch(&file.object, 4, 7), 0);
    CHECK_EQ(file_pages(), PAGES - 3);
    CHECK_EQ(file_peek(&file, 4), -1);
    CHECK_EQ(peek(space, 3), 4);
    CHECK_EQ(peek(space, 4), 0);
    CHECK_EQ(peek(space, 5), 0);
    CHECK_EQ(peek(space, 25), 0);
    CHECK_EQ(peek(space, 24), 45);
    CHECK_EQ(peek(space, 7), 8);
    expect_accounted();
    space_end(space);
}

static void test_punch_no_memory(void) {
    int error;

    begin();
    fill_file();
    map_object(space, 0, PAGES, RW, VM_MAP_SHARED, &file.object, 0);
    for (uint64_t n = 0;; n++) {
        inject_fail_nth(n);
        error = vm_object_punch(&file.object, 4, 7);
        if (!inject_stop())
            break;
        CHECK_EQ(error, -ENOMEM);
        CHECK_EQ(file_pages(), PAGES);
        CHECK_EQ(peek(space, 5), 6);
        expect_accounted();
    }
    CHECK_EQ(error, 0);
    CHECK_EQ(file_pages(), PAGES - 3);
    space_end(space);
}

/* ---- denying writes ---- */

static int map_shared(unsigned page, unsigned prot, unsigned max_prot) {
    const struct vm_map_request request = {.address = AT(page),
                                           .length = PAGE_SIZE,
                                           .prot = prot,
                                           .max_prot = max_prot,
                                           .flags = VM_MAP_FIXED | VM_MAP_SHARED,
                                           .object = &file.object};
    uint64_t at;

    return vm_map(space, &request, &at);
}

/* Only shared areas that are or could be writable stand in the way, in any space, in all parts. */
static void test_deny_writes_counts_areas(void) {
    struct vm_space *child;

    begin();
    map_object(space, 20, PAGES, RW, 0, &file.object, 0);
    CHECK_EQ(map_shared(8, RO, RO), 0);
    CHECK_EQ(map_shared(0, RO, RW), 0);
    CHECK_EQ(vm_object_deny_writes(&file.object), -EBUSY);
    CHECK_EQ(map_shared(1, RW, RW), 0); /* a refusal denies nothing */
    child = space_fork(space);
    CHECK_EQ(vm_unmap(space, AT(0), 2 * PAGE_SIZE), 0);
    CHECK_EQ(vm_object_deny_writes(&file.object), -EBUSY);
    CHECK_EQ(vm_unmap(child, AT(0), PAGE_SIZE), 0);
    CHECK_EQ(vm_object_deny_writes(&file.object), -EBUSY);
    space_end(child);
    CHECK_EQ(vm_object_deny_writes(&file.object), 0);
    space_end(space);
}

/* A map that is refused leaves what was there. */
static void test_denied_writes_stay_out(void) {
    begin();
    CHECK_EQ(vm_object_deny_writes(&file.object), 0);
    map_fixed(space, 0, 1, RW, 0);
    CHECK_EQ(poke(space, 0, 7), 0);
    CHECK_EQ(map_shared(0, RW, RW), -EPERM);
    CHECK_EQ(map_shared(0, RO, RW), -EPERM);
    CHECK_EQ(peek(space, 0), 7);
    CHECK_EQ(map_shared(0, RO, RO), 0);
    CHECK_EQ(vm_protect(space, AT(0), PAGE_SIZE, RW), -EACCES);
    map_object(space, 20, PAGES, RW, 0, &file.object, 0);
    CHECK_EQ(poke(space, 20, 1), 0);
    expect_accounted();
    space_end(space);
}

/* ---- devices ---- */

static void test_device(void) {
    struct vm_object *device;
    const struct vm_map_request request = {
        .address = AT(8), .length = PAGE_SIZE, .prot = RW, .flags = VM_MAP_FIXED};
    struct vm_map_request private = request;
    uint64_t before, at;

    begin();
    before = frames_in_use();
    device = vm_object_device_create(0x4000, 2 * PAGE_SIZE);
    CHECK(device != NULL && vm_object_is_device(device) && !vm_object_is_device(&file.object));
    private.object = device;
    CHECK_EQ(vm_map(space, &private, &at), -EINVAL);
    map_object(space, 0, 4, RW, VM_MAP_SHARED, device, 0);
    CHECK_EQ(vm_fault(space, AT(1), VM_WRITE | VM_USER), 0);
    CHECK_EQ(rights_at(space, 1), RW);
    CHECK_EQ(vm_fault(space, AT(2), VM_READ | VM_USER), -ENXIO);
    CHECK_EQ(vm_unmap(space, AT(0), 4 * PAGE_SIZE), 0);
    vm_object_unref(device);
    CHECK_EQ(frames_in_use(), before);
    space_end(space);
}

static void test_describe(void) {
    struct vm_object_identity identity;
    struct vm_object *anon;

    begin();
    vm_object_describe(&file.object, &identity);
    CHECK_EQ(strcmp(identity.name, ""), 0);
    anon = vm_object_anon_create(PAGE_SIZE);
    vm_object_describe(anon, &identity);
    CHECK_EQ(strcmp(identity.name, "/dev/zero (deleted)"), 0);
    vm_object_unref(anon);
    space_end(space);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        {"page_get", test_page_get},
        {"page_get_no_memory", test_page_get_no_memory},
        {"references", test_references},
        {"truncate_under_mappings", test_truncate_under_mappings},
        {"no_page_beyond_the_end_comes_along", test_no_page_beyond_the_end_comes_along},
        {"truncate_and_grow_reads_zero", test_truncate_and_grow_reads_zero},
        {"truncate_needs_no_memory", test_truncate_needs_no_memory},
        {"truncate_drops_private_pages", test_truncate_drops_private_pages},
        {"truncate_frees_private_frames", test_truncate_frees_private_frames},
        {"truncate_keeps_partial_private_page", test_truncate_keeps_partial_private_page},
        {"growing_clears_the_tail", test_growing_clears_the_tail},
        {"truncate_without_memory_hides_private_pages",
         test_truncate_without_memory_hides_private_pages},
        {"page_after_a_cut_without_memory", test_page_after_a_cut_without_memory},
        {"punch", test_punch},
        {"punch_no_memory", test_punch_no_memory},
        {"deny_writes_counts_areas", test_deny_writes_counts_areas},
        {"denied_writes_stay_out", test_denied_writes_stay_out},
        {"device", test_device},
        {"describe", test_describe},
    };

    static const struct test together[] = {
        {"page_after_a_cut_without_memory", test_page_after_a_cut_without_memory},
    };
    int failed = test_main(argc, argv, "object", tests, ARRAY_SIZE(tests));

    vm_fixture_faults_together = true;
    return failed | test_main(argc, argv, "object_together", together, ARRAY_SIZE(together));
}
