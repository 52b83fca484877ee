/* SPDX-License-Identifier: MIT */
/*
 * kernel/vm: explanations, over the real page tables of x86-64. Each test asks before it acts: what
 * is said of an address, why, and that asking changes nothing.
 *
 * That the verdicts are what the fault path does is held for every fault of all host tests, in
 * support/model_cpu.c.
 */
#include "vm/explain.h"

#include <string.h>

#include "abi/errno.h"
#include "lib/bits.h"
#include "support/arena.h"
#include "support/check.h"
#include "support/inject.h"
#include "support/vm_fixture.h"
#include "vm/commit.h"
#include "vm/pmap.h"
#include "vm/space_lock.h"

#define HUGE_FIRST 8u /* AT(8) is aligned to 2 MiB */
#define HUGE_PAGES ((unsigned)FRAME_RUN_FRAMES)

static struct vm_space *space;

/* ---- asking ---- */

static struct frame_stats stats_now(void) {
    struct frame_stats stats;

    frame_stats_get(&stats);
    return stats;
}

/* Whether two explanations say the same of the page table, the frame and what comes of it. */
static bool is_same(const struct vm_explanation *a, const struct vm_explanation *b) {
    bool same = a->has_area == b->has_area && a->frame == b->frame && a->refs == b->refs &&
                a->step_count == b->step_count && a->object_has_page == b->object_has_page;

    for (unsigned i = 0; i < a->step_count; i++)
        same &= a->steps[i].raw == b->steps[i].raw && a->steps[i].refs == b->steps[i].refs;
    for (unsigned i = 0; i < VM_EXPLAIN_ACCESSES; i++)
        same &= a->verdicts[i].which == b->verdicts[i].which &&
                a->verdicts[i].reason == b->verdicts[i].reason;
    return same;
}

/* Explains any address, and sees that nothing is allocated and no entry changes. */
static struct vm_explanation ask_address(struct vm_space *in, uint64_t address) {
    struct frame_stats before = stats_now(), after;
    struct vm_explanation first, again;

    inject_fail_from(0);
    vm_explain(in, address, &first);
    vm_explain(in, address, &again);
    CHECK(!inject_stop());
    after = stats_now();
    CHECK_EQ(memcmp(&before, &after, sizeof(before)), 0);
    CHECK(is_same(&first, &again));
    CHECK_EQ(first.address, address);
    return first;
}

static struct vm_explanation ask(struct vm_space *in, unsigned page) {
    return ask_address(in, AT(page) + 5);
}

static const struct vm_verdict *verdict_of(const struct vm_explanation *explanation,
                                           unsigned access) {
    return &explanation->verdicts[access & VM_WRITE  ? VM_EXPLAIN_WRITE
                                  : access & VM_EXEC ? VM_EXPLAIN_EXEC
                                                     : VM_EXPLAIN_READ];
}

static void expect_reason(const struct vm_explanation *explanation, unsigned access,
                          enum vm_reason reason) {
    const struct vm_verdict *verdict = verdict_of(explanation, access);

    if (verdict->reason != reason)
        FAIL("an access %u of %#llx is said to be: %s; not: %s", access,
             (unsigned long long)explanation->address, vm_reason_words(verdict->reason),
             vm_reason_words(reason));
}

/* All accesses end with an error for one reason. */
static void expect_refused(const struct vm_explanation *explanation, int error,
                           enum vm_reason reason) {
    for (unsigned i = 0; i < VM_EXPLAIN_ACCESSES; i++) {
        CHECK_EQ(explanation->verdicts[i].error, error);
        CHECK(!explanation->verdicts[i].is_allowed);
    }
    expect_reason(explanation, VM_READ, reason);
    expect_reason(explanation, VM_WRITE, reason);
    expect_reason(explanation, VM_EXEC, reason);
}

static void begin(void) {
    vm_fixture_init();
    space = space_begin();
}

/* ---- no area ---- */

