/* SPDX-License-Identifier: MIT */
/*
 * mremap on one address space.
 *
 * Words: source is what moves; tail is what a shrinking move leaves behind, to be unmapped; target
 * is where it goes. Each is a range of whole pages.
 *
 *       [ source ][ tail ]            old range, at address
 *                      [ target   ]   new range; its end may be new pages
 *
 * A move takes the area with it: object, indexes, and the shadow. Where other areas use the shadow
 * too, the part of it that moves is made a shadow of its own first, since areas that share one all
 * have the same difference between address and index (area.h). What comes to lie beside an area
 * that is like it shares that one's shadow again. No page is copied or touched, and the pmap moves
 * its entries.
 *
 * Everything that can fail is prepared first: the splits, the detached shadow, the cuts of what is
 * unmapped (in this order: detaching clones a tree, and undoes what was prepared in it before).
 */
#include "vm/remap.h"

#include "abi/errno.h"
#include "core/assert.h"
#include "core/trace.h"
#include "lib/bits.h"
#include "vm/check.h"
#include "vm/commit.h"
#include "vm/leaving.h"
#include "vm/map_private.h"
#include "vm/pmap.h"
#include "vm/space_lock.h"

/*
 * Linux's rule: moving wants so many areas to be free, and to a target of the caller's choice two
 * more, which unmapping there may take.
 */
#define AREAS_SPARE 4u
#define AREAS_SPARE_TARGET 6u

/* One mremap on its way. */
struct remap {
    struct vm_space *space;
    const struct vm_remap_request *request;
    uint64_t old_size, new_size;          /* bytes, whole pages */
    struct vm_range source, tail, target; /* of a move; empty where there is none */
    struct vm_area *area;                 /* that begins at the source, once it is split */
    struct vm_area *fresh;                /* a second area for the target, if the old one stays */
    struct vm_shadow *part;               /* detached from the area's shadow, if others use it */
    struct vm_leaving leaving;            /* what is cut off by shrinking in place */
};

static inline bool moves_to_target(const struct remap *remap) {
    return remap->request->flags & (VM_REMAP_FIXED | VM_REMAP_KEEP);
}

static inline bool is_device(const struct vm_area *area) {
    return area->object && vm_object_is_device(area->object);
}

/* ---- deciding ---- */

/* What is wrong with the target, whatever is mapped. */
static int check_target(const struct remap *remap) {
    const struct vm_remap_request *request = remap->request;
    uint64_t target = request->target;

    if (!moves_to_target(remap))
        return 0;
    if (!(request->flags & VM_REMAP_MAY_MOVE) || !is_aligned(target, PAGE_SIZE) ||
        remap->new_size > USER_END || target > USER_END - remap->new_size)
        return -EINVAL;
    if ((request->flags & VM_REMAP_KEEP) && remap->old_size != remap->new_size)
        return -EINVAL;
    if (target < request->address + remap->old_size && request->address < target + remap->new_size)
        return -EINVAL;
    if (target == request->address) /* a second mapping in place of the one that it is like */
        return -EFAULT;
    return (request->flags & VM_REMAP_FIXED) && target < USER_MIN ? -EPERM : 0;
}

/* What is wrong with the request, whatever is mapped. */
static int check_request(const struct remap *remap) {
    const struct vm_remap_request *request = remap->request;

    if ((request->flags & ~(VM_REMAP_MAY_MOVE | VM_REMAP_FIXED | VM_REMAP_KEEP)) ||
        !is_aligned(request->address, PAGE_SIZE) || remap->new_size == 0 ||
        remap->old_size > USER_END || remap->new_size > USER_END)
        return -EINVAL;
    return check_target(remap);
}

/*
 * Whether the limits allow the bytes that are mapped more afterwards, which are promised. 0,
 * -EAGAIN, -ENOMEM.
 */
