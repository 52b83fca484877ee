/* SPDX-License-Identifier: MIT */
/*
 * kernel/vm: huge pages, over the real pmap of x86-64 and a model of its MMU. AT(8) is aligned to
 * 1 GiB; frames are counted to the last one.
 */
#include "vm/huge.h"

#include <string.h>

#include "abi/errno.h"
#include "lib/bits.h"
#include "support/account.h"
#include "support/arena.h"
#include "support/check.h"
#include "support/inject.h"
#include "support/model_cpu.h"
#include "support/vm_fixture.h"
#include "vm/advise.h"
#include "vm/commit.h"
#include "vm/space_lock.h"

#define FIRST 8u
#define PAGES ((unsigned)FRAME_RUN_FRAMES)
#define END (FIRST + PAGES)

static struct vm_space *space;

static void begin(void) {
    vm_fixture_init();
    space = space_begin();
}

/* A space with one huge page, page i of which holds i. */
static void begin_with_run(void) {
    begin();
    map_fixed(space, FIRST, PAGES, RW, 0);
    for (unsigned i = 0; i < PAGES; i++)
        CHECK_EQ(poke(space, FIRST + i, (unsigned char)i), 0);
    CHECK_EQ(frame_run_bytes(), FRAME_RUN_BYTES);
    CHECK_EQ(fault_case_delta(VM_FAULT_ZERO_FILL), 1);
}

static uint64_t anon(void) {
    struct frame_stats stats;

    frame_stats_get(&stats);
    return stats.by_use[FRAME_ANON];
}

/* How a page is mapped: 1 by itself, 2 by a large leaf, 0 not. */
static unsigned level_at(struct vm_space *in, unsigned page) {
    struct pmap_entry entry;

    return pmap_lookup(in->pmap, AT(page), &entry) ? entry.level : 0;
}

static void forget(struct vm_space *in, unsigned from, unsigned to) {
    vm_space_lock(in);
    pmap_remove(in->pmap, AT(from), AT(to));
    vm_space_unlock(in);
}

/* ---- where they are made ---- */

static void test_first_touch(void) {
    begin();
    map_fixed(space, FIRST, PAGES, RW, 0);
    CHECK_EQ(poke(space, FIRST + 100, 7), 0);
    CHECK_EQ(fault_case_delta(VM_FAULT_ZERO_FILL), 1);
    CHECK_EQ(anon(), PAGES);
    CHECK_EQ(frame_run_bytes(), FRAME_RUN_BYTES);
    for (unsigned i = 0; i < PAGES; i++) {
        CHECK_EQ(peek(space, FIRST + i), i == 100 ? 7 : 0);
        CHECK_EQ(poke(space, FIRST + i, 1), 0);
        CHECK_EQ(level_at(space, FIRST + i), 2);
        CHECK(frame_at(space, FIRST + i) == frame_at(space, FIRST) + i);
    }
    CHECK_EQ(fault_case_delta(VM_FAULT_ZERO_FILL), 0);
    space_end(space);
    CHECK_EQ(anon(), 0);
}

/* Bytes of a frame that was somebody's are gone. */
/* Leaves something in all memory that a run could be made of. */
static void soil_memory(void) {
    static struct frame *runs[64];
    unsigned n = 0;

    while (n < ARRAY_SIZE(runs) && (runs[n] = frame_alloc_run(FRAME_ANON)) != NULL)
        memset(frame_to_virt(runs[n++]), 0xa5, FRAME_RUN_BYTES);
    CHECK(n > 0 && n < ARRAY_SIZE(runs));
    while (n-- > 0) {
        for (unsigned i = 0; i < PAGES; i++)
            frame_unref(runs[n] + i);
    }
}

static void test_is_cleared(void) {
    begin();
    soil_memory();
    map_fixed(space, FIRST, PAGES, RW, 0);
    CHECK_EQ(poke(space, FIRST, 1), 0);
    CHECK_EQ(level_at(space, FIRST), 2);
    for (unsigned i = 1; i < PAGES; i++)
        CHECK_EQ(peek(space, FIRST + i), 0);
    space_end(space);
}

