/* SPDX-License-Identifier: MIT */
/*
 * The x86-64 pmap itself, on the host: the conformance suite on its real sources, every allocation
 * failing in turn through a fork and the writes after it, and flushes counted (requirement K6).
 *
 * Tables are frames of the arena. That what the processor keeps is flushed in time and far enough,
 * vm_random_x86_test tests.
 */
#include <stdio.h>

#include "arch/x86_64/kmap.h"
#include "arch/x86_64/x86.h"
#include "core/cpu.h"
#include "lib/bits.h"
#include "mm/slab.h"
#include "support/arena.h"
#include "support/check.h"
#include "support/inject.h"
#include "support/kernel_model.h"
#include "support/mmu_model.h"
#include "tests/conformance/conformance.h"
#include "vm/pmap.h"

#define MIB (1ull << 20)
#define BASE 0x10000000ull
#define FAR_BASE 0x7fff00000000ull
#define PAGES 200u
#define RW (VM_READ | VM_WRITE)

static void init(void) {
    host_memory_init(64 * MIB);
    pmap_init();
}

static paddr_t pa_of(uint64_t page) {
    return (page + 16) << PAGE_SHIFT;
}

static uint64_t va_of(uint64_t page) {
    return (page % 2 ? FAR_BASE : BASE) + (page << PAGE_SHIFT);
}

static void print_result(void *arg, const char *name, const char *failure) {
    (void)arg;
    if (failure)
        FAIL("%s: %s", name, failure);
}

static void test_conformance(void) {
    const struct conformance_report report = {print_result, NULL};

    init();
    pmap_conformance_run(&report);
}

/* ---- every allocation failing in turn ---- */

/* What must hold whatever failed: entries are missing or right, and writable on one side at most.
 */
static void check_family(struct pmap *parent, struct pmap *child) {
    struct pmap_entry a, b;

    for (unsigned i = 0; i < PAGES; i++) {
        bool in_parent = pmap_lookup(parent, va_of(i), &a);
        bool in_child = child && pmap_lookup(child, va_of(i), &b);

        CHECK(!in_parent || a.pa == pa_of(i) || (a.pa == pa_of(1000) && i == 6));
        CHECK(!in_child || b.pa == pa_of(i) || (b.pa == pa_of(1001) && i == 8));
        CHECK(!(in_parent && in_child && a.pa == b.pa) || !((a.access | b.access) & VM_WRITE));
    }
}

/* A life of two maps; returns whether all of it went well. */
static bool family_life(void) {
    struct pmap *parent = pmap_create();
    struct pmap *child = NULL;
    bool well = parent != NULL;

    for (unsigned i = 0; i < PAGES && well; i++)
        well = pmap_enter(parent, va_of(i), pa_of(i), RW) == 0;
    if (well)
        child = pmap_create();
    if (child) {
        pmap_fork(parent, child, USER_MIN, USER_END);
        pmap_fork_finish(parent);
        check_family(parent, child);
        well &= pmap_enter(parent, va_of(6), pa_of(1000), RW) == 0;
        well &= pmap_enter(child, va_of(8), pa_of(1001), RW) == 0;
        check_family(parent, child);
        pmap_remove(child, va_of(20), va_of(40));
        pmap_protect(parent, va_of(20), va_of(40), VM_READ);
        check_family(parent, child);
        pmap_destroy(child);
    }
    if (parent)
        pmap_destroy(parent);
    return well && child;
}

static void each_allocation_fails(bool (*life)(void)) {
    uint64_t before;
    bool well = false;

    init();
    life();
    for (uint64_t n = 0; !well; n++) {
        test_context("allocation %llu", (unsigned long long)n);
        before = frames_in_use();
        inject_fail_nth(n);
        well = life();
        inject_stop();
        CHECK_EQ(frames_in_use(), before);
        frames_check();
        CHECK(n < 1000);
    }
}

static void test_each_allocation_fails(void) {
    each_allocation_fails(family_life);
}