static int check_limits(const struct remap *remap, uint64_t kept) {
    struct vm_space *space = remap->space;
    const struct vm_area *area = remap->area;
    bool keeps = remap->request->flags & VM_REMAP_KEEP;
    uint64_t more = keeps ? remap->new_size : remap->new_size - kept;
    struct vm_replaced replaced = {0};

    if (remap->new_size > kept && (area->flags & VM_AREA_LOCKED) &&
        !vm_lock_limit_allows(space, remap->new_size - kept))
        return -EAGAIN;
    if (remap->request->flags & VM_REMAP_FIXED)
        replaced = vm_range_replaced(space, remap->target);
    return more == 0 ? 0 : vm_limits_reserve(space, area, more, replaced);
}

/* Whether `kept` bytes of the area can become new_size. 0 or as vm_remap. */
static int check_resize(const struct remap *remap, uint64_t kept) {
    const struct vm_area *area = remap->area;
    uint64_t address = remap->request->address;

    if (kept == 0 && !(area->flags & VM_AREA_SHARED))
        return -EINVAL;
    if ((remap->request->flags & VM_REMAP_KEEP) && is_device(area))
        return -EINVAL;
    if (kept > area->end - address)
        return -EFAULT;
    if (remap->new_size > kept) {
        if (vm_area_index(area, address) + (remap->new_size >> PAGE_SHIFT) > VM_OBJECT_MAX_PAGES)
            return -EINVAL;
        if (is_device(area))
            return -EFAULT;
    }
    return check_limits(remap, kept);
}

/* ---- moving ---- */

/* Joins again what was split for a move that does not take place. */
static void join_all(struct remap *remap) {
    vm_range_join(remap->space, remap->source);
    vm_range_join(remap->space, remap->tail);
    vm_range_join(remap->space, remap->target);
}

static int split_all(struct remap *remap) {
    const struct vm_range *ranges[] = {&remap->source, &remap->tail, &remap->target};

    for (unsigned i = 0; i < ARRAY_SIZE(ranges); i++) {
        if (ranges[i]->start < ranges[i]->end && vm_range_split(remap->space, *ranges[i]) < 0)
            return -ENOMEM;
    }
    return 0;
}

/* An area for the target that is like the one at address. NULL: no memory. */
static struct vm_area *area_alike(const struct remap *remap) {
    const struct vm_area *area = remap->area;
    struct vm_area *fresh = vm_area_create(area->space, area->object, area->flags);

    if (!fresh)
        return NULL;
    fresh->prot = area->prot;
    fresh->max_prot = area->max_prot;
    fresh->offset_pages = vm_area_index(area, remap->request->address);
    return fresh;
}

/* The indexes of an area. */
static struct vm_range indexes_of(const struct vm_area *area) {
    return (struct vm_range){area->offset_pages, vm_area_index(area, area->end)};
}

/* Prepares the parts: a second area if the old one stays, a shadow of its own, what is unmapped. */
static int prepare_parts(struct remap *remap) {
    bool stays = (remap->request->flags & VM_REMAP_KEEP) || remap->old_size == 0;
    struct vm_shadow *shadow;
    struct vm_range indexes;

    remap->area = vm_area_find(&remap->space->areas, remap->request->address);
    shadow = remap->area->shadow;
    indexes = indexes_of(remap->area);
    if (stays && !(remap->fresh = area_alike(remap)))
        return -ENOMEM;
    if (shadow && shadow->areas > 1 &&
        !(remap->part = vm_shadow_detach_prepare(shadow, indexes.start, indexes.end)))
        return -ENOMEM;
    if (vm_unmap_prepare(remap->space, remap->tail) < 0)
        return -ENOMEM;
    return vm_unmap_prepare(remap->space, remap->target);
}

/* Gets all that can fail. 0, or -ENOMEM and as before. */
static int move_prepare(struct remap *remap) {
    int error = split_all(remap);

    if (error == 0)
        error = prepare_parts(remap);
    if (error == 0)
        return 0;
    if (remap->part)
        vm_shadow_drop(remap->part);
    if (remap->fresh)
        vm_area_destroy(remap->fresh);
    join_all(remap);
    return error;
}