/* What was read before is not in the way: the zero frame was only in the pmap. */
static void test_after_reads(void) {
    begin();
    map_fixed(space, FIRST, PAGES, RW, 0);
    for (unsigned i = 0; i < PAGES; i += 5)
        CHECK_EQ(peek(space, FIRST + i), 0);
    CHECK_EQ(poke(space, FIRST + 10, 3), 0);
    CHECK_EQ(level_at(space, FIRST), 2);
    CHECK_EQ(peek(space, FIRST + 10), 3);
    CHECK_EQ(peek(space, FIRST + 5), 0);
    space_end(space);
}

static void expect_small(unsigned page) {
    uint64_t before = anon();

    CHECK_EQ(poke(space, page, 1), 0);
    CHECK_EQ(anon(), before + 1);
    CHECK_EQ(level_at(space, page), 1);
}

/* Not where the area ends inside, nor beside a page that is there, nor in a stack. */
static void test_where_it_fits(void) {
    begin();
    map_fixed(space, FIRST + 1, PAGES, RW, 0);
    expect_small(FIRST + 1);
    expect_small(END);
    map_fixed(space, FIRST, 2 * PAGES - 1, RW, 0);
    expect_small(END + PAGES - 2);
    CHECK_EQ(poke(space, FIRST, 1), 0);
    CHECK_EQ(level_at(space, FIRST), 2);
    map_fixed(space, FIRST, 2 * PAGES, RW, VM_MAP_GROWS_DOWN);
    expect_small(FIRST + 5);
    space_end(space);
}

static void test_beside_a_page(void) {
    begin();
    map_fixed(space, FIRST, PAGES - 1, RW, 0);
    expect_small(END - 2);
    map_fixed(space, END - 1, 1, RW, 0);
    CHECK_EQ(space->areas.count, 1);
    expect_small(FIRST);
    space_end(space);
}

static void test_policy(void) {
    static const struct {
        enum vm_huge_policy policy;
        uint16_t flags;
        unsigned level;
    } cases[] = {
        {VM_HUGE_ALWAYS, 0, 2},
        {VM_HUGE_ALWAYS, VM_AREA_HUGE, 2},
        {VM_HUGE_ALWAYS, VM_AREA_NO_HUGE, 1},
        {VM_HUGE_MADVISE, 0, 1},
        {VM_HUGE_MADVISE, VM_AREA_HUGE, 2},
        {VM_HUGE_MADVISE, VM_AREA_NO_HUGE, 1},
        {VM_HUGE_NEVER, 0, 1},
        {VM_HUGE_NEVER, VM_AREA_HUGE, 1},
    };

    begin();
    CHECK_EQ(vm_huge_policy_get(), VM_HUGE_ALWAYS);
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        map_fixed(space, FIRST, PAGES, RW, 0);
        vm_area_find(&space->areas, AT(FIRST))->flags |= cases[i].flags;
        vm_huge_policy_set(cases[i].policy);
        CHECK_EQ(poke(space, FIRST, 1), 0);
        CHECK_EQ(level_at(space, FIRST), cases[i].level);
    }
    vm_huge_policy_set(VM_HUGE_ALWAYS);
    space_end(space);
}

/* ---- parts ---- */

static void expect_rest(unsigned from, unsigned to) {
    for (unsigned i = 0; i < PAGES; i++)
        CHECK_EQ(peek(space, FIRST + i), i >= from && i < to ? -EFAULT : (unsigned char)i);
}

/* Exactly the frames of the part come back, and the rest of the run is where it was. */
static void unmap_part(unsigned from, unsigned to) {
    struct frame *first;

    begin_with_run();
    first = frame_at(space, FIRST);
    CHECK_EQ(vm_unmap(space, AT(FIRST + from), (to - from) * PAGE_SIZE), 0);
    CHECK_EQ(anon(), PAGES - (to - from));
    CHECK_EQ(frame_run_bytes(), 0);
    expect_rest(from, to);
    CHECK(frame_at(space, FIRST + (from ? 0 : to)) == first + (from ? 0 : to));
    space_end(space);
    CHECK_EQ(anon(), 0);
}

