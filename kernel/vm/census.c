/* SPDX-License-Identifier: MIT */
/*
 * Who sees a frame; see census.h.
 *
 * One walk (area_visit) says what an area sees; counting it and sharing it out are two visitors of
 * it, and so they cannot disagree.
 */
#include "vm/census.h"

#include "abi/errno.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "vm/pmap.h"
#include "vm/space_lock.h"

/* In a tally: a large page has been seen here. */
#define SEEN_LARGE (1u << 31)

/* One page that an area sees. */
struct seen {
    const struct vm_area *area;
    struct frame *frame;
    bool is_private;
    bool is_large;
};

struct seen_visitor {
    void (*page)(void *arg, const struct seen *seen);
    void *arg;
};

/* ---- what an area sees ---- */

static bool is_mapped_large(const struct vm_area *area, uint64_t va) {
    struct pmap_entry entry;

    return pmap_lookup(area->space->pmap, va, &entry) && entry.level > 1;
}

/* Pages of the area's shadow. A large leaf maps aligned pages, so one look serves all of them. */
static void visit_private(const struct vm_area *area, const struct seen_visitor *visitor) {
    uint64_t index = area->offset_pages;
    uint64_t end = MIN(index + ((area->end - area->start) >> PAGE_SHIFT), area->shadow->void_from);
    struct seen seen = {.area = area, .is_private = true};
    uint64_t looked_at = 0; /* end of the range of is_large; user addresses are above 0 */

    for (; (seen.frame = page_tree_next(&area->shadow->tree, &index)) && index < end; index++) {
        uint64_t va = area->start + ((index - area->offset_pages) << PAGE_SHIFT);

        if (va >= looked_at) {
            seen.is_large = is_mapped_large(area, va);
            looked_at = align_down(va, PMAP_LARGE_BYTES) + PMAP_LARGE_BYTES;
        }
        visitor->page(visitor->arg, &seen);
    }
}

/* Pages of the area's object that are mapped. */
static void visit_object(const struct vm_area *area, const struct seen_visitor *visitor) {
    struct pmap_cursor cursor;
    struct seen seen = {.area = area};

    pmap_cursor_init(&cursor, area->space->pmap, area->start);
    for (; pmap_cursor_next_present(&cursor, area->end); pmap_cursor_advance(&cursor, PAGE_SIZE)) {
        uint64_t index = vm_area_index(area, cursor.at.va);

        seen.frame = phys_to_frame_checked(cursor.at.pa);
        seen.is_large = cursor.at.level > 1;
        if (!seen.frame || seen.frame == vm_zero_frame() || seen.frame->use == FRAME_RESERVED)
            continue;
        if (!area->shadow || !vm_shadow_lookup(area->shadow, index, NULL))
            visitor->page(visitor->arg, &seen);
    }
}

static void area_visit(const struct vm_area *area, const struct seen_visitor *visitor) {
    if (area->shadow)
        visit_private(area, visitor);
    if (area->object)
        visit_object(area, visitor);
}

/* ---- counting ---- */

struct counting {
    struct vm_census *census;
    int error;
};

static void count_seen(void *arg, const struct seen *seen) {
    struct counting *counting = arg;
    struct vm_tally *tally = &counting->census->seen;
    int error = vm_tally_add(tally, seen->frame);

    if (error)
        counting->error = error;
    else if (seen->is_large)
        (void)vm_tally_mark(tally, seen->frame, SEEN_LARGE); /* counted: there is a number */
}

int vm_census_take(struct vm_census *census) {
    struct counting counting = {.census = census, .error = vm_tally_init(&census->seen)};
    const struct seen_visitor visitor = {.page = count_seen, .arg = &counting};
    struct vm_space *space = NULL;
    struct vm_area *area;

    while (!counting.error && (space = vm_space_next(space)) != NULL) {
        vm_space_lock_beside(space, VM_RANGE_NONE);
        for (area = vm_area_first(&space->areas); area && !counting.error;
             area = vm_area_next_letting_in(space, area))
            area_visit(area, &visitor);
        vm_space_unlock(space);
    }
    if (space)
        vm_space_unref(space);
    if (counting.error)
        vm_census_free(census);
    return counting.error;
}

void vm_census_free(struct vm_census *census) {
    vm_tally_free(&census->seen);
}

uint32_t vm_census_count(const struct vm_census *census, const struct frame *frame) {
    return vm_tally_get(&census->seen, frame) & ~SEEN_LARGE;
}

bool vm_census_is_large(const struct vm_census *census, const struct frame *frame) {
    return vm_tally_get(&census->seen, frame) & SEEN_LARGE;
}

