/* SPDX-License-Identifier: MIT */
/*
 * kernel/vm: whole spaces: making and giving back, fork and what it costs, reading and writing
 * through another space, what /proc is told, and that vm_check sees what is wrong.
 */
#include "vm/space.h"

#include <string.h>

#include "abi/errno.h"
#include "lib/bits.h"
#include "mm/slab.h"
#include "support/arena.h"
#include "support/check.h"
#include "support/inject.h"
#include "support/model_cpu.h"
#include "support/vm_fixture.h"
#include "vm/check.h"
#include "vm/pmap.h"

static struct vm_space *space;
static uint64_t in_use_before;

static void begin(void) {
    vm_fixture_init();
    in_use_before = frames_in_use();
    space = space_begin();
}

static void end(void) {
    space_end(space);
    CHECK_EQ(frames_in_use(), in_use_before);
    CHECK_EQ(slab_check(), 0);
    frames_check();
}

static void test_create_no_memory(void) {
    struct vm_space *other;

    begin();
    for (uint64_t n = 0;; n++) {
        inject_fail_nth(n);
        other = vm_space_create();
        if (!inject_stop())
            break;
        CHECK(other == NULL);
    }
    vm_space_ref(other);
    vm_space_unref(other);
    vm_space_unref(other);
    end();
}

/* ---- fork ---- */

/* Objects of a slab cache in use. */
static uint64_t objects_in(const char *name) {
    struct slab_stats stats;

    for (size_t i = 0; slab_stats_get(i, &stats) == 0; i++) {
        if (strcmp(stats.name, name) == 0)
            return stats.in_use;
    }
    FAIL("no cache %s", name);
}

/* What a fork adds: areas and shadows by the number of areas, nodes of trees none at all. */
static void test_fork_costs_areas(void) {
    struct vm_space *child;
    uint64_t nodes;

    begin();
    map_fixed(space, 0, 1000, RW, 0);
    map_fixed(space, 2000, 10, RO, 0);
    map_fixed(space, 3000, 10, RX, 0);
    for (unsigned i = 0; i < 1000; i++)
        CHECK_EQ(poke(space, i, (unsigned char)i), 0);
    nodes = objects_in("page_node");
    CHECK_EQ(objects_in("vm_shadow"), 1);
    child = space_fork(space);
    CHECK_EQ(objects_in("page_node"), nodes);
    CHECK_EQ(objects_in("vm_area"), 6);
    CHECK_EQ(objects_in("vm_shadow"), 2);
    CHECK_EQ(poke(child, 500, 1), 0);
    CHECK_EQ(objects_in("page_node"), nodes + vm_area_first(&child->areas)->shadow->tree.height);
    space_end(child);
    CHECK_EQ(objects_in("page_node"), nodes);
    end();
}

/* Areas split from one keep one shadow between them, in the child too. */
static void test_fork_keeps_shadows_shared(void) {
    struct vm_space *child;

    begin();
    map_fixed(space, 0, 9, RW, 0);
    CHECK_EQ(poke(space, 1, 1), 0);
    CHECK_EQ(vm_protect(space, AT(3), 3 * PAGE_SIZE, RO), 0);
    expect_picture(space, 9, "[www][rrr][www]");
    child = space_fork(space);
    CHECK_EQ(objects_in("vm_shadow"), 2);
    expect_picture(child, 9, "[www][rrr][www]");
    CHECK_EQ(vm_protect(child, AT(3), 3 * PAGE_SIZE, RW), 0);
    expect_picture(child, 9, "[wwwwwwwww]");
    CHECK_EQ(vm_unmap(child, AT(0), 3 * PAGE_SIZE), 0);
    CHECK_EQ(peek(space, 1), 1);
    space_end(child);
    end();
}

