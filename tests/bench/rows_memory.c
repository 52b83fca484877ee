/* SPDX-License-Identifier: MIT */
/*
 * bench: what memory costs in memory, by what is free before and after: on Quire to the frame, on
 * Linux to some dozens of pages, as it counts lazily.
 */

#define _GNU_SOURCE
#include "tests/bench/bench.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define GIB_BYTES (GIB_PAGES * PAGE_BYTES)

static char text[65536];

/* Reads a file into `text`; false if there is none. */
static bool text_read(const char *path) {
    size_t length = 0;
    ssize_t got;
    int fd = open(path, O_RDONLY);

    if (fd < 0)
        return false;
    while ((got = read(fd, text + length, sizeof text - 1 - length)) > 0)
        length += (size_t)got;
    close(fd);
    text[length] = 0;
    return true;
}

static uint64_t meminfo_bytes(const char *field) {
    char *at;

    need(text_read("/proc/meminfo"), "/proc/meminfo");
    at = strstr(text, field);
    if (!at)
        row_skip();
    return strtoull(at + strlen(field), NULL, 10) * 1024;
}

/* Free pages that Linux keeps for each processor: they are in no line of meminfo. */
static uint64_t processors_bytes(void) {
    uint64_t pages = 0;
    char *at = text;

    if (!text_read("/proc/zoneinfo"))
        return 0;
    while ((at = strstr(at, " count: "))) {
        at += strlen(" count: ");
        pages += strtoull(at, NULL, 10);
    }
    return pages * PAGE_BYTES;
}

static uint64_t free_bytes(void) {
    return meminfo_bytes("MemFree:") + processors_bytes();
}

/* How much more there is of what `measure` tells, without 1 GiB written than with it. */
static uint64_t gib_difference(uint64_t (*measure)(void)) {
    uint64_t before, after;
    char *pages;

    if (free_bytes() < GIB_BYTES + 100 * MIB)
        row_skip();
    before = measure();
    pages = pages_map(GIB_PAGES);
    pages_write(pages, GIB_PAGES);
    after = measure();
    pages_unmap(pages, GIB_PAGES);
    return before - after;
}

static uint64_t minus_tables(void) {
    return -meminfo_bytes("PageTables:");
}

static ticks memory_1g(void) {
    return gib_difference(free_bytes) - GIB_BYTES;
}

static ticks memory_1g_tables(void) {
    return gib_difference(minus_tables);
}

/* The mean of several that live at once: the kernel takes memory for its records in slabs. */
static ticks memory_fork_1g(void) {
    enum { FORKS = 16 };
    struct idler idlers[FORKS];
    uint64_t before = free_bytes(), after;

    for (int i = 0; i < FORKS; i++)
        idlers[i] = idler_start();
    after = free_bytes();
    for (int i = FORKS - 1; i >= 0; i--)
        idler_end(idlers[i]);
    return (before - after) / FORKS;
}

static const struct row rows[] = {
    {"memory_1g", "beside 1 GiB written: all that the kernel takes for it", memory_1g, 1, 0,
     ROW_BYTES},
    {"memory_1g_tables", "of that, page tables", memory_1g_tables, 1, 0, ROW_BYTES},
    {"memory_fork_1g", "a fork of 1 GiB", memory_fork_1g, 1, GIB_PAGES, ROW_BYTES},
};

const struct rows memory_rows = ROWS("Memory, in bytes", rows);
