/* SPDX-License-Identifier: MIT */
/*
 * A TLB as a model: see mmu_model.h. Direct-mapped and large enough to keep what a test touched a
 * good while ago, so that a flush that was forgotten shows.
 */
#include <stddef.h>

#include "lib/bits.h"
#include "lib/hash.h"
#include "support/mmu_model.h"

#define TLB_ENTRIES 1024u

static struct tlb_entry entries[TLB_ENTRIES];
static bool any_large; /* since everything was forgotten */

static struct tlb_entry *entry_for(const void *space, uint64_t va) {
    return &entries[hash_u64((uintptr_t)space ^ (va >> PAGE_SHIFT)) % TLB_ENTRIES];
}

const struct tlb_entry *tlb_find(const void *space, uint64_t va) {
    const struct tlb_entry *entry = entry_for(space, va);

    return entry->space == space && entry->va == align_down(va, PAGE_SIZE) ? entry : NULL;
}

void tlb_keep(const void *space, uint64_t va, paddr_t pa, unsigned access) {
    *entry_for(space, va) = (struct tlb_entry){space, align_down(va, PAGE_SIZE), pa, access, 0};
}

void tlb_keep_part(const void *space, uint64_t va, paddr_t pa, unsigned access,
                   uint64_t leaf_bytes) {
    tlb_keep(space, va, pa, access);
    entry_for(space, va)->leaf_bytes = leaf_bytes;
    any_large = true;
}

/* Whether an entry is a part of the large leaf that va would lie in. */
static bool is_same_leaf(const struct tlb_entry *entry, uint64_t va) {
    return entry->leaf_bytes &&
           align_down(entry->va, entry->leaf_bytes) == align_down(va, entry->leaf_bytes);
}

void tlb_forget_page(const void *space, uint64_t va) {
    if (tlb_find(space, va))
        entry_for(space, va)->space = NULL;
    for (unsigned i = 0; any_large && i < TLB_ENTRIES; i++) {
        if (entries[i].space == space && is_same_leaf(&entries[i], va))
            entries[i].space = NULL;
    }
}

void tlb_forget_range(const void *space, uint64_t start, uint64_t end) {
    for (unsigned i = 0; i < TLB_ENTRIES; i++) {
        if (entries[i].space == space && entries[i].va >= start && entries[i].va < end)
            entries[i].space = NULL;
    }
}

void tlb_forget_space(const void *space) {
    for (unsigned i = 0; i < TLB_ENTRIES; i++) {
        if (space == NULL || entries[i].space == space)
            entries[i].space = NULL;
    }
    any_large &= space != NULL;
}
