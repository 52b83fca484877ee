/* SPDX-License-Identifier: MIT */
/*
 * kernel/mm: kernel stacks with guard pages.
 */
#include <string.h>

#include "lib/bits.h"
#include "mm/frame.h"
#include "mm/kva.h"
#include "support/arena.h"
#include "support/check.h"
#include "support/inject.h"
#include "support/kernel_model.h"

#define MIB (1ull << 20)

static void init(void) {
    host_memory_init(32 * MIB);
    kstack_init();
}

static uintptr_t bottom_of(const void *top) {
    return align_down((uintptr_t)top, PAGE_SIZE) - 3 * PAGE_SIZE;
}

static void test_one(void) {
    uint64_t before;
    uintptr_t bottom;
    char *top;

    init();
    before = frames_in_use();
    top = kstack_alloc();
    CHECK(top != NULL && is_aligned((uintptr_t)top, 64));
    bottom = bottom_of(top);
    memset((void *)bottom, 0x33, (uintptr_t)top - bottom);
    CHECK((uintptr_t)top - bottom >= KSTACK_SIZE - 64);
    CHECK(kmap_model_lookup(bottom) != PADDR_NONE);
    CHECK(kmap_model_lookup(bottom - PAGE_SIZE) == PADDR_NONE);
    CHECK(kstack_guard_hit(bottom - 1) && kstack_guard_hit(bottom - PAGE_SIZE));
    CHECK(!kstack_guard_hit(bottom) && !kstack_guard_hit((uintptr_t)top));
    CHECK(!kstack_guard_hit(KVA_END - 1) && !kstack_guard_hit(0));
    CHECK(kstack_contains(top, bottom, KSTACK_SIZE - 64));
    CHECK(!kstack_contains(top, bottom - 8, 16) && !kstack_contains(top, (uintptr_t)top - 8, 16));
    CHECK_EQ(frames_in_use(), before + 5);
    kstack_free(top);
    CHECK_EQ(frames_in_use(), before + 1);
    kstack_free(NULL);
    frames_check();
}

/* More than the pool keeps: the rest is unmapped, and slots are used again from the lowest. */
static void test_many(void) {
    void *tops[200];
    uint64_t before;

    init();
    before = frames_in_use();
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < ARRAY_SIZE(tops); i++) {
            tops[i] = kstack_alloc();
            CHECK(tops[i] != NULL);
            for (unsigned j = 0; j < i; j++)
                CHECK(tops[i] != tops[j]);
            CHECK((uintptr_t)tops[i] < KVA_BASE + ARRAY_SIZE(tops) * (KSTACK_SIZE + PAGE_SIZE));
        }
        CHECK_EQ(kmap_model_pages(), ARRAY_SIZE(tops) * KSTACK_PAGES);
        for (unsigned i = 0; i < ARRAY_SIZE(tops); i++)
            kstack_free(tops[i]);
        CHECK(kmap_model_pages() <= 16 * KSTACK_PAGES);
        CHECK_EQ(frames_in_use(), before + 1);
        frames_check();
    }
}

/* Each allocation fails in turn: NULL, and nothing is kept. */
static void test_failures(void) {
    uint64_t before, n;
    void *top;

    init();
    before = frames_in_use();
    for (n = 0;; n++) {
        test_context("failing allocation %llu", (unsigned long long)n);
        inject_fail_nth(n);
        top = kstack_alloc();
        if (!inject_stop())
            break;
        CHECK(top == NULL);
        CHECK_EQ(frames_in_use(), before);
        CHECK_EQ(kmap_model_pages(), 0);
    }
    CHECK_EQ(n, 5);
    CHECK(top != NULL);
}

/* The pool is given up when nothing else is left. */
static void test_reclaim(void) {
    struct frame_stats stats;
    uint64_t taken = 0;

    init();
    kstack_free(kstack_alloc());
    frame_stats_get(&stats);
    CHECK_EQ(stats.by_use[FRAME_SPARE], KSTACK_PAGES);
    while (frame_alloc(FRAME_ANON) != NULL)
        taken++;
    CHECK_EQ(taken, stats.free + 1);
    CHECK_EQ(kmap_model_pages(), 0);
    CHECK(kstack_alloc() == NULL);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        {"one", test_one},
        {"many", test_many},
        {"failures", test_failures},
        {"reclaim", test_reclaim},
    };

    return test_main(argc, argv, "kstack", tests, ARRAY_SIZE(tests));
}
