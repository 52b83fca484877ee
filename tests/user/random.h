/* SPDX-License-Identifier: MIT */
/* A small random-number generator whose sequence follows from its seed, the same everywhere. */
#ifndef TESTS_USER_RANDOM_H
#define TESTS_USER_RANDOM_H

#include <stdint.h>

struct random {
    uint64_t state;
};

static inline uint32_t random_next(struct random *random) {
    random->state = random->state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)(random->state >> 33);
}

/* Evenly spread over 0 .. limit-1. */
static inline uint32_t random_below(struct random *random, uint32_t limit) {
    return random_next(random) % limit;
}

#endif
