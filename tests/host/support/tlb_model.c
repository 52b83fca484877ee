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

static struct tlb_entry *entry_for(const void *space, uint64_t va) {
    return &entries[hash_u64((uintptr_t)space ^ (va >> PAGE_SHIFT)) % TLB_ENTRIES];
}

const struct tlb_entry *tlb_find(const void *space, uint64_t va) {
    const struct tlb_entry *entry = entry_for(space, va);

    return entry->space == space && entry->va == align_down(va, PAGE_SIZE) ? entry : NULL;
}

void tlb_keep(const void *space, uint64_t va, paddr_t pa, unsigned access) {
    *entry_for(space, va) = (struct tlb_entry){space, align_down(va, PAGE_SIZE), pa, access};
}

void tlb_forget_page(const void *space, uint64_t va) {
    if (tlb_find(space, va))
        entry_for(space, va)->space = NULL;
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
}
