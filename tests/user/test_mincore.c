/* SPDX-License-Identifier: MIT */
/*
 * mincore(2): which pages are in memory.
 */
#include "pages.h"

#include <sys/syscall.h>

static long in_core(void *start, size_t length, void *vector) {
    return syscall(SYS_mincore, start, length, vector);
}

static void anonymous_pages(void) {
    unsigned char vector[10];
    char *start = pages_map(10, RW);

    memset(vector, 0xaa, sizeof vector);
    start[PAGE(1)] = 1;
    start[PAGE(7)] = 1;
    CHECK_EQ(in_core(start, PAGE(9) - 1, vector), 0);
    for (size_t i = 0; i < 9; i++)
        CHECK_EQ(vector[i], i == 1 || i == 7);
    CHECK_EQ(vector[9], 0xaa);
    CHECK_EQ(pages_read(start + PAGE(3), 1), 0); /* the page of zeroes is mapped now */
    CHECK_EQ(in_core(start + PAGE(3), 1, vector), 0);
    CHECK_EQ(vector[0], 1);
    CHECK_EQ(madvise(start, PAGE(10), MADV_DONTNEED), 0);
    CHECK_EQ(in_core(start, PAGE(10), vector), 0);
    for (size_t i = 0; i < 10; i++)
        CHECK_EQ(vector[i], 0);
}

static void rights_do_not_matter(void) {
    unsigned char vector[2];
    char *start = pages_map(2, RW);

    start[0] = 1;
    CHECK_EQ(mprotect(start, PAGE(2), PROT_NONE), 0);
    CHECK_EQ(in_core(start, PAGE(2), vector), 0);
    CHECK_EQ(vector[0], 1);
    CHECK_EQ(vector[1], 0);
}

static void file_pages(void) {
    unsigned char vector[4];
    int fd = memfd_create("mincore", 0);
    char *start, *private;

    CHECK_EQ(ftruncate(fd, (off_t)PAGE(4)), 0);
    CHECK_EQ(pwrite(fd, "x", 1, (off_t)PAGE(2)), 1);
    start = mmap(NULL, PAGE(4), RW, MAP_SHARED, fd, 0);
    private = mmap(NULL, PAGE(4), RW, MAP_PRIVATE, fd, 0);
    CHECK(start != MAP_FAILED && private != MAP_FAILED);
    CHECK_EQ(in_core(start, PAGE(4), vector), 0);
    for (size_t i = 0; i < 4; i++)
        CHECK_EQ(vector[i], i == 2);
    start[PAGE(1)] = 1;
    CHECK_EQ(in_core(private, PAGE(4), vector), 0);
    for (size_t i = 0; i < 4; i++)
        CHECK_EQ(vector[i], i == 1 || i == 2);
}

static void child_shares_pages(void *argument) {
    unsigned char vector[4];

    CHECK_EQ(in_core(argument, PAGE(4), vector), 0);
    for (size_t i = 0; i < 4; i++)
        CHECK_EQ(vector[i], i == 2);
}

static void after_fork(void) {
    char *start = pages_map(4, RW);

    start[PAGE(2)] = 1;
    CHECK_CHILD_OK(child_shares_pages, start);
}

static void errors(void) {
    unsigned char vector[16];
    char *start = pages_map(8, RW);
    char *end = pages_map(2, RW);

    CHECK_EQ(munmap(start + PAGE(4), PAGE(1)), 0);
    CHECK_EQ(munmap(end + PAGE(1), PAGE(1)), 0);
    CHECK_FAILS(in_core(start + 1, PAGE(1), vector), EINVAL);
    CHECK_FAILS(in_core(start + 1, 0, vector), EINVAL);
    CHECK_FAILS(in_core(start, PAGE(8), vector), ENOMEM);
    CHECK_FAILS(in_core(start + PAGE(4), PAGE(1), vector), ENOMEM);
    CHECK_FAILS(in_core(start, (size_t)-1, vector), ENOMEM);
    CHECK_FAILS(in_core((void *)-PAGE(1), PAGE(1), vector), ENOMEM);
    CHECK_FAILS(in_core(start, PAGE(4), NULL), EFAULT);
    CHECK_FAILS(in_core(start, PAGE(4), end + PAGE(1) - 2), EFAULT);
    CHECK_FAILS(in_core(start, PAGE(4), (void *)-PAGE(1)), EFAULT);
    CHECK_EQ(in_core(start, PAGE(4), end + PAGE(1) - 4), 0);
    CHECK_EQ(in_core(start, 0, NULL), 0);
}

/* More pages than the kernel looks at in one go; the vector itself among what is asked about. */
static void large_range(void) {
    enum { PAGES = 5000 };
    char *start = pages_map(PAGES, RW);
    unsigned char *vector = (unsigned char *)start;

    for (size_t i = 0; i < PAGES; i += 7)
        start[PAGE(i)] = 1;
    CHECK_EQ(in_core(start + PAGE(2), PAGE(PAGES - 2), vector), 0);
    for (size_t i = 2; i < PAGES; i++)
        CHECK_EQ(vector[i - 2], i % 7 == 0);
}

CHECK_MAIN({"anonymous_pages", anonymous_pages}, {"rights_do_not_matter", rights_do_not_matter},
           {"file_pages", file_pages}, {"after_fork", after_fork}, {"errors", errors},
           {"large_range", large_range})