static void test_outside(void) {
    static const struct {
        uint64_t address;
        enum vm_reason reason;
    } cases[] = {
        {0, VM_REASON_NULL_PAGE},
        {PAGE_SIZE - 1, VM_REASON_NULL_PAGE},
        {USER_END - 1, VM_REASON_NO_AREA},
        {USER_END, VM_REASON_LAST_PAGE},
        {(1ull << 47) - 1, VM_REASON_LAST_PAGE},
        {1ull << 47, VM_REASON_NOT_CANONICAL},
        {0xffff7fffffffffffull, VM_REASON_NOT_CANONICAL},
        {0xffff800000000000ull, VM_REASON_KERNEL_HALF},
        {UINT64_MAX, VM_REASON_KERNEL_HALF},
    };
    uint64_t lowest;

    begin();
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        struct vm_explanation explanation = ask_address(space, cases[i].address);

        expect_refused(&explanation, -EFAULT, cases[i].reason);
        CHECK_EQ(explanation.is_user, cases[i].address < USER_END);
    }
    lowest = vm_mmap_min_addr;
    vm_mmap_min_addr = 16 * PAGE_SIZE;
    expect_refused(&(struct vm_explanation[]){ask_address(space, PAGE_SIZE)}[0], -EFAULT,
                   VM_REASON_TOO_LOW);
    expect_refused(&(struct vm_explanation[]){ask_address(space, 16 * PAGE_SIZE)}[0], -EFAULT,
                   VM_REASON_NO_AREA);
    vm_mmap_min_addr = lowest;
    space_end(space);
}

static void test_gap(void) {
    struct vm_explanation explanation;

    begin();
    explanation = ask(space, 5);
    CHECK(!explanation.has_below && !explanation.has_above);
    map_fixed(space, 2, 2, RW, 0);
    map_fixed(space, 9, 1, RO, 0);
    explanation = ask(space, 5);
    CHECK(!explanation.has_area && explanation.has_below && explanation.has_above);
    CHECK_EQ(explanation.below.start, AT(2));
    CHECK_EQ(explanation.below.end, AT(4));
    CHECK_EQ(explanation.above.start, AT(9));
    CHECK_EQ(explanation.above.end, AT(10));
    expect_refused(&explanation, -EFAULT, VM_REASON_NO_AREA);
    explanation = ask(space, 10);
    CHECK(explanation.has_below && !explanation.has_above);
    CHECK_EQ(explanation.below.start, AT(9));
    CHECK(ask(space, 9).has_area);
    space_end(space);
}

/* What keeps a stack from growing, one thing after the other. */
static void test_stack(void) {
    struct vm_limits limits = {10 * PAGE_SIZE, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX};
    struct vm_explanation explanation;

    begin();
    vm_space_set_limits(space, &limits);
    map_fixed(space, 400, 2, RW, VM_MAP_GROWS_DOWN);
    explanation = ask(space, 392);
    CHECK_EQ(explanation.stack, VM_STACK_GROWS);
    CHECK_EQ(verdict_of(&explanation, VM_WRITE)->grows_pages, 8);
    expect_reason(&explanation, VM_WRITE, VM_REASON_NEW_PAGE);
    expect_reason(&explanation, VM_READ, VM_REASON_ZEROES);
    expect_reason(&explanation, VM_EXEC, VM_REASON_NO_EXEC);
    explanation = ask(space, 391);
    expect_refused(&explanation, -EFAULT, VM_REASON_STACK_LIMIT);
    limits.space_bytes = 5 * PAGE_SIZE;
    vm_space_set_limits(space, &limits);
    explanation = ask(space, 396);
    expect_refused(&explanation, -EFAULT, VM_REASON_STACK_SPACE);
    CHECK_EQ(verdict_of(&(struct vm_explanation[]){ask(space, 397)}[0], VM_WRITE)->error, 0);
    limits.space_bytes = UINT64_MAX;
    limits.stack_bytes = UINT64_MAX;
    vm_space_set_limits(space, &limits);
    map_fixed(space, 100, 1, RW, 0);
    explanation = ask(space, 356);
    expect_refused(&explanation, -EFAULT, VM_REASON_STACK_NEIGHBOUR);
    CHECK_EQ(ask(space, 357).stack, VM_STACK_GROWS);
    space_end(space);
}

/* In mode 2, and no more is promised. */
static void test_stack_not_promised(void) {
    struct vm_explanation explanation;

    begin();
    map_fixed(space, 400, 2, RW, VM_MAP_GROWS_DOWN);
    vm_commit_settings.mode = VM_COMMIT_NEVER;
    vm_commit_settings.limit_kib = 8 * PAGE_SIZE / 1024;
    explanation = ask(space, 395);
    CHECK_EQ(verdict_of(&explanation, VM_WRITE)->error, 0);
    explanation = ask(space, 394);
    expect_refused(&explanation, -EFAULT, VM_REASON_STACK_PROMISE);
    CHECK_EQ(poke(space, 394, 1), -EFAULT);
    CHECK_EQ(poke(space, 395, 1), 0);
    vm_commit_settings.mode = VM_COMMIT_GUESS;
    space_end(space);
}

