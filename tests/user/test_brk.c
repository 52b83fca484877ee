/* SPDX-License-Identifier: MIT */
/*
 * brk: the heap's end, by the byte.
 *
 * Row X4: grow, shrink, failure changes nothing, a page returned and grown again reads zero,
 * byte-sized steps, wrap-around refused; B5 and B9: brk against mmap. The raw system call is
 * used: it returns the new break, or the old one when it refuses.
 */
#include "catch.h"
#include "facts.h"

#include <sys/resource.h>
#include <sys/syscall.h>

static uintptr_t brk_set(uintptr_t wanted) {
    return (uintptr_t)syscall(SYS_brk, wanted);
}

static uintptr_t brk_now(void) {
    return brk_set(0);
}

/* The first page border at or above the break: the heap's pages end there. */
static uintptr_t page_end(uintptr_t address) {
    return (address + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
}

static void zero_asks(void) {
    uintptr_t now = brk_now();

    CHECK(now != 0);
    CHECK_EQ(brk_now(), now);
    CHECK_EQ(brk_set(1), now);
}

static void grows_and_shrinks(void) {
    uintptr_t start = brk_now();
    char *heap = (char *)page_end(start);

    CHECK_EQ(brk_set(start + 10 * PAGE_BYTES), start + 10 * PAGE_BYTES);
    heap[0] = heap[5 * PAGE_BYTES] = 1;
    CHECK_EQ(brk_set(start), start);
    CHECK(!can_read(heap + 5 * PAGE_BYTES));
    CHECK(!can_read(heap));
}

static void grown_again_reads_zero(void) {
    uintptr_t start = page_end(brk_now());
    volatile char *heap = (char *)start;

    for (int round = 0; round < 5; round++) {
        CHECK_EQ(brk_set(start + 4 * PAGE_BYTES), start + 4 * PAGE_BYTES);
        for (size_t i = 0; i < 4 * PAGE_BYTES; i += 64)
            CHECK_EQ(heap[i], 0);
        memset((char *)heap, 0x5a, 4 * PAGE_BYTES);
        CHECK_EQ(brk_set(start), start);
    }
}

static void byte_sized_steps(void) {
    uintptr_t start = page_end(brk_now());
    char *heap = (char *)start;

    CHECK_EQ(brk_set(start), start);
    for (uintptr_t i = 1; i <= 64; i++)
        CHECK_EQ(brk_set(start + i), start + i);
    CHECK(can_write(heap));
    CHECK(can_write(heap + PAGE_BYTES - 1));
    CHECK(!can_read(heap + PAGE_BYTES));
    CHECK_EQ(brk_set(start + PAGE_BYTES), start + PAGE_BYTES);
    CHECK(!can_read(heap + PAGE_BYTES));
    CHECK_EQ(brk_set(start + PAGE_BYTES + 1), start + PAGE_BYTES + 1);
    CHECK(can_write(heap + PAGE_BYTES));
    CHECK_EQ(brk_set(start + 1), start + 1);
    CHECK(!can_read(heap + PAGE_BYTES));
    CHECK(can_write(heap));
}

/* Within one page nothing is given back, so nothing is lost either. */
static void partial_page_keeps_its_bytes(void) {
    uintptr_t start = page_end(brk_now());
    char *heap = (char *)start;

    CHECK_EQ(brk_set(start + 100), start + 100);
    heap[50] = 7;
    CHECK_EQ(brk_set(start + 10), start + 10);
    CHECK_EQ(brk_set(start + 100), start + 100);
    CHECK_EQ(heap[50], 7);
}

static void impossible_is_refused(void) {
    static const uintptr_t wishes[] = {
        0x7ffffffff000,
        0x800000000000,
        0xffff800000000000,
        0xffffffffffffffff,
        0xfffffffffffff000,
        0x8000000000000000,
        0x1000,
    };
    uintptr_t start = brk_now();

    for (size_t i = 0; i < COUNT_OF(wishes); i++) {
        CHECK_EQ(brk_set(wishes[i]), start);
        CHECK_EQ(brk_now(), start);
    }
}

static void data_limit_is_kept(void) {
    uintptr_t start = brk_now();

    CHECK_EQ(setrlimit(RLIMIT_DATA, &(struct rlimit){4 << 20, 4 << 20}), 0);
    CHECK_EQ(brk_set(start + (8 << 20)), start);
    CHECK_EQ(brk_now(), start);
    CHECK_EQ(brk_set(start + (1 << 20)), start + (1 << 20));
}

static void mapping_in_the_way_stops_it(void) {
    uintptr_t start = page_end(brk_now());
    char *block = mmap((void *)(start + 8 * PAGE_BYTES), PAGE_BYTES, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

    CHECK(block == (char *)start + 8 * PAGE_BYTES);
    block[0] = 9;
    CHECK_EQ(brk_set(start), start);
    CHECK_EQ(brk_set(start + 20 * PAGE_BYTES), start);
    CHECK_EQ(block[0], 9);
    CHECK_EQ(brk_set(start + 4 * PAGE_BYTES), start + 4 * PAGE_BYTES);
}

static void frames_follow(void) {
    uintptr_t start = page_end(brk_now());
    struct memory_use before = memory_use();

    frames_exact_or_skip();
    for (int round = 0; round < 3; round++) {
        brk_set(start + 64 * PAGE_BYTES);
        pages_write((char *)start, 64, 1);
        brk_set(start);
        if (round == 0)
            before = memory_use();
    }
    CHECK_MEMORY_SAME(memory_use(), before);
    brk_set(start + 64 * PAGE_BYTES);
    CHECK_EQ(memory_use().anonymous, before.anonymous);
    pages_write((char *)start, 64, 1);
    CHECK_EQ(memory_use().anonymous, before.anonymous + 64);
}

static void heap_is_in_the_maps(void) {
    uintptr_t start = page_end(brk_now());
    struct area area;

    CHECK_EQ(brk_set(start + 2 * PAGE_BYTES), start + 2 * PAGE_BYTES);
    CHECK(area_find((char *)start, &area));
    CHECK(strstr(area.name, "[heap]") != NULL);
    CHECK(strcmp(area.rights, "rw-p") == 0);
    CHECK_EQ(area.end, start + 2 * PAGE_BYTES);
}

static void child_has_its_own_break(void) {
    uintptr_t start = page_end(brk_now());
    int status;

    CHECK_EQ(brk_set(start + PAGE_BYTES), start + PAGE_BYTES);
    if (fork() == 0) {
        CHECK_EQ(brk_now(), start + PAGE_BYTES);
        CHECK_EQ(brk_set(start + 9 * PAGE_BYTES), start + 9 * PAGE_BYTES);
        *(char *)(start + 8 * PAGE_BYTES) = 1;
        _exit(0);
    }
    CHECK(wait(&status) > 0);
    CHECK_EQ(status, 0);
    CHECK_EQ(brk_now(), start + PAGE_BYTES);
    CHECK(!can_read((char *)start + 8 * PAGE_BYTES));
}

CHECK_MAIN({"zero_asks", zero_asks}, {"grows_and_shrinks", grows_and_shrinks},
           {"grown_again_reads_zero", grown_again_reads_zero},
           {"byte_sized_steps", byte_sized_steps},
           {"partial_page_keeps_its_bytes", partial_page_keeps_its_bytes},
           {"impossible_is_refused", impossible_is_refused},
           {"data_limit_is_kept", data_limit_is_kept},
           {"mapping_in_the_way_stops_it", mapping_in_the_way_stops_it},
           {"frames_follow", frames_follow}, {"heap_is_in_the_maps", heap_is_in_the_maps},
           {"child_has_its_own_break", child_has_its_own_break})
