/* SPDX-License-Identifier: MIT */
/*
 * mlock(2), mlock2, munlock, mlockall, munlockall, MAP_LOCKED, MAP_POPULATE: locked memory is
 * there, counted, limited, and nobody's heritage.
 */
#define CHECK_HELPER say_locked
#include "pages.h"

#include "catch.h"

#include <sys/resource.h>
#include <sys/syscall.h>

#define MLOCK_ON_FAULT 1
#ifndef MCL_ONFAULT
#define MCL_ONFAULT 4
#endif

static long locked_kib(void) {
    return fact_number("/proc/self/status", "VmLck");
}

/* The program that exec'd itself: exit status 0 if nothing is locked. */
static int say_locked(char **argv) {
    (void)argv;
    return locked_kib() == 0 ? 0 : 1;
}

static int lock2(void *start, size_t length, int flags) {
    return (int)syscall(SYS_mlock2, start, length, flags);
}

/* As somebody who may lock no more than the limit. */
static void become_limited(size_t pages) {
    struct rlimit limit = {PAGE(pages), PAGE(pages)};

    CHECK_EQ(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
    if (geteuid() == 0)
        CHECK_EQ(setresuid(65534, 65534, 65534), 0);
}

static void locked_pages_are_there(void) {
    char *start = pages_map(32, RW);
    long before = locked_kib();

    CHECK_EQ(mlock(start + PAGE(4), PAGE(8)), 0);
    CHECK_EQ(pages_resident(start, 32), 8);
    CHECK_EQ(pages_resident(start + PAGE(4), 8), 8);
    CHECK_EQ(locked_kib() - before, 32);
    CHECK_EQ(mlock(start + PAGE(4), PAGE(8)), 0);
    CHECK_EQ(locked_kib() - before, 32);
    CHECK_EQ(mlock(start + PAGE(20) + 4095, 2), 0); /* two pages are touched */
    CHECK_EQ(locked_kib() - before, 40);
    CHECK_EQ(munlock(start + PAGE(5), PAGE(2)), 0);
    CHECK_EQ(locked_kib() - before, 32);
    CHECK_EQ(munlock(start, PAGE(32)), 0);
    CHECK_EQ(locked_kib() - before, 0);
    CHECK_EQ(pages_resident(start, 32), 10); /* and they stay */
    CHECK_EQ(mlock(start, 0), 0);
    CHECK_EQ(mlock(NULL, 0), 0);
}

static void areas_join_again(void) {
    char *start = pages_map(8, RW);
    struct area whole, part;

    CHECK(area_find(start, &whole));
    CHECK_EQ(mlock(start + PAGE(2), PAGE(2)), 0);
    CHECK(area_find(start + PAGE(2), &part));
    CHECK_EQ(part.start, (uintptr_t)start + PAGE(2));
    CHECK_EQ(part.end, (uintptr_t)start + PAGE(4));
    CHECK_EQ(munlock(start, PAGE(8)), 0);
    CHECK(area_find(start + PAGE(2), &part));
    CHECK_EQ(part.start, whole.start);
    CHECK_EQ(part.end, whole.end);
}

static void on_fault_waits(void) {
    char *start = pages_map(8, RW);
    long before = locked_kib();

    CHECK_EQ(lock2(start, PAGE(8), MLOCK_ON_FAULT), 0);
    CHECK_EQ(pages_resident(start, 8), 0);
    CHECK_EQ(locked_kib() - before, 32);
    start[PAGE(3)] = 1;
    CHECK_EQ(pages_resident(start, 8), 1);
    CHECK_EQ(lock2(start, PAGE(8), 0), 0);
    CHECK_EQ(pages_resident(start, 8), 8);
    CHECK_EQ(start[PAGE(3)], 1);
    CHECK_FAILS(lock2(start, PAGE(8), 2), EINVAL);
}

static void errors(void) {
    char *start = pages_map(8, RW);
    long before = locked_kib();

    CHECK_EQ(munmap(start + PAGE(3), PAGE_BYTES), 0);
    CHECK_FAILS(mlock(start, PAGE(8)), ENOMEM);
    CHECK_EQ(locked_kib() - before, 12); /* what lies before the hole */
    CHECK_FAILS(mlock(start + PAGE(3), PAGE(2)), ENOMEM);
    CHECK_EQ(locked_kib() - before, 12);
    CHECK_FAILS(munlock(start + PAGE(1), PAGE(8)), ENOMEM);
    CHECK_EQ(locked_kib() - before, 4);
    CHECK_FAILS(mlock(start, (size_t)-PAGE_BYTES), EINVAL);
    CHECK_FAILS(munlock(start, (size_t)-PAGE_BYTES), EINVAL);
    CHECK_EQ(mprotect(start + PAGE(4), PAGE(1), PROT_NONE), 0);
    CHECK_FAILS(mlock(start + PAGE(4), PAGE(1)), ENOMEM); /* it cannot be brought in */
    CHECK_FAILS(mlockall(0), EINVAL);
    CHECK_FAILS(mlockall(8), EINVAL);
    CHECK_FAILS(mlockall(MCL_ONFAULT), EINVAL);
    CHECK_EQ(madvise(start + PAGE(6), PAGE(1), MADV_DONTNEED), 0);
    CHECK_EQ(mlock(start + PAGE(6), PAGE(1)), 0);
    CHECK_FAILS(madvise(start + PAGE(6), PAGE(1), MADV_DONTNEED), EINVAL);
    CHECK_FAILS(msync(start + PAGE(6), PAGE(1), MS_SYNC | MS_INVALIDATE), EBUSY);
    CHECK_EQ(msync(start + PAGE(6), PAGE(1), MS_SYNC), 0);
}

static void within_the_limit(void *argument) {
    char *start = argument;

    become_limited(4);
    CHECK_FAILS(mlock(start, PAGE(5)), ENOMEM);
    CHECK_EQ(locked_kib(), 0);
    CHECK_EQ(mlock(start, PAGE(4)), 0);
    CHECK_EQ(mlock(start + PAGE(1), PAGE(2)), 0);
    CHECK_FAILS(mlock(start + PAGE(3), PAGE(2)), ENOMEM);
    CHECK_FAILS(mmap(NULL, PAGE(1), RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0), EAGAIN);
    CHECK_EQ(munlock(start, PAGE(2)), 0);
    CHECK(mmap(NULL, PAGE(2), RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0) != MAP_FAILED);
    CHECK_EQ(locked_kib(), 16);
    CHECK_FAILS(mlockall(MCL_CURRENT), ENOMEM);
    CHECK_EQ(mlockall(MCL_FUTURE), 0);
    CHECK_FAILS(mmap(NULL, PAGE(1), RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), EAGAIN);
    CHECK_EQ(munlockall(), 0);
    CHECK(mmap(NULL, PAGE(1), RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
    CHECK_EQ(locked_kib(), 0);
}

static void without_any_right(void *argument) {
    char *start = argument;

    become_limited(0);
    CHECK_FAILS(mlock(start, PAGE(1)), EPERM);
    CHECK_FAILS(lock2(start, PAGE(1), 0), EPERM);
    CHECK_FAILS(mlockall(MCL_CURRENT), EPERM);
    /* musl's mmap turns EPERM into ENOMEM. */
    CHECK_FAILS(
        syscall(SYS_mmap, NULL, PAGE(1), RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0),
        EPERM);
    CHECK_EQ(munlock(start, PAGE(1)), 0);
    CHECK_EQ(munlockall(), 0);
}

static void root_has_no_limit(void *argument) {
    struct rlimit none = {0, 0};

    CHECK_EQ(setrlimit(RLIMIT_MEMLOCK, &none), 0);
    CHECK_EQ(mlock(argument, PAGE(8)), 0);
    CHECK_EQ(locked_kib(), 32);
}

static void limits(void) {
    char *start = pages_map(8, RW);

    CHECK_CHILD_OK(within_the_limit, start);
    CHECK_CHILD_OK(without_any_right, start);
    if (geteuid() == 0)
        CHECK_CHILD_OK(root_has_no_limit, start);
}

static void lock_all(void *argument) {
    char *start = argument, *later;
    char *brk = sbrk(0);

    CHECK_EQ(mlockall(MCL_CURRENT), 0);
    CHECK_EQ(pages_resident(start, 8), 8);
    if (on_quire()) /* on Linux the vDSO's pages do not count */
        CHECK_EQ(locked_kib(), fact_number("/proc/self/status", "VmSize"));
    later = pages_map(4, RW);
    CHECK_EQ(pages_resident(later, 4), 0);
    CHECK_EQ(mlockall(MCL_CURRENT | MCL_FUTURE), 0);
    CHECK_EQ(pages_resident(later, 4), 4);
    later = pages_map(4, RW);
    CHECK_EQ(pages_resident(later, 4), 4);
    if (sbrk((intptr_t)PAGE(4)) == brk) {
        char *page = (char *)(((uintptr_t)brk + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1));
        CHECK_EQ(pages_resident(page, 4), 4);
    }
    CHECK_EQ(mlockall(MCL_FUTURE | MCL_ONFAULT), 0);
    later = pages_map(4, RW);
    CHECK_EQ(pages_resident(later, 4), 0);
    CHECK_EQ(munlockall(), 0);
    CHECK_EQ(locked_kib(), 0);
}

static void all_of_it(void) {
    if (geteuid() != 0)
        SKIP("only root may lock all");
    CHECK_CHILD_OK(lock_all, pages_map(8, RW));
}

static void child_has_none(void *argument) {
    char *start = argument, *later;

    CHECK_EQ(locked_kib(), 0);
    CHECK_EQ(start[PAGE(1)], 7);
    start[PAGE(1)] = 8;
    later = pages_map(4, RW);
    CHECK_EQ(pages_resident(later, 4), 0);
}

static void not_inherited(void) {
    char *start = pages_map(4, RW);

    start[PAGE(1)] = 7;
    CHECK_EQ(mlock(start, PAGE(4)), 0);
    CHECK_CHILD_OK(child_has_none, start);
    CHECK_EQ(start[PAGE(1)], 7);
    CHECK_EQ(locked_kib(), 16);
    execl(self_path(), self_path(), "--helper", "locked", (char *)NULL);
    CHECK(false);
}

static void mappings_that_are_populated(void) {
    char *start = mmap(NULL, PAGE(8), RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

    CHECK(start != MAP_FAILED);
    CHECK_EQ(pages_resident(start, 8), 8);
    start = mmap(NULL, PAGE(8), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    CHECK(start != MAP_FAILED);
    CHECK_EQ(pages_resident(start, 8), 8);
    start = mmap(NULL, PAGE(8), RW, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    CHECK(start != MAP_FAILED);
    CHECK_EQ(pages_resident(start, 8), 8);
    start = mmap(NULL, PAGE(8), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    CHECK(start != MAP_FAILED);
    CHECK_EQ(pages_resident(start, 8), 0);
    start =
        mmap(NULL, PAGE(8), RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE | MAP_NONBLOCK, -1, 0);
    CHECK(start != MAP_FAILED);
    start = mmap(NULL, PAGE(8), RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0);
    CHECK(start != MAP_FAILED);
    CHECK_EQ(pages_resident(start, 8), 8);
    CHECK_EQ(locked_kib(), 32);
    CHECK_EQ(munmap(start, PAGE(4)), 0);
    CHECK_EQ(locked_kib(), 16);
}

/* A locked page that becomes writable is written to without a fault: it is made at once. */
static void made_writable(void) {
    char *start = pages_map(4, PROT_READ);

    CHECK_EQ(mlock(start, PAGE(4)), 0);
    CHECK_EQ(mprotect(start, PAGE(4), RW), 0);
    CHECK_EQ(pages_resident(start, 4), 4);
    start[PAGE(2)] = 1;
    CHECK_EQ(start[PAGE(3)], 0);
    CHECK_EQ(locked_kib(), 16);
}

static void lock_and_unlock(void *argument) {
    char *start = pages_map(64, RW);

    (void)argument;
    for (size_t i = 0; i < 64; i += 2)
        CHECK_EQ(mlock(start + PAGE(i), PAGE_BYTES), 0);
    CHECK_EQ(munlock(start, PAGE(64)), 0);
    CHECK_EQ(lock2(start, PAGE(64), MLOCK_ON_FAULT), 0);
    CHECK_EQ(munmap(start + PAGE(10), PAGE(20)), 0);
}

static void nothing_is_lost(void) {
    struct memory_use before;

    frames_exact_or_skip();
    CHECK_CHILD_OK(lock_and_unlock, NULL);
    before = memory_use();
    for (unsigned i = 0; i < 10; i++)
        CHECK_CHILD_OK(lock_and_unlock, NULL);
    CHECK_MEMORY_SAME(memory_use(), before);
}

CHECK_MAIN({"locked_pages_are_there", locked_pages_are_there},
           {"areas_join_again", areas_join_again}, {"on_fault_waits", on_fault_waits},
           {"errors", errors}, {"limits", limits}, {"all_of_it", all_of_it},
           {"not_inherited", not_inherited},
           {"mappings_that_are_populated", mappings_that_are_populated},
           {"made_writable", made_writable}, {"nothing_is_lost", nothing_is_lost})
