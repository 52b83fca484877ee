/* SPDX-License-Identifier: MIT */
/*
 * madvise(2): forgetting, punching, what a child gets, populating; who refuses; holes.
 */
#include "pages.h"

#include "catch.h"

/* Numbers, so that old headers do. */
#define DONTFORK 10
#define DOFORK 11
#define WIPEONFORK 18
#define KEEPONFORK 19
#define COLD 20
#define PAGEOUT 21
#define POPULATE_READ 22
#define POPULATE_WRITE 23
#define DONTNEED_LOCKED 24

static int file_of(size_t pages) {
    int fd = memfd_create("madvise", 0);

    CHECK(fd >= 0);
    CHECK_EQ(ftruncate(fd, (off_t)PAGE(pages)), 0);
    for (size_t i = 0; i < pages; i++) {
        char byte = (char)(i + 101);

        CHECK_EQ(pwrite(fd, &byte, 1, (off_t)PAGE(i)), 1);
    }
    return fd;
}

static void dontneed_forgets(void) {
    int fd = file_of(4);
    char *start = pages_map(8, RW);
    char *private = mmap(NULL, PAGE(4), RW, MAP_PRIVATE, fd, 0);
    char *shared = mmap(NULL, PAGE(4), RW, MAP_SHARED, fd, 0);

    CHECK(private != MAP_FAILED && shared != MAP_FAILED);
    pages_number(start, 8);
    CHECK_EQ(madvise(start + PAGE(2), PAGE(3) - 9, MADV_DONTNEED), 0);
    for (size_t i = 0; i < 8; i++)
        CHECK_EQ(start[PAGE(i)], i >= 2 && i < 5 ? 0 : (char)(i + 1));
    private[PAGE(1)] = 9;
    CHECK_EQ(madvise(private, PAGE(4), MADV_DONTNEED), 0);
    CHECK_EQ(private[PAGE(1)], 102);
    shared[PAGE(2)] = 8;
    CHECK_EQ(madvise(shared, PAGE(4), MADV_DONTNEED), 0);
    CHECK_EQ(shared[PAGE(2)], 8);
}