static void test_unmap_first(void) {
    unmap_part(0, 1);
}

static void test_unmap_middle(void) {
    unmap_part(100, 300);
}

static void test_unmap_last(void) {
    unmap_part(PAGES - 1, PAGES);
}

static void test_protect_and_back(void) {
    begin_with_run();
    CHECK_EQ(vm_protect(space, AT(FIRST + 20), 10 * PAGE_SIZE, RO), 0);
    CHECK_EQ(poke(space, FIRST + 20, 1), -EACCES);
    CHECK_EQ(poke(space, FIRST + 19, 19), 0);
    CHECK_EQ(poke(space, FIRST + 30, 30), 0);
    CHECK_EQ(vm_protect(space, AT(FIRST + 25), PAGE_SIZE, 0), 0);
    CHECK_EQ(peek(space, FIRST + 25), -EACCES);
    CHECK_EQ(level_at(space, FIRST), 1);
    CHECK_EQ(vm_protect(space, AT(FIRST + 20), 10 * PAGE_SIZE, RW), 0);
    CHECK_EQ(poke(space, FIRST + 25, 25), 0);
    expect_rest(0, 0);
    CHECK_EQ(level_at(space, FIRST + 100), 2);
    CHECK_EQ(anon(), PAGES);
    space_end(space);
}

/* Rights of all of it: the leaf changes in place. */
static void test_protect_all(void) {
    begin_with_run();
    CHECK_EQ(vm_protect(space, AT(FIRST), PAGES * PAGE_SIZE, RO), 0);
    CHECK_EQ(level_at(space, FIRST), 2);
    CHECK_EQ(poke(space, FIRST, 1), -EACCES);
    CHECK_EQ(vm_protect(space, AT(FIRST), PAGES * PAGE_SIZE, RW), 0);
    CHECK_EQ(poke(space, FIRST + 1, 1), 0);
    CHECK_EQ(level_at(space, FIRST + 400), 2);
    expect_rest(0, 0);
    space_end(space);
}

/* What was forgotten reads zero, and comes back page by page. */
static void test_discard_part(void) {
    begin_with_run();
    CHECK_EQ(vm_advise(space, AT(FIRST + 50), 2 * PAGE_SIZE, VM_ADVICE_DONT_NEED), 0);
    CHECK_EQ(anon(), PAGES - 2);
    CHECK_EQ(peek(space, FIRST + 50), 0);
    expect_small(FIRST + 51);
    CHECK_EQ(peek(space, FIRST + 49), 49);
    CHECK_EQ(peek(space, FIRST + 52), 52);
    CHECK_EQ(vm_advise(space, AT(FIRST), PAGES * PAGE_SIZE, VM_ADVICE_DONT_NEED), 0);
    CHECK_EQ(anon(), 0);
    CHECK_EQ(poke(space, FIRST + 3, 1), 0);
    CHECK_EQ(level_at(space, FIRST + 4), 2);
    space_end(space);
}

/* ---- fork ---- */

