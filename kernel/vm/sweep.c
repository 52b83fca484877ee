/* SPDX-License-Identifier: MIT */
/*
 * A check of all memory at once: whether every reference count is the number of ways that lead
 * there, and every frame in use is somebody's.
 *
 * Words: a way to a frame is a leaf of a page tree that holds it, or an entry of a page table (or a
 * pmap) that leads to it as a table; a way to a node is a node or a root. Nodes and tables that
 * many have are gone into once: what is below them are their ways, not those of each who has them.
 *
 * Order: ways are gathered from all spaces, all objects and the kernel's own tables; then nodes and
 * frames are compared with them; then each space's entries are compared with what its areas say,
 * which means something only where counts are right.
 *
 * Locks: the sweep's own for the marks in nodes, then each space's or object's in turn. What is
 * gathered is compared later, so nothing may change in between: see vm_check_all.
 */
#include <stdarg.h>

#include "abi/errno.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "mm/kmap.h"
#include "mm/kva.h"
#include "mm/slab.h"
#include "vm/check_private.h"
#include "vm/pmap.h"
#include "vm/tally.h"
#include "vm/space_lock.h"

struct sweep {
    struct vm_tally ways;
    struct vm_check_totals *totals;
    struct vm_check_report *report;
    uint64_t object_areas; /* areas in objects' lists, less areas of spaces that map an object */
    uint64_t at;           /* first address of the area whose shadow is looked at; 0: an object */
    enum frame_use use;    /* what its pages should be */
    uint64_t end_index;    /* an object's pages lie below this one */
    int error;             /* the first that happened: 0, -ENOMEM, -EUCLEAN */
};

static struct spinlock sweep_lock = SPINLOCK_INIT("vm sweep", LOCK_RANK_VM_SWEEP);

/* Notes a violation; the first one stands. */
static __attribute__((format(printf, 2, 3))) void found(struct sweep *sweep, const char *fmt, ...) {
    va_list args;

    if (sweep->error)
        return;
    sweep->error = -EUCLEAN;
    va_start(args, fmt);
    vformat(sweep->report->text, sizeof(sweep->report->text), fmt, args);
    va_end(args);
}

static void count_way(struct sweep *sweep, const struct frame *frame) {
    int error = vm_tally_add(&sweep->ways, frame);

    if (!sweep->error)
        sweep->error = error;
}

/* ---- gathering: page trees ---- */

static void gather_page(void *arg, uint64_t index, struct frame *frame) {
    struct sweep *sweep = arg;

    if (frame < frame_table || frame >= frame_table + frame_table_count)
        found(sweep, "page %lx of %lx is no frame", index, sweep->at);
    else if (frame->use != sweep->use)
        found(sweep, "page %lx of %lx is frame %x, which is %s and not %s", index, sweep->at,
              frame_to_pfn(frame), frame_use_name(frame->use), frame_use_name(sweep->use));
    else if (index >= sweep->end_index)
        found(sweep, "page %lx of an object of %lx pages lies beyond its end", index,
              sweep->end_index);
    else
        count_way(sweep, frame);
}

static void gather_tree(struct sweep *sweep, const struct page_tree *tree) {
    const struct page_tree_visitor visitor = {.page = gather_page, .arg = sweep};

    page_tree_recount(tree, &visitor);
}

static bool gather_object(void *arg, struct vm_object *object) {
    struct sweep *sweep = arg;
    struct vm_area *area;

    sweep->totals->objects++;
    sweep->at = 0;
    sweep->use = object->ops->frame_use;
    sweep->end_index = div_round_up(object->size_bytes, PAGE_SIZE);
    gather_tree(sweep, &object->tree);
    LIST_FOR_EACH (&object->areas, area, link) {
        if (area->object != object)
            found(sweep, "area %lx is in the list of an object it does not map", area->start);
        sweep->object_areas++;
    }
    return sweep->error == 0;
}

/* ---- gathering: spaces ---- */

static bool gather_table(void *arg, const struct pmap_table *table) {
    struct sweep *sweep = arg;
    bool first = vm_tally_get(&sweep->ways, table->frame) == 0;
    const char *wrong = first ? pmap_table_violation(table) : NULL;

    if (wrong)
        found(sweep, "page table %x of level %u for %lx %s", frame_to_pfn(table->frame),
              table->level, table->va, wrong);
    count_way(sweep, table->frame);
    return first && !sweep->error;
}