static void test_reaped(void) {
    struct vm_explanation explanation;

    begin();
    map_fixed(space, 0, 2, RW, 0);
    CHECK_EQ(poke(space, 0, 1), 0);
    vm_space_reap(space);
    explanation = ask(space, 0);
    expect_refused(&explanation, -EFAULT, VM_REASON_REAPED);
    CHECK_EQ(poke(space, 0, 1), -EFAULT);
    space_end(space);
}

/* ---- rights ---- */

static void test_forbidden(void) {
    struct vm_explanation explanation;

    begin();
    map_fixed(space, 0, 1, 0, 0);
    map_fixed(space, 1, 1, RO, 0);
    map_fixed(space, 2, 1, RX, 0);
    explanation = ask(space, 0);
    expect_refused(&explanation, -EACCES, VM_REASON_NO_RIGHTS);
    explanation = ask(space, 1);
    CHECK_EQ(verdict_of(&explanation, VM_WRITE)->which, VM_FAULT_FORBIDDEN);
    expect_reason(&explanation, VM_WRITE, VM_REASON_NO_WRITE);
    expect_reason(&explanation, VM_EXEC, VM_REASON_NO_EXEC);
    expect_reason(&explanation, VM_READ, VM_REASON_ZEROES);
    explanation = ask(space, 2);
    expect_reason(&explanation, VM_WRITE, VM_REASON_NO_WRITE);
    expect_reason(&explanation, VM_EXEC, VM_REASON_ZEROES);
    CHECK_EQ(explanation.area.start, AT(2));
    CHECK_EQ(explanation.area.prot, RX);
    space_end(space);
}

/* ---- pages ---- */

static void test_zeroes(void) {
    struct vm_explanation explanation;

    begin();
    map_fixed(space, 0, 2, RW, 0);
    explanation = ask(space, 0);
    CHECK(!explanation.has_frame && !explanation.has_shadow && !explanation.object_kind);
    expect_reason(&explanation, VM_READ, VM_REASON_ZEROES);
    expect_reason(&explanation, VM_WRITE, VM_REASON_NEW_PAGE);
    CHECK_EQ(verdict_of(&explanation, VM_WRITE)->takes_pages, 1);
    CHECK_EQ(peek(space, 0), 0);
    explanation = ask(space, 0);
    CHECK(explanation.has_frame && explanation.use == FRAME_ZERO);
    expect_reason(&explanation, VM_READ, VM_REASON_ENTRY_ALLOWS);
    CHECK(verdict_of(&explanation, VM_READ)->is_allowed);
    expect_reason(&explanation, VM_WRITE, VM_REASON_NEW_PAGE);
    CHECK_EQ(poke(space, 0, 1), 0);
    explanation = ask(space, 0);
    CHECK(explanation.is_alone && explanation.way.nodes == 1 && explanation.way.refs[0] == 1);
    CHECK_EQ(explanation.use, FRAME_ANON);
    CHECK_EQ(explanation.frame, frame_to_phys(frame_at(space, 0)));
    expect_reason(&explanation, VM_WRITE, VM_REASON_ENTRY_ALLOWS);
    CHECK_EQ(explanation.entry.access & VM_RIGHTS, RW);
    explanation = ask(space, 1);
    CHECK(explanation.has_shadow && !explanation.way.frame && !explanation.has_frame);
    space_end(space);
}