/* A write on either side takes one page, and the other side sees nothing of it. */
static void test_fork_both_write(void) {
    struct vm_space *child;
    uint64_t frames;

    begin_with_run();
    child = space_fork(space);
    CHECK_EQ(anon(), PAGES);
    CHECK_EQ(level_at(child, FIRST), 2);
    CHECK_EQ(rights_at(child, FIRST), RO);
    CHECK_EQ(rights_at(space, FIRST), RO);
    frames = frames_in_use();
    CHECK_EQ(poke(child, FIRST + 10, 200), 0);
    CHECK_EQ(fault_case_delta(VM_FAULT_COPY), 1);
    CHECK_EQ(anon(), PAGES + 1);
    CHECK(frames_in_use() <= frames + 3); /* the page, the table, and at most a slab of nodes */
    CHECK_EQ(frame_run_bytes(), FRAME_RUN_BYTES);
    CHECK_EQ(poke(space, FIRST + 11, 201), 0);
    CHECK_EQ(anon(), PAGES + 2);
    CHECK_EQ(poke(space, FIRST + 10, 202), 0); /* the child has its own */
    CHECK_EQ(anon(), PAGES + 2);
    for (unsigned i = 0; i < PAGES; i++) {
        CHECK_EQ(peek(child, FIRST + i), i == 10 ? 200 : (unsigned char)i);
        CHECK_EQ(peek(space, FIRST + i), i == 10 ? 202 : i == 11 ? 201 : (unsigned char)i);
    }
    space_check(space);
    space_end(child);
    CHECK_EQ(anon(), PAGES);
    space_end(space);
    CHECK_EQ(anon(), 0);
}

/* The child has gone: the parent writes the whole again after one fault. */
static void test_fork_child_gone(void) {
    struct vm_space *child;

    begin_with_run();
    child = space_fork(space);
    CHECK_EQ(poke(child, FIRST + 10, 200), 0);
    space_end(child);
    fault_case_delta(VM_FAULT_REUSE);
    for (unsigned i = 0; i < PAGES; i++)
        CHECK_EQ(poke(space, FIRST + i, (unsigned char)i), 0);
    CHECK_EQ(fault_case_delta(VM_FAULT_REUSE), 1);
    CHECK_EQ(level_at(space, FIRST), 2);
    CHECK_EQ(anon(), PAGES);
    space_end(space);
}

/* A run that a child still sees a part of: pages one by one, and looked at seldom. */
/* A page of each leaf of the tree is the child's own: the leaves are the parent's alone, most of
 * the frames in them are not. */
static void test_fork_copied_here_and_there(void) {
    struct vm_space *child;

    begin_with_run();
    child = space_fork(space);
    for (unsigned i = 0; i < PAGES; i += PAGE_TREE_SLOTS)
        CHECK_EQ(poke(child, FIRST + i, 1), 0);
    CHECK_EQ(poke(space, FIRST, 2), 0); /* nobody else's: no reason for a copy, nor for a leaf */
    for (unsigned i = 1; i < PAGES; i++)
        CHECK_EQ(poke(space, FIRST + i, 3), 0);
    for (unsigned i = 0; i < PAGES; i++)
        CHECK_EQ(peek(child, FIRST + i), i % PAGE_TREE_SLOTS == 0 ? 1 : (unsigned char)i);
    space_end(child);
    space_end(space);
}

static void test_fork_half_copied(void) {
    struct vm_space *child;
    struct vm_huge_stats before, after;

    begin_with_run();
    child = space_fork(space);
    for (unsigned i = 0; i < PAGES / 2; i++)
        CHECK_EQ(poke(child, FIRST + i, 1), 0);
    vm_huge_stats_get(&before);
    CHECK_EQ(poke(space, FIRST, 2), 0);
    CHECK(frame_run_hint(frame_at(space, FIRST)) > 0);
    for (unsigned i = 1; i < PAGES / 2; i++)
        CHECK_EQ(poke(space, FIRST + i, 2), 0);
    vm_huge_stats_get(&after);
    CHECK_EQ(after.restored, before.restored);
    CHECK_EQ(anon(), PAGES + PAGES / 2);
    for (unsigned i = 0; i < PAGES; i++)
        CHECK_EQ(peek(child, FIRST + i), i < PAGES / 2 ? 1 : (unsigned char)i);
    space_end(child);
    space_end(space);
}

