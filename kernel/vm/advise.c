/* SPDX-License-Identifier: MIT */
/*
 * madvise on one address space: a table of what each advice does, who refuses it, and what it asks
 * of areas.
 *
 * Advice goes area by area, up to the first that refuses it. Where contents are forgotten, the
 * shadows' paths are un-shared first, for all areas, so that lack of memory is found out before
 * anything has changed. Of a long range the pages leave (vm/leaving.h) when the table has been
 * narrowed, slice by slice.
 */
#include "vm/advise.h"

#include "abi/errno.h"
#include "core/assert.h"
#include "core/trace.h"
#include "lib/bits.h"
#include "vm/check.h"
#include "vm/leaving.h"
#include "vm/map_private.h"
#include "vm/narrow.h"
#include "vm/space_lock.h"

/* Areas that refuse an advice. */
#define REFUSED_BY_LOCKED 1u
#define REFUSED_BY_DEVICE 2u
#define REFUSED_BY_OBJECT 4u /* shared, or private over an object */

static const struct rule {
    uint8_t refused_by;
    bool forgets; /* contents; else flags change */
    struct vm_flag_change change;
} rules[VM_ADVICE_COUNT] = {
    [VM_ADVICE_NORMAL] = {.change = {0, VM_AREA_RANDOM | VM_AREA_SEQUENTIAL}},
    [VM_ADVICE_RANDOM] = {.change = {VM_AREA_RANDOM, VM_AREA_SEQUENTIAL}},
    [VM_ADVICE_SEQUENTIAL] = {.change = {VM_AREA_SEQUENTIAL, VM_AREA_RANDOM}},
    [VM_ADVICE_DONT_NEED] = {REFUSED_BY_LOCKED | REFUSED_BY_DEVICE, .forgets = true},
    [VM_ADVICE_DONT_NEED_LOCKED] = {REFUSED_BY_DEVICE, .forgets = true},
    [VM_ADVICE_FREE] = {REFUSED_BY_LOCKED | REFUSED_BY_OBJECT, .forgets = true},
    [VM_ADVICE_COLD] = {.refused_by = REFUSED_BY_LOCKED | REFUSED_BY_DEVICE},
    [VM_ADVICE_PAGE_OUT] = {.refused_by = REFUSED_BY_LOCKED | REFUSED_BY_DEVICE},
    [VM_ADVICE_DONT_FORK] = {.change = {VM_AREA_NO_FORK, 0}},
    [VM_ADVICE_DO_FORK] = {REFUSED_BY_DEVICE, .change = {0, VM_AREA_NO_FORK}},
    [VM_ADVICE_WIPE_ON_FORK] = {REFUSED_BY_OBJECT, .change = {VM_AREA_WIPE_ON_FORK, 0}},
    [VM_ADVICE_KEEP_ON_FORK] = {.change = {0, VM_AREA_WIPE_ON_FORK}},
    [VM_ADVICE_DONT_DUMP] = {.change = {VM_AREA_NO_DUMP, 0}},
    [VM_ADVICE_DO_DUMP] = {REFUSED_BY_DEVICE, .change = {0, VM_AREA_NO_DUMP}},
    [VM_ADVICE_HUGE] = {REFUSED_BY_DEVICE, .change = {VM_AREA_HUGE, VM_AREA_NO_HUGE}},
    [VM_ADVICE_NO_HUGE] = {REFUSED_BY_DEVICE, .change = {VM_AREA_NO_HUGE, VM_AREA_HUGE}},
};

static bool is_refused(const struct vm_area *area, unsigned refused_by) {
    bool locked = area->flags & VM_AREA_LOCKED;
    bool device = area->object && vm_object_is_device(area->object);

    return ((refused_by & REFUSED_BY_LOCKED) && locked) ||
           ((refused_by & REFUSED_BY_DEVICE) && device) ||
           ((refused_by & REFUSED_BY_OBJECT) && area->object);
}

/* Cuts the range off at the first area that refuses. What to answer: 0, -EINVAL, -ENOMEM (a hole).
 */
static int advice_reach(struct vm_space *space, struct vm_range *range, unsigned refused_by) {
    struct vm_area *area = vm_range_first(space, *range);
    uint64_t end = range->start;
    int answer = 0;

    for (; area; area = vm_range_next(area, *range)) {
        if (is_refused(area, refused_by)) {
            range->end = MAX(area->start, range->start);
            return -EINVAL;
        }
        if (area->start > end)
            answer = -ENOMEM;
        end = area->end;
    }
    return end < range->end ? -ENOMEM : answer;
}

/* ---- forgetting ---- */

/* The indexes of the part of an area that lies in the range. */
static struct vm_range index_range(const struct vm_area *area, struct vm_range range) {
    uint64_t start = MAX(area->start, range.start);
    uint64_t end = MIN(area->end, range.end);

    return (struct vm_range){vm_area_index(area, start), vm_area_index(area, end)};
}

/*
 * Takes the pages of a long range out of shadows, to leave when nothing leads to them any more; all
 * is prepared. Where there is no memory for that, they go at once.
 */
