/* SPDX-License-Identifier: MIT */
/*
 * /proc/sys/vm/max_map_count: how many areas one space may have, to the last one, for each call
 * that makes areas. On Linux the limit is what it says; on Quire it is set to a small one too.
 */
#include "facts.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#define LIMIT_FILE "/proc/sys/vm/max_map_count"

static char *fill_start; /* single pages, each with a hole behind it */
static long filled;
static long areas; /* that there are now */
static long limit;

/* Areas by /proc/self/maps. Linux's [vsyscall] is a line there and no area. */
static long areas_now(void) {
    static char text[4096 + 1];
    int fd = open("/proc/self/maps", O_RDONLY);
    long count = 0;
    ssize_t got;

    CHECK(fd >= 0);
    while ((got = read(fd, text, 4096)) > 0) {
        text[got] = '\0';
        for (char *line = text; (line = strchr(line, '\n')); line++)
            count++;
    }
    close(fd);
    return count - !on_quire();
}

static void limit_set(long count) {
    char text[32];
    int fd = open(LIMIT_FILE, O_WRONLY);
    int length = snprintf(text, sizeof text, "%ld\n", count);

    CHECK(fd >= 0);
    CHECK_EQ(write(fd, text, (size_t)length), length);
    close(fd);
}

static long limit_get(void) {
    return strtol(fact_file(LIMIT_FILE), NULL, 10);
}

