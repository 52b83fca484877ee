/* SPDX-License-Identifier: MIT */
/*
 * A parent that forks for ever while its children allocate, fork and exit (WeensyOS p-forkexit).
 *
 * Row W7: exit gives back every frame, page tables of all levels too. Several families run side
 * by side; what each child does follows from a seed. Then a child per way of dying.
 */
#define CHECK_SECONDS 240
#include "facts.h"
#include "random.h"

#include <sys/resource.h>

/* Allocate pages at random places, near and far, and touch some: tables of every level. */
static void allocate(struct random *random) {
    for (int i = 0; i < 4; i++) {
        size_t pages = 1 + random_below(random, 12);
        uintptr_t wish = 0x100000000UL * (1 + random_below(random, 16000));
        char *area = mmap((void *)wish, pages * PAGE_BYTES, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (area != MAP_FAILED)
            pages_write(area, pages, (char)i);
    }
}

static void child_life(struct random random, int depth) {
    allocate(&random);
    if (depth > 0 && random_below(&random, 3) > 0) {
        pid_t grandchild = fork();
        if (grandchild == 0) {
            random.state += 77;
            child_life(random, depth - 1);
            _exit(0);
        }
        if (random_below(&random, 2))
            allocate(&random);
        if (grandchild > 0 && random_below(&random, 2))
            child_wait(grandchild);
    }
}

static void family(void *seed) {
    struct random random = {(uintptr_t)seed};

    prctl(PR_SET_CHILD_SUBREAPER, 1);
    for (int i = 0; i < 60; i++) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            child_life((struct random){random_next(&random)}, 3);
            _exit(0);
        }
        CHECK_EQ(child_wait(child), 0);
    }
    while (wait(NULL) > 0)
        ;
}

static void families_at_once(void) {
    pid_t members[4];

    for (uintptr_t i = 0; i < COUNT_OF(members); i++) {
        members[i] = fork();
        CHECK(members[i] >= 0);
        if (members[i] == 0) {
            family((void *)(i + 1));
            _exit(0);
        }
    }
    for (size_t i = 0; i < COUNT_OF(members); i++)
        CHECK_EQ(child_wait(members[i]), 0);
}

static void forkexit(void) {
    struct memory_use before;

    families_at_once();
    usleep(200000);
    before = memory_use();
    for (int round = 0; round < 3; round++)
        families_at_once();
    if (on_quire())
        CHECK_MEMORY_SAME(memory_settled(before), before);
}

static void die_by_fault(void *unused) {
    (void)unused;
    *(volatile char *)pages_map(1, PROT_READ) = 1;
}

static void die_by_signal(void *unused) {
    (void)unused;
    pages_write(pages_map(100, PROT_READ | PROT_WRITE), 100, 1);
    raise(SIGKILL);
}

static void die_by_exit_in_the_middle(void *unused) {
    (void)unused;
    for (int i = 0; i < 20; i++)
        pages_write(pages_map(10, PROT_READ | PROT_WRITE), 10, 1);
    _exit(0);
}

static void die_by_failed_exec(void *unused) {
    char *const arguments[] = {"x", NULL};
    (void)unused;
    execv("/nonexistent/program", arguments);
    execv("/proc/self/maps", arguments);
    raise(SIGTERM);
}

static void (*const deaths[])(void *) = {die_by_fault, die_by_signal, die_by_exit_in_the_middle,
                                         die_by_failed_exec};

static void every_death_gives_back(void) {
    for (size_t i = 0; i < COUNT_OF(deaths); i++) {
        struct memory_use before = memory_use();
        child_run(deaths[i], NULL);
        before = memory_use();
        for (int times = 0; times < 10; times++)
            child_run(deaths[i], NULL);
        if (on_quire())
            CHECK_MEMORY_SAME(memory_use(), before);
    }
}

/* Table pages of every level come back on unmapping too, while the process lives. */
static void unmapping_gives_back_tables(void) {
    struct memory_use before = memory_use();

    for (int round = 0; round < 3; round++) {
        for (uintptr_t i = 1; i < 100; i++) {
            char *page = mmap((void *)(i << 39 | i << 30 | i << 21), PAGE_BYTES,
                              PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            CHECK(page != MAP_FAILED);
            *page = 1;
            CHECK_EQ(munmap(page, PAGE_BYTES), 0);
        }
        if (round > 0 && on_quire())
            CHECK_MEMORY_SAME(memory_use(), before);
        before = memory_use();
    }
}

CHECK_MAIN({"forkexit", forkexit}, {"every_death_gives_back", every_death_gives_back},
           {"unmapping_gives_back_tables", unmapping_gives_back_tables})
