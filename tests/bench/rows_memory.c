/* SPDX-License-Identifier: MIT */
/*
 * bench: what memory costs in memory, by the difference of MemFree in /proc/meminfo: on Quire to
 * the frame, on Linux about so (it keeps free pages per processor that it does not count).
 */

#define _GNU_SOURCE
#include "tests/bench/bench.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define GIB_BYTES (GIB_PAGES * PAGE_BYTES)

static uint64_t meminfo_bytes(const char *field) {
    static char text[8192];
    int fd = open("/proc/meminfo", O_RDONLY);
    ssize_t length;
    char *at;

    need(fd >= 0, "/proc/meminfo");
    length = read(fd, text, sizeof text - 1);
    close(fd);
    need(length > 0, "/proc/meminfo");
    text[length] = 0;
    at = strstr(text, field);
    if (!at)
        row_skip();
    return strtoull(at + strlen(field), NULL, 10) * 1024;
}

/* How much less of `field` there is with 1 GiB written. */
static ticks gib_cost(const char *field) {
    uint64_t before = meminfo_bytes(field), after;
    char *pages;

    if (meminfo_bytes("MemFree:") < GIB_BYTES + 100 * MIB)
        row_skip();
    before = meminfo_bytes(field);
    pages = pages_map(GIB_PAGES);
    pages_write(pages, GIB_PAGES);
    after = meminfo_bytes(field);
    pages_unmap(pages, GIB_PAGES);
    return after > before ? after - before : before - after;
}

/* The second time: Linux may get pages back during the first. */
static ticks memory_1g(void) {
    gib_cost("MemFree:");
    return gib_cost("MemFree:") - GIB_BYTES;
}

static ticks memory_1g_tables(void) {
    return gib_cost("PageTables:");
}

static ticks memory_fork_1g(void) {
    uint64_t before = meminfo_bytes("MemFree:"), after;
    struct idler idler = idler_start();

    after = meminfo_bytes("MemFree:");
    idler_end(idler);
    return before - after;
}

static const struct row rows[] = {
    {"memory_1g", "beside 1 GiB written: all that the kernel takes for it", memory_1g, 1, 0,
     ROW_BYTES},
    {"memory_1g_tables", "of that, page tables", memory_1g_tables, 1, 0, ROW_BYTES},
    {"memory_fork_1g", "a fork of 1 GiB", memory_fork_1g, 2, GIB_PAGES, ROW_BYTES},
};

const struct rows memory_rows = ROWS("Memory, in bytes", rows);