/* Takes the source's shadow off its area; nobody else uses it then. NULL: it has none. */
static struct vm_shadow *take_shadow(struct remap *remap) {
    struct vm_shadow *shadow = remap->area->shadow;
    struct vm_range indexes = indexes_of(remap->area);

    remap->area->shadow = NULL;
    trace_shadow(remap->space->root, remap->area->start, remap->area->end, 0);
    if (!remap->part)
        return shadow;
    vm_shadow_detach(shadow, remap->part, indexes.start, indexes.end);
    vm_shadow_drop(shadow);
    return remap->part;
}

/* Whether two areas are neighbours, one before the other, and differ in their shadows alone. */
static bool differ_in_shadow(const struct vm_area *area, const struct vm_area *other) {
    struct vm_area bare = *area;

    bare.shadow = NULL;
    return area->shadow && other->shadow && area->shadow != other->shadow &&
           (vm_area_can_join(&bare, other) || vm_area_can_join(other, &bare));
}

/*
 * Brings pages together that were taken apart to be moved, so that their areas can be one again: a
 * shadow that one area uses goes into its neighbour's, if it is small. Else they stay two.
 */
static void share_shadow(struct vm_area *area, struct vm_area *other) {
    struct vm_area *from = other && area->shadow && area->shadow->areas > 1 ? other : area;
    struct vm_area *to = from == area ? other : area;
    struct vm_shadow *part;
    struct vm_range indexes;

    if (!other || !differ_in_shadow(area, other) || from->shadow->areas > 1 ||
        !vm_shadow_absorb(to->shadow, from->shadow))
        return;
    part = from->shadow;
    indexes = indexes_of(from);
    trace_pages_moved(trace_id(part), trace_id(to->shadow), indexes.start, indexes.end);
    from->shadow = to->shadow;
    vm_shadow_hold(to->shadow);
    trace_shadow(from->space->root, from->start, from->end, trace_id(from->shadow));
    vm_shadow_drop(part);
}

/* Puts an area that is in no set at the target. It is no longer the heap or the first stack. */
static void settle(struct remap *remap, struct vm_area *area) {
    area->flags &= ~(uint32_t)(VM_AREA_HEAP | VM_AREA_STACK);
    area->start = remap->target.start;
    area->end = remap->target.end;
    if (!area->object && !area->shadow)
        area->offset_pages = area->start >> PAGE_SHIFT;
    vm_area_insert(&remap->space->areas, area);
    share_shadow(area, vm_area_prev(area));
    share_shadow(area, vm_area_next(area));
    vm_area_join(&remap->space->areas, area);
}

/* Cannot fail. */
static void move_perform(struct remap *remap) {
    struct vm_area_set *areas = &remap->space->areas;
    struct vm_area *area = remap->area;
    struct vm_shadow *shadow = NULL;

    vm_unmap_perform(remap->space, remap->tail);
    vm_unmap_perform(remap->space, remap->target);
    if (remap->old_size > 0) {
        pmap_move(remap->space->pmap, remap->source.start, remap->target.start,
                  remap->source.end - remap->source.start);
        shadow = take_shadow(remap);
    }
    if (remap->fresh) {
        if (remap->request->flags & VM_REMAP_KEEP)
            vm_area_set_flags(areas, area, area->flags & ~VM_AREA_LOCK_FLAGS);
        vm_area_join(areas, area);
        area = remap->fresh;
    } else {
        vm_area_remove(areas, area);
    }
    area->shadow = shadow;
    settle(remap, area);
}

static bool has_spare_areas(const struct remap *remap) {
    bool chosen = remap->request->flags & (VM_REMAP_FIXED | VM_REMAP_KEEP);

    return vm_space_has_room(remap->space, chosen ? AREAS_SPARE_TARGET : AREAS_SPARE);
}

