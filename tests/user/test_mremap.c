/* SPDX-License-Identifier: MIT */
/*
 * mremap(2): growing, shrinking, moving, onto a place, leaving the range behind, twice the same.
 */
#include "pages.h"

#include "catch.h"

#include <sys/resource.h>
#include <sys/syscall.h>

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

#define FIXED (MREMAP_MAYMOVE | MREMAP_FIXED)

/* The call itself: musl's refuses some lengths before the kernel does. */
static void *remap(void *start, size_t old, size_t new, int flags, void *target) {
    return (void *)syscall(SYS_mremap, start, old, new, flags, target);
}

/* A range of free addresses that nothing else is mapped into. */
static char *room(size_t pages) {
    char *start = mmap(NULL, PAGE(pages), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CHECK(start != MAP_FAILED);
    CHECK_EQ(munmap(start, PAGE(pages)), 0);
    return start;
}

static char *map_at(char *start, size_t pages) {
    char *at = mmap(start, PAGE(pages), RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

    CHECK(at == start);
    madvise(start, PAGE(pages), MADV_NOHUGEPAGE);
    return start;
}

static void expect_numbers(const volatile char *start, size_t pages) {
    for (size_t i = 0; i < pages; i++)
        CHECK_EQ(start[PAGE(i)], (char)(i + 1));
}

static void grows_and_shrinks_in_place(void) {
    char *start = map_at(room(32), 4);

    pages_number(start, 4);
    CHECK(remap(start, PAGE(4), PAGE(12), 0, NULL) == start);
    expect_numbers(start, 4);
    for (size_t i = 4; i < 12; i++)
        CHECK_EQ(start[PAGE(i)], 0);
    pages_number(start, 12);
    CHECK(remap(start, PAGE(12) - 7, PAGE(2) + 1, 0, NULL) == start);
    expect_numbers(start, 3);
    CHECK(!can_read(start + PAGE(3)));
    CHECK(!can_read(start + PAGE(11)));
    CHECK(remap(start, PAGE(3), PAGE(5), 0, NULL) == start);
    CHECK_EQ(start[PAGE(3)], 0); /* not what was there before */
    CHECK(remap(start, PAGE(5), PAGE(5), 0, NULL) == start);
}

static void shrinks_over_several_areas(void) {
    char *start = map_at(room(16), 8);

    pages_number(start, 8);
    CHECK_EQ(mprotect(start + PAGE(3), PAGE_BYTES, PROT_READ), 0);
    CHECK_EQ(munmap(start + PAGE(5), PAGE_BYTES), 0);
    CHECK(remap(start, PAGE(8), PAGE(2), 0, NULL) == start);
    expect_numbers(start, 2);
    for (size_t i = 2; i < 8; i++)
        CHECK(!can_read(start + PAGE(i)));
}

static void moves_when_there_is_no_room(void) {
    char *start = map_at(room(32), 8);
    char *moved;

    pages_number(start, 8);
    CHECK_EQ(mprotect(start + PAGE(7), PAGE_BYTES, PROT_READ), 0);
    CHECK_FAILS(remap(start, PAGE(7), PAGE(9), 0, NULL), ENOMEM);
    CHECK_FAILS(remap(start, PAGE(3), PAGE(4), 0, NULL), ENOMEM); /* not at the area's end */
    expect_numbers(start, 8);
    moved = remap(start, PAGE(7), PAGE(9), MREMAP_MAYMOVE, NULL);
    CHECK(moved != MAP_FAILED && moved != start);
    expect_numbers(moved, 7);
    CHECK_EQ(moved[PAGE(8)], 0);
    CHECK(!can_read(start));
    CHECK(!can_read(start + PAGE(6)));
    CHECK_EQ(start[PAGE(7)], 8);
}

static void goes_to_a_place(void) {
    char *place = room(64);
    char *start = map_at(place, 6);
    char *target = map_at(place + PAGE(32), 8);

    pages_number(start, 6);
    pages_number(target, 8);
    CHECK(remap(start + PAGE(2), PAGE(2), PAGE(3), FIXED, target + PAGE(1)) == target + PAGE(1));
    CHECK_EQ(target[0], 1);
    CHECK_EQ(target[PAGE(1)], 3);
    CHECK_EQ(target[PAGE(2)], 4);
    CHECK_EQ(target[PAGE(3)], 0);
    CHECK_EQ(target[PAGE(4)], 5);
    CHECK_EQ(start[PAGE(1)], 2);
    CHECK(!can_read(start + PAGE(2)));
    CHECK(!can_read(start + PAGE(3)));
    CHECK_EQ(start[PAGE(4)], 5);
    CHECK(remap(target, PAGE(8), PAGE(1), FIXED, start + PAGE(2)) == start + PAGE(2));
    CHECK_EQ(start[PAGE(2)], 1);
    for (size_t i = 0; i < 8; i++)
        CHECK(!can_read(target + PAGE(i)));
}

/* There and back, a page at a time, in the middle of others. */
static void there_and_back(void) {
    char *place = room(64);
    char *start = map_at(place, 32);

    pages_number(start, 32);
    for (size_t i = 1; i < 32; i += 2)
        CHECK(remap(start + PAGE(i), PAGE(1), PAGE(1), FIXED, start + PAGE(32 + i)) != MAP_FAILED);
    for (size_t i = 0; i < 32; i++)
        CHECK_EQ(start[PAGE(i % 2 ? 32 + i : i)], (char)(i + 1));
    for (size_t i = 1; i < 32; i += 2)
        CHECK(remap(start + PAGE(32 + i), PAGE(1), PAGE(1), FIXED, start + PAGE(i)) != MAP_FAILED);
    expect_numbers(start, 32);
}

/* All of them, each by itself; then they are one mapping again, which moves as a whole. */
static void each_there_and_back(void) {
    char *place = room(64);
    char *start = map_at(place, 8);

    pages_number(start, 8);
    for (size_t i = 0; i < 8; i++)
        CHECK(remap(start + PAGE(i), PAGE(1), PAGE(1), FIXED, start + PAGE(16 + 2 * i)) !=
              MAP_FAILED);
    for (size_t i = 0; i < 8; i++) {
        size_t page = i % 2 ? 4 + i / 2 : i / 2;

        CHECK(remap(start + PAGE(16 + 2 * page), PAGE(1), PAGE(1), FIXED, start + PAGE(page)) !=
              MAP_FAILED);
    }
    expect_numbers(start, 8);
    CHECK(remap(start, PAGE(8), PAGE(8), FIXED, start + PAGE(40)) == start + PAGE(40));
    expect_numbers(start + PAGE(40), 8);
}

static void frames_go_along(void) {
    char *place = room(64);
    char *start = map_at(place, 8);
    uint64_t frames[8];

    frames_visible_or_skip();
    pages_number(start, 8);
    for (size_t i = 0; i < 8; i++)
        frames[i] = frame_of(start + PAGE(i));
    CHECK(remap(start + PAGE(2), PAGE(4), PAGE(4), FIXED, start + PAGE(40)) != MAP_FAILED);
    for (size_t i = 2; i < 6; i++) {
        CHECK_EQ(start[PAGE(38 + i)], (char)(i + 1));
        CHECK_EQ(frame_of(start + PAGE(38 + i)), frames[i]);
    }
}

static void child_keeps_what_it_had(void *argument) {
    char *start = argument;

    expect_numbers(start, 8);
    CHECK(remap(start + PAGE(4), PAGE(2), PAGE(2), FIXED, start + PAGE(20)) != MAP_FAILED);
    start[PAGE(20)] = 99;
    CHECK_EQ(start[PAGE(21)], 6);
    CHECK(!can_read(start + PAGE(4)));
}

static void forks_do_not_see_it(void) {
    char *start = map_at(room(64), 8);
    int status;
    pid_t pid;

    pages_number(start, 8);
    CHECK_CHILD_OK(child_keeps_what_it_had, start);
    expect_numbers(start, 8);
    pid = fork();
    if (pid == 0) {
        usleep(20000);
        expect_numbers(start, 8);
        _exit(0);
    }
    CHECK(remap(start + PAGE(2), PAGE(4), PAGE(4), FIXED, start + PAGE(20)) != MAP_FAILED);
    start[PAGE(20)] = 55;
    CHECK_EQ(start[PAGE(21)], 4);
    CHECK(wait(&status) == pid);
    CHECK_EQ(status, 0);
    CHECK_EQ(start[PAGE(20)], 55);
}

static int file_of(size_t pages) {
    int fd = memfd_create("remap", 0);

    CHECK(fd >= 0);
    CHECK_EQ(ftruncate(fd, (off_t)PAGE(pages)), 0);
    for (size_t i = 0; i < pages; i++) {
        char byte = (char)(i + 1);

        CHECK_EQ(pwrite(fd, &byte, 1, (off_t)PAGE(i)), 1);
    }
    return fd;
}

static void files_keep_their_offsets(void) {
    int fd = file_of(16);
    char *start = mmap(NULL, PAGE(4), RW, MAP_PRIVATE, fd, (off_t)PAGE(3));
    char *shared = mmap(NULL, PAGE(2), RW, MAP_SHARED, fd, 0);
    char *place = room(32);
    char byte;

    CHECK(start != MAP_FAILED && shared != MAP_FAILED);
    start[PAGE(1)] = 77;
    CHECK(remap(start + PAGE(1), PAGE(2), PAGE(6), FIXED, place) == place);
    CHECK_EQ(place[0], 77);
    CHECK_EQ(place[PAGE(1)], 6);
    CHECK_EQ(place[PAGE(5)], 10); /* grown over the file's next pages */
    CHECK_EQ(start[PAGE(3)], 7);
    shared = remap(shared, PAGE(2), PAGE(3), FIXED, place + PAGE(10));
    CHECK(shared == place + PAGE(10));
    CHECK_EQ(shared[PAGE(2)], 3);
    shared[PAGE(2)] = 33;
    CHECK_EQ(pread(fd, &byte, 1, (off_t)PAGE(2)), 1);
    CHECK_EQ(byte, 33);
    CHECK_EQ(ftruncate(fd, (off_t)PAGE(1)), 0);
    CHECK_EQ(fault_of(access_read, shared + PAGE(2)).number, SIGBUS);
    CHECK_EQ(fault_of(access_read, place).number, SIGBUS);
}

static void shared_pages_once_more(void) {
    char *start = mmap(NULL, PAGE(4), RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    char *twice;

    CHECK(start != MAP_FAILED);
    pages_number(start, 4);
    twice = remap(start + PAGE(1), 0, PAGE(2), MREMAP_MAYMOVE, NULL);
    CHECK(twice != MAP_FAILED);
    CHECK_EQ(twice[0], 2);
    twice[PAGE(1)] = 66;
    CHECK_EQ(start[PAGE(2)], 66);
    CHECK_EQ(munmap(start, PAGE(4)), 0);
    CHECK_EQ(twice[PAGE(1)], 66);
    CHECK_FAILS(remap(twice, 0, PAGE(2), FIXED, twice), EFAULT); /* and on Linux it is gone */
    start = pages_map(1, RW);
    CHECK_FAILS(remap(start, 0, PAGE(1), MREMAP_MAYMOVE, NULL), EINVAL);
}

static void range_stays_mapped(void) {
    char *place = room(64);
    char *start = map_at(place, 8);
    char *moved;

    pages_number(start, 8);
    moved = remap(start + PAGE(2), PAGE(4), PAGE(4), FIXED | MREMAP_DONTUNMAP, place + PAGE(20));
    if (moved == MAP_FAILED && errno == EINVAL && !on_quire())
        SKIP("no MREMAP_DONTUNMAP here");
    CHECK(moved == place + PAGE(20));
    for (size_t i = 0; i < 4; i++) {
        CHECK_EQ(moved[PAGE(i)], (char)(i + 3));
        CHECK_EQ(start[PAGE(2 + i)], 0);
    }
    start[PAGE(2)] = 1;
    CHECK_EQ(moved[0], 3);
    CHECK_EQ(start[PAGE(7)], 8);
    moved = remap(start, PAGE(8), PAGE(8), MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
    CHECK(moved != MAP_FAILED && moved != start);
    CHECK_EQ(moved[PAGE(7)], 8);
    CHECK_EQ(start[PAGE(7)], 0);
}

static void errors(void) {
    char *place = room(64);
    char *start = map_at(place, 8);

    pages_number(start, 8);
    CHECK_EQ(mprotect(start + PAGE(4), PAGE(4), PROT_READ), 0);
    CHECK_FAILS(remap(start, PAGE(1), PAGE(1), 8, NULL), EINVAL);
    CHECK_FAILS(remap(start, PAGE(1), 0, MREMAP_MAYMOVE, NULL), EINVAL);
    CHECK_FAILS(remap(start + 1, PAGE(1), PAGE(1), 0, NULL), EINVAL);
    CHECK_FAILS(remap(start, PAGE(1), PAGE(1), MREMAP_FIXED, place + PAGE(20)), EINVAL);
    CHECK_FAILS(remap(start, PAGE(1), PAGE(1), MREMAP_DONTUNMAP, NULL), EINVAL);
    CHECK_FAILS(remap(start, PAGE(1), PAGE(2), MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL), EINVAL);
    CHECK_FAILS(remap(start, PAGE(1), PAGE(1), FIXED, place + PAGE(20) + 1), EINVAL);
    CHECK_FAILS(remap(start, PAGE(2), PAGE(2), FIXED, start), EINVAL);
    CHECK_FAILS(remap(start, PAGE(2), PAGE(2), FIXED, start + PAGE(1)), EINVAL);
    CHECK_FAILS(remap(start + PAGE(1), PAGE(1), PAGE(2), FIXED, start), EINVAL);
    CHECK_FAILS(remap(start, PAGE(1), PAGE(1), FIXED, (void *)-PAGE_BYTES), EINVAL);
    CHECK_FAILS(remap(place + PAGE(20), PAGE(1), PAGE(2), MREMAP_MAYMOVE, NULL), EFAULT);
    CHECK_FAILS(remap(place + PAGE(20), PAGE(1), PAGE(1), 0, NULL), EFAULT);
    CHECK_FAILS(remap(start, PAGE(8), PAGE(9), MREMAP_MAYMOVE, NULL), EFAULT);
    CHECK_FAILS(remap(start + PAGE(6), PAGE(4), PAGE(5), MREMAP_MAYMOVE, NULL), EFAULT);
    CHECK_FAILS(remap(start, PAGE(1), (1UL << 47) - PAGE(16), MREMAP_MAYMOVE, NULL), ENOMEM);
    expect_numbers(start, 8);
}

/* Errors that need limits, in a child that has them. */
static void limited(void *argument) {
    struct rlimit space = {0, RLIM_INFINITY};
    char *start = argument;

    space.rlim_cur = (rlim_t)fact_number("/proc/self/status", "VmSize") * 1024 + PAGE(2);
    CHECK_EQ(setrlimit(RLIMIT_AS, &space), 0);
    CHECK_FAILS(remap(start, PAGE(4), PAGE(8), MREMAP_MAYMOVE, NULL), ENOMEM);
    CHECK_FAILS(remap(start, PAGE(4), PAGE(8), 0, NULL), ENOMEM);
    CHECK(remap(start, PAGE(4), PAGE(5), 0, NULL) == start);
    expect_numbers(start, 4);
}

static void locked_limit(void *argument) {
    struct rlimit locked = {PAGE(4), PAGE(4)};
    char *start = argument;

    CHECK_EQ(setrlimit(RLIMIT_MEMLOCK, &locked), 0);
    if (geteuid() == 0)
        CHECK_EQ(setresuid(65534, 65534, 65534), 0);
    CHECK_EQ(mlock(start, PAGE(4)), 0);
    CHECK_FAILS(remap(start, PAGE(4), PAGE(5), MREMAP_MAYMOVE, NULL), EAGAIN);
    CHECK(remap(start, PAGE(4), PAGE(2), 0, NULL) == start);
    CHECK(remap(start, PAGE(2), PAGE(3), MREMAP_MAYMOVE, NULL) == start);
    CHECK_EQ(fact_number("/proc/self/status", "VmLck"), 12);
}

static void limits(void) {
    char *start = map_at(room(32), 4);

    pages_number(start, 4);
    CHECK_CHILD_OK(limited, start);
    CHECK_CHILD_OK(locked_limit, start);
}

/* A large mapping moves with its tables. */
static void large_mapping_moves(void) {
    enum { PAGES = 4096 };
    char *start = pages_map(PAGES, RW);
    char *moved;

    for (size_t i = 0; i < PAGES; i++)
        *(size_t *)(start + PAGE(i)) = i;
    CHECK_EQ(mprotect(start + PAGE(PAGES - 1), PAGE_BYTES, PROT_READ), 0);
    moved = remap(start, PAGE(PAGES - 1), PAGE(2 * PAGES), MREMAP_MAYMOVE, NULL);
    CHECK(moved != MAP_FAILED);
    for (size_t i = 0; i < PAGES - 1; i++)
        CHECK_EQ(*(size_t *)(moved + PAGE(i)), i);
    CHECK_EQ(moved[PAGE(2 * PAGES - 1)], 0);
}

static void move_around(void *argument) {
    char *start = map_at(room(256), 64);

    (void)argument;
    for (unsigned round = 0; round < 20; round++) {
        pages_number(start, 64);
        for (size_t i = 1; i < 64; i += 3)
            CHECK(remap(start + PAGE(i), PAGE(1), PAGE(1), FIXED, start + PAGE(100 + i)) !=
                  MAP_FAILED);
        CHECK(remap(start + PAGE(30), PAGE(1), PAGE(4), FIXED, start + PAGE(200)) != MAP_FAILED);
        CHECK(remap(start, PAGE(1), PAGE(1), FIXED | MREMAP_DONTUNMAP, start + PAGE(220)) !=
              MAP_FAILED);
        CHECK_EQ(munmap(start, PAGE(256)), 0);
        map_at(start, 64);
    }
}

static void nothing_is_lost(void) {
    struct memory_use before;

    frames_exact_or_skip();
    CHECK_CHILD_OK(move_around, NULL);
    before = memory_use();
    for (unsigned i = 0; i < 5; i++)
        CHECK_CHILD_OK(move_around, NULL);
    CHECK_MEMORY_SAME(memory_use(), before);
}

CHECK_MAIN({"grows_and_shrinks_in_place", grows_and_shrinks_in_place},
           {"shrinks_over_several_areas", shrinks_over_several_areas},
           {"moves_when_there_is_no_room", moves_when_there_is_no_room},
           {"goes_to_a_place", goes_to_a_place}, {"there_and_back", there_and_back},
           {"each_there_and_back", each_there_and_back}, {"frames_go_along", frames_go_along},
           {"forks_do_not_see_it", forks_do_not_see_it},
           {"files_keep_their_offsets", files_keep_their_offsets},
           {"shared_pages_once_more", shared_pages_once_more},
           {"range_stays_mapped", range_stays_mapped}, {"errors", errors}, {"limits", limits},
           {"large_mapping_moves", large_mapping_moves}, {"nothing_is_lost", nothing_is_lost})
