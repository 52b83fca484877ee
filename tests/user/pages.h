/* SPDX-License-Identifier: MIT */
/*
 * What tests of mapping calls do with pages, beside facts.h: number them, count those in memory,
 * find room for them.
 */
#ifndef TESTS_USER_PAGES_H
#define TESTS_USER_PAGES_H

#include "facts.h"

#define RW (PROT_READ | PROT_WRITE)
#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS)
#define PAGE(n) ((n)*PAGE_BYTES)

/* Gives each page its number, from 1 on. */
static inline void pages_number(volatile char *start, size_t pages) {
    for (size_t i = 0; i < pages; i++)
        start[PAGE(i)] = (char)(i + 1);
}

/* How many of at most 256 pages are in memory, by mincore(2). */
static inline size_t pages_resident(char *start, size_t pages) {
    unsigned char vector[256];
    size_t count = 0;

    CHECK(pages <= sizeof vector);
    CHECK_EQ(mincore(start, PAGE(pages), vector), 0);
    for (size_t i = 0; i < pages; i++)
        count += vector[i] & 1;
    return count;
}

/* A stretch of addresses with nothing in it nor beside it. */
static inline char *free_stretch(size_t pages) {
    char *start = mmap(NULL, PAGE(pages + 2), PROT_NONE, ANONYMOUS, -1, 0);

    CHECK(start != MAP_FAILED);
    CHECK_EQ(munmap(start, PAGE(pages + 2)), 0);
    return start + PAGE_BYTES;
}

#endif
