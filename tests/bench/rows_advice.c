/* SPDX-License-Identifier: MIT */
/*
 * bench: calls that advise, ask, hold and write back, and the file that shows it all.
 */

#define _GNU_SOURCE
#include "tests/bench/bench.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#define BIG_BYTES (BIG_PAGES * PAGE_BYTES)
#define FILE_BYTES (FILE_PAGES * PAGE_BYTES)

/* One madvise of the resident memory, which is written again before the next. */
static ticks advise_resident(int advice) {
    ticks start, result;

    pages_write(resident, BIG_PAGES);
    start = now();
    need(madvise(resident, BIG_BYTES, advice) == 0, "madvise");
    result = now() - start;
    return per(result, BIG_PAGES);
}

static ticks madvise_dontneed(void) {
    return advise_resident(MADV_DONTNEED);
}

static ticks madvise_free(void) {
    return advise_resident(MADV_FREE);
}

static ticks madvise_populate(void) {
    char *pages = pages_map(BIG_PAGES);
    ticks start = now(), result;
    int error = madvise(pages, BIG_BYTES, MADV_POPULATE_WRITE);

    result = now() - start;
    pages_unmap(pages, BIG_PAGES);
    need(error == 0, "madvise");
    return per(result, BIG_PAGES);
}

static ticks madvise_willneed(void) {
    char *pages = file_map(PROT_READ, MAP_PRIVATE);
    ticks start = now(), result;
    int error = madvise(pages, FILE_BYTES, MADV_WILLNEED);

    result = now() - start;
    munmap(pages, FILE_BYTES);
    need(error == 0, "madvise");
    return per(result, 1);
}

static ticks msync_file(void) {
    char *pages = file_map(PROT_READ | PROT_WRITE, MAP_SHARED);
    ticks start, result;
    int error;

    pages_write(pages, FILE_PAGES);
    start = now();
    error = msync(pages, FILE_BYTES, MS_SYNC);
    result = now() - start;
    munmap(pages, FILE_BYTES);
    need(error == 0, "msync");
    return per(result, 1);
}

static ticks mincore_16m(void) {
    static unsigned char there[BIG_PAGES];
    ticks start = now();

    need(mincore(resident, BIG_BYTES, there) == 0, "mincore");
    return per(now() - start, BIG_PAGES);
}

static ticks mlock_munlock(void) {
    ticks start = now();

    need(mlock(resident, BIG_BYTES) == 0, "mlock");
    need(munlock(resident, BIG_BYTES) == 0, "munlock");
    return per(now() - start, BIG_PAGES);
}

static ticks smaps_read(void) {
    static char text[16384];
    ticks start = now();
    int fd = open("/proc/self/smaps", O_RDONLY);

    need(fd >= 0, "/proc/self/smaps");
    while (read(fd, text, sizeof text) > 0)
        ;
    close(fd);
    return per(now() - start, 1);
}

static const struct row rows[] = {
    {"madvise_dontneed", "madvise `DONTNEED` of 16 MiB resident, per page", madvise_dontneed, 3,
     BIG_PAGES, ROW_TIME},
    {"madvise_free", "madvise `FREE` of 16 MiB resident, per page", madvise_free, 3, BIG_PAGES,
     ROW_TIME},
    {"madvise_populate", "madvise `POPULATE_WRITE` of 16 MiB, per page", madvise_populate, 3, 0,
     ROW_TIME},
    {"madvise_willneed", "madvise `WILLNEED` of 4 MiB of a cached file", madvise_willneed, 5, 0,
     ROW_TIME},
    {"msync", "msync of 4 MiB of a file in memory, all written", msync_file, 5, 0, ROW_TIME},
    {"mincore", "mincore of 16 MiB resident, per page", mincore_16m, 5, BIG_PAGES, ROW_TIME},
    {"mlock_munlock", "mlock and munlock of 16 MiB resident, per page", mlock_munlock, 3, BIG_PAGES,
     ROW_TIME},
    {"smaps", "read /proc/self/smaps, 16 MiB resident", smaps_read, 5, BIG_PAGES, ROW_TIME},
};

const struct rows advice_rows = ROWS("Advice and residence", rows);
