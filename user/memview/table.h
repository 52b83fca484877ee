/* SPDX-License-Identifier: MIT */
/*
 * Page tables, each named by its frame number.
 */
#ifndef USER_MEMVIEW_TABLE_H
#define USER_MEMVIEW_TABLE_H

#include "user/memview/map.h"

#include <stdbool.h>
#include <stdint.h>

#define TABLE_ENTRIES 512
#define TABLE_LEVELS 4

#define ENTRY_PRESENT (1ull << 0)
#define ENTRY_WRITE (1ull << 1)
#define ENTRY_USER (1ull << 2)
#define ENTRY_ACCESSED (1ull << 5)
#define ENTRY_DIRTY (1ull << 6)
#define ENTRY_LARGE (1ull << 7)
#define ENTRY_SHARED (1ull << 9) /* a fork lets W stand */
#define ENTRY_PFN(entry) (((entry)&0x000ffffffffff000) >> 12)

struct table {
    uint32_t pfn;
    uint8_t level; /* 4: top, 1: leads to pages of 4 KiB */

    /* Of the census: how often it was reached, and by which space first. */
    uint8_t visits;
    uint32_t visitor;
    uint64_t entries[TABLE_ENTRIES];
};

/* All tables, by frame number. */
struct tables {
    struct map map;
};

static inline struct table *table_get(const struct tables *tables, uint64_t pfn) {
    return map_get(&tables->map, pfn);
}

/* A new table, empty; what was there under the number is gone. 0, -ENOMEM, -EINVAL (no such level).
 */
int table_make(struct tables *tables, uint32_t pfn, uint8_t level);

/* False if there is no such table. */
bool table_free(struct tables *tables, uint32_t pfn);
void tables_clear(struct tables *tables);

/* An entry as a fork leaves it. */
static inline uint64_t entry_forked(uint64_t entry, unsigned level) {
    return level == 1 && (entry & ENTRY_SHARED) ? entry : entry & ~ENTRY_WRITE;
}

/* Makes all entries those that a fork leaves. */
void table_unwritable(struct table *table);

/* An entry leads to a page, not to a table. */
static inline bool entry_is_leaf(uint64_t entry, unsigned level) {
    return level == 1 || (level <= 3 && (entry & ENTRY_LARGE));
}

/* Pages of 4 KiB below one entry of a table of that level. */
static inline uint64_t entry_pages(unsigned level) {
    return 1ull << (9 * (level - 1));
}

/* Where an address leads: level is that of the entry, 0 if a table is missing on the way. */
struct translation {
    uint64_t entry;
    unsigned level;
    uint32_t table;
};

/* Follows va (in bytes) from the top table `root` to the entry that ends the walk. */
struct translation table_walk(const struct tables *tables, uint32_t root, uint64_t va);

#endif
