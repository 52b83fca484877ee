/* SPDX-License-Identifier: MIT */
/*
 * bench: calls that make, change, move and end mappings.
 */

#define _GNU_SOURCE
#include "tests/bench/bench.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define READ_WRITE (PROT_READ | PROT_WRITE)
#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS)
#define BIG_BYTES (BIG_PAGES * PAGE_BYTES)

static ticks mmap_munmap(void) {
    ticks start = now();

    for (int i = 0; i < 100; i++)
        munmap(mmap(NULL, PAGE_BYTES, READ_WRITE, ANONYMOUS, -1, 0), PAGE_BYTES);
    return per(now() - start, 100);
}

/* A new page over the middle one of three. */
static ticks mmap_fixed(void) {
    char *pages = pages_map(3);
    char *middle = pages + PAGE_BYTES;
    ticks start = now(), result;

    for (int i = 0; i < 100; i++)
        need(mmap(middle, PAGE_BYTES, READ_WRITE, ANONYMOUS | MAP_FIXED, -1, 0) == middle, "mmap");
    result = now() - start;
    pages_unmap(pages, 3);
    return per(result, 100);
}

/* 511 pages: too few for a huge one, whatever the kernel prefers. */
static ticks mmap_populate(void) {
    enum { COUNT = 511 };
    ticks start = now();
    char *pages = mmap(NULL, COUNT * PAGE_BYTES, READ_WRITE, ANONYMOUS | MAP_POPULATE, -1, 0);

    need(pages != MAP_FAILED, "mmap with MAP_POPULATE");
    pages_unmap(pages, COUNT);
    return per(now() - start, COUNT);
}

/* Every other page of an area, so that each call leaves one more area. */
static ticks munmap_middle(void) {
    enum { CALLS = 100 };
    char *pages = pages_map(2 * CALLS + 1);
    ticks start = now(), result;

    for (int i = 0; i < CALLS; i++)
        munmap(pages + (2 * i + 1) * PAGE_BYTES, PAGE_BYTES);
    result = now() - start;
    pages_unmap(pages, 2 * CALLS + 1);
    return per(result, CALLS);
}

static ticks munmap_16m(void) {
    char *pages = pages_map(BIG_PAGES);
    ticks start;

    pages_write(pages, BIG_PAGES);
    start = now();
    pages_unmap(pages, BIG_PAGES);
    return per(now() - start, BIG_PAGES);
}

/* Rights taken and given back: two calls each turn. */
static ticks protect_turns(char *pages, size_t count, int turns) {
    ticks start = now();

    for (int i = 0; i < turns; i++) {
        mprotect(pages, count * PAGE_BYTES, PROT_READ);
        mprotect(pages, count * PAGE_BYTES, READ_WRITE);
    }
    return now() - start;
}

/* The page `at` of `count` resident ones. */
static ticks protect_one(size_t at, size_t count) {
    char *pages = pages_map(count);
    ticks result;

    pages_write(pages, count);
    result = protect_turns(pages + at * PAGE_BYTES, 1, 50);
    pages_unmap(pages, count);
    return per(result, 100);
}

static ticks mprotect_page(void) {
    return protect_one(1, 2);
}

static ticks mprotect_middle(void) {
    return protect_one(1, 3);
}

static ticks mprotect_16m(void) {
    pages_write(resident, BIG_PAGES);
    return per(protect_turns(resident, BIG_PAGES, 2), 4 * BIG_PAGES);
}

/* ---- mremap ---- */

/* Grows over the hole above it by 1 MiB, and is cut again. */
static ticks mremap_grow(void) {
    enum { TURNS = 20 };
    char *pages = pages_map(BIG_PAGES + MIB / PAGE_BYTES);
    ticks result = 0;

    munmap(pages + BIG_BYTES, MIB);
    for (int i = 0; i < TURNS; i++) {
        ticks start = now();
        void *grown = mremap(pages, BIG_BYTES, BIG_BYTES + MIB, 0);
        result += now() - start;
        need(grown == pages, "mremap in place");
        munmap(pages + BIG_BYTES, MIB);
    }
    munmap(pages, BIG_BYTES);
    return per(result, TURNS);
}

