/* SPDX-License-Identifier: MIT */
/*
 * mm/kmap.h on the host: a page of the kernel's addresses is the frame's memory mapped once more,
 * so what a guard page should stop, stops here too. A table frame serves 2 MiB, as on x86-64, and
 * is freed when its last mapping goes.
 */
#include "mm/kmap.h"

#include <sys/mman.h>

#include "abi/errno.h"
#include "lib/bits.h"
#include "mm/frame.h"
#include "support/arena.h"
#include "support/check.h"
#include "support/kernel_model.h"

#define PAGES_PER_TABLE 512u
#define TABLES_MAX 64u

static struct {
    struct frame *frame;
    unsigned entries;
    paddr_t pages[PAGES_PER_TABLE]; /* 0: not mapped; frame 0 is never mapped */
} tables[TABLES_MAX];

static unsigned table_of(uintptr_t va) {
    unsigned index = (unsigned)((va - KVA_BASE) / PAGE_SIZE / PAGES_PER_TABLE);

    CHECK(va >= KVA_BASE && index < TABLES_MAX && is_aligned(va, PAGE_SIZE));
    return index;
}

static paddr_t *entry_of(uintptr_t va) {
    return &tables[table_of(va)].pages[(va - KVA_BASE) / PAGE_SIZE % PAGES_PER_TABLE];
}

int kmap_enter(uintptr_t va, paddr_t paddr, unsigned flags) {
    unsigned t = table_of(va);

    CHECK_EQ(flags, KMAP_WRITE);
    CHECK_EQ(*entry_of(va), 0);
    if (tables[t].frame == NULL) {
        tables[t].frame = frame_alloc_zeroed(FRAME_TABLE);
        if (tables[t].frame == NULL)
            return -ENOMEM;
    }
    arena_map_alias(va, paddr);
    *entry_of(va) = paddr;
    tables[t].entries++;
    return 0;
}

static void remove_page(uintptr_t va) {
    unsigned t = table_of(va);

    if (*entry_of(va) == 0)
        return;
    CHECK_EQ(munmap((void *)va, PAGE_SIZE), 0);
    *entry_of(va) = 0;
    if (--tables[t].entries == 0) {
        frame_unref(tables[t].frame);
        tables[t].frame = NULL;
    }
}

void kmap_remove(uintptr_t va, size_t pages) {
    for (size_t i = 0; i < pages; i++)
        remove_page(va + i * PAGE_SIZE);
    /* A table made for a mapping that then failed has no entries: it goes here. */
    for (unsigned t = 0; t < TABLES_MAX; t++) {
        if (tables[t].frame && tables[t].entries == 0) {
            frame_unref(tables[t].frame);
            tables[t].frame = NULL;
        }
    }
}

paddr_t kmap_model_lookup(uintptr_t va) {
    paddr_t paddr = *entry_of(va);

    return paddr ? paddr : PADDR_NONE;
}

unsigned kmap_model_pages(void) {
    unsigned pages = 0;

    for (unsigned t = 0; t < TABLES_MAX; t++)
        pages += tables[t].entries;
    return pages;
}

void kmap_for_each_table(void (*found)(void *arg, struct frame *table), void *arg) {
    for (unsigned t = 0; t < TABLES_MAX; t++)
        if (tables[t].frame)
            found(arg, tables[t].frame);
}