/* One area more; MAP_FAILED and errno if it is refused. */
static void *add_area(void) {
    void *wish = fill_start + 2 * filled * PAGE_BYTES;
    void *page =
        mmap(wish, PAGE_BYTES, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

    filled += page != MAP_FAILED;
    areas += page != MAP_FAILED;
    return page;
}

/* Adds areas until there are as many less than the limit. */
static void fill_to(long less) {
    while (areas < limit - less)
        CHECK(add_area() != MAP_FAILED);
}

/* An area of three pages, alone; and then room for single ones. */
static char *begin(void) {
    char *three;

    limit = limit_get();
    fill_start = mmap(NULL, (size_t)(2 * limit + 64) * PAGE_BYTES, PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(fill_start != MAP_FAILED);
    CHECK_EQ(munmap(fill_start, (size_t)(2 * limit + 64) * PAGE_BYTES), 0);
    three = fill_start + (2 * limit + 32) * PAGE_BYTES;
    CHECK(mmap(three, 3 * PAGE_BYTES, PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == three);
    filled = 0;
    areas = areas_now();
    return three;
}

/* mmap goes one beyond the limit, as on Linux; then neither it nor brk has room. */
static void try_mmap(void) {
    long heap = syscall(SYS_brk, 0);

    begin();
    fill_to(-1);
    CHECK_EQ(areas_now(), limit + 1);
    CHECK_FAILS(add_area(), ENOMEM);
    CHECK(mmap(NULL, PAGE_BYTES, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
    CHECK_EQ(syscall(SYS_brk, heap + 16 * (long)PAGE_BYTES), heap);
    CHECK_EQ(munmap(fill_start, PAGE_BYTES), 0);
    CHECK_EQ(syscall(SYS_brk, heap + 16 * (long)PAGE_BYTES), heap + 16 * (long)PAGE_BYTES);
}

/* [www]: rights of the last page make one area more. */
static void try_mprotect(void) {
    char *three = begin();

    fill_to(1);
    CHECK_EQ(mprotect(three + 2 * PAGE_BYTES, PAGE_BYTES, PROT_READ), 0);
    CHECK_FAILS(mprotect(three, PAGE_BYTES, PROT_READ), ENOMEM);
    CHECK_EQ(mprotect(three, 2 * PAGE_BYTES, PROT_NONE), 0); /* a whole area */
    CHECK_EQ(areas_now(), limit);
}

/* Those of the middle page make two; Linux makes the first of them before it fails. */
static void try_two_splits(void) {
    char *three = begin();

    fill_to(1);
    CHECK_FAILS(mprotect(three + PAGE_BYTES, PAGE_BYTES, PROT_READ), ENOMEM);
    three[PAGE_BYTES] = 1;
    CHECK_EQ(areas_now(), on_quire() ? limit - 1 : limit);
}

static void try_munmap(void) {
    char *three = begin();

    fill_to(0);
    CHECK_FAILS(munmap(three + PAGE_BYTES, PAGE_BYTES), ENOMEM);
    CHECK_EQ(areas_now(), limit);
    CHECK_EQ(munmap(three, PAGE_BYTES), 0);
    CHECK_EQ(munmap(three + 2 * PAGE_BYTES, PAGE_BYTES), 0);
    CHECK_EQ(areas_now(), limit);
    CHECK_EQ(munmap(three + PAGE_BYTES, PAGE_BYTES), 0);
    CHECK_EQ(areas_now(), limit - 1);
}

static void try_advice(void) {
    char *three = begin();

    fill_to(1);
    CHECK_EQ(madvise(three, 3 * PAGE_BYTES, MADV_DONTFORK), 0);
    CHECK_EQ(madvise(three, PAGE_BYTES, MADV_DOFORK), 0);
    CHECK_EQ(areas_now(), limit);
    CHECK_FAILS(madvise(three + 2 * PAGE_BYTES, PAGE_BYTES, MADV_DONTDUMP), EAGAIN);
    CHECK_FAILS(mlock(three + PAGE_BYTES, PAGE_BYTES), ENOMEM);
    CHECK_EQ(areas_now(), limit);
}

/* To move, four have to be free; to a chosen place six. */
static void try_mremap(void) {
    char *three = begin(), *target = three + 8 * PAGE_BYTES;

    fill_to(5);
    CHECK_FAILS(
        mremap(three, 3 * PAGE_BYTES, 3 * PAGE_BYTES, MREMAP_MAYMOVE | MREMAP_FIXED, target),
        ENOMEM);
    CHECK_EQ(areas_now(), limit - 5);
    fill_to(4);
    three = mremap(three, 3 * PAGE_BYTES, 600 * PAGE_BYTES, MREMAP_MAYMOVE);
    CHECK(three != MAP_FAILED);
    fill_to(3);
    CHECK_FAILS(mremap(three, 600 * PAGE_BYTES, 400000 * PAGE_BYTES, MREMAP_MAYMOVE), ENOMEM);
    CHECK(mremap(three, 600 * PAGE_BYTES, 3 * PAGE_BYTES, 0) == three);
    CHECK_EQ(areas_now(), limit - 3);
}

/* ---- the limit set, where that disturbs nobody ---- */

/* Runs body with a limit of 200, and sees that it is put back. */
static void with_a_small_limit(void (*body)(void)) {
    long before = limit_get();
    int status;
    pid_t pid;

    if (!on_quire())
        SKIP("the limit is everybody's");
    limit_set(200);
    pid = fork();
    if (pid == 0) {
        body();
        _exit(0);
    }
    status = child_wait(pid);
    limit_set(before);
    CHECK_EQ(status, 0);
}

static void small_mmap(void) {
    with_a_small_limit(try_mmap);
}

static void small_mprotect(void) {
    with_a_small_limit(try_mprotect);
}

static void small_two_splits(void) {
    with_a_small_limit(try_two_splits);
}

static void small_munmap(void) {
    with_a_small_limit(try_munmap);
}

static void small_advice(void) {
    with_a_small_limit(try_advice);
}

static void small_mremap(void) {
    with_a_small_limit(try_mremap);
}

/* Who has more areas than a limit that comes later keeps them, and may do what makes none. */
static void try_lowered(void) {
    char *three = begin();

    fill_to(-1);
    limit_set(100);
    CHECK_FAILS(add_area(), ENOMEM);
    CHECK_FAILS(mprotect(three, PAGE_BYTES, PROT_READ), ENOMEM);
    CHECK_EQ(mprotect(three, 3 * PAGE_BYTES, PROT_READ), 0);
    CHECK_EQ(madvise(three, 3 * PAGE_BYTES, MADV_DONTFORK), 0);
    CHECK_EQ(munmap(three, PAGE_BYTES), 0);
    CHECK_EQ(child_run((void (*)(void *))(uintptr_t)areas_now, NULL), 0); /* a fork copies all */
    CHECK_EQ(munmap(three + PAGE_BYTES, 2 * PAGE_BYTES), 0);
    CHECK_EQ(munmap(fill_start, (size_t)filled * 2 * PAGE_BYTES), 0);
    filled = 0;
    CHECK(add_area() != MAP_FAILED);
}

static void lowered_below(void) {
    with_a_small_limit(try_lowered);
}

CHECK_MAIN({"mmap", try_mmap}, {"mprotect", try_mprotect}, {"two_splits", try_two_splits},
           {"munmap", try_munmap}, {"advice", try_advice}, {"mremap", try_mremap},
           {"small_mmap", small_mmap}, {"small_mprotect", small_mprotect},
           {"small_two_splits", small_two_splits}, {"small_munmap", small_munmap},
           {"small_advice", small_advice}, {"small_mremap", small_mremap},
           {"lowered_below", lowered_below});