/* The shadow of an area, once for all areas that use it: marks are 0 before. */
static void gather_shadow(struct sweep *sweep, struct vm_area *area) {
    if (area->shadow->mark)
        return;
    area->shadow->mark = 1;
    sweep->at = area->start;
    sweep->use = FRAME_ANON;
    sweep->end_index = UINT64_MAX;
    gather_tree(sweep, &area->shadow->tree);
}

static void gather_areas(struct sweep *sweep, struct vm_space *space) {
    struct vm_area *area;

    for (area = vm_area_first(&space->areas); area; area = vm_area_next(area))
        if (area->shadow)
            area->shadow->mark = 0;
    for (area = vm_area_first(&space->areas); area; area = vm_area_next(area)) {
        sweep->totals->areas++;
        sweep->object_areas -= area->object != NULL;
        if (area->shadow)
            gather_shadow(sweep, area);
    }
}

static void gather_space(struct sweep *sweep, struct vm_space *space) {
    const struct pmap_table_visitor visitor = {.table = gather_table, .arg = sweep};

    sweep->totals->spaces++;
    if (!check_shape_locked(space, sweep->report)) {
        sweep->error = -EUCLEAN;
        return;
    }
    gather_areas(sweep, space);
    pmap_visit_tables(space->pmap, &visitor);
}

static void gather_kernel_table(void *arg, struct frame *table) {
    count_way(arg, table);
}

/* Does something to every space in turn, with its lock held, as long as there is no error. */
static void for_each_space(struct sweep *sweep, void (*visit)(struct sweep *, struct vm_space *)) {
    struct vm_space *space = NULL;

    while (!sweep->error && (space = vm_space_next(space)) != NULL) {
        vm_space_lock(space);
        visit(sweep, space);
        vm_space_unlock(space);
    }
    if (space)
        vm_space_unref(space);
}

static void gather(struct sweep *sweep) {
    page_tree_recount_begin();
    for_each_space(sweep, gather_space);
    if (!sweep->error)
        vm_object_for_each(gather_object, sweep);
    kmap_for_each_table(gather_kernel_table, sweep);
    if (!sweep->error && sweep->object_areas != 0)
        found(sweep, "objects list %ld more areas than map them", (long)sweep->object_areas);
}

/* ---- comparing: nodes ---- */

static bool compare_tree(struct sweep *sweep, const struct page_tree *tree, uint64_t at) {
    struct page_tree_flaw flaw;

    if (page_tree_recheck(tree, &flaw, &sweep->totals->nodes))
        return true;
    if (flaw.refs != flaw.ways)
        found(sweep, "a node of level %u of %lx counts %u references, and %u ways lead to it",
              flaw.level, at, flaw.refs, flaw.ways);
    else
        found(sweep, "a node of level %u of %lx counts %u slots in use, and %u are", flaw.level, at,
              flaw.used, flaw.slots);
    return false;
}

static bool compare_object(void *arg, struct vm_object *object) {
    return compare_tree(arg, &object->tree, 0);
}

static void compare_shadows(struct sweep *sweep, struct vm_space *space) {
    struct vm_area *area;

    for (area = vm_area_first(&space->areas); area; area = vm_area_next(area))
        if (area->shadow && !compare_tree(sweep, &area->shadow->tree, area->start))
            return;
}

/* ---- comparing: frames ---- */

/* Whether the references of frames of a use are ways. */
static bool is_counted_by_ways(enum frame_use use) {
    return use == FRAME_ANON || use == FRAME_FILE || use == FRAME_SHMEM || use == FRAME_TABLE;
}

/* The references of one frame. */
static void compare_frame(struct sweep *sweep, const struct frame *frame) {
    uint32_t refs = frame_refs(frame), ways = vm_tally_get(&sweep->ways, frame);
    enum frame_use use = frame->use;

    sweep->totals->frames.by_use[use]++;
    if (is_counted_by_ways(use) && refs != ways)
        found(sweep, "frame %x (%s) counts %u references, and %u ways lead to it",
              frame_to_pfn(frame), frame_use_name(use), refs, ways);
    if (!is_counted_by_ways(use) && ways > 0)
        found(sweep, "frame %x is %s, and %u ways lead to it", frame_to_pfn(frame),
              frame_use_name(use), ways);
    if (use == FRAME_FREE && refs > 0)
        found(sweep, "frame %x is free and counts %u references", frame_to_pfn(frame), refs);
    if (use == FRAME_ZERO && frame != vm_zero_frame())
        found(sweep, "frame %x is another one of zeroes", frame_to_pfn(frame));
}

