/* SPDX-License-Identifier: MIT */
/*
 * Mapping calls: bytes become operations on the world (support/world.h), kernel/vm over the real
 * x86-64 page tables beside the naive model.
 *
 * The first byte chooses how memory fails; then each operation takes 16: its kind, three bytes that
 * say nothing, and its numbers a, b, c (d shares c's place with the three).
 */
#include <stdio.h>
#include <string.h>

#include "lib/bits.h"
#include "support/check.h"
#include "support/random.h"
#include "support/world.h"
#include "tests/fuzz/fuzz.h"

#define OPERATION_BYTES 16u
#define OPERATIONS_MAX 256u

static uint32_t number_at(const uint8_t *bytes) {
    uint32_t number;

    memcpy(&number, bytes, sizeof(number));
    return number;
}

static struct operation operation_at(const uint8_t *bytes) {
    return (struct operation){
        .kind = (uint8_t)(bytes[0] % world_kinds()),
        .a = number_at(bytes + 4),
        .b = number_at(bytes + 8),
        .c = number_at(bytes + 12),
        .d = bytes[1] | (uint32_t)bytes[2] << 8 | (uint32_t)bytes[3] << 16,
    };
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct world_options options = {.check_every = 4, .seed = 1};

    if (size < 1 + OPERATION_BYTES || size > 1 + OPERATIONS_MAX * OPERATION_BYTES)
        return -1;
    options.failures = data[0] % 8 == 0 ? WORLD_FAIL_RANDOMLY : WORLD_FAIL_NEVER;
    options.seed = data[0];
    world_create(&options);
    for (size_t at = 1; at + OPERATION_BYTES <= size; at += OPERATION_BYTES) {
        struct operation operation = operation_at(data + at);

        if (fuzz_prints())
            fprintf(stderr, "%-8s a=%#x b=%#x c=%#x d=%#x\n", world_kind_name(operation.kind),
                    operation.a, operation.b, operation.c, operation.d);
        world_do(&operation);
    }
    world_destroy();
    return 0;
}

/* Random sequences as the random tests make them: the search begins where those are. */
static void make_seeds(const char *folder) {
    struct random random = {4711};

    for (unsigned i = 0; i < 20; i++) {
        uint8_t bytes[1 + 40 * OPERATION_BYTES];
        char name[16];

        for (size_t at = 0; at < sizeof(bytes); at++)
            bytes[at] = (uint8_t)random_next(&random);
        for (size_t at = 1; at < sizeof(bytes); at += OPERATION_BYTES)
            bytes[at] = world_kind((uint32_t)random_next(&random));
        snprintf(name, sizeof(name), "random-%u", i);
        fuzz_seed_write(folder, name, bytes, sizeof(bytes));
    }
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    fuzz_seeds(*argc, *argv, make_seeds);
    return 0;
}
