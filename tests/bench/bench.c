/* SPDX-License-Identifier: MIT */
/*
 * bench [options] [NAME...]: what the kernel's most common services cost.
 *
 *   --list       the rows, `NAME<tab>UNIT<tab>GROUP<tab>OPERATION` each
 *   --row NAME   this row in this process: how the program calls itself, a fresh one for each row
 *   --repeat N   N repetitions of each row instead of what is usual
 *   --scaling    the rows of several processors, instead of all others; before other options
 *   --stride N   the workers of --scaling are on the processors 0, N, 2 N and so on
 *   --wall       nanoseconds of clock_gettime
 *   --waits      how often locks of the kernel were waited for, per 1,000 operations: the most of
 *                all repetitions (from /proc/lock_stat; for the rows of --scaling)
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
#include <fcntl.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { ROW_SKIPPED = 1, ROW_FAILED = 2 };
#define FAILED (UINT64_MAX - 1)
#define EVENTS_START_MARKS 16

static const struct rows *const all_rows[] = {
    &process_rows, &signal_rows, &map_rows, &fault_rows,  &advice_rows,
    &sharing_rows, &huge_rows,   &big_rows, &memory_rows, NULL,
};
static const struct rows *const scaling_rows[] = {&scaling_fault_rows, &scaling_wake_rows,
                                                  &scaling_shoot_rows, NULL};
static const struct rows *const *rows_of_run = all_rows;
#define FOR_EACH_ROW(row, group)                                                                   \
    for (const struct rows *const *g_ = rows_of_run; *g_; g_++)                                    \
        for (const struct rows *group = *g_; group; group = NULL)                                  \
            for (const struct row *row = group->first; row < group->first + group->count; row++)

static bool wall, events, waits;
unsigned processor_stride = 1;
static int repetitions;        /* or 0 for what is usual */
static const struct row *only; /* what this process is for, or NULL */
static uint64_t operations;    /* of the last measurement */
static jmp_buf row_end;
static pid_t bench_pid;

static ticks wall_now(void) {
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return ((ticks)time.tv_sec * 1000000000 + (ticks)time.tv_nsec) * 1000;
}

/* The sum of the column of contentions. */
static ticks waits_now(void) {
    static char text[16384];
    char *line = text;
    unsigned long count;
    ticks total = 0;
    int fd = open("/proc/lock_stat", O_RDONLY);
    ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);

    if (length < 0)
        row_skip();
    close(fd);
    text[length] = 0;
    while ((line = strchr(line, ':')) != NULL)
        if (sscanf(++line, "%lu", &count) == 1)
            total += count;
    return total * 1000000;
}

/* tools/bench_events.py finds this function and the next by their names, and the first true
 * measurement behind EVENTS_START_MARKS others. */
__attribute__((noinline)) ticks now(void) {
    uint32_t low, high;

    if (wall || waits)
        return wall ? wall_now() : waits_now();
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

static ticks measure_turns(const struct row *row) {
    int turns = events ? 2 : repetitions ? repetitions : row->repetitions;
    ticks result = measure_once(row);

    for (int i = 1; i < turns && result < FAILED; i++) {
        ticks value = measure_once(row);
        if (waits ? value > result : value < result)
            result = value;
    }
    return result;
}

/* Returns the program's status. */
static int row_measure(const struct row *row) {
    ticks value;

    bench_pid = getpid();
    value = wall && row->kind != ROW_TIME ? SKIPPED : measure_turns(row);
    if (value == FAILED)
        return 1;
    if (value == SKIPPED)
        printf("%s skip\n", row->name);
    else if (events)
        printf("%s %llu\n", row->name, (unsigned long long)operations);
    else if (wall || waits)
        printf("%s %.1f\n", row->name, (double)value / 1000);
    else
        printf("%s %llu\n", row->name, (unsigned long long)value);
    fflush(stdout);
    return 0;
}

/* Each row has a fresh process: what others left behind does not count, nor how they ended. */
static void row_run(const struct row *row) {
    char count[16], stride[16];
    char *words[10] = {"bench"};
    size_t used = 1;
    pid_t child;
    int status;

    snprintf(count, sizeof count, "%d", repetitions);
    snprintf(stride, sizeof stride, "%u", processor_stride);
    if (rows_of_run == scaling_rows) {
        words[used++] = "--scaling";
        words[used++] = "--stride";
        words[used++] = stride;
    }
    words[used++] = "--row";
    words[used++] = (char *)row->name;
    words[used++] = "--repeat";
    words[used++] = count;
    if (wall || events || waits)
        words[used++] = wall ? "--wall" : events ? "--events" : "--waits";
    child = fork();
    if (child == 0) {
        execv("/proc/self/exe", words);
        _exit(127);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
        printf("%s failed\n", row->name);
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

static const struct row *row_find(const char *name) {
    FOR_EACH_ROW(row, group)
    if (strcmp(row->name, name) == 0)
        return row;
    return NULL;
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
        else if (strcmp(argv[at], "--waits") == 0)
            waits = true;
        else if (strcmp(argv[at], "--repeat") == 0 && at + 1 < argc)
            repetitions = atoi(argv[++at]);
        else if (strcmp(argv[at], "--stride") == 0 && at + 1 < argc)
            processor_stride = (unsigned)atoi(argv[++at]);
        else if (strcmp(argv[at], "--row") == 0 && at + 1 < argc)
            only = row_find(argv[++at]);
        else
            break;
    }
    for (int i = at; i < argc; i++) {
        if (!row_find(argv[i])) {
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
    addresses_fix(argv);
    if (argc > 1 && strcmp(argv[1], "--scaling") == 0) {
        rows_of_run = scaling_rows;
        argc--, argv++;
    }
    if (argc > 1 && strcmp(argv[1], "--list") == 0) {
        list();
        return 0;
    }
    names = options_read(argc, argv);
    if (names < 0)
        return 2;
    if (only)
        return row_measure(only);
    for (int i = 0; events && i < EVENTS_START_MARKS; i++)
        measurement_begins();
    FOR_EACH_ROW(row, group)
    if (row_wanted(row->name, argv + names))
        row_run(row);
    return 0;
}
