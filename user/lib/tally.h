/* SPDX-License-Identifier: MIT */
/*
 * What memory has done between two moments: frames, tables, faults by case, and what else the
 * kernel counts in /proc/vmstat. Where it does not count that (Linux), only faults.
 *
 * Nothing here allocates memory or touches a page for the first time after tally_take has been
 * called once, so that counting does not count itself.
 */
#ifndef USER_LIB_TALLY_H
#define USER_LIB_TALLY_H

#include <limits.h>
#include <stdbool.h>

enum tally_key {
    TALLY_FRAMES, /* private pages in use in the whole system: a level, may fall */
    TALLY_TABLES, /* page tables of all processes: a level too */
    TALLY_FAULTS,
    TALLY_NO_AREA,
    TALLY_FORBIDDEN,
    TALLY_STALE,
    TALLY_SHARED,
    TALLY_READ_PRIVATE,
    TALLY_READ_OBJECT,
    TALLY_READ_ZERO,
    TALLY_REUSE,
    TALLY_COPY,
    TALLY_COPY_OBJECT,
    TALLY_ZERO_FILL,
    TALLY_STACK_GROWN,
    TALLY_TABLES_SHARED,
    TALLY_TABLES_UNSHARED,
    TALLY_FLUSH_PAGE,
    TALLY_FLUSH_SPACE,
    TALLY_FLUSH_SENT,
    TALLY_KEYS
};

#define TALLY_UNKNOWN LONG_MIN /* this kernel does not say */

struct tally {
    long count[TALLY_KEYS];
};

/* The counts of this moment. */
void tally_take(struct tally *tally);

/* What came between two moments. */
void tally_difference(struct tally *difference, const struct tally *before,
                      const struct tally *after);

/* Adds up what came; unknown stays unknown. */
void tally_add(struct tally *sum, const struct tally *more);

/* Whether this kernel tells of frames and of the cases of faults. */
bool tally_is_full(const struct tally *tally);

/* The short name of a key ("frames", "zero_fill"), and the key of a name; TALLY_KEYS: none. */
const char *tally_name(enum tally_key key);
enum tally_key tally_find(const char *name);

/* What n of a key are, in words: "new zeroed pages". */
const char *tally_words(enum tally_key key, long n);

#endif
