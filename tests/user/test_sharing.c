/* SPDX-License-Identifier: MIT */
/*
 * Who shares which frame on purpose: code, zeroes, shared anonymous memory.
 *
 * Rows W6 (read-only code is one frame), B3 and B5 for anonymous objects (MAP_SHARED is seen by
 * everyone who inherited it), and the zero frame behind pages that were only read.
 */
#define CHECK_HELPER print_code_frame
#include "catch.h"
#include "facts.h"

#define RW (PROT_READ | PROT_WRITE)
#define PAGES 16

static char *shared_map(size_t pages) {
    char *start = mmap(NULL, pages * PAGE_BYTES, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    CHECK(start != MAP_FAILED);
    return start;
}

/* A child that runs `work`, then waits to be released by closing the pipe. */
static pid_t child_held(void (*work)(char *), char *pages, int *release) {
    int ready[2], go[2];
    char byte;
    pid_t pid;

    CHECK_EQ(pipe(ready) | pipe(go), 0);
    pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        close(go[1]);
        work(pages);
        CHECK_EQ(write(ready[1], "", 1), 1);
        CHECK_EQ(read(go[0], &byte, 1), 0);
        _exit(0);
    }
    close(ready[1]);
    CHECK_EQ(read(ready[0], &byte, 1), 1);
    *release = go[1];
    return pid;
}

static void child_release(pid_t pid, int release) {
    close(release);
    CHECK_EQ(child_wait(pid), 0);
}

static void work_nothing(char *pages) {
    (void)pages;
    __asm__ volatile("" ::: "memory");
}

static void code_is_one_frame(void) {
    const char *code = (const char *)(uintptr_t)work_nothing;
    int release;
    pid_t child;

    frames_visible_or_skip();
    work_nothing(NULL);
    child = child_held(work_nothing, NULL, &release);
    CHECK(frame_of(code) != 0);
    CHECK_EQ(frame_of(code), frame_of_pid(child, code));
    child_release(child, release);
}

/* Not by fork alone: the same file executed afresh has its pages at the same frames. */
static void code_is_shared_between_execs(void) {
    const char *code = (const char *)(uintptr_t)work_nothing;
    char word[32];
    uint64_t mine;
    int pair[2];

    frames_visible_or_skip();
    work_nothing(NULL);
    mine = frame_of(code);
    CHECK_EQ(pipe(pair), 0);
    if (fork() == 0) {
        dup2(pair[1], 1);
        execl("/proc/self/exe", "self", "--helper", NULL);
        CHECK(!"exec failed");
    }
    memset(word, 0, sizeof word);
    CHECK(read(pair[0], word, sizeof word - 1) > 0);
    CHECK_EQ(strtoull(word, NULL, 10), mine);
    CHECK(wait(NULL) > 0);
}

static int print_code_frame(char **argv) {
    (void)argv;
    work_nothing(NULL);
    dprintf(1, "%llu", (unsigned long long)frame_of((const char *)(uintptr_t)work_nothing));
    return 0;
}

static void pages_only_read_are_one_frame(void) {
    char *pages = pages_map(PAGES, RW);
    uint64_t zero;

    frames_visible_or_skip();
    CHECK_EQ(pages_read(pages, PAGES), 0);
    zero = frame_of(pages);
    CHECK(zero != 0 || on_quire()); /* Quire's pagemap leaves the zero frame out */
    for (size_t i = 1; i < PAGES; i++)
        CHECK_EQ(frame_of(pages + i * PAGE_BYTES), zero);
    pages[3 * PAGE_BYTES] = 1;
    CHECK(frame_of(pages + 3 * PAGE_BYTES) != zero);
    CHECK_EQ(frame_of(pages + 4 * PAGE_BYTES), zero);
    CHECK_EQ(pages[4 * PAGE_BYTES], 0);
}

static void reading_takes_no_frame(void) {
    char *pages = pages_map(512, RW);
    struct memory_use before = memory_use();

    frames_exact_or_skip();
    CHECK_EQ(pages_read(pages, 1), 0);
    CHECK_EQ(pages_read(pages + 511 * PAGE_BYTES, 1), 0);
    before = memory_use();
    CHECK_EQ(pages_read(pages, 512), 0);
    CHECK_MEMORY_SAME(memory_use(), before);
}

/* The kernel writes zeroes for us: that is a write, too. */
static void kernel_does_not_write_the_zero_frame(void) {
    char *pages = pages_map(4, RW);
    int pair[2];

    CHECK_EQ(pages_read(pages, 4), 0);
    CHECK_EQ(pipe(pair), 0);
    CHECK_EQ(write(pair[1], "zzzz", 4), 4);
    CHECK_EQ(read(pair[0], pages, 4), 4);
    CHECK_EQ(pages[PAGE_BYTES], 0);
    CHECK_EQ(*pages_map(1, PROT_READ), 0);
    CHECK_EQ(pages[0], 'z');
}

static void work_write_shared(char *pages) {
    for (size_t i = 0; i < PAGES; i++)
        pages[i * PAGE_BYTES] = (char)(i + 1);
}

