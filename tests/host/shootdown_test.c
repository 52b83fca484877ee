/* SPDX-License-Identifier: MIT */
/*
 * Invalidations on several processors, over the real pmap, shoot-down and calls between processors,
 * and the checker of invalidations: what it says when one is missing.
 */
#include "arch/x86_64/page_table.h"
#include "arch/x86_64/pmap_private.h"
#include "arch/x86_64/tlb_check.h"
#include "core/cpu.h"
#include "lib/bits.h"
#include "mm/frame.h"
#include "support/arena.h"
#include "support/check.h"
#include "support/kernel_model.h"
#include "support/mmu_model.h"
#include "vm/pmap.h"

#define MIB (1ull << 20)
#define BASE 0x10000000ull
#define RW (VM_READ | VM_WRITE)
#define PROCESSORS 4u

static struct pmap *init(void) {
    struct pmap *pmap;

    host_memory_init(64 * MIB);
    host_cpu_count = PROCESSORS;
    for (unsigned i = 0; i < PROCESSORS; i++)
        cpu_get(i)->pmap = NULL;
    host_cpu_leave_for(0, false);
    pmap_init();
    pmap = pmap_create();
    CHECK(pmap != NULL);
    return pmap;
}

static struct frame *enter_page(struct pmap *pmap, uint64_t va) {
    struct frame *frame = frame_alloc(FRAME_ANON);

    CHECK(frame != NULL);
    CHECK_EQ(pmap_enter(pmap, va, frame_to_phys(frame), RW), 0);
    return frame;
}

/* A processor loads the map and uses a page; then another one goes on. */
static void use_on(unsigned processor, struct pmap *pmap, uint64_t va, bool leaves_over) {
    paddr_t pa;

    host_cpu_leave_for(processor, false);
    pmap_activate(pmap);
    CHECK(mmu_translate(va, VM_WRITE, &pa));
    host_cpu_leave_for(0, leaves_over);
}

static bool can(unsigned processor, uint64_t va, unsigned access) {
    paddr_t pa;
    bool found;

    host_cpu_leave_for(processor, false);
    found = cpu_self()->pmap && mmu_translate(va, access, &pa);
    host_cpu_leave_for(0, false);
    return found;
}

static void end(struct pmap *pmap) {
    host_cpu_leave_for(0, false);
    pmap_activate(NULL);
    pmap_retire(pmap);
    pmap_destroy(pmap);
}

static uint64_t sent(void) {
    struct pmap_stats stats;

    pmap_stats_get(&stats);
    return stats.flush_sent;
}

/* What is taken away is gone on all that use the map, and only those are told. */
static void test_all_are_told(void) {
    struct pmap *pmap = init(), *other = pmap_create();
    struct frame *frame = enter_page(pmap, BASE);
    uint64_t before;

    enter_page(other, BASE);
    for (unsigned i = 0; i < 3; i++)
        use_on(i, pmap, BASE, false);
    use_on(3, other, BASE, false);
    before = sent();
    pmap_protect(pmap, BASE, BASE + PAGE_SIZE, VM_READ);
    CHECK_EQ(sent(), before + 2);
    for (unsigned i = 0; i < 3; i++)
        CHECK(!can(i, BASE, VM_WRITE) && can(i, BASE, VM_READ));
    CHECK(can(3, BASE, VM_WRITE));
    pmap_remove(pmap, BASE, BASE + PAGE_SIZE);
    CHECK_EQ(sent(), before + 4);
    for (unsigned i = 0; i < 3; i++)
        CHECK(!can(i, BASE, VM_READ));
    frame_unref(frame);
    end(pmap);
    end(other);
}

/* One that has the map left over lets go of it, and is not told again. */
static void test_left_over_lets_go(void) {
    struct pmap *pmap = init();
    uint64_t before;

    enter_page(pmap, BASE);
    enter_page(pmap, BASE + PAGE_SIZE);
    use_on(1, pmap, BASE, true);
    cpu_get(1)->pmap_is_left_over = true;
    before = sent();
    pmap_remove(pmap, BASE, BASE + PAGE_SIZE);
    CHECK(cpu_get(1)->pmap == NULL);
    pmap_remove(pmap, BASE + PAGE_SIZE, BASE + 2 * PAGE_SIZE);
    CHECK_EQ(sent(), before + 1);
    end(pmap);
}

/* Batches of every size, from pages to tables, with a processor that knows all. */
static void test_batches(void) {
    static const unsigned sizes[] = {1, 16, 17, 60, 512, 1200};
    struct pmap *pmap = init();

    for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
        test_context("%u pages", sizes[i]);
        for (unsigned page = 0; page < sizes[i]; page++) {
            enter_page(pmap, BASE + page * PAGE_SIZE);
            use_on(1, pmap, BASE + page * PAGE_SIZE, false);
        }
        pmap_remove(pmap, BASE, BASE + sizes[i] * PAGE_SIZE);
        for (unsigned page = 0; page < sizes[i]; page++)
            CHECK(!can(1, BASE + page * PAGE_SIZE, VM_READ));
    }
    end(pmap);
}