/* ---- sharing out ---- */

struct sharing {
    const struct vm_census *census;
    struct vm_sums *sums;
};

/* The sum of shares by kind that a page belongs to. */
static uint64_t *share_of_kind(struct vm_sums *sums, const struct seen *seen) {
    if (seen->is_private)
        return &sums->share_anon;
    return seen->frame->use == FRAME_SHMEM ? &sums->share_shmem : &sums->share_file;
}

static void share_seen(void *arg, const struct seen *seen) {
    const struct sharing *sharing = arg;
    struct vm_sums *sums = sharing->sums;
    /* One that has come since the census is nobody else's. */
    uint64_t count = MAX(vm_census_count(sharing->census, seen->frame), 1u);
    uint64_t share = ((uint64_t)PAGE_SIZE << VM_SHARE_SHIFT) / count;

    sums->resident++;
    sums->anonymous += seen->is_private;
    sums->large += seen->is_large;
    sums->share += share;
    sums->shared += count > 1;
    sums->share_locked += seen->area->flags & VM_AREA_LOCKED ? share : 0;
    *share_of_kind(sums, seen) += share;
}

void vm_space_sums(struct vm_space *space, struct vm_range range, const struct vm_census *census,
                   struct vm_sums *sums) {
    struct sharing sharing = {census, sums};
    const struct seen_visitor visitor = {.page = share_seen, .arg = &sharing};
    struct vm_area *area;

    vm_space_lock_beside(space, VM_RANGE_NONE);
    area = vm_area_find_from(&space->areas, range.start);
    for (; area && area->start < range.end; area = vm_area_next_letting_in(space, area))
        area_visit(area, &visitor);
    vm_space_unlock(space);
}

/* ---- what all spaces map ---- */

#define MET_MAPPED 1u
#define MET_LARGE 2u
#define MET_LOCKED 4u

struct mapping_count {
    struct vm_tally met; /* bits, of what a frame has been counted as */
    struct vm_mapped *mapped;
    int error;
};

/* Adds pages to a sum if their first frame is met as this for the first time. */
static void count_once(struct mapping_count *count, const struct frame *frame, uint32_t as,
                       uint64_t *sum) {
    int met = vm_tally_mark(&count->met, frame, as);

    if (met < 0)
        count->error = met;
    else if (!met)
        *sum += as == MET_LARGE ? PMAP_LARGE_BYTES / PAGE_SIZE : 1;
}

static void count_mapped(void *arg, const struct seen *seen) {
    struct mapping_count *count = arg;

    count_once(count, seen->frame, MET_MAPPED, &count->mapped->object_pages);
}

static void count_locked(void *arg, const struct seen *seen) {
    struct mapping_count *count = arg;

    count_once(count, seen->frame, MET_LOCKED, &count->mapped->locked_pages);
}

/* A range that a large leaf could map has one entry, or a table of small ones. */
static void count_large(struct mapping_count *count, const struct vm_area *area) {
    struct pmap_cursor cursor;

    pmap_cursor_init(&cursor, area->space->pmap, area->start);
    while (pmap_cursor_next_present(&cursor, area->end)) {
        if (cursor.at.level > 1)
            count_once(count, phys_to_frame(cursor.at.pa), MET_LARGE, &count->mapped->large_pages);
        pmap_cursor_find(&cursor, align_down(cursor.at.va, PMAP_LARGE_BYTES) + PMAP_LARGE_BYTES);
    }
}

static void count_space(struct mapping_count *count, struct vm_space *space) {
    const struct seen_visitor mapped = {.page = count_mapped, .arg = count};
    const struct seen_visitor locked = {.page = count_locked, .arg = count};
    struct vm_area *area;

    vm_space_lock_beside(space, VM_RANGE_NONE);
    area = vm_area_first(&space->areas);
    for (; area && !count->error; area = vm_area_next_letting_in(space, area)) {
        if (area->object)
            visit_object(area, &mapped);
        else
            count_large(count, area);
        if (area->flags & VM_AREA_LOCKED)
            area_visit(area, &locked);
    }
    vm_space_unlock(space);
}

int vm_mapped_get(struct vm_mapped *mapped) {
    struct mapping_count count = {.mapped = mapped};
    struct vm_space *space = NULL;

    *mapped = (struct vm_mapped){0};
    count.error = vm_tally_init(&count.met);
    while (!count.error && (space = vm_space_next(space)) != NULL)
        count_space(&count, space);
    if (space)
        vm_space_unref(space);
    vm_tally_free(&count.met);
    return count.error;
}