/* Forgotten by the pmap: one read brings the whole back, unwritable while others see it. */
static void test_forgotten(void) {
    struct vm_space *child;

    begin_with_run();
    child = space_fork(space);
    forget(child, FIRST, END);
    CHECK_EQ(peek(child, FIRST + 33), 33);
    CHECK_EQ(level_at(child, FIRST), 2);
    CHECK_EQ(rights_at(child, FIRST), RO);
    space_check(child);
    space_end(child);
    forget(space, FIRST, END);
    CHECK_EQ(peek(space, FIRST + 33), 33);
    CHECK_EQ(rights_at(space, FIRST), RW);
    CHECK_EQ(level_at(space, FIRST), 2);
    child = space_fork(space);
    forget(child, FIRST + 5, FIRST + 6); /* now there are pages */
    CHECK_EQ(peek(child, FIRST + 5), 5);
    CHECK_EQ(level_at(child, FIRST + 5), 1);
    CHECK_EQ(level_at(child, FIRST + 6), 1);
    space_end(child);
    space_end(space);
}

/* Eighty of them: the table that leads to them is shared, as are the trees. */
static void test_generations(void) {
    struct vm_space *family[8];

    begin_with_run();
    family[0] = space;
    for (unsigned i = 1; i < ARRAY_SIZE(family); i++) {
        family[i] = space_fork(family[i - 1]);
        CHECK_EQ(poke(family[i], FIRST + i, 250), 0);
    }
    CHECK_EQ(anon(), PAGES + ARRAY_SIZE(family) - 1);
    for (unsigned i = 0; i < ARRAY_SIZE(family); i++) {
        for (unsigned page = 0; page < PAGES; page++)
            CHECK_EQ(peek(family[i], FIRST + page),
                     page > 0 && page <= i ? 250 : (unsigned char)page);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(family); i++)
        space_end(family[i]);
    CHECK_EQ(anon(), 0);
}

/* ---- memory ---- */

/* Each allocation of a first touch fails in turn: a page instead, or nothing at all. */
static void test_each_allocation_fails(void) {
    uint64_t before, n = 0;
    int error;

    begin();
    map_fixed(space, FIRST, PAGES, RW, 0);
    do {
        before = frames_in_use();
        vm_fixture_fail(n++);
        error = poke(space, FIRST + 9, 9);
        if (!inject_stop())
            break;
        space_check(space);
        account_begin();
        account_space(space);
        account_check();
        if (error == 0) {
            CHECK_EQ(anon(), 1);
            CHECK_EQ(peek(space, FIRST + 9), 9);
            CHECK_EQ(vm_advise(space, AT(FIRST), PAGES * PAGE_SIZE, VM_ADVICE_DONT_NEED), 0);
        } else {
            CHECK_EQ(error, -ENOMEM);
            CHECK_EQ(anon(), 0);
        }
        CHECK(frames_in_use() <= before + 4); /* slabs and tables that are kept */
    } while (n < 100);
    CHECK(n > 10 && n < 100);
    CHECK_EQ(level_at(space, FIRST), 2);
    space_end(space);
}

/* A copy on write in a huge page, each allocation failing once: contents as they were. */
/* Takes the tables that the processor has in hand. */
static void use_up_tables(struct vm_space *other) {
    static unsigned page = FIRST;
    struct frame_stats stats;

    frame_stats_get(&stats);
    for (uint64_t n = stats.by_use[FRAME_SPARE]; n > 0; n--, page += PAGES) {
        map_fixed(other, page, 1, RW, 0);
        CHECK_EQ(poke(other, page, 1), 0);
    }
}

/* A run is there, and no memory for the tables that lead to it: then it is not there. */
static void test_leaf_fails(void) {
    struct vm_space *other;
    uint64_t before, n = 0;
    bool has_failed = true;

    begin();
    other = space_begin();
    map_fixed(space, FIRST, PAGES, RW, 0);
    while (has_failed) {
        use_up_tables(other);
        before = anon();
        vm_fixture_fail(n++);
        CHECK(poke(space, FIRST + 9, 9) == 0 || anon() == before);
        has_failed = inject_stop();
        CHECK(!has_failed || anon() <= before + 1);
        if (has_failed)
            CHECK_EQ(vm_advise(space, AT(FIRST), PAGES * PAGE_SIZE, VM_ADVICE_DONT_NEED), 0);
    }
    CHECK_EQ(level_at(space, FIRST), 2);
    space_end(other);
    space_end(space);
}

