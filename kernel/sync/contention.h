/* SPDX-License-Identifier: MIT */
/*
 * How often locks were waited for: /proc/lock_stat.
 *
 * Counted is where a wait ends, so a lock that is free when it is wanted costs nothing more, and
 * the counts are there in every build. All locks of one name are one class. Each processor counts
 * for itself.
 */
#ifndef SYNC_CONTENTION_H
#define SYNC_CONTENTION_H

#include <stddef.h>
#include <stdint.h>

#include "machine/cpu.h"

/* Classes at most; those that are waited for when all are taken count as one. */
#define CONTENTION_CLASSES 64u

struct contention {
    const char *name;
    uint64_t waits; /* acquisitions that found the lock taken */
    uint64_t waited_ns;
    uint64_t longest_ns;
};

/* For contention_begin and _end. */
uint64_t contention_start(uint64_t unused, uint64_t unused_too);
uint64_t contention_stop(uint64_t name, uint64_t begin);

/* Counts a wait for a lock of that name, which lives for ever. Any context; takes no lock. */
void contention_note(const char *name, uint64_t waited_ns);

/*
 * The same for who spins and must not make calls that its callers save registers for: what _begin
 * returns (never 0) goes to _end.
 */
static inline uint64_t contention_begin(void) {
    return machine_call_rarely(contention_start, 0, 0);
}

static inline void contention_end(const char *name, uint64_t begin) {
    (void)machine_call_rarely(contention_stop, (uint64_t)(uintptr_t)name, begin);
}

/*
 * Fills in what was counted since the last reset, all processors together, most waits first, and
 * returns the number of classes. Each number is right; they are not all of one moment.
 */
size_t contention_get(struct contention classes[CONTENTION_CLASSES]);

/* Counts from 0 again. */
void contention_reset(void);

#endif
