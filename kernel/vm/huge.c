/* SPDX-License-Identifier: MIT */
/*
 * Huge pages: see huge.h.
 *
 * A run that is not whole any more, or that others see a part of, would be looked at in vain by
 * each fault on it: 512 slots and counts. So one that was found wanting is left alone for the next
 * RESTORE_PAUSE faults; the number is kept in the record of its first frame, and is only a hint.
 */
#include "vm/huge.h"

#include "abi/errno.h"
#include "core/trace.h"
#include "mm/page_clear.h"
#include "vm/space.h"
#include "vm/trace_vm.h"

#define RESTORE_PAUSE 63u

#define HUGE_PAGES (PMAP_LARGE_BYTES / PAGE_SIZE)

_Static_assert(HUGE_PAGES == FRAME_RUN_FRAMES, "a large leaf maps a run");

uint64_t vm_huge_policy = VM_HUGE_ALWAYS;

static struct vm_huge_stats counts; /* atomic */

static void count(uint64_t *counter) {
    __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

void vm_huge_stats_get(struct vm_huge_stats *stats) {
    stats->filled = __atomic_load_n(&counts.filled, __ATOMIC_RELAXED);
    stats->fallbacks = __atomic_load_n(&counts.fallbacks, __ATOMIC_RELAXED);
    stats->restored = __atomic_load_n(&counts.restored, __ATOMIC_RELAXED);
}

/* Whether the system's policy lets an area that does not refuse have huge pages. */
static bool is_allowed(const struct vm_area *area) {
    enum vm_huge_policy now = vm_huge_policy_get();

    return now == VM_HUGE_ALWAYS || (now == VM_HUGE_MADVISE && (area->flags & VM_AREA_HUGE));
}

bool vm_huge_is_eligible(const struct vm_area *area) {
    uint64_t first = align_up(area->start, PMAP_LARGE_BYTES);

    return !area->object && is_allowed(area) && vm_huge_fits(area, first);
}

static bool is_empty(const struct vm_area *area, uint64_t index) {
    return !area->shadow ||
           page_tree_range_is_empty(&area->shadow->tree, index, index + HUGE_PAGES);
}

/* Puts a run into the area's shadow, making the shadow if it is the first. 0 or -ENOMEM. */
static int shadow_put_run(struct vm_area *area, uint64_t index, struct frame *run) {
    int error;

    if (!area->shadow)
        vm_area_make_shadow(area);
    if (!area->shadow)
        return -ENOMEM;
    error = page_tree_insert_run(&area->shadow->tree, index, run);
    if (error == 0 && trace_pages_is_on())
        vm_trace_run(area->shadow, index, run);
    return error;
}

static void run_free(struct frame *run) {
    for (unsigned i = 0; i < FRAME_RUN_FRAMES; i++)
        frame_unref(run + i);
}

struct frame *vm_huge_prepare(void) {
    struct frame *run = frame_alloc_run(FRAME_ANON);

    if (run)
        pages_clear(frame_to_virt(run), HUGE_PAGES);
    else
        count(&counts.fallbacks);
    return run;
}

void vm_huge_give_back(struct frame *run) {
    run_free(run);
}

/* A run is cleared when it has its place, before the leaf lets other threads see it. */
static struct frame *fill(struct vm_area *area, uint64_t start, uint64_t index,
                          struct frame **prepared) {
    struct frame *run = prepared ? *prepared : frame_alloc_run(FRAME_ANON);

    if (!run)
        return NULL;
    if (prepared)
        *prepared = NULL;
    if (shadow_put_run(area, index, run) < 0) {
        run_free(run);
        return NULL;
    }
    if (!prepared)
        pages_clear(frame_to_virt(run), HUGE_PAGES);
    if (pmap_enter_large(area->space->pmap, start, frame_to_phys(run), vm_area_grants(area)) < 0) {
        trace_pages_gone(trace_id(area->shadow), index, index + HUGE_PAGES);
        page_tree_remove(&area->shadow->tree, index, index + HUGE_PAGES);
        return NULL;
    }
    return run;
}

bool vm_huge_is_possible(const struct vm_area *area, uint64_t va) {
    uint64_t index = vm_area_index(area, align_down(va, PMAP_LARGE_BYTES));

    /* A mapping that was moved may have indexes out of step with its addresses. */
    return is_allowed(area) && is_aligned(index, HUGE_PAGES) && is_empty(area, index);
}

struct frame *vm_huge_fill(struct vm_area *area, uint64_t va, struct frame **prepared) {
    uint64_t start = align_down(va, PMAP_LARGE_BYTES);
    struct frame *run;

    if (!vm_huge_is_possible(area, va))
        return NULL;
    run = fill(area, start, vm_area_index(area, start), prepared);
    if (!run) {
        count(&counts.fallbacks);
        return NULL;
    }
    count(&counts.filled);
    return run + ((va - start) >> PAGE_SHIFT);
}

/* Whether the run is worth looking at: its first frame is there, and no pause is on. */
static bool may_be_whole(const struct vm_area *area, uint64_t index, struct frame *first) {
    unsigned pause;

    if (page_tree_lookup(&area->shadow->tree, index, NULL) != first)
        return false;
    pause = frame_run_hint(first);
    if (pause > 0)
        frame_run_set_hint(first, pause - 1);
    return pause == 0;
}

/*
 * The rights that a leaf for the run at index may have; 0: none. One that is not ours alone gets a
 * leaf that cannot be written, and only where no pages are entered, which may say more.
 */
static unsigned leaf_rights(const struct vm_area *area, uint64_t start, uint64_t index) {
    bool alone = false;
    struct pmap_entry entry;

    if (!page_tree_find_run(&area->shadow->tree, index, &alone))
        return 0;
    if (alone)
        return vm_area_grants(area);
    pmap_lookup(area->space->pmap, start, &entry);
    return entry.level > 1 ? vm_area_grants(area) & ~VM_WRITE : 0;
}

bool vm_huge_restore(struct vm_area *area, uint64_t va, const struct frame *frame,
                     unsigned access) {
    uint64_t start = align_down(va, PMAP_LARGE_BYTES);
    uint64_t index = vm_area_index(area, start);
    struct frame *first = &frame_table[align_down(frame_to_pfn(frame), FRAME_RUN_FRAMES)];
    unsigned rights;

    if (!vm_huge_fits(area, va) || !is_allowed(area) || !is_aligned(index, HUGE_PAGES) ||
        !may_be_whole(area, index, first))
        return false;
    rights = leaf_rights(area, start, index);
    if (access & ~rights) {
        frame_run_set_hint(first, RESTORE_PAUSE);
        return false;
    }
    if (pmap_enter_large(area->space->pmap, start, frame_to_phys(first), rights) < 0)
        return false;
    count(&counts.restored);
    return true;
}
