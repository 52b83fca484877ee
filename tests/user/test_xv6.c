/* SPDX-License-Identifier: MIT */
/*
 * What xv6's own tests ask of memory, where no other program here asks it already.
 *
 * Rows X3 (zeroes of bss), X4 (the heap by the byte and by the hundred megabytes, given back and
 * grown again, a failure that changes nothing), X6 (the kernel is the first to touch a page of the
 * heap), B9 (memory that runs out half way). On Linux a limit of one's own stands in for the end
 * of memory.
 */
#define CHECK_HELPER xv6_helper
#include "catch.h"
#include "facts.h"

#include <sys/resource.h>
#include <sys/syscall.h>

#define MIB (1UL << 20)

static uintptr_t brk_set(uintptr_t wanted) {
    return (uintptr_t)syscall(SYS_brk, wanted);
}

/* The C library's sbrk refuses: as xv6 has it, the old break or -1. */
static intptr_t heap_move(intptr_t bytes) {
    uintptr_t old = brk_set(0), wanted = old + (uintptr_t)bytes;

    return brk_set(wanted) == wanted ? (intptr_t)old : -1;
}

static char *heap_end(void) {
    return (char *)brk_set(0);
}

/* Move the break to the next page border; returns it. */
static char *heap_align(void) {
    size_t over = (uintptr_t)heap_end() % PAGE_BYTES;

    CHECK(heap_move(over ? (intptr_t)(PAGE_BYTES - over) : 0) != -1);
    return heap_end();
}

/* ---- the heap by the byte ---- */

static void one_byte_at_a_time(void) {
    char *start = heap_end();
    int status;
    pid_t child;

    for (int i = 0; i < 5000; i++) {
        char *byte = (char *)heap_move(1);
        CHECK(byte == start + i);
        CHECK_EQ(*byte, 0);
        *byte = (char)(i + 1);
    }
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK(heap_move(1) == (intptr_t)(start + 5000) && heap_move(1) != -1);
        start[5000] = 1;
        _exit(0);
    }
    status = child_wait(child);
    CHECK_EQ(status, 0);
    CHECK(heap_end() == start + 5000); /* the child's steps were its own */
    for (int i = 0; i < 5000; i++)
        CHECK_EQ(start[i], (char)(i + 1));
    for (int i = 0; i < 5000; i++)
        CHECK(heap_move(-1) == (intptr_t)(start + 5000 - i));
    CHECK(heap_end() == start);
}

/* 5,000 bytes are two pages: that many frames, not one for each step. */
static void steps_cost_pages_not_steps(void) {
    struct memory_use before;
    char *start;

    frames_exact_or_skip();
    start = heap_align();
    *(volatile char *)heap_move(1) = 1; /* the tables are there now */
    before = memory_use();
    for (int i = 1; i < 5000; i++)
        *(volatile char *)heap_move(1) = 1;
    CHECK_EQ(memory_use().anonymous, before.anonymous + 1);
    CHECK_EQ(memory_use().objects, before.objects);
    CHECK(heap_end() == start + 5000);
}

/* ---- a hundred megabytes ---- */

static void hundred_megabytes(void) {
    struct memory_use before = memory_use();
    char *start = heap_align(), *last = start + 100 * MIB - 1;

    before = memory_use();
    CHECK(heap_move(100 * MIB) == (intptr_t)start);
    *start = 99;
    *last = 98;
    if (on_quire())
        CHECK_EQ(memory_use().anonymous, before.anonymous + 2);
    CHECK_EQ(start[50 * MIB], 0);
    CHECK(heap_move(-(intptr_t)PAGE_BYTES) == (intptr_t)last + 1);
    CHECK(!can_read(last));
    CHECK(heap_move(PAGE_BYTES) != -1);
    CHECK_EQ(*last, 0); /* the page given back came again as another */
    CHECK_EQ(*start, 99);
    CHECK(heap_move(-(intptr_t)(100 * MIB)) == (intptr_t)last + 1);
    CHECK(!can_read(start));
    if (on_quire())
        CHECK_MEMORY_SAME(memory_use(), before);
}

static void shrunk_and_grown_reads_zero(void) {
    const size_t bytes = 4 * MIB;
    char *start = heap_align();

    for (int round = 0; round < 3; round++) {
        CHECK(heap_move((intptr_t)bytes) == (intptr_t)start);
        for (size_t i = 0; i < bytes; i += sizeof(uint64_t))
            CHECK_EQ(*(uint64_t *)(start + i), 0);
        memset(start, 0x5a, bytes);
        CHECK(heap_move(-(intptr_t)bytes) == (intptr_t)(start + bytes));
    }
}