/* However deep the family, a page is found in one tree, and all is back when it has died out. */
static void test_fork_generations(void) {
    struct vm_space *family[40];

    begin();
    family[0] = space;
    map_fixed(space, 0, 8, RW, 0);
    for (unsigned i = 0; i < 8; i++)
        CHECK_EQ(poke(space, i, (unsigned char)(100 + i)), 0);
    for (unsigned i = 1; i < 40; i++) {
        family[i] = space_fork(family[i - 1]);
        CHECK_EQ(poke(family[i], i % 7, (unsigned char)i), 0);
        CHECK_EQ(peek(family[i], 7), 107);
    }
    for (unsigned i = 1; i < 39; i++)
        space_end(family[i]);
    CHECK_EQ(peek(space, 0), 100);
    CHECK_EQ(peek(family[39], 39 % 7), 39);
    CHECK_EQ(peek(family[39], 38 % 7), 38);
    space_end(family[39]);
    end();
}

static void test_fork_no_memory(void) {
    struct vm_space *child = NULL;
    struct test_file file;
    uint64_t before;
    int error;

    begin();
    file_init(&file, 8 * PAGE_SIZE);
    map_fixed(space, 0, 4, RW, 0);
    map_object(space, 4, 2, RW, 0, &file.object, 0);
    map_object(space, 8, 2, RW, VM_MAP_SHARED, &file.object, 0);
    for (unsigned i = 0; i < 6; i++)
        CHECK_EQ(poke(space, i, (unsigned char)(i + 1)), 0);
    before = frames_in_use();
    for (uint64_t n = 0;; n++) {
        inject_fail_nth(n);
        error = vm_space_fork(space, &child);
        if (!inject_stop() || error == 0)
            break;
        CHECK_EQ(error, -ENOMEM);
        CHECK(child == NULL);
        CHECK_EQ(frames_in_use(), before);
        CHECK_EQ(refcount_get(&file.object.refs), 3);
        space_check(space);
        for (unsigned i = 0; i < 6; i++)
            CHECK_EQ(poke(space, i, (unsigned char)(i + 1)), 0);
    }
    for (unsigned i = 0; i < 6; i++)
        CHECK_EQ(peek(child, i), (int)i + 1);
    space_end(child);
    vm_object_unref(&file.object);
    end();
}

/* A parent that forks for ever while its children allocate, fork and exit. */
static void forkexit(struct vm_space *parent, unsigned depth) {
    struct vm_space *child = space_fork(parent);

    map_fixed(child, 100 + depth, 3, RW, 0);
    CHECK_EQ(poke(child, 101 + depth, 1), 0);
    CHECK_EQ(poke(child, depth, (unsigned char)depth), 0);
    if (depth > 0) {
        forkexit(child, depth - 1);
        forkexit(child, depth - 1);
    }
    space_end(child);
}

static void test_forkexit(void) {
    uint64_t before;

    begin();
    map_fixed(space, 0, 20, RW, 0);
    for (unsigned i = 0; i < 20; i++)
        CHECK_EQ(poke(space, i, 55), 0);
    before = frames_in_use();
    for (unsigned i = 0; i < 10 * test_scale(); i++) {
        forkexit(space, 3);
        CHECK_EQ(frames_in_use(), before);
    }
    for (unsigned i = 0; i < 20; i++)
        CHECK_EQ(peek(space, i), 55);
    end();
}

/* ---- through another space ---- */

static void test_read_and_write(void) {
    char buffer[3 * PAGE_SIZE];
    struct vm_space *child;

    begin();
    map_fixed(space, 0, 3, RW, 0);
    map_fixed(space, 3, 1, RO, 0);
    memset(buffer, 'x', sizeof(buffer));
    CHECK_EQ(vm_space_write(space, AT(0) + 10, buffer, 2 * PAGE_SIZE), 0);
    CHECK_EQ(peek(space, 0), 0);
    CHECK_EQ(peek(space, 1), 'x');
    child = space_fork(space);
    memset(buffer, 'y', sizeof(buffer));
    CHECK_EQ(vm_space_write(child, AT(1), buffer, PAGE_SIZE), 0);
    CHECK_EQ(vm_space_read(space, AT(1), buffer, 1), 0);
    CHECK_EQ(buffer[0], 'x');
    CHECK_EQ(vm_space_read(child, AT(1) - 1, buffer, 2), 0);
    CHECK(buffer[0] == 'x' && buffer[1] == 'y');
    CHECK_EQ(vm_space_write(space, AT(2), buffer, 2 * PAGE_SIZE), -EFAULT);
    CHECK_EQ(vm_space_read(space, AT(2), buffer, 2 * PAGE_SIZE), 0);
    CHECK_EQ(vm_space_read(space, AT(3), buffer, 2 * PAGE_SIZE), -EFAULT);
    CHECK_EQ(vm_space_read(space, UINT64_MAX - 4, buffer, 8), -EFAULT);
    CHECK_EQ(vm_space_read(space, AT(9), buffer, 0), 0);
    space_end(child);
    end();
}

