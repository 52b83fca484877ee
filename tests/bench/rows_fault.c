/* SPDX-License-Identifier: MIT */
/*
 * bench: page faults, each with the mapping it needs made and ended where the row says so.
 */

#define _GNU_SOURCE
#include "tests/bench/bench.h"

#include <sys/mman.h>

static ticks first_write(void) {
    ticks start = now();
    char *pages = pages_map(BIG_PAGES);

    pages_write(pages, BIG_PAGES);
    pages_unmap(pages, BIG_PAGES);
    return per(now() - start, BIG_PAGES);
}

static ticks first_read(void) {
    ticks start = now();
    char *pages = pages_map(BIG_PAGES);

    pages_read(pages, BIG_PAGES);
    pages_unmap(pages, BIG_PAGES);
    return per(now() - start, BIG_PAGES);
}

static ticks resident_write(void) {
    ticks start = now();

    pages_write(resident, BIG_PAGES);
    return now() - start;
}

static ticks copy_on_write(void) {
    ticks result;

    pages_write(resident, BIG_PAGES);
    result = child_measure(resident_write);
    return result == SKIPPED ? SKIPPED : per(result, BIG_PAGES);
}

static ticks read_fault_file(void) {
    ticks start = now();
    char *pages = file_map(PROT_READ, MAP_PRIVATE);

    pages_read(pages, FILE_PAGES);
    pages_unmap(pages, FILE_PAGES);
    return per(now() - start, FILE_PAGES);
}

/* 617 and FILE_PAGES have no common factor: every page once, no two neighbours in turn. */
static ticks read_fault_random(void) {
    ticks start = now();
    volatile char *pages = file_map(PROT_READ, MAP_PRIVATE);

    for (size_t i = 0, at = 0; i < FILE_PAGES; i++, at = (at + 617) % FILE_PAGES)
        (void)pages[at * PAGE_BYTES];
    pages_unmap((char *)pages, FILE_PAGES);
    return per(now() - start, FILE_PAGES);
}

static ticks file_write_fault(int flags) {
    ticks start = now();
    char *pages = file_map(PROT_READ | PROT_WRITE, flags);

    pages_write(pages, FILE_PAGES);
    pages_unmap(pages, FILE_PAGES);
    return per(now() - start, FILE_PAGES);
}

static ticks write_fault_private(void) {
    return file_write_fault(MAP_PRIVATE);
}

static ticks write_fault_shared(void) {
    return file_write_fault(MAP_SHARED);
}

static const struct row rows[] = {
    {"first_write", "first write to an anonymous page, of 16 MiB", first_write, 5, 0, ROW_TIME},
    {"first_read", "first read of an anonymous page, of 16 MiB", first_read, 3, 0, ROW_TIME},
    {"copy_on_write", "copy on write in a child, of 16 MiB; the touch alone", copy_on_write, 3,
     BIG_PAGES, ROW_TIME},
    {"read_fault_file", "read of a page of a cached file, of 4 MiB", read_fault_file, 5, 0,
     ROW_TIME},
    {"read_fault_random", "read of a page of a cached file, in random order", read_fault_random, 5,
     0, ROW_TIME},
    {"write_fault_shared", "write to a page of a cached file, `MAP_SHARED`", write_fault_shared, 5,
     0, ROW_TIME},
    {"write_fault_private", "write to a page of a cached file, `MAP_PRIVATE`", write_fault_private,
     3, 0, ROW_TIME},
};

const struct rows fault_rows = ROWS("Page faults: map, touch each page, unmap; per page", rows);