static void pages_leave(struct vm_space *space, struct vm_range range, struct vm_leaving *leaving) {
    struct vm_area *area = vm_range_first(space, range);

    for (; area; area = vm_range_next(area, range)) {
        struct vm_range part = index_range(area, range);

        if (!area->shadow || vm_leaving_take_pages(leaving, area, part.start, part.end))
            continue;
        pmap_remove(space->pmap, MAX(area->start, range.start), MIN(area->end, range.end));
        page_tree_remove(&area->shadow->tree, part.start, part.end);
    }
}

/*
 * Forgets private contents, and unmaps the range; the last step of its call (vm/narrow.h). 0 or
 * -ENOMEM and nothing has changed.
 */
static int forget_range(struct vm_space *space, struct vm_range range, struct vm_leaving *leaving) {
    struct vm_area *first = vm_range_first(space, range);
    struct vm_area *area;
    int error = 0;

    for (area = first; error == 0 && area; area = vm_range_next(area, range)) {
        struct vm_range part = index_range(area, range);

        if (area->shadow)
            error = page_tree_remove_prepare(&area->shadow->tree, part.start, part.end);
    }
    if (error < 0 || !first)
        return error;
    range.end = MIN(range.end, USER_END);
    if (range.end - range.start > VM_SLICE_BYTES) {
        pages_leave(space, range, leaving);
        vm_narrow(space, range, 0);
        return 0;
    }
    pmap_remove(space->pmap, range.start, range.end);
    for (area = first; area; area = vm_range_next(area, range)) {
        struct vm_range part = index_range(area, range);

        if (area->shadow) {
            trace_pages_gone(trace_id(area->shadow), part.start, part.end);
            page_tree_remove(&area->shadow->tree, part.start, part.end);
        }
    }
    return 0;
}

/* ---- removing from the object ---- */

/* A part of an object that is to become a hole. */
struct hole {
    struct vm_object *object; /* referenced */
    struct vm_range indexes;
    uint64_t end; /* of the area */
};

/* The first hole to be made in the range. 0; -ENOENT: nothing mapped; -EINVAL, -EACCES: refused. */
static int next_hole(struct vm_space *space, struct vm_range range, struct hole *hole) {
    struct vm_area *area = range.start < range.end ? vm_range_first(space, range) : NULL;

    if (!area)
        return -ENOENT;
    if ((area->flags & VM_AREA_LOCKED) || !area->object || vm_object_is_device(area->object))
        return -EINVAL;
    if (!(area->flags & VM_AREA_SHARED) || !(area->max_prot & VM_WRITE))
        return -EACCES;
    *hole = (struct hole){area->object, index_range(area, range), area->end};
    vm_object_ref(area->object);
    return 0;
}

static int make_hole(struct vm_object *object, struct vm_range indexes) {
    if (object->ops->punch)
        return object->ops->punch(object, indexes.start, indexes.end);
    return vm_object_punch(object, indexes.start, indexes.end);
}

/* MADV_REMOVE: each object without a lock of ours, since a file's owner has its own to take. */
static int remove_range(struct vm_space *space, struct vm_range range) {
    struct hole hole;
    int answer, error;

    vm_space_lock_beside(space, VM_RANGE_NONE);
    answer = vm_range_mapped_end(space, range) < range.end ? -ENOMEM : 0;
    for (;;) {
        error = next_hole(space, range, &hole);
        vm_space_unlock(space);
        if (error == -ENOENT)
            return answer;
        if (error < 0)
            return error;
        error = make_hole(hole.object, hole.indexes);
        vm_object_unref(hole.object);
        if (error < 0)
            return error;
        range.start = MIN(hole.end, range.end);
        vm_space_lock_beside(space, VM_RANGE_NONE);
    }
}

/* ---- the call ---- */

/* 0, or -EAGAIN for want of memory or areas: -ENOMEM means a hole here. */
static int change_flags(struct vm_space *space, struct vm_range range,
                        struct vm_flag_change change) {
    return vm_range_change_flags(space, range, change) < 0 ? -EAGAIN : 0;
}

static int advise_locked(struct vm_space *space, struct vm_range range, const struct rule *rule,
                         struct vm_leaving *leaving) {
    int answer = advice_reach(space, &range, rule->refused_by);
    int error = 0;

    DEBUG_ASSERT(spin_held(&space->lock));
    if (range.start >= range.end)
        return answer;
    if (rule->forgets)
        error = forget_range(space, range, leaving) < 0 ? -EAGAIN : 0;
    else if (rule->change.set || rule->change.clear)
        error = change_flags(space, range, rule->change);
    return error < 0 ? error : answer;
}

int vm_advise(struct vm_space *space, uint64_t address, uint64_t length, enum vm_advice advice) {
    struct vm_leaving leaving = {.areas = NULL};
    struct vm_range range;
    int error;

    if (!is_aligned(address, PAGE_SIZE) || advice >= VM_ADVICE_COUNT ||
        vm_range_reach(address, length, &range) < 0)
        return -EINVAL;
    if (length == 0)
        return 0;
    if (advice == VM_ADVICE_REMOVE)
        return remove_range(space, range);
    vm_space_lock_beside(space, range);
    error = advise_locked(space, range, &rules[advice], &leaving);
    DEBUG_ASSERT(vm_check_passes_call_locked(space, range));
    vm_space_unlock(space);
    vm_leaving_give_back(&leaving);
    return error;
}