static void test_copy_fails(void) {
    struct vm_space *child;
    uint64_t n = 0;

    begin_with_run();
    child = space_fork(space);
    for (;; n++) {
        vm_fixture_fail(n);
        if (poke(child, FIRST + 9, 99) == 0)
            break;
        CHECK(inject_stop());
        CHECK_EQ(peek(space, FIRST + 9), 9);
        CHECK_EQ(peek(child, FIRST + 9), 9);
        CHECK_EQ(peek(child, FIRST + 10), 10);
        space_check(child);
    }
    inject_stop();
    CHECK(n >= 3);
    CHECK_EQ(peek(space, FIRST + 9), 9);
    CHECK_EQ(peek(child, FIRST + 9), 99);
    space_end(child);
    space_end(space);
}

/* No memory for the table of a split: the whole leaf is forgotten, and comes back. */
static void test_split_fails(void) {
    begin_with_run();
    vm_fixture_fail(1); /* after the area that the split of the area takes */
    CHECK_EQ(vm_protect(space, AT(FIRST), PAGE_SIZE, RO), 0);
    CHECK(inject_stop());
    CHECK_EQ(level_at(space, FIRST + 7), 0);
    CHECK_EQ(poke(space, FIRST, 1), -EACCES);
    expect_rest(0, 0);
    space_end(space);
}

/* No block of 2 MiB is free: all memory can be had, page by page. */
static void test_no_block(void) {
    struct frame *kept[32];
    struct frame_stats stats;
    unsigned n = 0;

    begin();
    vm_commit_settings.mode = VM_COMMIT_ALWAYS; /* more than there is */
    while (n < ARRAY_SIZE(kept) && (kept[n] = frame_alloc_run(FRAME_ANON)) != NULL)
        n++;
    CHECK(n > 2 && n < ARRAY_SIZE(kept));
    for (unsigned i = 0; i < n; i++) { /* all but the first frame of each is free again */
        for (unsigned j = 1; j < PAGES; j++)
            frame_unref(kept[i] + j);
    }
    map_fixed(space, FIRST, 40 * PAGES, RW, 0);
    for (unsigned page = FIRST; poke(space, page, 1) == 0; page++)
        CHECK_EQ(level_at(space, page), 1);
    frame_stats_get(&stats);
    CHECK_EQ(stats.free, 0);
    CHECK_EQ(frame_run_bytes(), 0);
    for (unsigned i = 0; i < n; i++)
        frame_unref(kept[i]);
    space_end(space);
    CHECK_EQ(anon(), 0);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        {"first_touch", test_first_touch},
        {"is_cleared", test_is_cleared},
        {"after_reads", test_after_reads},
        {"where_it_fits", test_where_it_fits},
        {"beside_a_page", test_beside_a_page},
        {"policy", test_policy},
        {"unmap_first", test_unmap_first},
        {"unmap_middle", test_unmap_middle},
        {"unmap_last", test_unmap_last},
        {"protect_and_back", test_protect_and_back},
        {"protect_all", test_protect_all},
        {"discard_part", test_discard_part},
        {"fork_both_write", test_fork_both_write},
        {"fork_child_gone", test_fork_child_gone},
        {"fork_copied_here_and_there", test_fork_copied_here_and_there},
        {"fork_half_copied", test_fork_half_copied},
        {"forgotten", test_forgotten},
        {"generations", test_generations},
        {"each_allocation_fails", test_each_allocation_fails},
        {"leaf_fails", test_leaf_fails},
        {"copy_fails", test_copy_fails},
        {"split_fails", test_split_fails},
        {"no_block", test_no_block},
    };

    int failed = test_main(argc, argv, "huge", tests, ARRAY_SIZE(tests));

    vm_fixture_faults_together = true;
    return failed | test_main(argc, argv, "huge_together", tests, ARRAY_SIZE(tests));
}