/* What was made of a way that could not be made whole is let go of. */
static void test_failed_enter_leaves_no_table(void) {
    struct pmap *pmap;
    int error = -1;

    init();
    pmap = pmap_create();
    for (uint64_t n = 0; error < 0; n++) {
        test_context("allocation %llu", (unsigned long long)n);
        CHECK_EQ(pmap_table_pages(pmap), 1);
        inject_fail_nth(n);
        error = pmap_enter(pmap, FAR_BASE, pa_of(1), RW);
        inject_stop();
    }
    CHECK_EQ(pmap_table_pages(pmap), 4);
    pmap_destroy(pmap);
}

#define LEAVES 70u /* a table that a fork shares */

static uint64_t large_va(unsigned leaf) {
    return FAR_BASE + leaf * PMAP_LARGE_BYTES;
}

static paddr_t large_pa(unsigned leaf) {
    return (leaf + 1) * PMAP_LARGE_BYTES;
}

/* Every page of a large leaf, wherever it was moved, is missing or right; returns its rights. */
static unsigned check_leaf(struct pmap *pmap, uint64_t va, unsigned leaf, unsigned but) {
    struct pmap_entry entry;
    unsigned rights = 0;

    for (unsigned page = 0; page < PMAP_LARGE_BYTES / PAGE_SIZE; page++) {
        if (page == but || !pmap_lookup(pmap, va + page * PAGE_SIZE, &entry))
            continue;
        CHECK_EQ(entry.pa, large_pa(leaf) + page * PAGE_SIZE);
        rights |= entry.access;
    }
    return rights;
}

static void check_large_family(struct pmap *parent, struct pmap *child) {
    for (unsigned leaf = 0; leaf < 4; leaf++) {
        unsigned rights = check_leaf(parent, large_va(leaf), leaf, 6);

        CHECK(!((rights | check_leaf(child, large_va(leaf), leaf, 8)) & VM_WRITE));
    }
}

static bool large_life(void) {
    struct pmap *parent = pmap_create();
    struct pmap *child = NULL;
    bool well = parent != NULL;

    for (unsigned leaf = 0; leaf < LEAVES && well; leaf++)
        well = pmap_enter_large(parent, large_va(leaf), large_pa(leaf), RW) == 0;
    if (well)
        child = pmap_create();
    if (child) {
        pmap_fork(parent, child, USER_MIN, USER_END);
        pmap_fork_finish(parent);
        check_large_family(parent, child);
        well &= pmap_enter(parent, large_va(0) + 6 * PAGE_SIZE, pa_of(1000), RW) == 0;
        well &= pmap_enter(child, large_va(0) + 8 * PAGE_SIZE, pa_of(1001), RW) == 0;
        check_large_family(parent, child);
        pmap_remove(child, large_va(1) + 20 * PAGE_SIZE, large_va(1) + 30 * PAGE_SIZE);
        pmap_protect(parent, large_va(2), large_va(2) + PAGE_SIZE, 0);
        check_large_family(parent, child);
        pmap_move(parent, large_va(3), BASE * 16, 2 * PMAP_LARGE_BYTES);
        check_leaf(parent, BASE * 16, 3, 0);
        check_leaf(parent, BASE * 16 + PMAP_LARGE_BYTES, 4, 0);
        check_large_family(parent, child);
        pmap_destroy(child);
    }
    if (parent)
        pmap_destroy(parent);
    return well && child;
}

static void test_each_allocation_fails_large(void) {
    each_allocation_fails(large_life);
}

/* ---- flushes: exactly when a right is taken away ---- */

static uint64_t flushes(void) {
    return host_flushes.cr3 + host_flushes.page;
}

/* ---- tables in hand ---- */

