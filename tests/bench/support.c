/* SPDX-License-Identifier: MIT */
/*
 * bench: memory, files and children to measure with. Pages are of 4 KiB wherever a row does not
 * say otherwise: Linux would give some of these areas huge pages unasked.
 */

#define _GNU_SOURCE
#include "tests/bench/bench.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#define SPARE_BYTES (100 * MIB) /* beside what is resident */
/* Where it is, whatever else is mapped: how it lies across page tables decides what a fork of it
 * costs. Nothing is aligned here, as nothing would be by chance. */
#define RESIDENT_PLACE (0x200000000000 + 300 * MIB + 0x155 * PAGE_BYTES)

char *resident;
static size_t resident_pages;

static char *pages_map_at(void *hint, size_t pages) {
    char *start =
        mmap(hint, pages * PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    need(start != MAP_FAILED, "mmap");
    madvise(start, pages * PAGE_BYTES, MADV_NOHUGEPAGE);
    return start;
}

char *pages_map(size_t pages) {
    return pages_map_at(NULL, pages);
}

void pages_unmap(char *start, size_t pages) {
    munmap(start, pages * PAGE_BYTES);
}

void pages_write(volatile char *start, size_t pages) {
    for (size_t i = 0; i < pages; i++)
        start[i * PAGE_BYTES] = 1;
}

void pages_read(volatile char *start, size_t pages) {
    for (size_t i = 0; i < pages; i++)
        (void)start[i * PAGE_BYTES];
}

static bool memory_has(uint64_t bytes) {
    struct sysinfo info;

    return sysinfo(&info) == 0 && (uint64_t)info.freeram * info.mem_unit > bytes;
}

void resident_set(size_t pages) {
    if (resident_pages == pages)
        return;
    if (resident_pages)
        pages_unmap(resident, resident_pages);
    resident_pages = 0;
    if (pages == 0)
        return;
    if (!memory_has(pages * PAGE_BYTES + SPARE_BYTES))
        row_skip();
    resident = pages_map_at((void *)RESIDENT_PLACE, pages);
    resident_pages = pages;
    pages_write(resident, pages);
}

int file_open(void) {
    static int fd = -1;
    static char page[PAGE_BYTES] = "x";
    char path[] = "/tmp/bench-XXXXXX";

    if (fd >= 0)
        return fd;
    fd = mkstemp(path);
    need(fd >= 0, "a file in /tmp");
    unlink(path);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    for (size_t i = 0; i < FILE_PAGES; i++)
        need(write(fd, page, sizeof page) == sizeof page, "write");
    return fd;
}

char *file_map(int protection, int flags) {
    char *start = mmap(NULL, FILE_PAGES * PAGE_BYTES, protection, flags, file_open(), 0);

    need(start != MAP_FAILED, "mmap of a file");
    return start;
}

/* ---- children ---- */

pid_t child_start(void) {
    pid_t child = fork();

    need(child >= 0, "fork");
    return child;
}

void child_wait(pid_t child) {
    need(waitpid(child, NULL, 0) == child, "waitpid");
}

ticks child_measure(ticks (*measure)(void)) {
    ticks *result =
        mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ticks value;
    pid_t child;

    need(result != MAP_FAILED, "mmap of shared memory");
    *result = SKIPPED;
    child = child_start();
    if (child == 0) {
        *result = measure();
        _exit(0);
    }
    child_wait(child);
    value = *result;
    munmap(result, PAGE_BYTES);
    return value;
}

struct idler idler_start(void) {
    struct idler idler;
    int pair[2];
    char byte;

    need(pipe2(pair, O_CLOEXEC) == 0, "pipe2");
    idler.pid = child_start();
    idler.release = pair[1];
    if (idler.pid == 0) {
        close(pair[1]);
        _exit(read(pair[0], &byte, 1) != 0);
    }
    close(pair[0]);
    return idler;
}

void idler_end(struct idler idler) {
    close(idler.release);
    child_wait(idler.pid);
}