/* A fork's parent on another processor loses W there; a copy of a table is told there too. */
static void test_fork(void) {
    struct pmap *parent = init(), *child = pmap_create();

    for (unsigned page = 0; page < 200; page++)
        enter_page(parent, BASE + page * PAGE_SIZE);
    use_on(1, parent, BASE, false);
    use_on(2, parent, BASE + PAGE_SIZE, false);
    pmap_fork(parent, child, USER_MIN, USER_END);
    pmap_fork_finish(parent);
    CHECK(!can(1, BASE, VM_WRITE) && can(1, BASE, VM_READ));
    enter_page(parent, BASE);
    pmap_remove(child, BASE, BASE + PAGE_SIZE);
    CHECK(!can(2, BASE + PAGE_SIZE, VM_WRITE) && can(1, BASE, VM_WRITE));
    end(parent);
    end(child);
}

/* ---- the checker's words ---- */

/* A page that two processors know loses its entry, and nobody is told. */
static struct frame *take_silently(struct pmap *pmap) {
    struct frame *frame = enter_page(pmap, BASE);
    struct frame *table = pmap->ready_table;
    pte_t old = table_entries(table)[level_index(BASE, 0)];

    enter_page(pmap, BASE + PAGE_SIZE);
    use_on(0, pmap, BASE, false);
    use_on(1, pmap, BASE, false);
    table_entries(table)[level_index(BASE, 0)] = 0;
    table->count--;
    tlb_check_entry(pmap, BASE, 0, old, 0);
    return frame;
}

static void test_nobody_told(void) {
    struct pmap *pmap = init();

    take_silently(pmap);
    CHECK(PANICS(tlb_check_settled(pmap)));
}

static void test_one_not_told(void) {
    struct pmap *pmap = init();

    take_silently(pmap);
    invlpg(BASE);
    tlb_check_flushed_page(BASE);
    CHECK(PANICS(tlb_check_settled(pmap)));
}

static void test_told_of_another_page(void) {
    struct pmap *pmap = init();

    take_silently(pmap);
    for (unsigned i = 0; i < 2; i++) {
        host_cpu_leave_for(i, false);
        tlb_check_flushed_page(BASE + i * PAGE_SIZE);
    }
    host_cpu_leave_for(0, false);
    CHECK(PANICS(tlb_check_settled(pmap)));
}

static void test_all_told(void) {
    struct pmap *pmap = init();
    struct frame *frame = take_silently(pmap);

    tlb_check_flushed_page(BASE);
    host_cpu_leave_for(1, false);
    pmap_activate(NULL); /* as good */
    host_cpu_leave_for(0, false);
    tlb_check_settled(pmap);
    frame_unref(frame);
    end(pmap);
}

static void test_freed_too_early(void) {
    struct pmap *pmap = init();
    struct frame *frame = take_silently(pmap);

    host_cpu_leave_for(2, false); /* whoever frees it */
    CHECK(PANICS(frame_unref(frame)));
}

static void test_freed_while_mapped(void) {
    struct pmap *pmap = init();
    struct frame *frame = enter_page(pmap, BASE);

    CHECK(PANICS(frame_unref(frame)));
}

static void test_not_in_active(void) {
    struct pmap *pmap = init();

    use_on(0, pmap, (enter_page(pmap, BASE), BASE), false);
    atomic_store(&pmap->active, 0);
    CHECK(PANICS(pmap_activate(NULL)));
}

static void test_destroyed_while_loaded(void) {
    struct pmap *pmap = init();

    use_on(1, pmap, (enter_page(pmap, BASE), BASE), false);
    atomic_store(&pmap->active, 0);
    CHECK(PANICS(pmap_destroy(pmap)));
}

static const struct test tests[] = {
    {"all are told", test_all_are_told},
    {"left over lets go", test_left_over_lets_go},
    {"batches", test_batches},
    {"fork", test_fork},
    {"checker_nobody_told", test_nobody_told},
    {"checker_one_not_told", test_one_not_told},
    {"checker_told_of_another_page", test_told_of_another_page},
    {"checker_all_told", test_all_told},
    {"checker_freed_too_early", test_freed_too_early},
    {"checker_freed_while_mapped", test_freed_while_mapped},
    {"checker_not_in_active", test_not_in_active},
    {"checker_destroyed_while_loaded", test_destroyed_while_loaded},
};

int main(int argc, char **argv) {
    return test_main(argc, argv, "shootdown", tests, ARRAY_SIZE(tests));
}
