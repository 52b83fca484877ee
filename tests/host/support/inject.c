/* SPDX-License-Identifier: MIT */
/*
 * Making allocations fail on purpose: see inject.h.
 */
#include "support/inject.h"

#include "mm/frame.h"
#include "mm/slab.h"
#include "support/random.h"

static struct {
    enum { NEVER, NTH, FROM, RANDOMLY } mode;
    uint64_t left; /* NTH, FROM: allocations before the one that fails */
    unsigned one_in;
    struct random random;
    bool failed;
    uint64_t count;
} inject;

static bool must_fail(void) {
    bool fail = false;

    if (inject.mode == NTH)
        fail = inject.left-- == 0;
    else if (inject.mode == FROM)
        fail = inject.left == 0 || inject.left-- == 0;
    else if (inject.mode == RANDOMLY)
        fail = random_one_in(&inject.random, inject.one_in);
    if (fail) {
        inject.failed = true;
        inject.count++;
    }
    return fail;
}

void inject_fail_nth(uint64_t n) {
    inject.mode = NTH;
    inject.left = n;
    inject.failed = false;
}

void inject_fail_from(uint64_t n) {
    inject.mode = FROM;
    inject.left = n;
    inject.failed = false;
}

void inject_fail_randomly(uint64_t seed, unsigned one_in) {
    inject.mode = RANDOMLY;
    inject.random.state = seed;
    inject.one_in = one_in;
    inject.failed = false;
}

bool inject_stop(void) {
    bool failed = inject.failed;

    inject.mode = NEVER;
    inject.failed = false;
    return failed;
}

uint64_t inject_count(void) {
    return inject.count;
}

/* The seam: NAME is reached through __wrap_NAME, and is itself __real_NAME. */
#define WRAP(type, name, parameters, arguments)                                                    \
    type __real_##name parameters;                                                                 \
    type __wrap_##name parameters;                                                                 \
    type __wrap_##name parameters {                                                                \
        return must_fail() ? NULL : __real_##name arguments;                                       \
    }

WRAP(struct frame *, frame_alloc, (enum frame_use use), (use))
WRAP(struct frame *, frame_alloc_zeroed, (enum frame_use use), (use))
WRAP(struct frame *, frame_alloc_order, (enum frame_use use, unsigned order), (use, order))
WRAP(struct frame *, frame_alloc_run, (enum frame_use use), (use))
WRAP(void *, slab_alloc, (struct slab_cache * cache), (cache))
WRAP(void *, slab_alloc_zeroed, (struct slab_cache * cache), (cache))
WRAP(void *, kmalloc, (size_t size), (size))
WRAP(void *, kzalloc, (size_t size), (size))
WRAP(void *, kcalloc, (size_t n, size_t size), (n, size))