/* Part of a page stays, the pages behind it go: never more, never less. */
static void shrunk_into_a_page(void) {
    char *start = heap_align();

    CHECK(heap_move(3 * PAGE_BYTES) != -1);
    memset(start, 1, 3 * PAGE_BYTES);
    CHECK(heap_move(-(intptr_t)(2 * PAGE_BYTES - 10)) != -1);
    CHECK_EQ(start[PAGE_BYTES + 9], 1);
    CHECK(!can_read(start + 2 * PAGE_BYTES));
    CHECK(heap_move(2 * PAGE_BYTES - 10) != -1);
    CHECK_EQ(start[PAGE_BYTES], 1);
    CHECK_EQ(start[2 * PAGE_BYTES], 0);
    CHECK_EQ(start[3 * PAGE_BYTES - 1], 0);
}

/* All of the heap and more: refused as a whole, nothing of it is lost. */
static void below_the_start_is_refused(void) {
    char *start = heap_align();

    CHECK(heap_move(PAGE_BYTES) != -1);
    *start = 7;
    CHECK_EQ(heap_move(-(intptr_t)(1UL << 40)), -1);
    CHECK_EQ(heap_move(-(intptr_t)(uintptr_t)heap_end()), -1);
    CHECK_EQ(heap_move((intptr_t)(1UL << 46)), -1);
    CHECK_EQ(heap_move(INTPTR_MAX), -1);
    CHECK_EQ(heap_move(INTPTR_MIN), -1);
    CHECK(heap_end() == start + PAGE_BYTES);
    CHECK_EQ(*start, 7);
}

/* ---- the kernel touches a new page of the heap first ---- */

static void new_heap_as_an_argument(void) {
    char *start = heap_align();
    int fd = open("/tmp/xv6-heap", O_RDWR | O_CREAT | O_TRUNC, 0600), *pair;

    CHECK(fd >= 0);
    CHECK_EQ(unlink("/tmp/xv6-heap"), 0);
    CHECK(heap_move(4 * PAGE_BYTES) != -1);
    CHECK_EQ(write(fd, start, PAGE_BYTES), PAGE_BYTES);
    pair = (int *)(start + 2 * PAGE_BYTES - sizeof *pair); /* lies over a border of pages */
    CHECK_EQ(pipe(pair), 0);
    CHECK_EQ(write(pair[1], "ab", 2), 2);
    CHECK_EQ(read(pair[0], start + 4 * PAGE_BYTES - 2, 2), 2);
    CHECK_EQ(start[4 * PAGE_BYTES - 1], 'b');
    CHECK_EQ(write(pair[1], "cd", 2), 2);
    CHECK(read(pair[0], start + 4 * PAGE_BYTES - 1, 2) <= 1);
    CHECK_FAILS(write(pair[1], start + 4 * PAGE_BYTES, 1), EFAULT);
    CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
    CHECK_FAILS(read(fd, start + 4 * PAGE_BYTES, 1), EFAULT);
}

/* ---- memory that runs out half way ---- */

#define LITTLE (24 * MIB)

static void small_limit(void) {
    CHECK_EQ(setrlimit(RLIMIT_DATA, &(struct rlimit){LITTLE, LITTLE}), 0);
}

/* Grow in steps of all sizes until nothing is to be had; the break is where the last one left it,
 * all of it can be used, and given back it can be had again. */
static void grow_to_the_end(void *unused) {
    char *start = heap_align();

    (void)unused;
    small_limit();
    for (size_t step = 8 * MIB; step >= PAGE_BYTES;) {
        char *old = heap_end();
        if (heap_move((intptr_t)step) == -1) {
            CHECK(heap_end() == old);
            CHECK_EQ(heap_move((intptr_t)LITTLE), -1);
            step /= 2;
        }
    }
    CHECK((size_t)(heap_end() - start) > LITTLE / 2);
    pages_write(start, (size_t)(heap_end() - start) / PAGE_BYTES, 1);
    CHECK_EQ(pages_read(start, (size_t)(heap_end() - start) / PAGE_BYTES),
             (heap_end() - start) / (long)PAGE_BYTES);
    CHECK(heap_move(start - heap_end()) != -1);
    CHECK(heap_move(8 * MIB) == (intptr_t)start);
    CHECK_EQ(pages_read(start, 8 * MIB / PAGE_BYTES), 0);
}

static void heap_to_the_end(void) {
    struct memory_use before;

    CHECK_CHILD_OK(grow_to_the_end, NULL);
    memory_use();
    before = memory_use();
    for (int round = 0; round < 3; round++)
        CHECK_CHILD_OK(grow_to_the_end, NULL);
    if (on_quire())
        CHECK_MEMORY_SAME(memory_use(), before);
}

