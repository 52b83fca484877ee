/* SPDX-License-Identifier: MIT */
/*
 * The format of page tables: four levels of 512 entries of 8 bytes.
 *
 * Words: level 0 holds the 4 KiB leaves, level 3 is the top. An entry of level 1 or 2 with
 * PTE_LARGE is a leaf of 2 MiB or 1 GiB.
 */
#ifndef X86_PAGING_H
#define X86_PAGING_H

#include <stdint.h>

typedef uint64_t pte_t;

#define PTE_PRESENT 0x001UL
#define PTE_WRITE 0x002UL
#define PTE_USER 0x004UL
#define PTE_WRITE_THROUGH 0x008UL
#define PTE_NO_CACHE 0x010UL
#define PTE_ACCESSED 0x020UL
#define PTE_DIRTY 0x040UL
#define PTE_LARGE 0x080UL
#define PTE_GLOBAL 0x100UL
#define PTE_NO_EXEC (1UL << 63)
#define PTE_ADDRESS 0x000ffffffffff000UL

#define TABLE_ENTRIES 512
#define TABLE_TOP_LEVEL 3
#define TABLE_KERNEL_FIRST 256 /* first entry of the kernel half of a top-level table */

/* Bytes that one entry of a level covers. */
static inline uint64_t level_size(unsigned level) {
    return 1UL << (12 + 9 * level);
}

static inline unsigned level_index(uint64_t va, unsigned level) {
    return va >> (12 + 9 * level) & (TABLE_ENTRIES - 1);
}

#endif
