/* SPDX-License-Identifier: MIT */
/*
 * WeensyOS's allocator and fork scenes: several processes, the same addresses, frames apart.
 *
 * Rows W3 (a page at an address one picks, until there is none: an error, nothing changed), W4
 * (the same addresses, different frames), W5 and W6 (fork: data private, code in one frame). The
 * third scene, forks for ever, is test_forkexit.
 */
#include "catch.h"
#include "facts.h"
#include "random.h"

#include <sys/resource.h>

#define RW (PROT_READ | PROT_WRITE)
#define PROCESSES 4
#define PAGES 64

static char *const heap = (char *)0x200000000000;

/* What each process tells of itself; shared memory. */
struct report {
    uint64_t data[PROCESSES][PAGES];
    uint64_t code[PROCESSES];
};

static struct report *report;
static int ready[2], go[2];

static void setup(void) {
    report = mmap(NULL, sizeof *report, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(report != MAP_FAILED);
    memset(report, 0, sizeof *report);
    CHECK_EQ(pipe(ready) | pipe(go), 0);
}

static bool page_allocate(char *address) {
    char *page =
        mmap(address, PAGE_BYTES, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

    CHECK(page == address || (page == MAP_FAILED && errno == ENOMEM));
    return page == address;
}

static void check_own(const char *pages, int number) {
    for (int i = 0; i < PAGES; i++)
        CHECK_EQ(pages[(size_t)i * PAGE_BYTES], (char)(number * 10 + i));
}

/* Say where the pages are, then stay until all have said it: no frame can be used twice. */
static void tell_and_stay(int number, const char *pages) {
    char byte;

    for (int i = 0; i < PAGES; i++)
        report->data[number][i] = frame_of(pages + (size_t)i * PAGE_BYTES);
    report->code[number] = frame_of((void *)(uintptr_t)tell_and_stay);
    CHECK_EQ(write(ready[1], "", 1), 1);
    CHECK_EQ(read(go[0], &byte, 1), 1);
    check_own(pages, number);
    _exit(0);
}

static void all_are_ready(void) {
    char byte;

    for (int i = 0; i < PROCESSES; i++)
        CHECK_EQ(read(ready[0], &byte, 1), 1);
}

static void all_may_go(const pid_t *pids) {
    CHECK_EQ(write(go[1], "1234", PROCESSES), PROCESSES);
    for (int i = 0; i < PROCESSES; i++)
        CHECK_EQ(child_wait(pids[i]), 0);
}

static void check_apart(void) {
    const uint64_t *frames = &report->data[0][0];

    if (frames[0] == 0 && !on_quire())
        return; /* frame numbers are hidden here */
    for (int i = 0; i < PROCESSES * PAGES; i++) {
        CHECK(frames[i] != 0);
        for (int other = 0; other < i; other++)
            CHECK(frames[i] != frames[other]);
    }
}

/* Page by page, each at its own pace, up to the limit; the page refused is not there. */
static void allocator(int number) {
    struct random random = {(uint64_t)number};
    size_t count = 0, used = (size_t)fact_number("/proc/self/status", "VmSize") * 1024;
    struct rlimit limit = {used + PAGES * PAGE_BYTES, RLIM_INFINITY};

    CHECK_EQ(setrlimit(RLIMIT_AS, &limit), 0);
    while (page_allocate(heap + count * PAGE_BYTES)) {
        char *page = heap + count * PAGE_BYTES;
        for (size_t i = 0; i < PAGE_BYTES; i += 8)
            CHECK_EQ(*(uint64_t *)(page + i), 0);
        *page = (char)(number * 10 + (int)count++);
        if (random_below(&random, 4) == 0)
            usleep(random_below(&random, 500));
    }
    CHECK_EQ(count, PAGES);
    CHECK(!can_read(heap + count * PAGE_BYTES));
    CHECK(!page_allocate(heap + count * PAGE_BYTES));
    check_own(heap, number);
    tell_and_stay(number, heap);
}

static void allocators(void) {
    pid_t pids[PROCESSES];

    for (int i = 0; i < PROCESSES; i++) {
        pids[i] = fork();
        CHECK(pids[i] >= 0);
        if (pids[i] == 0)
            allocator(i);
    }
    all_are_ready();
    check_apart();
    all_may_go(pids);
}

/* One page is allocated and written before the forks, the rest after them. */
static void forked(int number) {
    CHECK_EQ(heap[0], 99);
    heap[0] = (char)(number * 10);
    for (int i = 1; i < PAGES; i++) {
        CHECK(page_allocate(heap + (size_t)i * PAGE_BYTES));
        heap[(size_t)i * PAGE_BYTES] = (char)(number * 10 + i);
    }
    tell_and_stay(number, heap);
}

static void forks(void) {
    pid_t pids[PROCESSES];
    uint64_t frame;

    CHECK(page_allocate(heap));
    heap[0] = 99;
    for (int i = 0; i < PROCESSES; i++) {
        pids[i] = fork();
        CHECK(pids[i] >= 0);
        if (pids[i] == 0)
            forked(i);
    }
    all_are_ready();
    check_apart();
    CHECK_EQ(heap[0], 99);
    CHECK(!can_read(heap + PAGE_BYTES));
    frame = frame_of((void *)(uintptr_t)tell_and_stay);
    for (int i = 0; i < PROCESSES; i++)
        CHECK(report->code[i] == report->code[0] && (!frame || report->code[i] == frame));
    all_may_go(pids);
}

/* The scene, and all of it given back. */
static void twice(void (*scene)(void)) {
    struct memory_use before = memory_use();

    setup();
    for (int round = 0; round < 3; round++) {
        scene();
        munmap(heap, PAGE_BYTES);
        if (round > 1 && on_quire())
            CHECK_MEMORY_SAME(memory_use(), before);
        memory_use();
        before = memory_use();
    }
}

static void allocator_scene(void) {
    twice(allocators);
}

static void fork_scene(void) {
    twice(forks);
}

CHECK_MAIN({"allocator_scene", allocator_scene}, {"fork_scene", fork_scene})
