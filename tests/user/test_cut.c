/* SPDX-License-Identifier: MIT */
/*
 * A file that is cut, punched and written again while other processes map it, fault on it and fork:
 * a processor for each, where there are several.
 *
 * The pages that the file loses are handed out to a process that fills them with a pattern of its
 * own. Nobody who looks at the file may ever see that: a page of it is the file's, zero, or not
 * there (SIGBUS). The debug kernel finds entries to such pages by itself.
 */
#include "catch.h"
#include "facts.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#define PAGES 16
#define ROUNDS 200
#define SCRATCH_PAGES 64
#define FILE_BYTE 'F'
#define FOREIGN_BYTE 'X'
#define PUNCH_HOLE 3 /* of fallocate(2), with KEEP_SIZE */

static int file;
static volatile int *over; /* shared with all */

static const int map_flags[] = {MAP_PRIVATE, MAP_SHARED};

static volatile char *map_of_file(int flags) {
    char *start = mmap(NULL, PAGES * PAGE_BYTES, PROT_READ, flags, file, 0);

    CHECK(start != MAP_FAILED);
    return start;
}

/* Every byte that is there is the file's. */
static void look_at(volatile char *start) {
    for (int page = 0; page < PAGES; page++) {
        char byte;

        if (sigsetjmp(fault_return, 1))
            continue;
        byte = start[page * PAGE_BYTES];
        CHECK(byte == 0 || byte == FILE_BYTE);
    }
}

static void cut(void) {
    char page[PAGE_BYTES];

    memset(page, FILE_BYTE, sizeof page);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < PAGES; i++)
            CHECK_EQ(pwrite(file, page, sizeof page, (off_t)i * PAGE_BYTES), (int)sizeof page);
        CHECK_EQ(syscall(SYS_fallocate, file, PUNCH_HOLE, PAGE_BYTES, PAGE_BYTES), 0);
        CHECK_EQ(ftruncate(file, 3 * PAGE_BYTES + round % PAGE_BYTES), 0);
    }
}

static void fill_what_is_free(void) {
    size_t bytes = SCRATCH_PAGES * PAGE_BYTES;

    while (!*over) {
        char *start = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        CHECK(start != MAP_FAILED);
        memset(start, FOREIGN_BYTE, bytes);
        CHECK_EQ(munmap(start, bytes), 0);
    }
}

static void look(void) {
    volatile char *start[2];

    fault_catch();
    for (size_t i = 0; i < COUNT_OF(start); i++)
        start[i] = map_of_file(map_flags[i]);
    while (!*over) {
        look_at(start[0]);
        look_at(start[1]);
    }
}

/* What the parent has mapped comes along, and is cut in the child as well. */
static void fork_and_look(void) {
    volatile char *start = map_of_file(MAP_PRIVATE);

    fault_catch();
    while (!*over) {
        pid_t child;
        int status;

        look_at(start);
        child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            look_at(start);
            _exit(0);
        }
        CHECK_EQ(waitpid(child, &status, 0), child);
        CHECK_EQ(status, 0);
    }
}

static pid_t begin(void (*work)(void)) {
    pid_t child = fork();

    CHECK(child >= 0);
    if (child == 0) {
        work();
        _exit(0);
    }
    return child;
}

static void cut_pages_are_nobody_elses(void) {
    void (*const works[])(void) = {fill_what_is_free, look, fork_and_look};
    pid_t children[COUNT_OF(works)];

    over = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK((void *)over != MAP_FAILED);
    file = memfd_create("cut", 0);
    CHECK(file >= 0);
    for (size_t i = 0; i < COUNT_OF(works); i++)
        children[i] = begin(works[i]);
    cut();
    *over = 1;
    for (size_t i = 0; i < COUNT_OF(works); i++) {
        int status;

        CHECK_EQ(waitpid(children[i], &status, 0), children[i]);
        CHECK_EQ(status, 0);
    }
}

CHECK_MAIN({"cut_pages_are_nobody_elses", cut_pages_are_nobody_elses})
