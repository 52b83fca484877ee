/* SPDX-License-Identifier: MIT */
/*
 * Random numbers that a seed reproduces. Source: SplitMix64, Steele, Lea, Flood, "Fast splittable
 * pseudorandom number generators" (2014).
 */
#ifndef SUPPORT_RANDOM_H
#define SUPPORT_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/hash.h"

struct random {
    uint64_t state;
};

static inline uint64_t random_next(struct random *r) {
    r->state += 0x9e3779b97f4a7c15ull;
    return hash_u64(r->state);
}

/* A number in [0, n); n is not 0. */
static inline uint64_t random_below(struct random *r, uint64_t n) {
    return random_next(r) % n;
}

/* True once in n times. */
static inline bool random_one_in(struct random *r, uint64_t n) {
    return random_below(r, n) == 0;
}

#endif
