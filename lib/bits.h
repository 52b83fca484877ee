/* SPDX-License-Identifier: MIT */
/*
 * Small arithmetic on integers and pointers that every layer needs.
 *
 * Alignments ("a") are powers of two; nothing checks it. Integers are 64 bits wide: callers
 * with narrower ones convert for free. Nothing here has state or side effects; macros evaluate
 * each argument once.
 */
#ifndef LIB_BITS_H
#define LIB_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The structure of `type` whose `member` `ptr` points to. */
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#define MIN(a, b)                                                                                  \
    ({                                                                                             \
        __typeof__(a) min_a_ = (a);                                                                \
        __typeof__(b) min_b_ = (b);                                                                \
        min_a_ < min_b_ ? min_a_ : min_b_;                                                         \
    })

#define MAX(a, b)                                                                                  \
    ({                                                                                             \
        __typeof__(a) max_a_ = (a);                                                                \
        __typeof__(b) max_b_ = (b);                                                                \
        max_a_ > max_b_ ? max_a_ : max_b_;                                                         \
    })

static inline bool is_pow2(uint64_t x) {
    return x != 0 && (x & (x - 1)) == 0;
}

/* The next multiple of `a` at or above `x`; 0 when that is 2^64. */
static inline uint64_t align_up(uint64_t x, uint64_t a) {
    return (x + a - 1) & ~(a - 1);
}

static inline uint64_t align_down(uint64_t x, uint64_t a) {
    return x & ~(a - 1);
}

static inline bool is_aligned(uint64_t x, uint64_t a) {
    return (x & (a - 1)) == 0;
}

/* x / d rounded up; `d` need not be a power of two. */
static inline uint64_t div_round_up(uint64_t x, uint64_t d) {
    return x / d + (x % d != 0);
}

/* The index of the highest set bit. `x` is not 0. */
static inline unsigned ilog2(uint64_t x) {
    return 63u - (unsigned)__builtin_clzll(x);
}

/* The index of the lowest set bit. `x` is not 0. */
static inline unsigned bit_lowest(uint64_t x) {
    return (unsigned)__builtin_ctzll(x);
}

static inline unsigned bit_count(uint64_t x) {
    x -= (x >> 1) & 0x5555555555555555ull;
    x = (x & 0x3333333333333333ull) + ((x >> 2) & 0x3333333333333333ull);
    x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0full;
    return (unsigned)((x * 0x0101010101010101ull) >> 56);
}

#endif
