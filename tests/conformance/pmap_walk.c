/* SPDX-License-Identifier: MIT */
/*
 * pmap_walk: the steps that the hardware takes come to what pmap_lookup says, whatever is there.
 */
#include "conformance.h"
#include "lib/bits.h"
#include "mm/frame.h"
#include "pmap_tests.h"

#define BASE 0x10000000ull
#define LARGE_PA (4 * PMAP_LARGE_BYTES)
#define MANY 300u /* pages: more than a fork copies entry by entry */

static paddr_t pa_of(uint64_t page) {
    return (page + 16) << PAGE_SHIFT;
}

/* The rights that the steps come to; the last one is a leaf. */
static unsigned rights_of(const struct pmap_step *steps, unsigned count) {
    unsigned rights = VM_READ | VM_WRITE | VM_EXEC;

    for (unsigned i = 0; i < count; i++) {
        if (!(steps[i].bits & PMAP_STEP_WRITE))
            rights &= ~VM_WRITE;
        if (steps[i].bits & PMAP_STEP_NO_EXEC)
            rights &= ~VM_EXEC;
        if (!(steps[i].bits & PMAP_STEP_USER))
            rights = 0;
    }
    return rights;
}

/* Each step leads to the table of the next one. */
static const char *check_chain(struct pmap *pmap, const struct pmap_step *steps, unsigned count) {
    EXPECT(count >= 1 && count <= PMAP_LEVELS);
    EXPECT(pmap_root(pmap) == 0 || steps[0].table == pmap_root(pmap));
    for (unsigned i = 0; i < count; i++) {
        EXPECT(steps[i].level == PMAP_LEVELS - i);
        EXPECT(steps[i].refs >= 1 && steps[i].index < 512);
        if (i + 1 == count)
            continue;
        EXPECT((steps[i].bits & (PMAP_STEP_PRESENT | PMAP_STEP_LEAF)) == PMAP_STEP_PRESENT);
        EXPECT(steps[i].target == steps[i + 1].table);
    }
    return NULL;
}

static const char *check_end(const struct pmap_entry *entry, const struct pmap_step *steps,
                             unsigned count) {
    const struct pmap_step *last = &steps[count - 1];
    uint64_t span = last->level == 1 ? PAGE_SIZE : PMAP_LARGE_BYTES;

    EXPECT(last->level == entry->level);
    if (!entry->present) {
        EXPECT(last->bits == 0);
        return NULL;
    }
    EXPECT((last->bits & (PMAP_STEP_PRESENT | PMAP_STEP_LEAF)) ==
           (PMAP_STEP_PRESENT | PMAP_STEP_LEAF));
    EXPECT(last->target + (entry->va & (span - 1)) == entry->pa);
    EXPECT(rights_of(steps, count) == (entry->access & VM_RIGHTS));
    EXPECT(!(last->bits & PMAP_STEP_SHARED) == !(entry->access & VM_SHARED));
    EXPECT(!(last->bits & PMAP_STEP_UNCACHED) == !(entry->access & VM_UNCACHED));
    return NULL;
}

/* The walk to va agrees with the lookup of it. */
static const char *check_walk(struct pmap *pmap, uint64_t va) {
    struct pmap_step steps[PMAP_LEVELS];
    struct pmap_entry entry;
    unsigned count = pmap_walk(pmap, va, steps);
    unsigned most = 0;

    pmap_lookup(pmap, va, &entry);
    EXPECT_OK(check_chain(pmap, steps, count));
    EXPECT_OK(check_end(&entry, steps, count));
    for (unsigned i = 1; i < count; i++)
        most = MAX(most, steps[i].refs);
    EXPECT(!entry.present || entry.table_refs == most);
    return NULL;
}

static const char *test_pages(struct pmap *pmap) {
    static const unsigned rights[] = {
        VM_READ, RW, VM_READ | VM_EXEC, RW | VM_EXEC, RW | VM_SHARED, RW | VM_SHARED | VM_UNCACHED};

    EXPECT_OK(check_walk(pmap, BASE));
    for (unsigned i = 0; i < ARRAY_SIZE(rights); i++)
        EXPECT(pmap_enter(pmap, BASE + i * PAGE_SIZE, pa_of(i), rights[i]) == 0);
    for (unsigned i = 0; i <= ARRAY_SIZE(rights); i++)
        EXPECT_OK(check_walk(pmap, BASE + i * PAGE_SIZE));
    EXPECT_OK(check_walk(pmap, BASE + (1ull << 21)));
    EXPECT_OK(check_walk(pmap, BASE + (1ull << 30)));
    EXPECT_OK(check_walk(pmap, BASE + (1ull << 39)));
    return NULL;
}

static const char *test_large(struct pmap *pmap) {
    uint64_t va = align_up(BASE, PMAP_LARGE_BYTES);

    EXPECT(pmap_enter_large(pmap, va, LARGE_PA, RW) == 0);
    EXPECT_OK(check_walk(pmap, va));
    EXPECT_OK(check_walk(pmap, va + 77 * PAGE_SIZE));
    EXPECT_OK(check_walk(pmap, va + PMAP_LARGE_BYTES));
    pmap_protect(pmap, va, va + PAGE_SIZE, VM_READ);
    EXPECT_OK(check_walk(pmap, va));
    EXPECT_OK(check_walk(pmap, va + PAGE_SIZE));
    return NULL;
}

/* Shared tables: their references, and the right to write, gone from a step above the leaf. */
static const char *test_fork(struct pmap *pmap) {
    struct pmap *child = pmap_create();
    const char *failure = NULL;

    EXPECT(child);
    for (unsigned i = 0; !failure && i < MANY; i++)
        if (pmap_enter(pmap, BASE + i * PAGE_SIZE, pa_of(i), RW) < 0)
            failure = "no memory";
    pmap_fork(pmap, child, BASE, BASE + MANY * PAGE_SIZE);
    pmap_fork_finish(pmap);
    for (unsigned i = 0; !failure && i < MANY; i += 37) {
        failure = check_walk(pmap, BASE + i * PAGE_SIZE);
        failure = failure ? failure : check_walk(child, BASE + i * PAGE_SIZE);
    }
    if (!failure && pmap_enter(child, BASE, pa_of(1000), RW) < 0)
        failure = "no memory";
    failure = failure ? failure : check_walk(child, BASE);
    failure = failure ? failure : check_walk(pmap, BASE);
    pmap_destroy(child);
    return failure ? failure : check_walk(pmap, BASE);
}

const struct pmap_test pmap_walk_tests[] = {
    {"walk to pages and holes", test_pages},
    {"walk to large leaves", test_large},
    {"walk through shared tables", test_fork},
};
const size_t pmap_walk_test_count = ARRAY_SIZE(pmap_walk_tests);
