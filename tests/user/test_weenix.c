/* SPDX-License-Identifier: MIT */
/*
 * Weenix's nine groups of memory tests, each alone, in parallel and in repetition.
 *
 * Row B9: stack overflow, bounds and rights of mmap, bounds of brk, munmap of ends and middle, a
 * heap that begins in a page of bss, brk against a mapping, a full address space, a file mapped
 * many times, a mapping past the end of its file. Every group ends with its memory given back:
 * on Quire it is counted over all the children that ran it.
 */
#define CHECK_HELPER weenix_helper
#include "catch.h"
#include "pages.h"

#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>

#define CHILDREN 4
#define REPEATS 2

/* ---- alone, in parallel, again ---- */

static void run_in_parallel(void (*group)(void *)) {
    pid_t children[CHILDREN];

    for (size_t i = 0; i < CHILDREN; i++) {
        children[i] = fork();
        CHECK(children[i] >= 0);
        if (children[i] > 0)
            continue;
        for (int again = 0; again < REPEATS; again++)
            CHECK_CHILD_OK(group, NULL);
        _exit(0);
    }
    for (size_t i = 0; i < CHILDREN; i++)
        if (child_wait(children[i]) != 0)
            _exit(CHECK_EXIT_FAILED);
}

static void run_every_way(void (*group)(void *)) {
    struct memory_use before;

    CHECK_CHILD_OK(group, NULL);
    run_in_parallel(group);
    memory_use(); /* looking makes the pages that it looks with */
    before = memory_use();
    run_in_parallel(group);
    if (on_quire())
        CHECK_MEMORY_SAME(memory_use(), before);
}

/* ---- helpers ---- */

static char *map_at(char *address, size_t pages, int protection) {
    char *start = mmap(address, pages * PAGE_BYTES, protection, ANONYMOUS | MAP_FIXED, -1, 0);

    CHECK(start == address);
    return start;
}

static uintptr_t brk_set(uintptr_t wanted) {
    return (uintptr_t)syscall(SYS_brk, wanted);
}

