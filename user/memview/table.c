/* SPDX-License-Identifier: MIT */
/* Page tables; see table.h. */
#include "user/memview/table.h"

#include <errno.h>
#include <stdlib.h>

int table_make(struct tables *tables, uint32_t pfn, uint8_t level) {
    struct table *table;

    if (level < 1 || level > TABLE_LEVELS)
        return -EINVAL;
    table_free(tables, pfn);
    table = calloc(1, sizeof *table);
    if (!table)
        return -ENOMEM;
    table->pfn = pfn;
    table->level = level;
    if (map_put(&tables->map, pfn, table) == 0)
        return 0;
    free(table);
    return -ENOMEM;
}

bool table_free(struct tables *tables, uint32_t pfn) {
    struct table *table = map_take(&tables->map, pfn);

    free(table);
    return table != NULL;
}

void tables_clear(struct tables *tables) {
    size_t at = 0;
    struct table *table;

    while ((table = map_next(&tables->map, &at)))
        free(table);
    map_clear(&tables->map);
}

void table_unwritable(struct table *table) {
    for (int i = 0; i < TABLE_ENTRIES; i++)
        table->entries[i] = entry_forked(table->entries[i], table->level);
}

struct translation table_walk(const struct tables *tables, uint32_t root, uint64_t va) {
    struct translation at = {0};
    uint64_t pfn = root;

    for (unsigned level = TABLE_LEVELS; level >= 1; level--) {
        const struct table *table = table_get(tables, pfn);
        unsigned slot = (va >> (12 + 9 * (level - 1))) & (TABLE_ENTRIES - 1);
        if (!table || table->level != level)
            return (struct translation){0};
        at = (struct translation){table->entries[slot], level, table->pfn};
        if (!(at.entry & ENTRY_PRESENT) || entry_is_leaf(at.entry, level))
            return at;
        pfn = ENTRY_PFN(at.entry);
    }
    return at;
}
