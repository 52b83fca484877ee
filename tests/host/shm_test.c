/* SPDX-License-Identifier: MIT */
/*
 * kernel/ipc: segments of shared memory, from inside: each allocation failing in turn, who holds
 * what, and that ids go round.
 */
#include "ipc/shm.h"

#include "abi/errno.h"
#include "abi/shm.h"
#include "lib/bits.h"
#include "support/check.h"
#include "support/inject.h"
#include "support/model_cpu.h"
#include "vfs/world.h"
#include "vm/map.h"

#define BYTES (3 * PAGE_SIZE)
#define AT(page) (0x10000000ull + (page)*PAGE_SIZE)

static struct vm_space *space;
static struct world_memory before;

static void begin(void) {
    world_init();
    before = world_memory();
    space = vm_space_create();
    CHECK(space != NULL);
}

/* Nothing is left of what the test did, in the space, of segments and in memory. */
static void end(void) {
    struct shm_usage usage;

    CHECK(vm_area_first(&space->areas) == NULL);
    shm_get_usage(&usage);
    CHECK_EQ(usage.segments, 0);
    CHECK_EQ(usage.total_pages, 0);
    vm_space_unref(space);
    world_check_memory(&before, "shared memory");
}

static int make(void) {
    int id = shm_get(IPC_PRIVATE, BYTES, 0600);

    CHECK(id >= 0);
    return id;
}

static void attach_at(struct vm_space *to, int id, unsigned page) {
    uint64_t address = AT(page);

    CHECK_EQ(shm_attach(to, id, &address, 0), 0);
    CHECK_EQ(address, AT(page));
}

static uint64_t attachments(int id) {
    struct shm_status status;

    CHECK_EQ(shm_get_status(id, SHM_BY_ID, &status), 0);
    return status.attachments;
}

static void poke(struct vm_space *in, unsigned page, unsigned char byte) {
    CHECK_EQ(vm_space_write(in, AT(page), &byte, 1), 0);
}

static int peek(struct vm_space *in, unsigned page) {
    unsigned char byte;

    CHECK_EQ(vm_space_read(in, AT(page), &byte, 1), 0);
    return byte;
}

/* ---- running out of memory ---- */

static void test_no_memory_for_a_segment(void) {
    struct world_memory with;
    int id;

    begin();
    with = world_memory();
    for (unsigned n = 0;; n++) {
        inject_fail_nth(n);
        id = shm_get(1234, BYTES, 0600 | IPC_CREAT);
        if (!inject_stop())
            break;
        CHECK_EQ(id, -ENOMEM);
        CHECK_EQ(shm_get(1234, 0, 0), -ENOENT);
        world_check_memory(&with, "shm_get");
    }
    CHECK(id >= 0);
    CHECK_EQ(shm_remove(id), 0);
    end();
}

/* Over something that has to be cut in two for it, and that stays whole if that fails. */
static void test_no_memory_to_attach(void) {
    const struct vm_map_request below = {.address = AT(0),
                                         .length = 10 * PAGE_SIZE,
                                         .prot = VM_READ | VM_WRITE,
                                         .flags = VM_MAP_FIXED};
    struct world_memory with;
    uint64_t address;
    int id, error;

    begin();
    id = make();
    CHECK_EQ(vm_map(space, &below, &address), 0);
    poke(space, 4, 4);
    poke(space, 9, 9);
    with = world_memory();
    for (unsigned n = 0;; n++) {
        address = AT(3);
        inject_fail_nth(n);
        error = shm_attach(space, id, &address, SHM_REMAP);
        if (!inject_stop())
            break;
        CHECK_EQ(error, -ENOMEM);
        CHECK_EQ(attachments(id), 0);
        CHECK_EQ(peek(space, 4), 4);
        world_check_memory(&with, "shm_attach");
    }
    CHECK_EQ(error, 0);
    CHECK_EQ(attachments(id), 1);
    CHECK_EQ(peek(space, 4), 0);
    CHECK_EQ(peek(space, 9), 9);
    CHECK_EQ(shm_remove(id), 0);
    CHECK_EQ(vm_unmap(space, AT(0), 10 * PAGE_SIZE), 0);
    end();
}

/* A removal that comes while an attach fails takes the segment all the same. */
static void test_no_memory_to_attach_what_is_removed(void) {
    uint64_t address = 0;
    int id;

    begin();
    id = make();
    attach_at(space, id, 0);
    CHECK_EQ(shm_remove(id), 0);
    inject_fail_nth(0);
    CHECK_EQ(shm_attach(space, id, &address, 0), -ENOMEM);
    CHECK(inject_stop());
    CHECK_EQ(attachments(id), 1);
    CHECK_EQ(shm_detach(space, AT(0)), 0);
    end();
}

