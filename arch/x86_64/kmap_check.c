/* SPDX-License-Identifier: MIT */
/*
 * The invariants of the kernel half, checked by walking it.
 *
 * Rights are those the processor would find: W is ANDed and NX ORed down the levels. Without NX
 * in the processor everything is executable, and only the user bit is looked at.
 */
#include "core/printk.h"
#include "kmap.h"
#include "machine/layout.h"
#include "paging.h"
#include "x86.h"

struct kmap_walk {
    pte_t *table;
    unsigned level;
    uint64_t va;   /* of the first entry */
    bool writable; /* as far as the levels above say */
    bool executable;
};

static bool kmap_check_leaf(uint64_t va, pte_t entry, bool writable, bool executable) {
    if (!(entry & PTE_USER) && !(writable && executable && cpu_features.no_execute))
        return true;
    printk("kmap: the entry %#lx of %#lx breaks W^X or is the user's\n", entry, va);
    return false;
}

/* Depth is bounded by the four levels. */
static bool kmap_check_table(const struct kmap_walk *walk) {
    for (unsigned i = 0; i < TABLE_ENTRIES; i++) {
        pte_t entry = walk->table[i];
        struct kmap_walk below = {
            .table = (pte_t *)(DIRECT_MAP_BASE + (entry & PTE_ADDRESS)),
            .level = walk->level - 1,
            .va = walk->va + i * level_size(walk->level),
            .writable = walk->writable && entry & PTE_WRITE,
            .executable = walk->executable && !(entry & PTE_NO_EXEC),
        };
        bool leaf = walk->level == 0 || entry & PTE_LARGE;

        if (!(entry & PTE_PRESENT))
            continue;
        if (leaf ? !kmap_check_leaf(below.va, entry, below.writable, below.executable)
                 : !kmap_check_table(&below))
            return false;
    }
    return true;
}

bool kmap_check(void) {
    pte_t *root = (pte_t *)(DIRECT_MAP_BASE + kmap_root());

    for (unsigned i = TABLE_KERNEL_FIRST; i < TABLE_ENTRIES; i++) {
        struct kmap_walk walk = {
            .table = (pte_t *)(DIRECT_MAP_BASE + (root[i] & PTE_ADDRESS)),
            .level = TABLE_TOP_LEVEL - 1,
            .va = ~0UL << 48 | (uint64_t)i * level_size(TABLE_TOP_LEVEL),
            .writable = root[i] & PTE_WRITE,
            .executable = !(root[i] & PTE_NO_EXEC),
        };

        if (root[i] & PTE_PRESENT && !kmap_check_table(&walk))
            return false;
    }
    return true;
}
