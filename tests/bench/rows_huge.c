/* SPDX-License-Identifier: MIT */
/*
 * bench: huge pages. A kernel that takes the advice and gives small pages is skipped.
 */

#define _GNU_SOURCE
#include "tests/bench/bench.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define BIG_BYTES (BIG_PAGES * PAGE_BYTES)
#define HUGE_PAGES (BIG_BYTES / HUGE_BYTES)
#define ROOM_BYTES (BIG_BYTES + HUGE_BYTES)

static char *huge; /* 16 MiB, aligned */

/* Returns the room that it lies in. */
static char *huge_map(void) {
    char *room = mmap(NULL, ROOM_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int error;

    need(room != MAP_FAILED, "mmap");
    huge = room + (-(uintptr_t)room & (HUGE_BYTES - 1));
    error = madvise(huge, BIG_BYTES, MADV_HUGEPAGE);
    if (error)
        munmap(room, ROOM_BYTES);
    need(error == 0, "madvise");
    return room;
}

static void huge_touch(void) {
    volatile char *pages = huge;

    for (size_t i = 0; i < HUGE_PAGES; i++)
        pages[i * HUGE_BYTES] = 1;
}

static long faults(void) {
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_minflt;
}

/* After a touch of each, the rest of huge pages faults no more. */
static bool is_huge(void) {
    long before = faults();

    pages_write(huge, BIG_PAGES);
    return faults() - before < (long)BIG_PAGES / 2;
}

static void need_huge(char *room) {
    bool is = is_huge();

    if (!is)
        munmap(room, ROOM_BYTES);
    if (!is)
        row_skip();
}

static ticks huge_first_write(void) {
    ticks start = now(), result;
    char *room = huge_map();

    huge_touch();
    munmap(room, ROOM_BYTES);
    result = now() - start;
    room = huge_map();
    huge_touch();
    need_huge(room);
    munmap(room, ROOM_BYTES);
    return per(result, HUGE_PAGES);
}

static ticks huge_write(void) {
    ticks start = now();

    huge_touch();
    return now() - start;
}

static ticks huge_copy_on_write(void) {
    char *room = huge_map();
    ticks result;

    huge_touch();
    need_huge(room);
    result = child_measure(huge_write);
    munmap(room, ROOM_BYTES);
    return result == SKIPPED ? SKIPPED : per(result, HUGE_PAGES);
}

static ticks huge_fork(void) {
    char *room = huge_map();
    ticks start, result;
    pid_t child;

    huge_touch();
    need_huge(room);
    start = now();
    child = child_start();
    if (child == 0)
        _exit(0);
    result = now() - start;
    child_wait(child);
    munmap(room, ROOM_BYTES);
    return per(result, 1);
}

static const struct row rows[] = {
    {"huge_first_write", "map, write once, unmap 16 MiB, per 2 MiB", huge_first_write, 3, 0,
     ROW_TIME},
    {"huge_fork", "fork alone, 16 MiB resident", huge_fork, 5, 0, ROW_TIME},
    {"huge_copy_on_write", "one write to each in a child, per 2 MiB", huge_copy_on_write, 3, 0,
     ROW_TIME},
};

const struct rows huge_rows = ROWS("Huge pages, with `MADV_HUGEPAGE`", rows);
