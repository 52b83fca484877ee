/* SPDX-License-Identifier: MIT */
/*
 * bench [options] [NAME...]: what the kernel's most common services cost.
 *
 *   --list       the rows, `NAME<tab>UNIT<tab>GROUP<tab>OPERATION` each
 *   --repeat N   N repetitions of each row instead of what is usual
 *   --wall       nanoseconds of clock_gettime
 *   --events     each row twice, for somebody who watches from outside; prints `NAME OPERATIONS`
 *
 * Prints lines `NAME VALUE`, each value per operation, the lowest of several repetitions, in ticks
 * of the time-stamp counter. In an emulator that counts instructions (quire run --icount) a tick is
 * one guest instruction, and the figures repeat; elsewhere they are clock cycles and only roughly
 * right. The same binary runs on Linux, to be compared. The value is `skip` where the kernel lacks
 * the call, or the machine the memory, and `failed` where a call failed for another reason.
 *
 * Rows are in rows_*.c; one that needs much memory comes late.
 */

#define _GNU_SOURCE
#include "tests/bench/bench.h"

#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { ROW_SKIPPED = 1, ROW_FAILED = 2 };
#define FAILED (UINT64_MAX - 1)
#define EVENTS_START_MARKS 16

static const struct rows *const all_rows[] = {
    &process_rows, &signal_rows, &map_rows, &fault_rows,  &advice_rows,
    &sharing_rows, &huge_rows,   &big_rows, &memory_rows,
};
#define FOR_EACH_ROW(row, group)                                                                   \
    for (size_t g_ = 0; g_ < sizeof all_rows / sizeof all_rows[0]; g_++)                           \
        for (const struct rows *group = all_rows[g_]; group; group = NULL)                         \
            for (const struct row *row = group->first; row < group->first + group->count; row++)

static bool wall, events;
static int repetitions;
static uint64_t operations; /* of the last measurement */
static jmp_buf row_end;
static pid_t bench_pid;

static ticks wall_now(void) {
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return ((ticks)time.tv_sec * 1000000000 + (ticks)time.tv_nsec) * 1000;
}

/* tools/bench_events.py finds this function and the next by their names, and the first true
 * measurement behind EVENTS_START_MARKS others. */
__attribute__((noinline)) ticks now(void) {
    uint32_t low, high;

    if (wall)
        return wall_now();
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high)::"memory");
    return (ticks)high << 32 | low;
}

__attribute__((noinline)) void measurement_begins(void) {
    __asm__ volatile("" ::: "memory");
}

ticks per(ticks total, uint64_t count) {
    operations = count;
    return total / count;
}

static _Noreturn void row_leave(int how) {
    if (getpid() != bench_pid)
        _exit(1);
    longjmp(row_end, how);
}

_Noreturn void row_skip(void) {
    row_leave(ROW_SKIPPED);
}

void need(bool done, const char *what) {
    if (done)
        return;
    if (errno == ENOSYS || errno == EINVAL || errno == EOPNOTSUPP)
        row_skip();
    perror(what);
    row_leave(ROW_FAILED);
}

static ticks measure_once(const struct row *row) {
    switch (setjmp(row_end)) {
    case 0:
        resident_set(row->resident_pages);
        measurement_begins();
        return row->measure();
    case ROW_SKIPPED:
        return SKIPPED;
    default:
        return FAILED;
    }
}

static ticks measure_lowest(const struct row *row) {
    int turns = events ? 2 : repetitions ? repetitions : row->repetitions;
    ticks lowest = SKIPPED;

    for (int i = 0; i < turns && (i == 0 || lowest < FAILED); i++) {
        ticks value = measure_once(row);
        lowest = value < lowest ? value : lowest;
    }
    return lowest;
}

static void row_run(const struct row *row) {
    ticks value = wall && row->kind != ROW_TIME ? SKIPPED : measure_lowest(row);

    if (value == SKIPPED)
        printf("%s skip\n", row->name);
    else if (value == FAILED)
        printf("%s failed\n", row->name);
    else if (events)
        printf("%s %llu\n", row->name, (unsigned long long)operations);
    else if (wall)
        printf("%s %.1f\n", row->name, (double)value / 1000);
    else
        printf("%s %llu\n", row->name, (unsigned long long)value);
    fflush(stdout);
    tcdrain(STDOUT_FILENO); /* nothing is sent while the next row is measured */
}

static bool row_wanted(const char *name, char **names) {
    if (!*names)
        return true;
    while (*names)
        if (strcmp(*names++, name) == 0)
            return true;
    return false;
}

static bool row_exists(const char *name) {
    FOR_EACH_ROW(row, group)
    if (strcmp(row->name, name) == 0)
        return true;
    return false;
}

static void list(void) {
    static const char *const kinds[] = {"time", "count", "bytes"};

    FOR_EACH_ROW(row, group)
    printf("%s\t%s\t%s\t%s\n", row->name, kinds[row->kind], group->title, row->what);
}

/* Returns the index of the first name, or -1 after a complaint. */
static int options_read(int argc, char **argv) {
    int at = 1;

    for (; at < argc && argv[at][0] == '-'; at++) {
        if (strcmp(argv[at], "--wall") == 0)
            wall = true;
        else if (strcmp(argv[at], "--events") == 0)
            events = true;
        else if (strcmp(argv[at], "--repeat") == 0 && at + 1 < argc)
            repetitions = atoi(argv[++at]);
        else
            break;
    }
    for (int i = at; i < argc; i++) {
        if (!row_exists(argv[i])) {
            fprintf(stderr, "bench: there is no option or row %s; --list names them\n", argv[i]);
            return -1;
        }
    }
    return at;
}

/* Starts this program again with addresses that are always the same: they decide how many page
 * tables an area needs. */
static void addresses_fix(char **argv) {
    int persona = personality(0xffffffff);

    if (persona < 0 || (persona & ADDR_NO_RANDOMIZE))
        return;
    if (personality((unsigned)persona | ADDR_NO_RANDOMIZE) >= 0)
        execv("/proc/self/exe", argv);
}

int main(int argc, char **argv) {
    int names;

    if (argc > 1 && strcmp(argv[1], "--nothing") == 0)
        return 0;
    if (argc > 1 && strcmp(argv[1], "--list") == 0) {
        list();
        return 0;
    }
    addresses_fix(argv);
    names = options_read(argc, argv);
    if (names < 0)
        return 2;
    bench_pid = getpid();
    for (int i = 0; events && i < EVENTS_START_MARKS; i++)
        measurement_begins();
    FOR_EACH_ROW(row, group)
    if (row_wanted(row->name, argv + names))
        row_run(row);
    return 0;
}
