/* SPDX-License-Identifier: MIT */
/*
 * Random sequences on the world, and shrinking: see random_world.h.
 *
 * Shrinking tries to leave out runs of operations, long runs first, as long as the rest still
 * fails. A try is a process of its own, since a failed world cannot be used again.
 */
#include "support/random_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/bits.h"
#include "support/check.h"
#include "support/random.h"

#define LENGTH_MAX 2000u
#define TRIES_MAX 400u

struct sequence {
    struct world_options options;
    unsigned length;
    struct operation operations[LENGTH_MAX];
};

static void generate(struct sequence *sequence, unsigned length, uint64_t seed) {
    struct random random = {seed};

    CHECK(length <= LENGTH_MAX);
    sequence->length = length;
    sequence->options.seed = seed;
    for (unsigned i = 0; i < length; i++) {
        sequence->operations[i] = (struct operation){
            .kind = world_kind((uint32_t)random_next(&random)),
            .a = (uint32_t)random_next(&random),
            .b = (uint32_t)random_next(&random),
            .c = (uint32_t)random_next(&random),
            .d = (uint32_t)random_next(&random),
        };
    }
}

static void run(const struct sequence *sequence) {
    world_create(&sequence->options);
    for (unsigned i = 0; i < sequence->length; i++) {
        test_context("seed %llu, operation %u (%s)", (unsigned long long)sequence->options.seed, i,
                     world_kind_name(sequence->operations[i].kind));
        world_do(&sequence->operations[i]);
    }
    test_context("seed %llu, at the end", (unsigned long long)sequence->options.seed);
    world_destroy();
}

/* Runs a sequence in a child; true if it fails. quiet: what it says about that is dropped. */
static bool fails(const struct sequence *sequence, bool quiet) {
    int status = 0;
    pid_t child;

    fflush(NULL);
    child = fork();
    if (child == 0) {
        if (quiet && !freopen("/dev/null", "w", stderr))
            _exit(2);
        test_report_to_stderr_only();
        run(sequence);
        _exit(0);
    }
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    return status != 0;
}

/* `from` without `n` operations from `at` on. */
static void leave_out(struct sequence *to, const struct sequence *from, unsigned at, unsigned n) {
    to->options = from->options;
    to->length = from->length - n;
    memcpy(to->operations, from->operations, at * sizeof(struct operation));
    memcpy(to->operations + at, from->operations + at + n,
           (from->length - at - n) * sizeof(struct operation));
}

static void shrink(struct sequence *sequence) {
    static struct sequence shorter;
    unsigned tries = 0;

    for (unsigned n = MAX(sequence->length / 2, 1u); n > 0; n /= 2) {
        for (unsigned at = 0; at + n <= sequence->length && tries < TRIES_MAX;) {
            leave_out(&shorter, sequence, at, n);
            tries++;
            if (fails(&shorter, true))
                *sequence = shorter;
            else
                at += n;
        }
    }
}

static void print(const struct sequence *sequence) {
    fprintf(stderr, "the shortest sequence of seed %llu that fails:\n",
            (unsigned long long)sequence->options.seed);
    for (unsigned i = 0; i < sequence->length; i++) {
        const struct operation *op = &sequence->operations[i];

        fprintf(stderr, "  %3u %-8s a=%#x b=%#x c=%#x d=%#x\n", i, world_kind_name(op->kind), op->a,
                op->b, op->c, op->d);
    }
}

void random_world_run(const struct random_world *plan) {
    static struct sequence sequence;

    sequence.options = plan->options;
    for (unsigned i = 0; i < plan->sequences; i++) {
        generate(&sequence, plan->length, plan->seed + i);
        if (!fails(&sequence, false))
            continue;
        shrink(&sequence);
        print(&sequence);
        fails(&sequence, false);
        FAIL("seed %llu fails, %u operations after shrinking; see standard error",
             (unsigned long long)sequence.options.seed, sequence.length);
    }
}
