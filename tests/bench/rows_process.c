/* SPDX-License-Identifier: MIT */
/*
 * bench: processes. Those of a gigabyte are apart, and come late.
 */

#define _GNU_SOURCE
#include "tests/bench/bench.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define GENERATIONS 1000
#define GENERATION_PAGES 16UL

static ticks getppid_call(void) {
    ticks start = now();

    for (int i = 0; i < 1000; i++)
        syscall(SYS_getppid);
    return per(now() - start, 1000);
}

static ticks fork_exit_wait(void) {
    ticks start = now();
    pid_t child = child_start();

    if (child == 0)
        _exit(0);
    child_wait(child);
    return per(now() - start, 1);
}

static char *const nothing[] = {"bench", "--nothing", NULL};

static ticks fork_exec_exit_wait(void) {
    ticks start = now();
    pid_t child = child_start();

    if (child == 0) {
        execv("/proc/self/exe", nothing);
        _exit(1);
    }
    child_wait(child);
    return per(now() - start, 1);
}

static ticks vfork_exec_exit_wait(void) {
    ticks start = now();
    pid_t child = vfork();

    if (child == 0) {
        execv("/proc/self/exe", nothing);
        _exit(1);
    }
    need(child > 0, "vfork");
    child_wait(child);
    return per(now() - start, 1);
}

static ticks fork_alone(void) {
    ticks start = now(), end;
    pid_t child = child_start();

    if (child == 0)
        _exit(0);
    end = now();
    child_wait(child);
    return per(end - start, 1);
}

/*
 * ---- generations: each forks the next, and lives until it has ended ----
 *
 * Run once for both rows: on Linux a fork costs the more, the more generations are alive above it,
 * and all of them take minutes.
 */

static ticks *generation_ticks; /* shared: what the writes of each generation cost */

static void generations_run(void) {
    char *pages = pages_map(GENERATION_PAGES);

    pages_write(pages, GENERATION_PAGES);
    for (int i = 0; i < GENERATIONS; i++) {
        pid_t child = fork();
        if (child != 0)
            _exit(child < 0 || waitpid(child, NULL, 0) != child);
        ticks start = now();
        pages_write(pages, GENERATION_PAGES);
        generation_ticks[i] = now() - start;
    }
}

static void generations_need(void) {
    size_t bytes = GENERATIONS * sizeof *generation_ticks;
    pid_t child;

    if (generation_ticks)
        return;
    generation_ticks = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    need(generation_ticks != MAP_FAILED, "mmap of shared memory");
    child = child_start();
    if (child == 0) {
        generations_run();
        _exit(0);
    }
    child_wait(child);
}

static ticks generation(int index) {
    generations_need();
    if (generation_ticks[index] == 0)
        row_skip();
    return per(generation_ticks[index], GENERATION_PAGES);
}

static ticks generation_first(void) {
    return generation(0);
}

static ticks generation_last(void) {
    return generation(GENERATIONS - 1);
}

static const struct row small[] = {
    {"getppid", "`getppid`", getppid_call, 5, 0, ROW_TIME},
    {"fork_exit_wait", "fork, exit, wait: small static program", fork_exit_wait, 20, 0, ROW_TIME},
    {"fork_exec_exit_wait", "fork, exec, exit, wait: small static program", fork_exec_exit_wait, 20,
     0, ROW_TIME},
    {"vfork_exec_exit_wait", "vfork, exec, exit, wait: small static program", vfork_exec_exit_wait,
     20, 0, ROW_TIME},
    {"fork_16m", "fork alone, 16 MiB resident", fork_alone, 10, BIG_PAGES, ROW_TIME},
    {"fork_exit_wait_16m", "fork, exit, wait, 16 MiB resident", fork_exit_wait, 10, BIG_PAGES,
     ROW_TIME},
};

static const struct row big[] = {
    {"generation_first", "copy on write by the first of 1,000 generations, per page",
     generation_first, 1, 0, ROW_COUNT},
    {"generation_last", "copy on write by the last of 1,000 generations, per page", generation_last,
     1, 0, ROW_COUNT},
    {"fork_1g", "fork alone, 1 GiB resident", fork_alone, 5, GIB_PAGES, ROW_TIME},
    {"fork_exit_wait_1g", "fork, exit, wait, 1 GiB resident", fork_exit_wait, 5, GIB_PAGES,
     ROW_TIME},
};

const struct rows process_rows = ROWS("Processes", small);
const struct rows big_rows = ROWS("Many generations, much memory", big);