static uintptr_t page_end(uintptr_t address) {
    return (address + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
}

/* Move the break to a page border and return it. */
static char *heap_aligned(void) {
    uintptr_t start = page_end(brk_set(0));

    CHECK_EQ(brk_set(start), start);
    return (char *)start;
}

/* A file of `bytes` bytes whose name is gone already; each byte is the number of its page + 1. */
static int file_make(size_t bytes) {
    char path[] = "/tmp/weenix-XXXXXX";
    char page[PAGE_BYTES];
    int fd = mkstemp(path);

    CHECK(fd >= 0);
    CHECK_EQ(unlink(path), 0);
    for (size_t done = 0; done < bytes; done += PAGE_BYTES) {
        size_t part = bytes - done < PAGE_BYTES ? bytes - done : PAGE_BYTES;
        memset(page, (int)(done / PAGE_BYTES) + 1, part);
        CHECK_EQ(write(fd, page, part), part);
    }
    return fd;
}

#define CHECK_FAULT(access, where, signal_number, signal_code)                                     \
    do {                                                                                           \
        struct fault check_f = fault_of(access, where);                                            \
        CHECK_EQ(check_f.number, signal_number);                                                   \
        CHECK_EQ(check_f.code, signal_code);                                                       \
        CHECK_EQ(check_f.address, (uintptr_t)(where));                                             \
    } while (0)

/* ---- stack overflow ---- */

static volatile unsigned depth;

static __attribute__((noinline)) void recurse_for_ever(void *argument) {
    volatile char page[PAGE_BYTES];

    page[0] = 1;
    depth++;
    if (depth < 1000000)
        recurse_for_ever((void *)page);
    page[1] = *(char *)argument;
}

static void overflow_group(void *unused) {
    volatile char *page = pages_map(1, RW);
    char start = 0;

    (void)unused;
    page[0] = 7;
    CHECK_CHILD_KILLED(recurse_for_ever, &start, SIGSEGV);
    CHECK_EQ(page[0], 7);
    CHECK_EQ(depth, 0);
}

/* ---- mmap: bounds and rights ---- */

static void bounds_group(void *unused) {
    char *reading = pages_map(1, PROT_READ), *nothing = pages_map(1, PROT_NONE);
    char *start = map_at(free_stretch(3), 3, RW);

    (void)unused;
    CHECK(can_write(start) && can_write(start + 3 * PAGE_BYTES - 1));
    CHECK_FAULT(access_read, start - 1, SIGSEGV, SEGV_MAPERR);
    CHECK_FAULT(access_write, start - 1, SIGSEGV, SEGV_MAPERR);
    CHECK_FAULT(access_read, start + 3 * PAGE_BYTES, SIGSEGV, SEGV_MAPERR);
    CHECK_FAULT(access_write, start + 3 * PAGE_BYTES, SIGSEGV, SEGV_MAPERR);
    CHECK_FAULT(access_jump, start, SIGSEGV, SEGV_ACCERR);
    CHECK(can_read(reading));
    CHECK_FAULT(access_write, reading, SIGSEGV, SEGV_ACCERR);
    CHECK_FAULT(access_read, nothing, SIGSEGV, SEGV_ACCERR);
    CHECK_FAULT(access_write, nothing, SIGSEGV, SEGV_ACCERR);
    CHECK_EQ(reading[0], 0);
}

/* ---- brk: bounds ---- */

static void brk_group(void *unused) {
    char *heap = heap_aligned();

    (void)unused;
    CHECK_FAULT(access_write, heap, SIGSEGV, SEGV_MAPERR);
    CHECK_EQ(brk_set((uintptr_t)heap + 1), (uintptr_t)heap + 1);
    CHECK(can_write(heap) && can_write(heap + PAGE_BYTES - 1));
    CHECK_FAULT(access_write, heap + PAGE_BYTES, SIGSEGV, SEGV_MAPERR);
    CHECK_EQ(brk_set((uintptr_t)heap + 64 * PAGE_BYTES), (uintptr_t)heap + 64 * PAGE_BYTES);
    pages_write(heap, 64, 3);
    CHECK_FAULT(access_read, heap + 64 * PAGE_BYTES, SIGSEGV, SEGV_MAPERR);
    CHECK_EQ(brk_set((uintptr_t)heap + PAGE_BYTES + 1), (uintptr_t)heap + PAGE_BYTES + 1);
    CHECK_EQ(heap[PAGE_BYTES], 3);
    CHECK_FAULT(access_read, heap + 2 * PAGE_BYTES, SIGSEGV, SEGV_MAPERR);
    CHECK_EQ(brk_set(4096), (uintptr_t)heap + PAGE_BYTES + 1);
    CHECK_EQ(brk_set((uintptr_t)heap + (1UL << 47)), (uintptr_t)heap + PAGE_BYTES + 1);
    CHECK_EQ(heap[0], 3);
}

/* ---- munmap: both ends, the middle, again ---- */

static void check_pages(char *start, const char *picture) {
    for (size_t i = 0; picture[i]; i++) {
        if (picture[i] == '.')
            CHECK_FAULT(access_read, start + i * PAGE_BYTES, SIGSEGV, SEGV_MAPERR);
        else
            CHECK_EQ(start[i * PAGE_BYTES], picture[i]);
    }
}

static void munmap_round(char *start) {
    map_at(start, 9, RW);
    for (size_t i = 0; i < 9; i++)
        start[i * PAGE_BYTES] = (char)('a' + i);
    CHECK_EQ(munmap(start - PAGE_BYTES, 2 * PAGE_BYTES), 0);
    check_pages(start, ".bcdefghi");
    CHECK_EQ(munmap(start + 8 * PAGE_BYTES, 2 * PAGE_BYTES), 0);
    check_pages(start, ".bcdefgh.");
    for (int again = 0; again < 3; again++)
        CHECK_EQ(munmap(start + 4 * PAGE_BYTES, PAGE_BYTES), 0);
    check_pages(start, ".bcd.fgh.");
    map_at(start + 4 * PAGE_BYTES, 1, RW)[0] = 'E';
    check_pages(start, ".bcdEfgh.");
    CHECK_EQ(munmap(start + 3 * PAGE_BYTES, 3 * PAGE_BYTES), 0);
    check_pages(start, ".bc...gh.");
    CHECK_EQ(munmap(start, 9 * PAGE_BYTES), 0);
    check_pages(start, ".........");
}

static void munmap_group(void *unused) {
    char *start = free_stretch(11) + PAGE_BYTES;

    (void)unused;
    for (int round = 0; round < 10; round++)
        munmap_round(start);
}

/* ---- a heap that begins where bss ends ---- */

extern char _end[];

/* In a program just begun, nothing of which has used the heap yet. The page that bss ends in is
 * whole and stays, whether or not the heap begins in it. */
static int heap_after_bss(void) {
    uintptr_t start = brk_set(0), bss = (uintptr_t)_end, end = page_end(bss);
    volatile char *heap = (char *)start, *last = (char *)end - 1;
    size_t next = page_end(start) - start;

    CHECK(start >= bss && bss % PAGE_BYTES != 0);
    for (uintptr_t byte = bss; byte < end; byte++)
        CHECK_EQ(*(char *)byte, 0);
    *last = 42;
    CHECK_EQ(brk_set(start + 3 * PAGE_BYTES + 1), start + 3 * PAGE_BYTES + 1);
    for (size_t i = next; i <= 3 * PAGE_BYTES; i++)
        CHECK_EQ(heap[i], 0);
    memset((char *)heap + next, 9, 3 * PAGE_BYTES + 1 - next);
    CHECK_EQ(*last, 42);
    CHECK_EQ(brk_set(start), start);
    CHECK_EQ(brk_set(start - 1), start);
    CHECK_EQ(*last, 42);
    CHECK_EQ(brk_set(start + 3 * PAGE_BYTES), start + 3 * PAGE_BYTES);
    for (size_t i = next; i < 3 * PAGE_BYTES; i++)
        CHECK_EQ(heap[i], 0);
    return 0;
}

static int weenix_helper(char **argv) {
    (void)argv;
    return heap_after_bss();
}

static void bss_group(void *fixed) {
    char *const arguments[] = {"self", "--helper", "bss", NULL};

    if (fixed)
        personality(ADDR_NO_RANDOMIZE);
    execv("/proc/self/exe", arguments);
    CHECK(!"exec failed");
}

static void bss_groups(void *unused) {
    CHECK_CHILD_OK(bss_group, unused);
    CHECK_CHILD_OK(bss_group, (void *)1);
}

/* ---- brk against a mapping ---- */

static void meeting_group(void *unused) {
    char *heap = heap_aligned(), *block = map_at(heap + 8 * PAGE_BYTES, 1, RW);
    uintptr_t start = (uintptr_t)heap, all = start + 20 * PAGE_BYTES;

    (void)unused;
    block[0] = 5;
    CHECK_EQ(brk_set(start + 7 * PAGE_BYTES), start + 7 * PAGE_BYTES);
    pages_write(heap, 7, 1);
    CHECK_EQ(brk_set(start + 7 * PAGE_BYTES + 1), start + 7 * PAGE_BYTES);
    CHECK_EQ(brk_set(all), start + 7 * PAGE_BYTES);
    CHECK_EQ(block[0], 5);
    CHECK_EQ(pages_read(heap, 7), 7);
    CHECK_EQ(munmap(block, PAGE_BYTES), 0);
    CHECK_EQ(brk_set(all), all);
    CHECK_EQ(pages_read(heap, 20), 7);
    /* and a mapping put into the heap: it is there until the break goes below it */
    map_at(block, 1, PROT_READ);
    CHECK_FAULT(access_write, block, SIGSEGV, SEGV_ACCERR);
    CHECK_EQ(brk_set(start + 4 * PAGE_BYTES), start + 4 * PAGE_BYTES);
    CHECK_FAULT(access_read, block, SIGSEGV, SEGV_MAPERR);
    CHECK_EQ(brk_set(all), all);
    CHECK(can_write(block));
    CHECK_EQ(pages_read(heap, 8), 4);
}

/* ---- the address space filled ---- */

#define MAPPINGS 16000

static uint64_t now_ns(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/*
 * The quickest of some, one by one: others run as well, and for longer than a mapping takes.
 * Neighbours differ in rights, so each mapping is an area of its own.
 */
static uint64_t quickest_of(int mappings) {
    uint64_t quickest = UINT64_MAX;

    for (int i = 0; i < mappings; i++) {
        uint64_t start = now_ns(), taken;

        CHECK(mmap(NULL, PAGE_BYTES, i % 2 ? PROT_READ : PROT_NONE, ANONYMOUS, -1, 0) !=
              MAP_FAILED);
        taken = now_ns() - start;
        quickest = taken < quickest ? taken : quickest;
    }
    return quickest;
}

static void check_bounded_time(void) {
    uint64_t first = quickest_of(MAPPINGS / 4), last;

    quickest_of(MAPPINGS / 2);
    last = quickest_of(MAPPINGS / 4);
    if (last > 4 * first + 10000)
        CHECK_NOTE("a mapping took %lu ns with few areas, %lu ns with many", first, last);
}

static void full_group(void *unused) {
    const int flags = ANONYMOUS | MAP_NORESERVE;
    size_t count = 0;
    char *some = NULL;

    (void)unused;
    check_bounded_time();
    for (size_t size = 1UL << 45; size >= 1UL << 30; size /= 2) {
        char *area;
        while ((area = mmap(NULL, size, PROT_NONE, flags, -1, 0)) != MAP_FAILED) {
            some = area;
            CHECK(++count < 10000);
        }
        CHECK_EQ(errno, ENOMEM);
    }
    CHECK(count > 3);
    CHECK_FAILS(mmap(NULL, 1UL << 30, PROT_NONE, flags, -1, 0), ENOMEM);
    CHECK_EQ(munmap(some, 1UL << 30), 0);
    CHECK(mmap(NULL, 1UL << 30, RW, flags, -1, 0) == some);
    CHECK(can_write(some) && can_write(some + (1UL << 30) - 1));
}

/* ---- one file mapped many times ---- */

#define VIEWS 400
#define FILE_PAGES 4

static void views_check(char *const *views, size_t page, char shared) {
    for (size_t i = 0; i < VIEWS; i++)
        CHECK_EQ(views[i][page * PAGE_BYTES], i % 2 ? (char)i : shared);
}

/* Even ones are shared, odd ones private; each private one is written. */
static void views_group(void *unused) {
    static char *views[VIEWS];
    int fd = file_make(FILE_PAGES * PAGE_BYTES);
    char byte;

    (void)unused;
    for (size_t i = 0; i < VIEWS; i++) {
        views[i] = mmap(NULL, FILE_PAGES * PAGE_BYTES, RW, i % 2 ? MAP_PRIVATE : MAP_SHARED, fd, 0);
        CHECK(views[i] != MAP_FAILED);
        for (char page = 0; page < FILE_PAGES; page++)
            CHECK_EQ(views[i][(size_t)page * PAGE_BYTES], page + 1);
    }
    for (size_t i = 1; i < VIEWS; i += 2)
        views[i][PAGE_BYTES] = (char)i;
    views_check(views, 1, 2);
    views[0][PAGE_BYTES] = 77;
    views_check(views, 1, 77);
    CHECK_EQ(pread(fd, &byte, 1, PAGE_BYTES), 1);
    CHECK_EQ(byte, 77);
    CHECK_EQ(pwrite(fd, "w", 1, PAGE_BYTES), 1);
    CHECK_EQ(close(fd), 0);
    views_check(views, 1, 'w');
    for (size_t i = 0; i < VIEWS - 1; i++)
        CHECK_EQ(munmap(views[i], FILE_PAGES * PAGE_BYTES), 0);
    CHECK_EQ(views[VIEWS - 1][PAGE_BYTES], (char)(VIEWS - 1));
}

/* ---- past the end of the file ---- */

static void write_it(void *address) {
    access_write((uintptr_t)address);
}

static void past_the_end(int flags) {
    int fd = file_make(PAGE_BYTES + 100);
    char *start = mmap(NULL, 4 * PAGE_BYTES, RW, flags, fd, 0);

    CHECK(start != MAP_FAILED);
    CHECK_EQ(start[PAGE_BYTES + 99], 2);
    CHECK_EQ(start[PAGE_BYTES + 100], 0);
    CHECK_EQ(start[2 * PAGE_BYTES - 1], 0);
    CHECK_FAULT(access_read, start + 2 * PAGE_BYTES, SIGBUS, BUS_ADRERR);
    CHECK_FAULT(access_write, start + 4 * PAGE_BYTES - 1, SIGBUS, BUS_ADRERR);
    signal(SIGBUS, SIG_DFL);
    CHECK_CHILD_KILLED(write_it, start + 3 * PAGE_BYTES, SIGBUS);
    CHECK_EQ(ftruncate(fd, 3 * PAGE_BYTES), 0);
    CHECK_EQ(start[2 * PAGE_BYTES], 0);
    CHECK_FAULT(access_read, start + 3 * PAGE_BYTES, SIGBUS, BUS_ADRERR);
    CHECK_EQ(ftruncate(fd, 0), 0);
    CHECK_FAULT(access_read, start, SIGBUS, BUS_ADRERR);
    CHECK_EQ(munmap(start, 4 * PAGE_BYTES), 0);
    CHECK_EQ(close(fd), 0);
}

static void past_group(void *unused) {
    (void)unused;
    past_the_end(MAP_SHARED);
    past_the_end(MAP_PRIVATE);
}

/* ---- the nine ---- */

static void stack_overflow(void) {
    run_every_way(overflow_group);
}

static void mmap_bounds_and_rights(void) {
    run_every_way(bounds_group);
}

static void brk_bounds(void) {
    run_every_way(brk_group);
}

static void munmap_ends_and_middle(void) {
    run_every_way(munmap_group);
}

static void heap_begins_after_bss(void) {
    run_every_way(bss_groups);
}

static void brk_meets_a_mapping(void) {
    run_every_way(meeting_group);
}

static void address_space_filled(void) {
    run_every_way(full_group);
}

static void file_mapped_many_times(void) {
    run_every_way(views_group);
}

static void mapping_past_the_end(void) {
    run_every_way(past_group);
}

CHECK_MAIN({"stack_overflow", stack_overflow}, {"mmap_bounds_and_rights", mmap_bounds_and_rights},
           {"brk_bounds", brk_bounds}, {"munmap_ends_and_middle", munmap_ends_and_middle},
           {"heap_begins_after_bss", heap_begins_after_bss},
           {"brk_meets_a_mapping", brk_meets_a_mapping},
           {"address_space_filled", address_space_filled},
           {"file_mapped_many_times", file_mapped_many_times},
           {"mapping_past_the_end", mapping_past_the_end})
