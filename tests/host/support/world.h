/* SPDX-License-Identifier: MIT */
/*
 * A world of processes, in the kernel's VM and in the naive model side by side.
 *
 * An operation is a kind and four numbers; what they mean depends on the world they meet, so any
 * part of a sequence of operations is a sequence too, which is what shrinking needs. Each operation
 * is done to both sides, and both must answer the same. After each the invariants of one space are
 * checked, and after some of them every frame is accounted for.
 *
 * Allocation failures: with WORLD_FAIL_EACH each allocation of each operation fails once, in turn,
 * before the operation is let through; each failing try must say -ENOMEM, leak nothing and leave
 * contents as they were.
 */
#ifndef SUPPORT_WORLD_H
#define SUPPORT_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct operation {
    uint8_t kind;
    uint32_t a, b, c, d;
};

enum world_failures { WORLD_FAIL_NEVER, WORLD_FAIL_EACH, WORLD_FAIL_RANDOMLY };

struct world_options {
    enum world_failures failures;
    unsigned forget_one_in; /* the pmap forgets so often; 0: never */
    unsigned check_every;   /* operations between two accounts of all frames */
    bool huge;              /* begins with room for a huge page, and changes mappings seldom */
    uint64_t seed;          /* for failures and forgetting */
};

/* Objects and a first process; memory, the first time. */
void world_create(const struct world_options *options);

/* Does one operation to both sides and checks them. */
void world_do(const struct operation *operation);

/* Compares all bytes of all processes; ends all and checks that every frame is back. */
void world_destroy(void);

/* Operations by weight: what a generator draws from. Returns the kind for a random number. */
uint8_t world_kind(uint32_t random);

/* How many kinds there are. */
unsigned world_kinds(void);

/* The name of a kind of operation. */
const char *world_kind_name(uint8_t kind);

#endif