/* A block's tails are its head's: free ones only say that they are free. */
static void compare_block(struct sweep *sweep, const struct frame *head) {
    unsigned frames = 1u << head->order;

    if (!is_aligned(frame_to_pfn(head), frames) ||
        frame_to_pfn(head) + frames > frame_table_count) {
        found(sweep, "frame %x cannot be the head of a block of order %u", frame_to_pfn(head),
              head->order);
        return;
    }
    for (unsigned i = 1; i < frames; i++) {
        if (head[i].use != head->use || head[i].order != FRAME_ORDER_TAIL ||
            (head->use != FRAME_FREE && (head[i].count != i || frame_refs(&head[i]))))
            found(sweep, "frame %x is no part of the block of order %u at %x",
                  frame_to_pfn(&head[i]), head->order, frame_to_pfn(head));
    }
}

static void compare_frames(struct sweep *sweep) {
    for (uint64_t pfn = 0; pfn < frame_table_count && !sweep->error; pfn++) {
        const struct frame *frame = &frame_table[pfn];

        if (frame->use >= FRAME_USE_COUNT ||
            (frame->order > FRAME_ORDER_MAX && frame->order != FRAME_ORDER_TAIL)) {
            found(sweep, "frame %lx has a use of %u and an order of %u", pfn, frame->use,
                  frame->order);
            return;
        }
        compare_frame(sweep, frame);
        if (frame->order != FRAME_ORDER_TAIL && frame->order > 0)
            compare_block(sweep, frame);
    }
}

/* ---- comparing: sums ---- */

static uint64_t slab_frames(void) {
    struct slab_stats stats;
    uint64_t frames = 0;

    for (size_t i = 0; slab_stats_get(i, &stats) == 0; i++)
        frames += (stats.slabs - stats.spare) * stats.frames_per_slab;
    return frames;
}

/* A sum of frames against the recount of one use. */
static void compare_sum(struct sweep *sweep, enum frame_use use, uint64_t sum, const char *whose) {
    uint64_t recounted = sweep->totals->frames.by_use[use];

    if (recounted != sum)
        found(sweep, "%lu frames are %s by their records, and %lu by %s", recounted,
              frame_use_name(use), sum, whose);
}

static void compare_sums(struct sweep *sweep) {
    struct frame_stats *recounted = &sweep->totals->frames, kept;
    size_t slabs_wrong = slab_check();

    frame_stats_get(&kept);
    for (unsigned use = 0; use < FRAME_HOLE; use++) {
        compare_sum(sweep, use, kept.by_use[use], "the count that is kept");
        recounted->total += recounted->by_use[use];
    }
    recounted->free = recounted->by_use[FRAME_FREE] + recounted->by_use[FRAME_SPARE];
    compare_sum(sweep, FRAME_SLAB, slab_frames(), "the caches");
    compare_sum(sweep, FRAME_STACK, kstack_frames(), "the kernel stacks");
    compare_sum(sweep, FRAME_ZERO, 1, "intention");
    if (slabs_wrong)
        found(sweep, "%lu slabs break their caches' rules", slabs_wrong);
}

/* ---- comparing: entries ---- */

static void compare_entries(struct sweep *sweep, struct vm_space *space) {
    if (!check_pages_locked(space, sweep->report) ||
        !check_pmap_locked(space, sweep->report, &sweep->totals->entries))
        sweep->error = -EUCLEAN;
}

static void compare(struct sweep *sweep) {
    for_each_space(sweep, compare_shadows);
    if (!sweep->error)
        vm_object_for_each(compare_object, sweep);
    if (!sweep->error)
        compare_frames(sweep);
    if (!sweep->error)
        compare_sums(sweep);
    for_each_space(sweep, compare_entries);
}

int vm_check_all(struct vm_check_totals *totals, struct vm_check_report *report) {
    struct sweep sweep = {.totals = totals, .report = report};

    memset(totals, 0, sizeof(*totals));
    report->text[0] = 0;
    spin_lock(&sweep_lock);
    sweep.error = vm_tally_init(&sweep.ways);
    if (!sweep.error)
        gather(&sweep);
    if (!sweep.error)
        compare(&sweep);
    vm_tally_free(&sweep.ways);
    spin_unlock(&sweep_lock);
    return sweep.error;
}
