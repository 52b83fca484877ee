/* SPDX-License-Identifier: MIT */
/*
 * mprotect: rights given and taken, areas split and joined, errors, stale translations.
 *
 * Rows B2 (no more rights than the area allows), K6 (a right taken away is gone at once).
 */
#include "catch.h"
#include "facts.h"

#include <sys/syscall.h>

#define RW (PROT_READ | PROT_WRITE)

static int protect(char *start, size_t pages, int protection) {
    return mprotect(start, pages * PAGE_BYTES, protection);
}

static void rights_change_at_once(void) {
    volatile char *page = pages_map(1, RW);

    for (int i = 1; i < 100; i++) {
        page[0] = (char)i;
        CHECK_EQ(protect((char *)page, 1, PROT_READ), 0);
        CHECK(!can_write(page));
        CHECK_EQ(page[0], (char)i);
        CHECK_EQ(protect((char *)page, 1, PROT_NONE), 0);
        CHECK(!can_read(page));
        CHECK_EQ(protect((char *)page, 1, RW), 0);
        CHECK_EQ(page[0], (char)i);
    }
}

static void middle_splits_and_joins(void) {
    char *start = pages_map(6, RW);
    struct area whole, area;

    pages_write(start, 6, 1);
    CHECK(area_find(start, &whole));
    CHECK_EQ(protect(start + 2 * PAGE_BYTES, 2, PROT_READ), 0);
    CHECK(can_write(start + PAGE_BYTES));
    CHECK(!can_write(start + 2 * PAGE_BYTES));
    CHECK(!can_write(start + 3 * PAGE_BYTES));
    CHECK(can_write(start + 4 * PAGE_BYTES));
    CHECK(area_find(start + 2 * PAGE_BYTES, &area));
    CHECK_EQ(area.end - area.start, 2 * PAGE_BYTES);
    CHECK_EQ(protect(start + 2 * PAGE_BYTES, 2, RW), 0);
    CHECK(area_find(start + 2 * PAGE_BYTES, &area));
    CHECK_EQ(area.start, whole.start);
    CHECK_EQ(area.end, whole.end);
}

static void several_areas_at_once(void) {
    char *start = pages_map(6, RW);

    CHECK_EQ(protect(start, 1, PROT_NONE), 0);
    CHECK_EQ(protect(start + 2 * PAGE_BYTES, 1, PROT_READ), 0);
    CHECK_EQ(protect(start + 4 * PAGE_BYTES, 1, PROT_READ | PROT_EXEC), 0);
    CHECK_EQ(protect(start, 6, RW), 0);
    for (size_t i = 0; i < 6; i++)
        CHECK(can_write(start + i * PAGE_BYTES));
}

static void length_is_rounded_up(void) {
    char *start = pages_map(3, RW);

    CHECK_EQ(mprotect(start, PAGE_BYTES + 1, PROT_READ), 0);
    CHECK(!can_write(start + PAGE_BYTES));
    CHECK(can_write(start + 2 * PAGE_BYTES));
    CHECK_EQ(mprotect(start, 0, PROT_NONE), 0);
    CHECK(can_read(start));
}

/* The C library rounds its arguments; the kernel's answers are wanted. */
static long raw_protect(char *start, size_t length, int protection) {
    return syscall(SYS_mprotect, start, length, protection);
}

static void errors(void) {
    char *start = pages_map(4, RW);

    CHECK_FAILS(raw_protect(start + 1, PAGE_BYTES, PROT_READ), EINVAL);
    CHECK_FAILS(raw_protect(start, PAGE_BYTES, 0x40), EINVAL);
    CHECK_FAILS(raw_protect(start, (size_t)-PAGE_BYTES, PROT_READ), ENOMEM);
    CHECK_FAILS(raw_protect(start, (size_t)-1, PROT_READ), ENOMEM);
    CHECK_FAILS(raw_protect((void *)0xffff800000000000, PAGE_BYTES, PROT_READ), ENOMEM);
    CHECK_EQ(munmap(start + 2 * PAGE_BYTES, PAGE_BYTES), 0);
    CHECK_FAILS(protect(start, 4, PROT_READ), ENOMEM);
    CHECK_FAILS(protect(start + 2 * PAGE_BYTES, 1, PROT_READ), ENOMEM);
    /* What comes before the hole has been done; what comes after has not. */
    CHECK(can_read(start + PAGE_BYTES));
    CHECK(!can_write(start + PAGE_BYTES));
    CHECK(can_write(start + 3 * PAGE_BYTES));
    CHECK_EQ(raw_protect(start, 0, 0xff00), 0);
}