static void test_no_memory_to_fork(void) {
    struct vm_space *child;
    int id, error;

    begin();
    id = make();
    attach_at(space, id, 0);
    attach_at(space, id, 10);
    poke(space, 1, 1);
    for (unsigned n = 0;; n++) {
        inject_fail_nth(n);
        error = vm_space_fork(space, &child);
        if (!inject_stop())
            break;
        if (error == 0) /* the pmap can do without */
            vm_space_unref(child);
        else
            CHECK_EQ(error, -ENOMEM);
        CHECK_EQ(attachments(id), 2);
    }
    CHECK_EQ(error, 0);
    CHECK_EQ(attachments(id), 4);
    CHECK_EQ(peek(child, 11), 1);
    CHECK_EQ(shm_remove(id), 0);
    vm_space_unref(child);
    CHECK_EQ(attachments(id), 2);
    CHECK_EQ(shm_detach(space, AT(0)), 0);
    CHECK_EQ(peek(space, 11), 1);
    CHECK_EQ(shm_detach(space, AT(10)), 0);
    end();
}

/* ---- life ---- */

/* A space that ends is the last to have it. */
static void test_goes_with_a_space(void) {
    struct vm_space *other;
    struct shm_status status;
    int id;

    begin();
    other = vm_space_create();
    id = make();
    attach_at(other, id, 0);
    poke(other, 1, 1);
    CHECK_EQ(shm_remove(id), 0);
    vm_space_unref(other);
    CHECK_EQ(shm_get_status(id, SHM_BY_ID, &status), -EINVAL);
    end();
}

/* Splitting and joining areas counts, and ends where it began. */
static void test_parts_are_counted(void) {
    int id;

    begin();
    id = make();
    attach_at(space, id, 0);
    CHECK_EQ(vm_protect(space, AT(1), PAGE_SIZE, VM_READ), 0);
    CHECK_EQ(attachments(id), 3);
    CHECK_EQ(vm_protect(space, AT(1), PAGE_SIZE, VM_READ | VM_WRITE), 0);
    CHECK_EQ(attachments(id), 1);
    CHECK_EQ(vm_unmap(space, AT(1), PAGE_SIZE), 0);
    CHECK_EQ(shm_remove(id), 0);
    CHECK_EQ(attachments(id), 2);
    CHECK_EQ(shm_detach(space, AT(0)), 0);
    end();
}

/* Two attachments side by side, of the same segment and in parts: only one of them goes. */
static void test_detach_leaves_the_neighbour(void) {
    int id;

    begin();
    id = make();
    attach_at(space, id, 0);
    attach_at(space, id, 3);
    CHECK_EQ(vm_unmap(space, AT(1), PAGE_SIZE), 0);
    CHECK_EQ(vm_unmap(space, AT(4), PAGE_SIZE), 0);
    CHECK_EQ(attachments(id), 4);
    CHECK_EQ(shm_detach(space, AT(1)), -EINVAL);
    CHECK_EQ(shm_detach(space, AT(0)), 0);
    CHECK_EQ(attachments(id), 2);
    poke(space, 5, 5);
    CHECK_EQ(shm_remove(id), 0);
    CHECK_EQ(shm_detach(space, AT(3)), 0);
    end();
}

/* ---- ids ---- */

/* An id that is gone is found by nobody, though its index is another's by now. */
static void test_ids_go_round(void) {
    struct shm_status status;
    int kept, first, id = -1;

    begin();
    kept = make();
    first = make();
    CHECK_EQ(shm_remove(first), 0);
    for (unsigned i = 0; i < 1000; i++) {
        id = make();
        CHECK(id != first && id != kept);
        CHECK((unsigned)id % SHM_INDEXES < 64);
        if ((unsigned)id % SHM_INDEXES == (unsigned)first % SHM_INDEXES)
            CHECK_EQ(shm_get_status(first, SHM_BY_ID, &status), -EINVAL);
        CHECK_EQ(shm_remove(id), 0);
    }
    CHECK(id / (int)SHM_INDEXES > 10);
    CHECK_EQ(shm_get_status(kept, SHM_BY_ID, &status), 0);
    CHECK_EQ(shm_remove(kept), 0);
    end();
}

/* As many as there may be: each index once. */
static void test_all_indexes(void) {
    static int ids[SHMMNI];
    struct shm_status status;
    int index = 0;

    begin();
    for (unsigned i = 0; i < SHMMNI; i++)
        ids[i] = make();
    CHECK_EQ(shm_get(IPC_PRIVATE, 1, 0600), -ENOSPC);
    for (unsigned i = 0; i < SHMMNI; i++, index++) {
        index = shm_next(index, &status);
        CHECK(index >= 0 && (unsigned)status.id % SHM_INDEXES == (unsigned)index);
    }
    CHECK_EQ(shm_next(index, &status), -ENOENT);
    for (unsigned i = 0; i < SHMMNI; i++)
        CHECK_EQ(shm_remove(ids[i * 5 % SHMMNI]), 0);
    end();
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        {"no_memory_for_a_segment", test_no_memory_for_a_segment},
        {"no_memory_to_attach", test_no_memory_to_attach},
        {"no_memory_to_attach_what_is_removed", test_no_memory_to_attach_what_is_removed},
        {"no_memory_to_fork", test_no_memory_to_fork},
        {"goes_with_a_space", test_goes_with_a_space},
        {"parts_are_counted", test_parts_are_counted},
        {"detach_leaves_the_neighbour", test_detach_leaves_the_neighbour},
        {"ids_go_round", test_ids_go_round},
        {"all_indexes", test_all_indexes},
    };

    return test_main(argc, argv, "shm", tests, ARRAY_SIZE(tests));
}