/* Tables that another processor keeps are memory that this one can have, to the last frame. */
static void test_tables_in_other_hands(void) {
    struct frame_stats stats;
    uint64_t spare, taken = 0;

    init();
    host_cpu_count = 3;
    for (unsigned cpu = 1; cpu < host_cpu_count; cpu++) {
        struct pmap *pmap;

        host_cpu_run_on(cpu);
        pmap = pmap_create();
        CHECK(pmap != NULL);
        for (uint64_t i = 0; i < 8; i++)
            CHECK_EQ(pmap_enter(pmap, va_of(i << 9), pa_of(i), RW), 0);
        pmap_destroy(pmap);
    }
    host_cpu_run_on(0);
    frame_stats_get(&stats);
    spare = stats.by_use[FRAME_SPARE];
    CHECK(spare >= 2 * 9);
    while (frame_alloc(FRAME_ANON) != NULL)
        taken++;
    CHECK_EQ(taken, stats.free);
    frames_check();
}

static void test_flushes(void) {
    struct pmap *pmap;
    uint64_t before;

    init();
    pmap = pmap_create();
    pmap_activate(pmap);
    before = flushes();
    CHECK(pmap_enter(pmap, BASE, pa_of(1), VM_READ) == 0);
    CHECK(pmap_enter(pmap, BASE, pa_of(1), RW) == 0);
    CHECK(pmap_enter(pmap, BASE + PAGE_SIZE, pa_of(2), RW) == 0);
    CHECK_EQ(flushes(), before);
    CHECK(pmap_enter(pmap, BASE, pa_of(1), VM_READ) == 0);
    CHECK_EQ(flushes(), before + 1);
    CHECK(pmap_enter(pmap, BASE, pa_of(3), VM_READ) == 0);
    CHECK_EQ(flushes(), before + 2);
    pmap_protect(pmap, BASE, BASE + PAGE_SIZE, VM_READ);
    pmap_remove(pmap, BASE + 16 * PAGE_SIZE, BASE + 32 * PAGE_SIZE);
    CHECK_EQ(flushes(), before + 2);
    pmap_protect(pmap, BASE + PAGE_SIZE, BASE + 2 * PAGE_SIZE, VM_READ);
    CHECK_EQ(flushes(), before + 3);
    pmap_remove(pmap, BASE, BASE + PAGE_SIZE);
    CHECK_EQ(flushes(), before + 4);
    pmap_activate(NULL);
    before = flushes();
    pmap_remove(pmap, BASE, BASE + 2 * PAGE_SIZE);
    CHECK_EQ(flushes(), before);
    pmap_destroy(pmap);
}

/* A large leaf: one INVLPG; a table in place of one or the other way round: what was cached goes.
 */
static void test_large_flushes(void) {
    struct pmap *pmap;
    uint64_t before;

    init();
    pmap = pmap_create();
    pmap_activate(pmap);
    before = flushes();
    CHECK(pmap_enter_large(pmap, large_va(0), large_pa(0), VM_READ) == 0);
    CHECK(pmap_enter_large(pmap, large_va(0), large_pa(0), RW) == 0);
    CHECK_EQ(flushes(), before);
    CHECK(pmap_enter_large(pmap, large_va(0), large_pa(0), VM_READ) == 0);
    CHECK_EQ(flushes(), before + 1);
    CHECK(pmap_enter_large(pmap, large_va(0), large_pa(0), RW) == 0);
    before++;
    pmap_protect(pmap, large_va(0), large_va(1), VM_READ);
    CHECK_EQ(flushes(), before + 1);
    CHECK(pmap_enter(pmap, large_va(0) + PAGE_SIZE, large_pa(0) + PAGE_SIZE, RW) == 0);
    CHECK_EQ(flushes(), before + 2);
    CHECK_EQ(host_flushes.cr3, 1); /* the activation */
    CHECK(pmap_enter_large(pmap, large_va(0), large_pa(0), RW) == 0);
    CHECK_EQ(host_flushes.cr3, 2);
    pmap_remove(pmap, large_va(0) + PAGE_SIZE, large_va(0) + 2 * PAGE_SIZE);
    CHECK_EQ(flushes(), before + 5);
    pmap_activate(NULL);
    pmap_destroy(pmap);
}

