/* SPDX-License-Identifier: MIT */
/*
 * Clearing and copying whole pages: the floor below the cost of a first touch and of a copy on
 * write (512 iterations each). Pointers are page-aligned, in the direct map. No locks, no sleep.
 */
#ifndef MM_PAGE_CLEAR_H
#define MM_PAGE_CLEAR_H

#include <stddef.h>

#include "machine/layout.h"
#include "machine/memory.h"

static inline void page_clear(void *page) {
    machine_fill_words(page, 0, PAGE_SIZE / 8);
}

/* The same for pages that lie together. */
static inline void pages_clear(void *first, size_t pages) {
    machine_fill_words(first, 0, pages * (PAGE_SIZE / 8));
}

/* The pages are different ones. */
static inline void page_copy(void *dst, const void *src) {
    machine_copy_words(dst, src, PAGE_SIZE / 8);
}

#endif
