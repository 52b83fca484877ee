/* SPDX-License-Identifier: MIT */
/*
 * What the rows of tests/bench share: the clock, the ends of a row that cannot be measured, and
 * memory, files and children to measure with.
 *
 * A row's function measures once and returns what an operation cost. It calls now() in pairs, a
 * start and a stop, and nowhere else: whoever counts events from outside (tools/bench_events.py)
 * counts between those calls.
 */
#ifndef TESTS_BENCH_BENCH_H
#define TESTS_BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PAGE_BYTES 4096UL
#define MIB (1UL << 20)
#define BIG_PAGES (16 * MIB / PAGE_BYTES)
#define GIB_PAGES (1024 * MIB / PAGE_BYTES)
#define FILE_PAGES 1024UL
#define HUGE_BYTES (2 * MIB)
#define SKIPPED UINT64_MAX

typedef uint64_t ticks;

enum row_kind {
    ROW_TIME,
    ROW_COUNT, /* of instructions; too long a row for the wall's clock, or too short */
    ROW_BYTES,
};

struct row {
    const char *name;
    const char *what;       /* the operation, for people */
    ticks (*measure)(void); /* once; per operation, or bytes */
    int repetitions;        /* of which the lowest is printed */
    size_t resident_pages;  /* of written memory that the process has meanwhile, at `resident` */
    enum row_kind kind;
};

struct rows {
    const char *title;
    const struct row *first;
    size_t count;
};

#define ROWS(title, array)                                                                         \
    { title, array, sizeof(array) / sizeof((array)[0]) }

extern const struct rows process_rows, signal_rows, map_rows, fault_rows, advice_rows, sharing_rows,
    huge_rows, big_rows, memory_rows;
extern const struct rows scaling_fault_rows, scaling_wake_rows, scaling_shoot_rows;

/* bench.c */

/* Instructions or cycles; with --wall thousandths of a nanosecond, with --waits millions of waits.
 */
ticks now(void);

/* Workers of the rows of several processors run on those with multiples of this number: --stride.
 */
extern unsigned processor_stride;

/* What one of them cost. Called once in a measurement, by the process that returns it. */
ticks per(ticks total, uint64_t operations);

/* Unless `done`, the row ends here: as skipped if errno says that the kernel lacks the call or the
 * kind of it (ENOSYS, EINVAL, EOPNOTSUPP), else as failed. A child ends with status 1. */
void need(bool done, const char *what);

_Noreturn void row_skip(void);

/* support.c */
extern char *resident;

void resident_set(size_t pages);
char *pages_map(size_t pages); /* of 4 KiB, private and anonymous */
void pages_unmap(char *start, size_t pages);
void pages_write(volatile char *start, size_t pages);
void pages_read(volatile char *start, size_t pages);
int file_open(void); /* of FILE_PAGES, in memory, not to be closed */
char *file_map(int protection, int flags);
pid_t child_start(void); /* a fork that succeeded */
void child_wait(pid_t child);
ticks child_measure(ticks (*measure)(void)); /* what it returned in a child */

/* A child that does nothing until it is released. */
struct idler {
    pid_t pid;
    int release;
};
struct idler idler_start(void);
void idler_end(struct idler idler);

#endif