/* A table or a large leaf that moves: what was cached of the old place goes. */
static void test_move_flushes(void) {
    const uint64_t bytes = 2 * PMAP_LARGE_BYTES;
    struct pmap *pmap;
    paddr_t pa;

    init();
    pmap = pmap_create();
    pmap_activate(pmap);
    CHECK(pmap_enter(pmap, BASE, pa_of(1), RW) == 0);
    CHECK(pmap_enter_large(pmap, BASE + PMAP_LARGE_BYTES, large_pa(0), RW) == 0);
    CHECK(pmap_enter(pmap, BASE + bytes, pa_of(3), RW) == 0); /* keeps the table above */
    CHECK(mmu_translate(BASE, VM_WRITE, &pa));
    CHECK(mmu_translate(BASE + PMAP_LARGE_BYTES, VM_WRITE, &pa));
    pmap_move(pmap, BASE, FAR_BASE, bytes);
    CHECK(!mmu_translate(BASE, VM_READ, &pa));
    CHECK(!mmu_translate(BASE + PMAP_LARGE_BYTES, VM_READ, &pa));
    CHECK(mmu_translate(FAR_BASE, VM_WRITE, &pa) && pa == pa_of(1));
    CHECK(mmu_translate(FAR_BASE + PMAP_LARGE_BYTES, VM_WRITE, &pa) && pa == large_pa(0));
    pmap_activate(NULL);
    pmap_destroy(pmap);
}

static void test_fork_flushes_parent(void) {
    struct pmap *parent, *child;
    uint64_t before;

    init();
    parent = pmap_create();
    child = pmap_create();
    CHECK(pmap_enter(parent, BASE, pa_of(1), RW) == 0);
    pmap_activate(parent);
    before = flushes();
    pmap_fork(parent, child, USER_MIN, USER_END);
    pmap_fork_finish(parent);
    CHECK_EQ(flushes(), before + 1);
    pmap_activate(NULL);
    pmap_destroy(parent);
    pmap_destroy(child);
}

/* n pages that the processor knows: after they are removed it knows none of them. */
static void check_removal_of(uint64_t n) {
    struct pmap *pmap = pmap_create();
    paddr_t pa;

    pmap_activate(pmap);
    for (uint64_t i = 0; i < n; i++) {
        CHECK_EQ(pmap_enter(pmap, BASE + i * PAGE_SIZE, pa_of(i), RW), 0);
        CHECK(mmu_translate(BASE + i * PAGE_SIZE, VM_WRITE, &pa));
        CHECK_EQ(pa, pa_of(i));
    }
    pmap_protect(pmap, BASE, BASE + n * PAGE_SIZE, VM_READ);
    for (uint64_t i = 0; i < n; i++) {
        CHECK(!mmu_translate(BASE + i * PAGE_SIZE, VM_WRITE, &pa));
        CHECK(mmu_translate(BASE + i * PAGE_SIZE, VM_READ, &pa));
    }
    pmap_remove(pmap, BASE, BASE + n * PAGE_SIZE);
    for (uint64_t i = 0; i < n; i++)
        CHECK(!mmu_translate(BASE + i * PAGE_SIZE, VM_READ, &pa));
    pmap_activate(NULL);
    pmap_destroy(pmap);
}

/* More pages than are flushed one by one; all of a table; several tables. */
static void test_flushes_reach_all(void) {
    static const uint64_t sizes[] = {1, 15, 16, 17, 18, 100, 511, 512, 513, 1500};

    init();
    for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
        test_context("%llu pages", (unsigned long long)sizes[i]);
        check_removal_of(sizes[i]);
    }
}

static const struct test tests[] = {
    {"conformance", test_conformance},
    {"each allocation fails in turn", test_each_allocation_fails},
    {"a failed enter leaves no table", test_failed_enter_leaves_no_table},
    {"each allocation fails in turn, large", test_each_allocation_fails_large},
    {"tables in other hands", test_tables_in_other_hands},
    {"flushes only what loses rights", test_flushes},
    {"flushes of large leaves", test_large_flushes},
    {"a move flushes", test_move_flushes},
    {"fork flushes the parent", test_fork_flushes_parent},
    {"flushes reach all", test_flushes_reach_all},
};

int main(int argc, char **argv) {
    return test_main(argc, argv, "pmap_x86", tests, sizeof(tests) / sizeof(tests[0]));
}