/* Back and forth between two places, both aligned so that whole tables can be moved. */
static ticks move(size_t bytes, int turns) {
    size_t room = 2 * (BIG_BYTES + HUGE_BYTES);
    char *hole = mmap(NULL, room, PROT_NONE, ANONYMOUS | MAP_NORESERVE, -1, 0);
    char *place = hole + (-(uintptr_t)hole & (HUGE_BYTES - 1));
    char *other = place + BIG_BYTES + HUGE_BYTES;
    ticks start, result;

    need(hole != MAP_FAILED, "mmap");
    need(mmap(place, bytes, READ_WRITE, ANONYMOUS | MAP_FIXED, -1, 0) == place, "mmap");
    madvise(place, bytes, MADV_NOHUGEPAGE);
    pages_write(place, bytes / PAGE_BYTES);
    start = now();
    for (int i = 0; i < turns; i++) {
        char *moved = mremap(place, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, other);
        need(moved == other, "mremap");
        other = place;
        place = moved;
    }
    result = now() - start;
    munmap(hole, room);
    return per(result, (uint64_t)turns);
}

static ticks mremap_move_page(void) {
    return move(PAGE_BYTES, 20);
}

static ticks mremap_move_16m(void) {
    return move(BIG_BYTES, 4);
}

/* ---- the break and the stack: 256 pages, too few for a huge one ---- */

#define GROWN_PAGES 256UL

static ticks brk_grow_shrink(void) {
    uintptr_t end = (uintptr_t)syscall(SYS_brk, 0);
    uintptr_t high = end + GROWN_PAGES * PAGE_BYTES;
    ticks start = now();

    need((uintptr_t)syscall(SYS_brk, high) == high, "brk");
    pages_write((char *)end, GROWN_PAGES);
    syscall(SYS_brk, end);
    return per(now() - start, GROWN_PAGES);
}

static ticks stack_touch(void) {
    volatile char *top = __builtin_frame_address(0);
    ticks start = now();

    for (size_t i = 1; i <= GROWN_PAGES; i++)
        top[-(ptrdiff_t)(i * PAGE_BYTES)] = 1;
    return now() - start;
}

/* In a child: a stack grows only once. */
static ticks stack_growth(void) {
    ticks result = child_measure(stack_touch);

    return result == SKIPPED ? SKIPPED : per(result, GROWN_PAGES);
}

static const struct row rows[] = {
    {"mmap_munmap", "mmap and munmap of one page, untouched", mmap_munmap, 5, 0, ROW_TIME},
    {"mmap_fixed", "mmap `MAP_FIXED` over the middle of three pages", mmap_fixed, 5, 0, ROW_TIME},
    {"mmap_populate", "mmap `MAP_POPULATE`, munmap of 511 pages, per page", mmap_populate, 5, 0,
     ROW_TIME},
    {"munmap_middle", "munmap of a page amid an area", munmap_middle, 5, 0, ROW_TIME},
    {"munmap_16m", "munmap of 16 MiB resident, per page", munmap_16m, 3, 0, ROW_TIME},
    {"mprotect_page", "mprotect of one resident page, the last of its area", mprotect_page, 5, 0,
     ROW_TIME},
    {"mprotect_middle", "mprotect of one resident page amid an area", mprotect_middle, 5, 0,
     ROW_TIME},
    {"mprotect_16m", "mprotect of 16 MiB resident, per page", mprotect_16m, 5, BIG_PAGES, ROW_TIME},
    {"mremap_grow", "mremap: grow in place by 1 MiB, untouched", mremap_grow, 5, 0, ROW_TIME},
    {"mremap_move_page", "mremap: move one resident page", mremap_move_page, 5, 0, ROW_TIME},
    {"mremap_move_16m", "mremap: move 16 MiB resident", mremap_move_16m, 3, 0, ROW_TIME},
    {"brk", "brk grow, touch, shrink, per page", brk_grow_shrink, 5, 0, ROW_TIME},
    {"stack_growth", "the stack grows, per page", stack_growth, 5, 0, ROW_TIME},
};

const struct rows map_rows = ROWS("Mappings", rows);