/* The count on the path says who else sees a page: first a node, then the frame itself. */
static void test_seen_by_others(void) {
    struct vm_explanation explanation;
    struct vm_space *child;

    begin();
    map_fixed(space, 0, 4, RW, 0);
    for (unsigned i = 0; i < 4; i++)
        CHECK_EQ(poke(space, i, 1), 0);
    child = space_fork(space);
    explanation = ask(space, 0);
    CHECK(!explanation.is_alone);
    CHECK_EQ(explanation.way.refs[0], 2);
    CHECK_EQ(explanation.refs, 1);
    expect_reason(&explanation, VM_WRITE, VM_REASON_SEEN);
    CHECK_EQ(verdict_of(&explanation, VM_WRITE)->takes_pages, 1);
    CHECK(verdict_of(&explanation, VM_READ)->is_allowed);
    CHECK_EQ(poke(child, 1, 2), 0); /* its path is its own now; the other pages are not */
    explanation = ask(space, 0);
    CHECK_EQ(explanation.way.refs[0], 1);
    CHECK_EQ(explanation.refs, 2);
    expect_reason(&explanation, VM_WRITE, VM_REASON_SEEN);
    explanation = ask(space, 1);
    CHECK(explanation.is_alone);
    expect_reason(&explanation, VM_WRITE, VM_REASON_ALONE);
    vm_space_lock(space);
    pmap_remove(space->pmap, AT(0), AT(4));
    vm_space_unlock(space);
    expect_reason(&(struct vm_explanation[]){ask(space, 0)}[0], VM_READ, VM_REASON_SEEN_PAGE);
    expect_reason(&(struct vm_explanation[]){ask(space, 1)}[0], VM_READ, VM_REASON_OWN_PAGE);
    space_end(child);
    space_end(space);
}

/* A table that a fork shares: its references are said, and where W is missing. */
static void test_shared_table(void) {
    struct vm_explanation explanation;
    struct vm_space *child;
    unsigned count;

    begin();
    map_fixed(space, HUGE_FIRST, 100, RW, 0);
    for (unsigned i = 0; i < 100; i++)
        CHECK_EQ(poke(space, HUGE_FIRST + i, 1), 0);
    child = space_fork(space);
    explanation = ask(child, HUGE_FIRST);
    count = explanation.step_count;
    CHECK_EQ(count, PMAP_LEVELS);
    CHECK(explanation.entry.table_refs == 2);
    CHECK(!(explanation.entry.access & VM_WRITE));
    for (unsigned i = 0; i < count; i++)
        CHECK_EQ(explanation.steps[i].raw, explanation.entry.raw[i]);
    CHECK(!(explanation.steps[count - 2].bits & PMAP_STEP_WRITE) ||
          !(explanation.steps[count - 1].bits & PMAP_STEP_WRITE) ||
          !(explanation.steps[count - 3].bits & PMAP_STEP_WRITE));
    space_end(child);
    space_end(space);
}

static void test_huge(void) {
    struct vm_explanation explanation;

    begin();
    map_fixed(space, HUGE_FIRST, HUGE_PAGES, RW, 0);
    explanation = ask(space, HUGE_FIRST + 7);
    expect_reason(&explanation, VM_WRITE, VM_REASON_NEW_HUGE_PAGE);
    CHECK_EQ(verdict_of(&explanation, VM_WRITE)->takes_pages, HUGE_PAGES);
    CHECK_EQ(poke(space, HUGE_FIRST, 1), 0);
    explanation = ask(space, HUGE_FIRST + 7);
    CHECK(explanation.is_of_run);
    CHECK_EQ(explanation.entry.level, 2);
    CHECK_EQ(explanation.step_count, 3);
    expect_reason(&explanation, VM_WRITE, VM_REASON_ENTRY_ALLOWS);
    space_end(space);
}

/* ---- objects ---- */

static void test_shared_object(void) {
    struct vm_explanation explanation;
    struct vm_object *object;

    begin();
    object = vm_object_anon_create(4 * PAGE_SIZE);
    map_object(space, 0, 6, RW, VM_MAP_SHARED, object, 0);
    map_object(space, 10, 2, RO, VM_MAP_SHARED, object, 1);
    explanation = ask(space, 1);
    CHECK_EQ(explanation.object_areas, 2);
    CHECK_EQ(explanation.object_bytes, 4 * PAGE_SIZE);
    CHECK(!explanation.object_has_page && !explanation.has_frame);
    expect_reason(&explanation, VM_READ, VM_REASON_SHARED_NEW_PAGE);
    CHECK_EQ(verdict_of(&explanation, VM_READ)->takes_pages, 1);
    CHECK_EQ(poke(space, 1, 1), 0);
    explanation = ask(space, 10);
    CHECK_EQ(explanation.index, 1);
    CHECK(explanation.object_has_page && explanation.use == FRAME_SHMEM);
    expect_reason(&explanation, VM_READ, VM_REASON_SHARED_PAGE);
    expect_reason(&explanation, VM_WRITE, VM_REASON_NO_WRITE);
    explanation = ask(space, 4);
    CHECK(explanation.is_beyond_end);
    CHECK_EQ(verdict_of(&explanation, VM_WRITE)->error, -ENXIO);
    expect_reason(&explanation, VM_WRITE, VM_REASON_BEYOND_END);
    space_end(space);
    vm_object_unref(object);
}

