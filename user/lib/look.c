/* SPDX-License-Identifier: MIT */
/* Frames, counters and areas, read from /proc. See look.h. */
#define _GNU_SOURCE
#include "user/lib/look.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ENTRY_PRESENT (1ULL << 63)
#define ENTRY_FRAME ((1ULL << 55) - 1)
#define EXIT_SKIPPED 77

static char text[32768];
static int verdict;

char *look_file(const char *path) {
    size_t length = 0;
    ssize_t got;
    int fd = open(path, O_RDONLY);

    while (fd >= 0 && (got = read(fd, text + length, sizeof text - 1 - length)) > 0)
        length += (size_t)got;
    if (fd >= 0)
        close(fd);
    text[length] = '\0';
    return text;
}

uint64_t look_frame(pid_t pid, const volatile void *address) {
    char path[64] = "/proc/self/pagemap";
    uint64_t entry = 0;
    int fd;

    if (pid)
        snprintf(path, sizeof path, "/proc/%d/pagemap", pid);
    fd = open(path, O_RDONLY);
    if (fd < 0 || pread(fd, &entry, sizeof entry, (off_t)((uintptr_t)address / PAGE_BYTES * 8)) < 0)
        entry = 0;
    close(fd);
    return entry & ENTRY_PRESENT ? entry & ENTRY_FRAME : 0;
}

long look_number(const char *path, const char *key) {
    size_t length = strlen(key);

    for (char *line = strtok(look_file(path), "\n"); line; line = strtok(NULL, "\n"))
        if (strncmp(line, key, length) == 0 && strchr(" :\t", line[length]))
            return strtol(line + length + strspn(line + length, " :\t"), NULL, 10);
    return -1;
}

static long counter(const char *key) {
    long value = look_number("/proc/vmstat", key);

    if (value >= 0)
        return value;
    printf("    this kernel does not count %s\n", key);
    exit(EXIT_SKIPPED);
}

long look_anonymous_frames(void) {
    return counter("nr_frames_anon");
}

long look_table_frames(void) {
    return counter("nr_frames_table");
}

long look_free_frames(void) {
    return look_number("/proc/meminfo", "MemFree") / 4;
}

struct look_area look_area(const volatile void *address) {
    struct look_area area = {0, 0};
    uintptr_t wanted = (uintptr_t)address;

    for (char *line = strtok(look_file("/proc/self/maps"), "\n"); line; line = strtok(NULL, "\n"))
        if (sscanf(line, "%lx-%lx", &area.start, &area.end) == 2 && wanted >= area.start &&
            wanted < area.end)
            return area;
    return (struct look_area){0, 0};
}

char *look_pages(size_t pages) {
    char *start =
        mmap(NULL, pages * PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (start == MAP_FAILED) {
        perror("mmap");
        exit(1);
    }
    madvise(start, pages * PAGE_BYTES, MADV_NOHUGEPAGE);
    return start;
}

void look_expect(const char *what, int right) {
    printf("    %s  %s\n", right ? "ok   " : "WRONG", what);
    fflush(stdout);
    if (!right)
        verdict = 1;
}

int look_verdict(void) {
    return verdict;
}
