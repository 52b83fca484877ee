/* SPDX-License-Identifier: MIT */
/*
 * A thousand generations of fork: each child forks the next, and exits, waits or goes on.
 *
 * Row B4 and Q3: whatever lies between the first and the last, the last sees the first's memory,
 * keeps as much as the tenth would, and nothing is left when all have gone. What the last one's
 * write costs is a row of tests/bench.
 */
#include "facts.h"

#define PAGES 64
#define RW (PROT_READ | PROT_WRITE)

/* What the last generation tells the first; shared memory. */
struct result {
    struct memory_use use;
    uint64_t frames[PAGES];
};

static struct result *result;
static char *pages;
static int go[2];

static void setup(void) {
    result = mmap(NULL, sizeof *result, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(result != MAP_FAILED);
    memset(result, 0, sizeof *result);
    pages = pages_map(PAGES, RW);
    for (size_t i = 0; i < PAGES; i++)
        pages[i * PAGE_BYTES] = (char)(i + 1);
    CHECK_EQ(pipe(go), 0);
    CHECK_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    memory_use(); /* looking makes the pages that it looks with */
}

/* Page 0 is each generation's own, the others are the first's. */
static void check_inheritance(int generation) {
    CHECK_EQ(*(int *)pages, generation);
    for (size_t i = 1; i < PAGES; i++)
        CHECK_EQ(pages[i * PAGE_BYTES], (char)(i + 1));
}

static void last_generation(void) {
    char byte;

    CHECK_EQ(read(go[0], &byte, 1), 1);
    for (size_t i = 0; i < PAGES; i++)
        result->frames[i] = frame_of(pages + i * PAGE_BYTES);
    memory_use();
    result->use = memory_use();
    for (size_t i = 1; i < PAGES; i++) {
        CHECK_EQ(pages[i * PAGE_BYTES], (char)(i + 1));
        pages[i * PAGE_BYTES] = 0;
    }
    _exit(0);
}

/* Each generation ends as soon as the next one is there; all of them come to this process. */
static void dynasty_that_exits(int generations) {
    for (int i = 0; i < generations; i++) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child > 0 && i > 0)
            _exit(0);
        if (child > 0)
            break;
        *(int *)pages = i + 1;
        check_inheritance(i + 1);
        if (i == generations - 1)
            last_generation();
    }
    for (int i = 0; i < generations - 1; i++)
        CHECK_EQ(child_wait(-1), 0);
    CHECK_EQ(write(go[1], "", 1), 1);
    CHECK_EQ(child_wait(-1), 0);
}

static void the_last_has_no_more_than_the_tenth(void) {
    struct memory_use before, tenth;

    setup();
    dynasty_that_exits(10);
    before = memory_use();
    dynasty_that_exits(10);
    tenth = result->use;
    dynasty_that_exits(1000);
    *(int *)pages = 0;
    pages[0] = 1;
    for (size_t i = 0; i < PAGES; i++)
        CHECK_EQ(pages[i * PAGE_BYTES], (char)(i + 1));
    if (!on_quire())
        return;
    CHECK_MEMORY_SAME(result->use, tenth);
    CHECK_MEMORY_SAME(memory_use(), before);
    CHECK(result->frames[0] != frame_of(pages));
    for (size_t i = 1; i < PAGES; i++)
        CHECK_EQ(result->frames[i], frame_of(pages + i * PAGE_BYTES));
}

/* All alive at once: each sees what its parent wrote, writes, and finds it again in the end. */
static void dynasty_that_waits(int generations) {
    int i = 0;
    pid_t child = 0;

    *(int *)pages = 0;
    for (; i < generations; i++) {
        child = fork();
        CHECK(child >= 0);
        if (child > 0)
            break;
        check_inheritance(i);
        *(int *)pages = i + 1;
    }
    if (child > 0)
        CHECK_EQ(child_wait(child), 0);
    check_inheritance(i);
    if (i > 0)
        _exit(0);
}

static void a_thousand_alive_at_once(void) {
    struct memory_use before;

    setup();
    dynasty_that_waits(10);
    before = memory_use();
    dynasty_that_waits(1000);
    if (on_quire())
        CHECK_MEMORY_SAME(memory_use(), before);
}

CHECK_MAIN({"the_last_has_no_more_than_the_tenth", the_last_has_no_more_than_the_tenth},
           {"a_thousand_alive_at_once", a_thousand_alive_at_once})
