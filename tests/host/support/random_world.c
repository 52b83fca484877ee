/* SPDX-License-Identifier: MIT */
/*
 * Random sequences on the world, and shrinking: see random_world.h.
 *
 * All sequences of a plan run in one process, which says in shared memory how far it is. When it
 * fails, the sequence that did is run again alone, with every invariant checked after each
 * operation, and shrunk: runs of operations are left out, long runs first, as long as the rest
 * still fails. Each such try is a process of its own, since a failed world cannot be used again.
 */
#include "support/random_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/bits.h"
#include "support/check.h"
#include "support/random.h"

#define LENGTH_MAX 2000u
#define TRIES_MAX 400u

/* After so many operations everything is recounted; while shrinking, after each. */
#define CHECK_EVERY 8u

/* How far the process that runs sequences has come; shared with it. */
struct progress {
    unsigned sequence;
    uint64_t operations;
};

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

static void run(const struct sequence *sequence, struct progress *progress) {
    world_create(&sequence->options);
    for (unsigned i = 0; i < sequence->length; i++) {
        test_context("seed %llu, operation %u (%s)", (unsigned long long)sequence->options.seed, i,
                     world_kind_name(sequence->operations[i].kind));
        world_do(&sequence->operations[i]);
        progress->operations++;
    }
    test_context("seed %llu, at the end", (unsigned long long)sequence->options.seed);
    world_destroy();
}

/* Calls work in a child; true if it fails. quiet: what it says about that is dropped. */
static bool fails(void (*work)(void *arg), void *arg, bool quiet) {
    int status = 0;
    pid_t child;

    fflush(NULL);
    child = fork();
    if (child == 0) {
        if (quiet && !freopen("/dev/null", "w", stderr))
            _exit(2);
        test_report_to_stderr_only();
        work(arg);
        _exit(0);
    }
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    return status != 0;
}

static void run_one(void *sequence) {
    struct progress progress = {0};

    run(sequence, &progress);
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
            if (fails(run_one, &shorter, true))
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

/* A plan on its way. */
struct work {
    const struct random_world *plan;
    struct progress *progress;
    struct sequence sequence;
};

static void run_all(void *arg) {
    struct work *work = arg;
    const struct random_world *plan = work->plan;

    for (unsigned i = 0; i < plan->sequences; i++) {
        work->progress->sequence = i;
        generate(&work->sequence, plan->length, plan->seed + i);
        run(&work->sequence, work->progress);
    }
}

/* Shrinks the sequence of a seed that failed, and fails the test with it. */
static _Noreturn void report(struct work *work, uint64_t seed) {
    struct sequence *sequence = &work->sequence;
    const char *shrinking = getenv("SHRINK");

    if (shrinking && strcmp(shrinking, "0") == 0)
        FAIL("seed %llu fails", (unsigned long long)seed);
    generate(sequence, work->plan->length, seed);
    sequence->options.check_every = 1;
    if (!fails(run_one, sequence, true))
        FAIL("seed %llu fails, but only after those from %llu on", (unsigned long long)seed,
             (unsigned long long)work->plan->seed);
    shrink(sequence);
    print(sequence);
    fails(run_one, sequence, false);
    FAIL("seed %llu fails, %u operations after shrinking; see standard error",
         (unsigned long long)seed, sequence->length);
}

void random_world_run(const struct random_world *plan) {
    static struct work work;

    work.plan = plan;
    work.sequence.options = plan->options;
    work.sequence.options.check_every = CHECK_EVERY;
    work.progress = mmap(NULL, sizeof(*work.progress), PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(work.progress != MAP_FAILED);
    if (fails(run_all, &work, false))
        report(&work, plan->seed + work.progress->sequence);
    test_note("%llu operations", (unsigned long long)work.progress->operations);
}
