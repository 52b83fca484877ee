/* SPDX-License-Identifier: MIT */
/*
 * What the unit tests of kernel/vm share: see vm_fixture.h.
 */
#include "support/vm_fixture.h"

#include <string.h>

#include "abi/errno.h"
#include "core/cpu.h"
#include "lib/bits.h"
#include "support/arena.h"
#include "support/check.h"
#include "support/inject.h"
#include "support/model_cpu.h"
#include "vm/check.h"
#include "vm/pmap.h"
#include "vm/space_lock.h"

#define MEMORY_BYTES (32ull << 20)

void vm_fixture_init(void) {
    host_memory_init(MEMORY_BYTES);
    vm_init();
}

/* ---- spaces ---- */

bool vm_fixture_faults_together;

void vm_fixture_fail(uint64_t n) {
    if (vm_fixture_faults_together)
        inject_fail_from(n);
    else
        inject_fail_nth(n);
}

static void let_together(struct vm_space *space) {
    if (!vm_fixture_faults_together)
        return;
    vm_space_let_faults_together(space);
    CHECK(vm_space_faults_together(space));
}

struct vm_space *space_begin(void) {
    struct vm_space *space = vm_space_create();

    CHECK(space != NULL);
    let_together(space);
    return space;
}

void space_end(struct vm_space *space) {
    space_check(space);
    CHECK_EQ(refcount_get(&space->refs), 1);
    model_cpu_leave();
    vm_space_unref(space);
}

struct vm_space *space_fork(struct vm_space *parent) {
    struct vm_space *child;

    CHECK_EQ(vm_space_fork(parent, &child), 0);
    let_together(child);
    space_check(parent);
    space_check(child);
    return child;
}

void space_check(struct vm_space *space) {
    struct vm_check_report report;

    if (!vm_check_space(space, &report))
        FAIL("%s", report.text);
}

void map_with(struct vm_space *space, const struct mapping *mapping) {
    const struct vm_map_request request = {
        .address = AT(mapping->page),
        .length = mapping->pages * PAGE_SIZE,
        .prot = mapping->prot,
        .flags = mapping->flags | VM_MAP_FIXED,
        .object = mapping->object,
        .offset = mapping->index * PAGE_SIZE,
    };
    uint64_t address;

    CHECK_EQ(vm_map(space, &request, &address), 0);
    CHECK_EQ(address, AT(mapping->page));
    space_check(space);
}

/* ---- touching ---- */

int peek(struct vm_space *space, unsigned page) {
    unsigned char byte = 0;
    int error = model_cpu_read(space, AT(page), &byte);

    return error < 0 ? error : byte;
}

int poke(struct vm_space *space, unsigned page, unsigned char byte) {
    return model_cpu_write(space, AT(page), byte);
}

int fetch(struct vm_space *space, unsigned page) {
    unsigned char byte;

    return model_cpu_fetch(space, AT(page), &byte);
}

struct frame *frame_at(struct vm_space *space, unsigned page) {
    struct vm_page_info info;

    vm_space_page_info(space, AT(page), &info);
    return info.frame;
}

unsigned rights_at(struct vm_space *space, unsigned page) {
    struct pmap_entry entry;

    return pmap_lookup(space->pmap, AT(page), &entry) ? entry.access & VM_RIGHTS : 0;
}

uint64_t fault_case_delta(enum vm_fault_case which) {
    static uint64_t before[VM_FAULT_CASES];
    uint64_t now[VM_FAULT_CASES];
    uint64_t delta;

    vm_fault_counts(now);
    delta = now[which] - before[which];
    before[which] = now[which];
    return delta;
}

/* ---- pictures ---- */

static char area_letter(const struct vm_area *area) {
    static const char letters[] = {'-', 'r', 'w', 'w', 'x', 'x', '?', '?'};
    char letter = letters[area->prot & VM_RIGHTS];

    return area->flags & VM_AREA_SHARED ? (char)(letter - 'a' + 'A') : letter;
}

static void picture_of(struct vm_space *space, unsigned pages, char *text) {
    for (unsigned i = 0; i < pages; i++) {
        struct vm_area *area = vm_area_find(&space->areas, AT(i));

        if (!area) {
            *text++ = '.';
            continue;
        }
        if (area->start == AT(i))
            *text++ = '[';
        *text++ = area_letter(area);
        if (area->end == AT(i + 1))
            *text++ = ']';
    }
    *text = '\0';
}

void expect_picture(struct vm_space *space, unsigned pages, const char *picture) {
    char text[256];

    CHECK(pages * 3 < sizeof(text));
    picture_of(space, pages, text);
    if (strcmp(text, picture) != 0)
        FAIL("areas are %s, not %s", text, picture);
    space_check(space);
}

/* ---- files ---- */

static int file_get_page(struct vm_object *object, uint64_t index, unsigned access, paddr_t *pa) {
    struct test_file *file = container_of(object, struct test_file, object);

    if (file->slow && !(file->ready >> index & 1))
        return -EAGAIN;
    return vm_object_get_memory_page(object, index, access, pa);
}

static int file_wait(struct vm_object *object, uint64_t index) {
    struct test_file *file = container_of(object, struct test_file, object);

    CHECK_EQ(host_cpu.spin_locks.depth, 0);
    file->waits++;
    file->ready |= 1ull << index;
    return file->wait_error;
}

static void file_destroy(struct vm_object *object) {
    container_of(object, struct test_file, object)->destroyed = true;
}

static const struct vm_object_ops file_ops = {
    .kind = "test file",
    .frame_use = FRAME_FILE,
    .get_page = file_get_page,
    .wait = file_wait,
    .destroy = file_destroy,
};

void file_init(struct test_file *file, uint64_t size_bytes) {
    *file = (struct test_file){0};
    vm_object_init(&file->object, &file_ops, size_bytes);
}

void file_poke(struct test_file *file, uint64_t index, unsigned char byte) {
    struct frame *frame;

    CHECK_EQ(vm_object_page_get(&file->object, index, VM_WRITE, &frame), 0);
    *(unsigned char *)frame_to_virt(frame) = byte;
    frame_unref(frame);
}

int file_peek(struct test_file *file, uint64_t index) {
    struct frame *frame;
    int byte;

    CHECK_EQ(vm_object_page_get(&file->object, index, VM_READ, &frame), 0);
    if (!frame)
        return -1;
    byte = *(unsigned char *)frame_to_virt(frame);
    frame_unref(frame);
    return byte;
}