static void test_private_file(void) {
    struct vm_explanation explanation;
    struct test_file file;

    begin();
    file_init(&file, 3 * PAGE_SIZE);
    file_poke(&file, 1, 7);
    map_object(space, 0, 4, RW, 0, &file.object, 0);
    explanation = ask(space, 1);
    CHECK_EQ(strcmp(explanation.object_kind, "test file"), 0);
    expect_reason(&explanation, VM_READ, VM_REASON_OBJECT_PAGE);
    expect_reason(&explanation, VM_WRITE, VM_REASON_OVER_OBJECT);
    CHECK_EQ(verdict_of(&explanation, VM_WRITE)->takes_pages, 1);
    explanation = ask(space, 2);
    expect_reason(&explanation, VM_READ, VM_REASON_OBJECT_NEW_PAGE);
    CHECK_EQ(verdict_of(&explanation, VM_WRITE)->takes_pages, 2);
    CHECK_EQ(file_peek(&file, 2), -1); /* asking made none */
    explanation = ask(space, 3);
    CHECK_EQ(verdict_of(&explanation, VM_READ)->error, -ENXIO);
    CHECK_EQ(poke(space, 1, 8), 0);
    explanation = ask(space, 1);
    CHECK(explanation.object_has_page && explanation.is_alone);
    CHECK_EQ(explanation.frame, frame_to_phys(frame_at(space, 1)));
    CHECK(explanation.use == FRAME_ANON);
    space_end(space);
    vm_object_unref(&file.object);
}

static void test_waits(void) {
    struct vm_explanation explanation;
    struct test_file file;

    begin();
    file_init(&file, 2 * PAGE_SIZE);
    file.slow = true;
    map_object(space, 0, 2, RW, 0, &file.object, 0);
    explanation = ask(space, 0);
    CHECK(verdict_of(&explanation, VM_READ)->waits && verdict_of(&explanation, VM_WRITE)->waits);
    CHECK_EQ(explanation.object_error, -EAGAIN);
    CHECK_EQ(file.waits, 0);
    CHECK_EQ(peek(space, 0), 0);
    explanation = ask(space, 0);
    CHECK(!verdict_of(&explanation, VM_WRITE)->waits);
    space_end(space);
    vm_object_unref(&file.object);
}

/* Memory that is no frame of ours has no record to speak of. */
static void test_device(void) {
    const paddr_t pa = 0x40000000;
    struct vm_explanation explanation;
    struct vm_object *device;

    begin();
    device = vm_object_device_create(pa, 2 * PAGE_SIZE);
    map_object(space, 0, 2, RW, VM_MAP_SHARED, device, 0);
    explanation = ask(space, 1);
    CHECK(explanation.has_frame && !explanation.has_record);
    CHECK_EQ(explanation.frame, pa + PAGE_SIZE);
    expect_reason(&explanation, VM_WRITE, VM_REASON_SHARED_PAGE);
    space_end(space);
    vm_object_unref(device);
}

/* Each reason has words of its own, and each case a code. */
static void test_words(void) {
    for (unsigned i = 0; i < VM_REASONS; i++) {
        CHECK(vm_reason_words((enum vm_reason)i) && vm_reason_words((enum vm_reason)i)[0]);
        for (unsigned j = 0; j < i; j++)
            CHECK(strcmp(vm_reason_words((enum vm_reason)i), vm_reason_words((enum vm_reason)j)));
    }
    for (unsigned i = 0; i < VM_FAULT_CASES; i++)
        CHECK(vm_fault_case_code((enum vm_fault_case)i) != NULL);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        {"outside", test_outside},
        {"gap", test_gap},
        {"stack", test_stack},
        {"stack_not_promised", test_stack_not_promised},
        {"reaped", test_reaped},
        {"forbidden", test_forbidden},
        {"zeroes", test_zeroes},
        {"seen_by_others", test_seen_by_others},
        {"shared_table", test_shared_table},
        {"huge", test_huge},
        {"shared_object", test_shared_object},
        {"private_file", test_private_file},
        {"waits", test_waits},
        {"device", test_device},
        {"words", test_words},
    };

    return test_main(argc, argv, "explain", tests, ARRAY_SIZE(tests));
}
