/* SPDX-License-Identifier: MIT */
/*
 * Random sequences of operations on the world (world.h): one after the other in one process. One
 * that fails is shrunk to the shortest that still fails, which is printed with its seed.
 */
#ifndef SUPPORT_RANDOM_WORLD_H
#define SUPPORT_RANDOM_WORLD_H

#include "support/world.h"

struct random_world {
    struct world_options options; /* the seed is each sequence's own */
    unsigned sequences;
    unsigned length;
    uint64_t seed; /* of the first sequence */
};

/* Runs the sequences; notes how many operations that were. Fails the test with the shortest failing
 * sequence. */
void random_world_run(const struct random_world *plan);

#endif
