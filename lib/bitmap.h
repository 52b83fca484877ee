/* SPDX-License-Identifier: MIT */
/*
 * Sets of small numbers as bits in an array of 64-bit words.
 *
 * A bitmap of n bits is BITMAP_WORDS(n) words; bits past n in the last word stay 0. Locks: the
 * caller's.
 */
#ifndef LIB_BITMAP_H
#define LIB_BITMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/bits.h"

#define BITMAP_WORDS(bits) (((bits) + 63) / 64)

static inline void bitmap_set(uint64_t *map, size_t bit) {
    map[bit / 64] |= 1ull << (bit % 64);
}

static inline void bitmap_clear(uint64_t *map, size_t bit) {
    map[bit / 64] &= ~(1ull << (bit % 64));
}

static inline bool bitmap_test(const uint64_t *map, size_t bit) {
    return (map[bit / 64] >> (bit % 64)) & 1;
}

/* The first clear bit at or after `from` below `bits`; `bits` if there is none. */
static inline size_t bitmap_find_clear(const uint64_t *map, size_t bits, size_t from) {
    for (size_t word = from / 64; word < BITMAP_WORDS(bits); word++) {
        uint64_t clear = ~map[word];

        if (word == from / 64)
            clear &= ~0ull << (from % 64);
        if (clear)
            return MIN(word * 64 + bit_lowest(clear), bits);
    }
    return bits;
}

/* The first set bit at or after `from` below `bits`; `bits` if there is none. */
static inline size_t bitmap_find_set(const uint64_t *map, size_t bits, size_t from) {
    for (size_t word = from / 64; word < BITMAP_WORDS(bits); word++) {
        uint64_t set = map[word];

        if (word == from / 64)
            set &= ~0ull << (from % 64);
        if (set)
            return MIN(word * 64 + bit_lowest(set), bits);
    }
    return bits;
}

#endif
