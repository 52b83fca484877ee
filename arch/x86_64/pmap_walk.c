/* SPDX-License-Identifier: MIT */
/*
 * The way to an address, entry by entry, for who looks at tables from outside: see vm/pmap.h.
 */
#include "lib/bits.h"
#include "page_table.h"
#include "pmap_private.h"

static const struct {
    pte_t machine;
    uint16_t word;
} bit_words[] = {
    {PTE_PRESENT, PMAP_STEP_PRESENT},   {PTE_WRITE, PMAP_STEP_WRITE},
    {PTE_USER, PMAP_STEP_USER},         {PTE_NO_EXEC, PMAP_STEP_NO_EXEC},
    {PTE_ACCESSED, PMAP_STEP_ACCESSED},
};

/* Those that mean something in a leaf only. */
static const struct {
    pte_t machine;
    uint16_t word;
} leaf_words[] = {
    {PTE_DIRTY, PMAP_STEP_DIRTY},
    {PTE_NO_CACHE, PMAP_STEP_UNCACHED},
    {PTE_SHARED, PMAP_STEP_SHARED},
};

static uint16_t words_of(pte_t entry, bool is_leaf) {
    uint16_t words = is_leaf ? PMAP_STEP_LEAF : 0;

    if (!(entry & PTE_PRESENT))
        return 0;
    for (size_t i = 0; i < ARRAY_SIZE(bit_words); i++)
        words |= entry & bit_words[i].machine ? bit_words[i].word : 0;
    for (size_t i = 0; is_leaf && i < ARRAY_SIZE(leaf_words); i++)
        words |= entry & leaf_words[i].machine ? leaf_words[i].word : 0;
    return words;
}

unsigned pmap_walk(struct pmap *pmap, uint64_t va, struct pmap_step steps[PMAP_LEVELS]) {
    const struct frame *table = pmap->top;
    unsigned count = 0;

    for (unsigned level = TABLE_TOP_LEVEL;; level--) {
        unsigned index = level_index(va, level);
        pte_t entry = table_entries(table)[index];
        bool goes_on = level > 0 && entry_is_way(entry);

        steps[count++] = (struct pmap_step){
            .raw = entry,
            .table = frame_to_phys(table),
            .target = entry & PTE_ADDRESS,
            .refs = frame_refs(table),
            .index = (uint16_t)index,
            .bits = words_of(entry, !goes_on),
            .level = (uint8_t)(level + 1),
        };
        if (!goes_on)
            return count;
        table = entry_table(entry);
    }
}
