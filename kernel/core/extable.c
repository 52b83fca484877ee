/* SPDX-License-Identifier: MIT */
/*
 * Searching the exception table. It has a few dozen entries and is read only when a copy really
 * faults, so it is not sorted.
 */
#include "core/extable.h"

struct extable_entry {
    uint64_t from, to;
};

/* Made by the linker; constant. */
extern const struct extable_entry extable_start[], extable_end[];

uint64_t extable_lookup(uint64_t rip) {
    for (const struct extable_entry *e = extable_start; e < extable_end; e++) {
        if (e->from == rip)
            return e->to;
    }
    return 0;
}