static void writes_are_seen_by_both(void) {
    char *pages = shared_map(PAGES);
    int release;
    pid_t child = child_held(work_write_shared, pages, &release);

    for (size_t i = 0; i < PAGES; i++)
        CHECK_EQ(pages[i * PAGE_BYTES], i + 1);
    child_release(child, release);
    for (size_t i = 0; i < PAGES; i++)
        CHECK_EQ(pages[i * PAGE_BYTES], i + 1);
}

static void shared_pages_are_one_frame(void) {
    char *pages = shared_map(PAGES);
    int release;
    pid_t child;

    frames_visible_or_skip();
    pages_write(pages, PAGES / 2, 1);
    child = child_held(work_write_shared, pages, &release);
    pages_write(pages, PAGES, 2);
    for (size_t i = 0; i < PAGES; i++) {
        CHECK(frame_of(pages + i * PAGE_BYTES) != 0);
        CHECK_EQ(frame_of(pages + i * PAGE_BYTES), frame_of_pid(child, pages + i * PAGE_BYTES));
    }
    child_release(child, release);
}

static void ping_pong(void) {
    volatile int *turn = (int *)shared_map(1);

    if (fork() == 0) {
        for (int i = 0; i < 200; i++) {
            while (*turn != 2 * i + 1)
                usleep(1);
            *turn = 2 * i + 2;
        }
        _exit(0);
    }
    for (int i = 0; i < 200; i++) {
        *turn = 2 * i + 1;
        while (*turn != 2 * i + 2)
            usleep(1);
    }
    CHECK(wait(NULL) > 0);
    CHECK_EQ(*turn, 400);
}

static void shared_outlives_its_maker(void) {
    char *pages = shared_map(2);
    int status;

    if (fork() == 0) {
        pages[0] = 11;
        if (fork() == 0) {
            pages[PAGE_BYTES] = 22;
            _exit(0);
        }
        CHECK(wait(NULL) > 0);
        CHECK_EQ(munmap(pages, 2 * PAGE_BYTES), 0);
        _exit(0);
    }
    CHECK(wait(&status) > 0);
    CHECK_EQ(status, 0);
    CHECK_EQ(pages[0], 11);
    CHECK_EQ(pages[PAGE_BYTES], 22);
}

static void rights_are_each_ones_own(void) {
    char *pages = shared_map(1);
    int status;

    pages[0] = 1;
    if (fork() == 0) {
        CHECK_EQ(mprotect(pages, PAGE_BYTES, PROT_READ), 0);
        CHECK(!can_write(pages));
        _exit(0);
    }
    CHECK(wait(&status) > 0);
    CHECK_EQ(status, 0);
    pages[0] = 2;
    CHECK_EQ(pages[0], 2);
}

static void shared_and_private_side_by_side(void) {
    char *shared = shared_map(1);
    char *private = pages_map(1, RW);
    int status;

    shared[0] = private[0] = 1;
    if (fork() == 0) {
        shared[0] = private[0] = 2;
        _exit(0);
    }
    CHECK(wait(&status) > 0);
    CHECK_EQ(shared[0], 2);
    CHECK_EQ(private[0], 1);
}

static void shared_frames_are_given_back(void) {
    struct memory_use before = memory_use();

    frames_exact_or_skip();
    for (int round = 0; round < 4; round++) {
        char *pages = shared_map(200);
        pages_write(pages, 200, 1);
        CHECK_EQ(munmap(pages + 50 * PAGE_BYTES, 50 * PAGE_BYTES), 0);
        CHECK_EQ(munmap(pages, 50 * PAGE_BYTES), 0);
        CHECK_EQ(munmap(pages + 100 * PAGE_BYTES, 100 * PAGE_BYTES), 0);
        if (round > 0)
            CHECK_MEMORY_SAME(memory_use(), before);
        before = memory_use();
    }
}

static void shared_maps_say_so(void) {
    char *pages = shared_map(1);
    struct area area;

    CHECK(area_find(pages, &area));
    CHECK(strcmp(area.rights, "rw-s") == 0);
}

CHECK_MAIN({"code_is_one_frame", code_is_one_frame},
           {"code_is_shared_between_execs", code_is_shared_between_execs},
           {"pages_only_read_are_one_frame", pages_only_read_are_one_frame},
           {"reading_takes_no_frame", reading_takes_no_frame},
           {"kernel_does_not_write_the_zero_frame", kernel_does_not_write_the_zero_frame},
           {"writes_are_seen_by_both", writes_are_seen_by_both},
           {"shared_pages_are_one_frame", shared_pages_are_one_frame}, {"ping_pong", ping_pong},
           {"shared_outlives_its_maker", shared_outlives_its_maker},
           {"rights_are_each_ones_own", rights_are_each_ones_own},
           {"shared_and_private_side_by_side", shared_and_private_side_by_side},
           {"shared_frames_are_given_back", shared_frames_are_given_back},
           {"shared_maps_say_so", shared_maps_say_so})