/* PROT_GROWSDOWN reaches down to the start of a stack, and is for stacks only. */
static void growing_down(void) {
    char *start =
        mmap(NULL, 8 * PAGE_BYTES, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN, -1, 0);
    char *other = pages_map(2, RW);

    CHECK(start != MAP_FAILED);
    CHECK_EQ(raw_protect(start + 5 * PAGE_BYTES, PAGE_BYTES, PROT_READ | PROT_GROWSDOWN), 0);
    CHECK(!can_write(start));
    CHECK(!can_write(start + 5 * PAGE_BYTES));
    CHECK(can_write(start + 6 * PAGE_BYTES));
    CHECK_FAILS(raw_protect(other + PAGE_BYTES, PAGE_BYTES, PROT_READ | PROT_GROWSDOWN), EINVAL);
    CHECK_FAILS(raw_protect(other, PAGE_BYTES, PROT_READ | PROT_GROWSUP), EINVAL);
    CHECK_FAILS(raw_protect(other, PAGE_BYTES, PROT_READ | PROT_GROWSUP | PROT_GROWSDOWN), EINVAL);
    CHECK(can_write(other));
}

/* A refusal in a later area: what lies before it has changed. */
static void refused_half_way(void) {
    int fd = open("/proc/self/exe", O_RDONLY);
    char *start = pages_map(4, PROT_READ);

    CHECK(fd >= 0);
    CHECK(mmap(start + 2 * PAGE_BYTES, PAGE_BYTES, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0) !=
          MAP_FAILED);
    CHECK_FAILS(protect(start, 4, RW), EACCES);
    CHECK(can_write(start + PAGE_BYTES));
    CHECK(!can_write(start + 2 * PAGE_BYTES));
    CHECK(!can_write(start + 3 * PAGE_BYTES));
}

static void untouched_pages_obey_too(void) {
    char *start = pages_map(4, RW);

    CHECK_EQ(protect(start, 4, PROT_READ), 0);
    CHECK(!can_write(start));
    CHECK_EQ(start[0], 0);
    CHECK(!can_write(start));
    CHECK_EQ(protect(start, 4, RW), 0);
    start[0] = 1;
    CHECK_EQ(start[0], 1);
    CHECK_EQ(start[PAGE_BYTES], 0);
}

static void read_only_file_never_becomes_shared_writable(void) {
    int fd = open("/proc/self/exe", O_RDONLY);
    char *page;

    CHECK(fd >= 0);
    page = mmap(NULL, PAGE_BYTES, PROT_READ, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED && on_quire())
        SKIP("no shared file mappings in this version");
    CHECK(page != MAP_FAILED);
    CHECK_FAILS(protect(page, 1, RW), EACCES);
}

static void own_code_made_writable_is_private(void) {
    uintptr_t page = (uintptr_t)rights_change_at_once & ~(PAGE_BYTES - 1);
    volatile unsigned char *code = (unsigned char *)(uintptr_t)rights_change_at_once;
    unsigned char first = code[0];
    int status;

    CHECK_EQ(protect((char *)page, 1, PROT_READ | PROT_WRITE | PROT_EXEC), 0);
    if (fork() == 0) {
        code[0] = 0xcc;
        _exit(code[0] == 0xcc ? 0 : 1);
    }
    CHECK(wait(&status) > 0);
    CHECK_EQ(status, 0);
    CHECK_EQ(code[0], first);
}

/* One bit at a time over a range: page i is writable iff bit i of the pattern is set. */
static void patterns(void) {
    char *start = pages_map(8, RW);

    pages_write(start, 8, 1);
    for (unsigned pattern = 0; pattern < 256; pattern += 5) {
        for (unsigned i = 0; i < 8; i++)
            CHECK_EQ(protect(start + i * PAGE_BYTES, 1, pattern >> i & 1 ? RW : PROT_READ), 0);
        for (unsigned i = 0; i < 8; i++)
            CHECK_EQ(can_write(start + i * PAGE_BYTES), pattern >> i & 1);
    }
}

static void frames_are_kept(void) {
    char *start = pages_map(16, RW);
    uint64_t frame;

    frames_visible_or_skip();
    pages_write(start, 16, 1);
    frame = frame_of(start + 3 * PAGE_BYTES);
    CHECK_EQ(protect(start, 16, PROT_NONE), 0);
    CHECK_EQ(protect(start, 16, RW), 0);
    start[3 * PAGE_BYTES] = 2;
    CHECK_EQ(frame_of(start + 3 * PAGE_BYTES), frame);
}

CHECK_MAIN({"rights_change_at_once", rights_change_at_once},
           {"middle_splits_and_joins", middle_splits_and_joins},
           {"several_areas_at_once", several_areas_at_once},
           {"length_is_rounded_up", length_is_rounded_up}, {"errors", errors},
           {"growing_down", growing_down}, {"refused_half_way", refused_half_way},
           {"untouched_pages_obey_too", untouched_pages_obey_too},
           {"read_only_file_never_becomes_shared_writable",
            read_only_file_never_becomes_shared_writable},
           {"own_code_made_writable_is_private", own_code_made_writable_is_private},
           {"patterns", patterns}, {"frames_are_kept", frames_are_kept})