/* A list of blocks until malloc says no; all of them freed, there is room again. */
static void allocate_to_the_end(void *unused) {
    void **list = NULL, **block;
    size_t count = 0;

    (void)unused;
    small_limit();
    while ((block = malloc(10001))) {
        *block = list;
        list = block;
        CHECK(++count < 10000);
    }
    CHECK_EQ(errno, ENOMEM);
    CHECK(count > 1000);
    for (; list; list = block) {
        block = *list;
        free(list);
    }
    block = malloc(4 * MIB);
    CHECK(block != NULL);
    memset(block, 1, 4 * MIB);
    free(block);
}

static void malloc_to_the_end(void) {
    CHECK_CHILD_OK(allocate_to_the_end, NULL);
}

/* Ten who want 100 MB each and touch all of it, in a machine without room for all: each has all
 * of it or is killed, the others and we go on, and nothing stays behind. */
static void want_much(void) {
    const size_t pages = 100 * MIB / PAGE_BYTES;
    char *start = heap_align();

    if (heap_move(100 * MIB) == -1)
        _exit(0);
    pages_write(start, pages, 1);
    if (pages_read(start, pages) != (long)pages)
        _exit(1);
    _exit(0);
}

static void ten_at_once(void) {
    pid_t children[10];

    for (size_t i = 0; i < COUNT_OF(children); i++) {
        children[i] = fork();
        CHECK(children[i] >= 0);
        if (children[i] == 0)
            want_much();
    }
    for (size_t i = 0; i < COUNT_OF(children); i++) {
        int status = child_wait(children[i]);
        CHECK(status == 0 || WTERMSIG(status) == SIGKILL);
    }
}

static void more_than_there_is(void) {
    struct memory_use before;

    frames_exact_or_skip(); /* nobody wants a host's memory eaten */
    ten_at_once();
    before = memory_use();
    ten_at_once();
    CHECK_MEMORY_SAME(memory_use(), before);
}

/* ---- programs ---- */

static char zeroes[10 * PAGE_BYTES + 123];
static char data[2 * PAGE_BYTES] = {1};

static int xv6_helper(char **argv) {
    if (strcmp(argv[0], "bss") != 0)
        return 1;
    for (size_t i = 0; i < sizeof zeroes; i++)
        if (zeroes[i] != 0)
            return 2;
    for (size_t i = 1; i < sizeof data; i++)
        if (data[i] != 0)
            return 3;
    memset(zeroes, 0x5a, sizeof zeroes);
    memset(data, 0x5a, sizeof data);
    return data[0] == 0x5a ? 0 : 4;
}

static void execute_bss(void *unused) {
    char *const arguments[] = {"self", "--helper", "bss", NULL};

    (void)unused;
    memset(zeroes, 1, sizeof zeroes); /* of this program, not of the next */
    memset(data, 2, sizeof data);
    execv("/proc/self/exe", arguments);
    CHECK(!"exec failed");
}

static void bss_is_zero_each_time(void) {
    for (int round = 0; round < 5; round++)
        CHECK_CHILD_OK(execute_bss, NULL);
}

/* An argument that is no string, again and again: each exec fails after it had copied some. */
static void bad_arguments_leave_nothing(void) {
    char *arguments[] = {"x", "a long argument, so that there is something to lose", (char *)-1,
                         NULL};
    struct memory_use before;

    for (int i = 0; i < 200; i++) {
        CHECK_FAILS(execv("/proc/self/exe", arguments), EFAULT);
        if (i == 0) {
            memory_use();
            before = memory_use();
        }
    }
    if (on_quire())
        CHECK_MEMORY_SAME(memory_use(), before);
}

CHECK_MAIN({"one_byte_at_a_time", one_byte_at_a_time},
           {"steps_cost_pages_not_steps", steps_cost_pages_not_steps},
           {"hundred_megabytes", hundred_megabytes},
           {"shrunk_and_grown_reads_zero", shrunk_and_grown_reads_zero},
           {"shrunk_into_a_page", shrunk_into_a_page},
           {"below_the_start_is_refused", below_the_start_is_refused},
           {"new_heap_as_an_argument", new_heap_as_an_argument},
           {"heap_to_the_end", heap_to_the_end}, {"malloc_to_the_end", malloc_to_the_end},
           {"more_than_there_is", more_than_there_is},
           {"bss_is_zero_each_time", bss_is_zero_each_time},
           {"bad_arguments_leave_nothing", bad_arguments_leave_nothing})