static void free_is_one_or_the_other(void) {
    char *start = pages_map(8, RW);
    int fd = file_of(1);
    char *private = mmap(NULL, PAGE(1), RW, MAP_PRIVATE, fd, 0);

    pages_number(start, 8);
    CHECK_EQ(madvise(start, PAGE(8), MADV_FREE), 0);
    for (size_t i = 0; i < 8; i++)
        CHECK(start[PAGE(i)] == 0 || start[PAGE(i)] == (char)(i + 1));
    pages_number(start, 8); /* written after: stays */
    for (size_t i = 0; i < 8; i++)
        CHECK_EQ(start[PAGE(i)], (char)(i + 1));
    CHECK_FAILS(madvise(private, PAGE(1), MADV_FREE), EINVAL);
    private = mmap(NULL, PAGE(1), RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK_FAILS(madvise(private, PAGE(1), MADV_FREE), EINVAL);
}

/* The same file, not to be written. */
static int read_only(int fd) {
    char path[32];

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    fd = open(path, O_RDONLY);
    CHECK(fd >= 0);
    return fd;
}

static void remove_punches(void) {
    int fd = file_of(8);
    char *start = mmap(NULL, PAGE(8), RW, MAP_SHARED, fd, 0);
    char *readable = mmap(NULL, PAGE(8), PROT_READ, MAP_SHARED, read_only(fd), 0);
    char *private = mmap(NULL, PAGE(8), RW, MAP_PRIVATE, fd, 0);
    char byte = 1;

    CHECK(start != MAP_FAILED && readable != MAP_FAILED && private != MAP_FAILED);
    private[PAGE(2)] = 5;
    CHECK_EQ(readable[PAGE(2)], 103);
    CHECK_EQ(madvise(start + PAGE(2), PAGE(2), MADV_REMOVE), 0);
    CHECK_EQ(start[PAGE(1)], 102);
    CHECK_EQ(start[PAGE(2)], 0);
    CHECK_EQ(readable[PAGE(3)], 0);
    CHECK_EQ(private[PAGE(3)], 0);
    CHECK_EQ(start[PAGE(4)], 105);
    CHECK_EQ(pread(fd, &byte, 1, (off_t)PAGE(2)), 1);
    CHECK_EQ(byte, 0);
    CHECK_EQ(lseek(fd, 0, SEEK_END), (off_t)PAGE(8));
    CHECK_FAILS(madvise(readable, PAGE(1), MADV_REMOVE), EACCES);
    CHECK_FAILS(madvise(private, PAGE(1), MADV_REMOVE), EACCES);
    CHECK_FAILS(madvise(pages_map(1, RW), PAGE(1), MADV_REMOVE), EINVAL);
    start = mmap(NULL, PAGE(2), RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    start[0] = 1;
    CHECK_EQ(madvise(start, PAGE(2), MADV_REMOVE), 0);
    CHECK_EQ(start[0], 0);
}

/* ---- fork ---- */

static void child_without(void *argument) {
    char *start = argument;

    for (size_t i = 0; i < 1200; i++) {
        if (i >= 400 && i < 800)
            continue;
        CHECK_EQ(*(size_t *)(start + PAGE(i)), i + 1);
    }
    CHECK(!can_read(start + PAGE(400)));
    CHECK(!can_read(start + PAGE(799)));
    *(size_t *)(start + PAGE(399)) = 5;
}

static void child_with_all(void *argument) {
    CHECK_EQ(*(size_t *)((char *)argument + PAGE(500)), 501);
}

static void dontfork_is_not_there(void) {
    char *start = pages_map(1200, RW); /* enough that tables are shared */

    for (size_t i = 0; i < 1200; i++)
        *(size_t *)(start + PAGE(i)) = i + 1;
    CHECK_EQ(madvise(start + PAGE(400), PAGE(400), DONTFORK), 0);
    CHECK_CHILD_OK(child_without, start);
    for (size_t i = 0; i < 1200; i++)
        CHECK_EQ(*(size_t *)(start + PAGE(i)), i + 1);
    *(size_t *)(start + PAGE(500)) = 7;
    CHECK_EQ(madvise(start, PAGE(1200), DOFORK), 0);
    *(size_t *)(start + PAGE(500)) = 501;
    CHECK_CHILD_OK(child_with_all, start);
}

static void grandchild_of_wiped(void *argument) {
    size_t *page = argument;

    CHECK_EQ(*page, 0);
}

static void child_wiped(void *argument) {
    char *start = argument;

    for (size_t i = 0; i < 1200; i++)
        CHECK_EQ(*(size_t *)(start + PAGE(i)), i >= 400 && i < 800 ? 0 : i + 1);
    *(size_t *)(start + PAGE(500)) = 9;
    CHECK_CHILD_OK(grandchild_of_wiped, start + PAGE(500)); /* it is still to be wiped */
    CHECK_EQ(*(size_t *)(start + PAGE(500)), 9);
}

static void child_kept(void *argument) {
    CHECK_EQ(*(size_t *)((char *)argument + PAGE(500)), 501);
}

static void wipeonfork_reads_zero(void) {
    char *start = pages_map(1200, RW);
    int fd = file_of(1);
    char *private = mmap(NULL, PAGE(1), RW, MAP_PRIVATE, fd, 0);

    for (size_t i = 0; i < 1200; i++)
        *(size_t *)(start + PAGE(i)) = i + 1;
    CHECK_EQ(madvise(start + PAGE(400), PAGE(400), WIPEONFORK), 0);
    CHECK_CHILD_OK(child_wiped, start);
    for (size_t i = 0; i < 1200; i++)
        CHECK_EQ(*(size_t *)(start + PAGE(i)), i + 1);
    CHECK_EQ(madvise(start, PAGE(1200), KEEPONFORK), 0);
    CHECK_CHILD_OK(child_kept, start);
    CHECK_FAILS(madvise(private, PAGE(1), WIPEONFORK), EINVAL);
    private = mmap(NULL, PAGE(1), RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK_FAILS(madvise(private, PAGE(1), WIPEONFORK), EINVAL);
}

/* ---- populating ---- */

static void populate(void) {
    char *start = pages_map(32, RW);
    int fd = file_of(2);
    char *shared = mmap(NULL, PAGE(4), RW, MAP_SHARED, fd, 0);

    if (madvise(start, PAGE(4), POPULATE_WRITE) < 0 && errno == EINVAL && !on_quire())
        SKIP("no MADV_POPULATE here");
    CHECK_EQ(pages_resident(start, 32), 4);
    CHECK_EQ(madvise(start + PAGE(8), PAGE(8), POPULATE_READ), 0);
    CHECK_EQ(pages_resident(start + PAGE(8), 8), 8);
    CHECK_EQ(start[PAGE(9)], 0);
    CHECK_EQ(madvise(shared, PAGE(2), POPULATE_WRITE), 0);
    CHECK_EQ(shared[PAGE(1)], 102);
    CHECK_FAILS(madvise(shared, PAGE(4), POPULATE_READ), EFAULT); /* beyond the end */
    CHECK_EQ(mprotect(start + PAGE(20), PAGE(1), PROT_READ), 0);
    CHECK_FAILS(madvise(start + PAGE(18), PAGE(4), POPULATE_WRITE), EINVAL);
    CHECK_EQ(pages_resident(start + PAGE(18), 4), 2);
    CHECK_EQ(madvise(start + PAGE(20), PAGE(1), POPULATE_READ), 0);
    CHECK_EQ(mprotect(start + PAGE(20), PAGE(1), PROT_NONE), 0);
    CHECK_FAILS(madvise(start + PAGE(20), PAGE(1), POPULATE_READ), EINVAL);
    CHECK_EQ(munmap(start + PAGE(24), PAGE(1)), 0);
    CHECK_FAILS(madvise(start + PAGE(22), PAGE(6), POPULATE_WRITE), ENOMEM);
    CHECK_EQ(pages_resident(start + PAGE(22), 2), 2);
    CHECK_EQ(pages_resident(start + PAGE(25), 2), 0);
    CHECK_FAILS(madvise(start + 1, PAGE(1), POPULATE_READ), EINVAL);
    CHECK_EQ(madvise(start, 0, POPULATE_READ), 0);
}

/* ---- who refuses, and holes ---- */

static void holes(void) {
    char *start = pages_map(8, RW);

    pages_number(start, 8);
    CHECK_EQ(munmap(start + PAGE(3), PAGE(1)), 0);
    CHECK_FAILS(madvise(start + PAGE(1), PAGE(4), MADV_DONTNEED), ENOMEM);
    CHECK_EQ(start[0], 1);
    CHECK_EQ(start[PAGE(1)], 0); /* done all the same, before the hole and behind */
    CHECK_EQ(start[PAGE(4)], 0);
    CHECK_EQ(start[PAGE(5)], 6);
    CHECK_FAILS(madvise(start + PAGE(3), PAGE(1), MADV_NORMAL), ENOMEM);
    CHECK_FAILS(madvise(start, PAGE(8), MADV_WILLNEED), ENOMEM);
}

static void locked_memory_refuses(void) {
    char *start = pages_map(4, RW);

    pages_number(start, 4);
    CHECK_EQ(mlock(start + PAGE(2), PAGE(1)), 0);
    CHECK_FAILS(madvise(start, PAGE(4), MADV_DONTNEED), EINVAL);
    CHECK_EQ(start[PAGE(1)], 0);
    CHECK_EQ(start[PAGE(2)], 3);
    CHECK_EQ(start[PAGE(3)], 4);
    CHECK_FAILS(madvise(start + PAGE(2), PAGE(1), MADV_FREE), EINVAL);
    CHECK_FAILS(madvise(start + PAGE(2), PAGE(1), MADV_REMOVE), EINVAL);
    CHECK_FAILS(madvise(start + PAGE(2), PAGE(1), COLD), EINVAL);
    if (madvise(start + PAGE(2), PAGE(1), DONTNEED_LOCKED) == 0 || on_quire())
        CHECK_EQ(start[PAGE(2)], 0);
}

static void arguments(void) {
    static const int taken[] = {
        MADV_NORMAL,   MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED, MADV_DONTNEED,
        MADV_FREE,     DONTFORK,    DOFORK,          MADV_HUGEPAGE, MADV_NOHUGEPAGE,
        MADV_DONTDUMP, MADV_DODUMP, WIPEONFORK,      KEEPONFORK,    COLD,
        PAGEOUT};
    char *start = pages_map(4, RW);

    for (size_t i = 0; i < COUNT_OF(taken); i++) {
        CHECK_EQ(madvise(start, PAGE(4), taken[i]), 0);
        CHECK_EQ(madvise(start, PAGE(1) - 1, taken[i]), 0);
        CHECK_EQ(madvise(start, 0, taken[i]), 0);
        CHECK_FAILS(madvise(start + 1, PAGE(1), taken[i]), EINVAL);
        CHECK_FAILS(madvise(start, (size_t)-PAGE(1), taken[i]), EINVAL);
        CHECK_FAILS(madvise(start, (size_t)-1, taken[i]), EINVAL);
    }
    CHECK_FAILS(madvise(start, PAGE(1), 5), EINVAL);
    CHECK_FAILS(madvise(start, PAGE(1), 77), EINVAL);
    CHECK_FAILS(madvise(start, PAGE(1), -1), EINVAL);
    CHECK_FAILS(madvise(start, 0, 77), EINVAL);
    CHECK_FAILS(madvise((void *)-PAGE(2), PAGE(1), MADV_NORMAL), ENOMEM);
}

static void advise_parts(void *argument) {
    char *start = pages_map(64, RW);

    (void)argument;
    pages_number(start, 64);
    for (size_t i = 1; i < 64; i += 4) {
        CHECK_EQ(madvise(start + PAGE(i), PAGE(1), DONTFORK), 0);
        CHECK_EQ(madvise(start + PAGE(i + 1), PAGE(1), WIPEONFORK), 0);
        CHECK_EQ(madvise(start + PAGE(i + 2), PAGE(1), MADV_DONTNEED), 0);
    }
    if (fork() == 0)
        _exit(0);
    CHECK(wait(NULL) > 0);
    CHECK_EQ(start[0], 1);
    CHECK_EQ(start[PAGE(1)], 2);
    CHECK_EQ(start[PAGE(2)], 3);
}

static void nothing_is_lost(void) {
    struct memory_use before;

    frames_exact_or_skip();
    CHECK_CHILD_OK(advise_parts, NULL);
    before = memory_use();
    for (unsigned i = 0; i < 10; i++)
        CHECK_CHILD_OK(advise_parts, NULL);
    CHECK_MEMORY_SAME(memory_use(), before);
}

CHECK_MAIN({"dontneed_forgets", dontneed_forgets},
           {"free_is_one_or_the_other", free_is_one_or_the_other},
           {"remove_punches", remove_punches}, {"dontfork_is_not_there", dontfork_is_not_there},
           {"wipeonfork_reads_zero", wipeonfork_reads_zero}, {"populate", populate},
           {"holes", holes}, {"locked_memory_refuses", locked_memory_refuses},
           {"arguments", arguments}, {"nothing_is_lost", nothing_is_lost})