static void test_allows(void) {
    begin();
    map_fixed(space, 0, 2, RW, 0);
    map_fixed(space, 2, 2, RO, 0);
    map_fixed(space, 6, 2, RX, 0);
    CHECK(vm_space_allows(space, AT(0), 4 * PAGE_SIZE, VM_READ));
    CHECK(!vm_space_allows(space, AT(0), 4 * PAGE_SIZE, VM_WRITE));
    CHECK(vm_space_allows(space, AT(0), 2 * PAGE_SIZE, RW));
    CHECK(!vm_space_allows(space, AT(0), 2 * PAGE_SIZE + 1, RW));
    CHECK(!vm_space_allows(space, AT(3), PAGE_SIZE + 1, VM_READ));
    CHECK(vm_space_allows(space, AT(6), 1, VM_EXEC));
    CHECK(!vm_space_allows(space, AT(5), 1, VM_READ));
    CHECK(!vm_space_allows(space, AT(0), UINT64_MAX, VM_READ));
    CHECK(!vm_space_allows(space, UINT64_MAX, 1, VM_READ));
    CHECK(vm_space_allows(space, AT(5), 0, VM_READ));
    end();
}

/* ---- what /proc is told ---- */

static void test_usage(void) {
    struct vm_space_usage usage;
    struct test_file file;
    struct vm_object *shared;

    begin();
    file_init(&file, 8 * PAGE_SIZE);
    map_fixed(space, 0, 4, RW, 0);
    map_fixed(space, 8, 2, RW, VM_MAP_GROWS_DOWN | VM_MAP_STACK);
    map_object(space, 12, 3, RX, 0, &file.object, 0);
    shared = vm_object_anon_create(3 * PAGE_SIZE);
    CHECK(shared != NULL);
    map_object(space, 16, 3, RW, VM_MAP_SHARED, shared, 0);
    vm_object_unref(shared);
    CHECK_EQ(poke(space, 0, 1), 0);
    CHECK_EQ(peek(space, 1), 0);
    CHECK_EQ(poke(space, 9, 1), 0);
    CHECK_EQ(peek(space, 12), 0);
    CHECK_EQ(poke(space, 17, 1), 0);
    vm_space_usage(space, &usage);
    CHECK_EQ(usage.mapped_bytes, 12 * PAGE_SIZE);
    CHECK_EQ(usage.data_bytes, 4 * PAGE_SIZE);
    CHECK_EQ(usage.stack_bytes, 2 * PAGE_SIZE);
    CHECK_EQ(usage.text_bytes, 3 * PAGE_SIZE);
    CHECK_EQ(usage.private_pages, 2);
    CHECK_EQ(usage.file_pages, 1);
    CHECK_EQ(usage.shmem_pages, 1);
    CHECK_EQ(usage.areas, 4);
    CHECK_EQ(usage.table_pages, pmap_table_pages(space->pmap));
    CHECK_EQ(vm_unmap(space, AT(0), 4 * PAGE_SIZE), 0);
    vm_space_usage(space, &usage);
    CHECK_EQ(usage.mapped_bytes, 8 * PAGE_SIZE);
    CHECK_EQ(usage.peak_bytes, 12 * PAGE_SIZE);
    vm_object_unref(&file.object);
    end();
}

