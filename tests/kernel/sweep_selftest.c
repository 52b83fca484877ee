/* SPDX-License-Identifier: MIT */
/*
 * The check of all memory (vm/sweep.c) sees what is wrong: a family of spaces is made, one number
 * after the other in it is broken, and each time the report has to say so, and nothing more once it
 * is mended.
 */
#include "abi/errno.h"
#include "core/assert.h"
#include "core/printk.h"
#include "init/selftest.h"
#include "arch/x86_64/page_table.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "vm/check.h"
#include "vm/fault.h"
#include "vm/map.h"
#include "vm/pmap.h"

#define PAGES 200u /* so many that a fork shares their table */
#define BASE 0x10000000ull
#define AT(page) (BASE + (uint64_t)(page)*PAGE_SIZE)
#define SHARED_AT(page) (2 * BASE + (uint64_t)(page)*PAGE_SIZE)

static struct vm_space *parent, *child;
static struct vm_object *object;
static unsigned failures;

static void expect(const char *words) {
    struct vm_check_report report;
    struct vm_check_totals totals;
    int error = vm_check_all(&totals, &report);

    if (error == (words ? -EUCLEAN : 0) && strstr(report.text, words ? words : ""))
        return;
    printk("expected '%s', not %d '%s'\n", words ? words : "nothing", error, report.text);
    failures++;
}

/* Breaks a number by adding to it, expects words, and mends it. */
#define BREAK(number, words)                                                                       \
    do {                                                                                           \
        (number)++;                                                                                \
        expect(words);                                                                             \
        (number)--;                                                                                \
        expect(NULL);                                                                              \
    } while (0)

static void touch(struct vm_space *space, uint64_t start, unsigned access) {
    for (unsigned i = 0; i < PAGES; i++)
        ASSERT(vm_fault(space, start + i * PAGE_SIZE, access) == 0);
}

static void family_make(void) {
    struct vm_map_request private = {.address = BASE,
                                     .length = PAGES * PAGE_SIZE,
                                     .prot = VM_READ | VM_WRITE,
                                     .flags = VM_MAP_FIXED};
    struct vm_map_request shared = private;
    uint64_t address;

    parent = vm_space_create();
    object = vm_object_anon_create(PAGES * PAGE_SIZE);
    ASSERT(parent && object);
    shared.address = 2 * BASE;
    shared.object = object;
    shared.flags |= VM_MAP_SHARED;
    ASSERT(vm_map(parent, &private, &address) == 0 && vm_map(parent, &shared, &address) == 0);
    touch(parent, BASE, VM_WRITE);
    touch(parent, 2 * BASE, VM_WRITE);
    ASSERT(vm_space_fork(parent, &child) == 0);
    ASSERT(vm_fault(child, AT(3), VM_WRITE) == 0);
}

static struct page_tree *tree_of(struct vm_space *space) {
    return &vm_area_first(&space->areas)->shadow->tree;
}

static struct frame *private_frame(struct vm_space *space, unsigned page) {
    uint64_t index = vm_area_index(vm_area_first(&space->areas), AT(page));
    struct frame *frame = page_tree_lookup(tree_of(space), index, NULL);

    ASSERT(frame);
    return frame;
}

static void break_pages(void) {
    struct frame *private = private_frame(parent, 100);
    struct frame *shared = page_tree_lookup(&object->tree, 7, NULL);
    uint32_t *node = (uint32_t *)tree_of(child)->root; /* its references come first */

    BREAK(private->refs, "(anon) counts 2 references, and 1 ways");
    BREAK(shared->refs, "(shmem) counts 2 references, and 1 ways");
    BREAK(private->use, "which is file and not anon");
    BREAK(*node, "node of level 2 of 10000000 counts 2 references, and 1 ways");
    BREAK(((uint16_t *)node)[2], "slots in use");
    BREAK(vm_zero_frame()->use, "0 frames are zero by their records, and 1 by");
}

static struct frame *leaf_table, *middle_table;

static bool find_tables(void *arg, const struct pmap_table *table) {
    (void)arg;
    if (table->level == 1 && table->va == align_down(2 * BASE, 2u << 20))
        leaf_table = table->frame;
    if (table->level == 2)
        middle_table = table->frame;
    return true;
}

static void break_tables(void) {
    const struct pmap_table_visitor visitor = {.table = find_tables};
    pte_t *way;

    pmap_visit_tables(child->pmap, &visitor);
    ASSERT(leaf_table && middle_table);
    BREAK(leaf_table->refs, "(table) counts 3 references, and 2 ways");
    BREAK(leaf_table->count, "counts its entries wrong");
    pmap_visit_tables(parent->pmap, &visitor);
    way = &table_entries(middle_table)[level_index(2 * BASE, 1)];
    ASSERT(frame_refs(entry_table(*way)) == 2 && !(*way & PTE_WRITE));
    *way |= PTE_WRITE;
    expect("leads writable to a table that others have");
    *way &= ~PTE_WRITE;
    expect(NULL);
}

static void break_entries(void) {
    struct frame *shared = private_frame(parent, 9);

    ASSERT(pmap_enter(parent->pmap, AT(9), frame_to_phys(shared), VM_READ | VM_WRITE) == 0);
    expect("10009000 has rights 3 beyond 1");
    ASSERT(pmap_enter(parent->pmap, AT(9), frame_to_phys(shared) + PAGE_SIZE, VM_READ) == 0);
    expect("10009000 leads to frame");
    pmap_remove(parent->pmap, AT(9), AT(10));
    expect(NULL);
    ASSERT(pmap_enter(parent->pmap, AT(PAGES), frame_to_phys(shared), VM_READ) == 0);
    expect("is mapped and in no area");
    pmap_remove(parent->pmap, AT(PAGES), AT(PAGES + 1));
    expect(NULL);
}

static void break_sums(void) {
    static const struct {
        enum frame_use use;
        const char *words;
    } lost[] = {
        {FRAME_ANON, "(anon) counts 1 references, and 0 ways"},
        {FRAME_TABLE, "(table) counts 1 references, and 0 ways"},
        {FRAME_SLAB, "by the caches"},
        {FRAME_STACK, "by the kernel stacks"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(lost); i++) {
        struct frame *frame = frame_alloc(lost[i].use);

        ASSERT(frame);
        expect(lost[i].words);
        frame_unref(frame);
        expect(NULL);
    }
    BREAK(parent->areas.bytes, "areas of");
    BREAK(object->size_bytes, NULL);
    object->size_bytes -= PAGE_SIZE;
    expect("beyond its end");
    object->size_bytes += PAGE_SIZE;
}

static unsigned run(void) {
    struct frame *block = frame_alloc_order(FRAME_KERNEL, 2);

    expect(NULL);
    family_make();
    expect(NULL);
    break_pages();
    break_tables();
    break_entries();
    break_sums();
    ASSERT(block);
    BREAK(block[2].count, "no part of the block of order 2");
    frame_free_order(block, 2);
    vm_object_unref(object);
    vm_space_unref(child);
    vm_space_unref(parent);
    expect(NULL);
    return failures;
}

SELFTEST(sweep_selftest, "vm-check", run);

/* A debug kernel hears of a wrong entry at the end of the next call, whatever that changes. */
static unsigned run_call(void) {
    family_make();
    ASSERT(pmap_enter(parent->pmap, AT(9), frame_to_phys(private_frame(parent, 9)),
                      VM_READ | VM_WRITE) == 0);
    vm_protect(parent, 2 * BASE, PAGE_SIZE, VM_READ);
    return 1;
}

SELFTEST(call_selftest, "vm-check-call", run_call);
