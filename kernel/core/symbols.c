/* SPDX-License-Identifier: MIT */
/*
 * Looking up the symbol table that tools/mksyms makes. Kernel text lies in one piece and the
 * table is sorted, so the symbol of an address is the last one at or below it.
 */
#include "core/symbols.h"

#include <stddef.h>

/* tools/mksyms; constant. The names stand one after the other, found by their offsets. */
extern const uint64_t symbol_count;
extern const uint64_t symbol_addresses[];
extern const uint32_t symbol_offsets[];
extern const char symbol_names[];

extern char kernel_text_start[], kernel_text_end[];

const char *symbol_lookup(uint64_t address, uint64_t *offset) {
    uint64_t low = 0, high = symbol_count;

    if (address < (uint64_t)kernel_text_start || address >= (uint64_t)kernel_text_end)
        return NULL;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;

        if (symbol_addresses[middle] <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return NULL;
    *offset = address - symbol_addresses[low - 1];
    return &symbol_names[symbol_offsets[low - 1]];
}