static void test_area_info(void) {
    struct vm_area_info info;
    struct test_file file;

    begin();
    file_init(&file, 8 * PAGE_SIZE);
    map_fixed(space, 0, 2, RW, 0);
    map_object(space, 4, 3, RX, 0, &file.object, 2);
    CHECK_EQ(poke(space, 1, 1), 0);
    CHECK(vm_space_area_info(space, 0, &info));
    CHECK(info.start == AT(0) && info.end == AT(2) && info.prot == RW && info.offset_bytes == 0);
    CHECK_EQ(info.private_pages, 1);
    CHECK(vm_space_area_info(space, info.end, &info));
    CHECK(info.start == AT(4) && info.end == AT(7) && info.prot == RX);
    CHECK_EQ(info.offset_bytes, 2 * PAGE_SIZE);
    CHECK(vm_space_area_info(space, AT(5), &info) && info.start == AT(4));
    CHECK(!vm_space_area_info(space, info.end, &info));
    CHECK_EQ(refcount_get(&file.object.refs), 2);
    end();
}

static void test_page_info(void) {
    struct vm_page_info info;
    struct vm_space *child;

    begin();
    map_fixed(space, 0, 4, RW, 0);
    CHECK_EQ(poke(space, 0, 1), 0);
    CHECK_EQ(peek(space, 1), 0);
    vm_space_page_info(space, AT(0), &info);
    CHECK(info.present && info.anonymous && info.alone && info.frame->use == FRAME_ANON);
    vm_space_page_info(space, AT(1), &info);
    CHECK(!info.present);
    vm_space_page_info(space, AT(9), &info);
    CHECK(!info.present);
    child = space_fork(space);
    vm_space_page_info(child, AT(0), &info);
    CHECK(info.present && !info.alone && info.frame == frame_at(space, 0));
    space_end(child);
    end();
}

/* ---- the checker itself ---- */

static void expect_violation(const char *words) {
    struct vm_check_report report = {""};

    if (vm_check_space(space, &report))
        FAIL("vm_check_space does not see: %s", words);
    if (!strstr(report.text, words))
        FAIL("vm_check_space says \"%s\" instead of: %s", report.text, words);
}

static void test_check_sees(void) {
    struct vm_check_report report;
    struct frame *frame;
    struct vm_area *area;
    struct vm_space *child;

    begin();
    map_fixed(space, 0, 4, RW, 0);
    CHECK_EQ(poke(space, 0, 1), 0);
    area = vm_area_first(&space->areas);
    space->areas.bytes++;
    expect_violation("counted");
    space->areas.bytes--;
    area->gap++;
    expect_violation("gap");
    area->gap--;
    area->max_prot = RO;
    expect_violation("beyond");
    area->max_prot = VM_RIGHTS;
    area->shadow->areas++;
    expect_violation("shadow");
    area->shadow->areas--;
    frame = frame_at(space, 0);
    CHECK_EQ(pmap_enter(space->pmap, AT(1), frame_to_phys(frame), RO), 0);
    expect_violation("leads to frame");
    pmap_remove(space->pmap, AT(1), AT(2));
    CHECK_EQ(pmap_enter(space->pmap, AT(6), frame_to_phys(frame), RO), 0);
    expect_violation("no area");
    pmap_remove(space->pmap, AT(6), AT(7));
    child = space_fork(space);
    CHECK_EQ(pmap_enter(space->pmap, AT(0), frame_to_phys(frame), RW), 0);
    expect_violation("beyond");
    pmap_remove(space->pmap, AT(0), AT(1));
    CHECK(vm_check_space(space, &report));
    space_end(child);
    end();
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        {"create_no_memory", test_create_no_memory},
        {"fork_costs_areas", test_fork_costs_areas},
        {"fork_keeps_shadows_shared", test_fork_keeps_shadows_shared},
        {"fork_generations", test_fork_generations},
        {"fork_no_memory", test_fork_no_memory},
        {"forkexit", test_forkexit},
        {"read_and_write", test_read_and_write},
        {"allows", test_allows},
        {"usage", test_usage},
        {"area_info", test_area_info},
        {"page_info", test_page_info},
        {"check_sees", test_check_sees},
    };

    return test_main(argc, argv, "space", tests, ARRAY_SIZE(tests));
}