/* Moves to the target, which is free or is to be unmapped. 0 or -ENOMEM and as before. */
static int move(struct remap *remap) {
    uint64_t address = remap->request->address;
    uint64_t kept = MIN(remap->old_size, remap->new_size);
    int error;

    if (!has_spare_areas(remap))
        return -ENOMEM;
    remap->source = (struct vm_range){address, address + kept};
    remap->tail = (struct vm_range){address + kept, address + remap->old_size};
    error = move_prepare(remap);
    if (error == 0)
        move_perform(remap);
    return error;
}

/* A target of the kernel's choice. 0 or -ENOMEM. */
static int choose_target(struct remap *remap, uint64_t wish) {
    uint64_t start = vm_choose_address(remap->space, wish, remap->new_size, 0);

    remap->target = (struct vm_range){start, start + remap->new_size};
    return start ? 0 : -ENOMEM;
}

/* ---- the ways it can go ---- */

/* FIXED and KEEP: always a move. */
static int remap_to_target(struct remap *remap) {
    uint64_t target = remap->request->target;
    int error;

    if (remap->request->flags & VM_REMAP_FIXED)
        remap->target = (struct vm_range){target, target + remap->new_size};
    error = check_resize(remap, MIN(remap->old_size, remap->new_size));
    if (error == 0 && !(remap->request->flags & VM_REMAP_FIXED))
        error = choose_target(remap, target);
    return error < 0 ? error : move(remap);
}

/* The last step of its call, like vm_unmap_leaving. */
static int shrink(struct remap *remap) {
    uint64_t address = remap->request->address;

    remap->target.start = address;
    if (remap->new_size == remap->old_size)
        return 0;
    if (remap->old_size > USER_END - address)
        return -EINVAL;
    return vm_unmap_leaving(remap->space,
                            (struct vm_range){address + remap->new_size, address + remap->old_size},
                            &remap->leaving);
}

/* Whether the area ends with the old range and has room behind it. */
static bool has_room_behind(const struct remap *remap) {
    uint64_t address = remap->request->address;
    uint64_t end = address + remap->old_size;

    return remap->area->end == end && remap->new_size <= USER_END - address &&
           vm_area_range_is_free(&remap->space->areas, end, address + remap->new_size);
}

static int grow(struct remap *remap) {
    struct vm_area_set *areas = &remap->space->areas;
    uint64_t address = remap->request->address;
    int error = check_resize(remap, remap->old_size);

    if (error < 0)
        return error;
    if (remap->old_size > 0 && has_room_behind(remap)) {
        remap->target.start = address;
        vm_area_resize(areas, remap->area, remap->area->start, address + remap->new_size);
        vm_area_join(areas, remap->area);
        return 0;
    }
    if (!(remap->request->flags & VM_REMAP_MAY_MOVE))
        return -ENOMEM;
    error = choose_target(remap, 0);
    return error < 0 ? error : move(remap);
}

static int remap_locked(struct remap *remap) {
    DEBUG_ASSERT(spin_held(&remap->space->lock));
    remap->area = vm_area_find(&remap->space->areas, remap->request->address);
    if (!remap->area)
        return -EFAULT;
    if (moves_to_target(remap))
        return remap_to_target(remap);
    return remap->new_size <= remap->old_size ? shrink(remap) : grow(remap);
}

int vm_remap(struct vm_space *space, const struct vm_remap_request *request, uint64_t *address) {
    struct remap remap = {
        .space = space,
        .request = request,
        .old_size = align_up(request->old_length, PAGE_SIZE),
        .new_size = align_up(request->new_length, PAGE_SIZE),
    };
    struct vm_range range = {request->address, 0};
    int error = check_request(&remap);

    if (error < 0)
        return error;
    vm_space_lock(space);
    error = remap_locked(&remap);
    vm_commit_settle(space);
    space->peak_bytes = MAX(space->peak_bytes, space->areas.bytes);
    DEBUG_ASSERT(vm_check_passes_call_locked(space, remap.target));
    range.end = range.start + MAX(remap.old_size, remap.new_size);
    DEBUG_ASSERT(vm_check_passes_call_locked(space, range));
    vm_space_unlock(space);
    vm_leaving_give_back(&remap.leaving);
    if (error == 0)
        *address = remap.target.start;
    return error;
}
