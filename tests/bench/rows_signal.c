/* SPDX-License-Identifier: MIT */
/*
 * bench: signals and pipes.
 */

#define _GNU_SOURCE
#include "tests/bench/bench.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

static sigjmp_buf fault_return;

static void fault_handler(int number) {
    (void)number;
    siglongjmp(fault_return, 1);
}

/* SA_NODEFER and no saved mask: the kernel's part of it, and no calls besides. */
static ticks sigsegv_catch(void) {
    struct sigaction action = {.sa_handler = fault_handler, .sa_flags = SA_NODEFER};
    volatile char *page = mmap(NULL, PAGE_BYTES, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    volatile int turns = 0;
    volatile ticks start;

    sigaction(SIGSEGV, &action, NULL);
    (void)page[0];
    start = now();
    while (turns < 100) {
        turns++;
        if (sigsetjmp(fault_return, 0) == 0)
            page[0] = 1;
    }
    start = now() - start;
    signal(SIGSEGV, SIG_DFL);
    munmap((void *)page, PAGE_BYTES);
    return per(start, 100);
}

static _Noreturn void echo(int from, int to) {
    char byte;

    while (read(from, &byte, 1) == 1 && write(to, &byte, 1) == 1)
        ;
    _exit(0);
}

static ticks pipe_round_trip(void) {
    enum { TURNS = 200 };
    int there[2], back[2];
    char byte = 0;
    ticks start, result;
    pid_t child;

    need(pipe2(there, O_CLOEXEC) == 0 && pipe2(back, O_CLOEXEC) == 0, "pipe2");
    child = child_start();
    if (child == 0) {
        close(there[1]);
        echo(there[0], back[1]);
    }
    start = now();
    for (int i = 0; i < TURNS; i++)
        need(write(there[1], &byte, 1) == 1 && read(back[0], &byte, 1) == 1, "pipe");
    result = now() - start;
    close(there[1]);
    child_wait(child);
    close(there[0]);
    close(back[0]);
    close(back[1]);
    return per(result, TURNS);
}

static _Noreturn void swallow(int from) {
    static char bytes[65536];

    while (read(from, bytes, sizeof bytes) > 0)
        ;
    _exit(0);
}

static ticks pipe_per_kib(void) {
    enum { WRITES = 64 };
    static char bytes[65536];
    int pair[2];
    ticks start;
    pid_t child;

    need(pipe2(pair, O_CLOEXEC) == 0, "pipe2");
    child = child_start();
    if (child == 0) {
        close(pair[1]);
        swallow(pair[0]);
    }
    close(pair[0]);
    start = now();
    for (int i = 0; i < WRITES; i++)
        need(write(pair[1], bytes, sizeof bytes) == sizeof bytes, "pipe");
    close(pair[1]);
    child_wait(child);
    return per(now() - start, WRITES * sizeof bytes / 1024);
}

static const struct row rows[] = {
    {"sigsegv_catch", "catch SIGSEGV and `siglongjmp` out", sigsegv_catch, 5, 0, ROW_TIME},
    {"pipe_round_trip", "one byte there and back over two pipes, two processes", pipe_round_trip, 5,
     0, ROW_TIME},
    {"pipe_per_kib", "pipe throughput, per KiB in 64 KiB writes", pipe_per_kib, 5, 0, ROW_TIME},
};

const struct rows signal_rows = ROWS("Signals and pipes", rows);
