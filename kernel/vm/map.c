/* SPDX-License-Identifier: MIT */
/*
 * mmap and munmap on one address space.
 *
 * Each call has the same shape: check the arguments, find out what has to be done, get everything
 * that can fail (areas for the splits, un-shared paths in shadows), then do what cannot fail. A
 * split that turns out to be for nothing is joined again.
 *
 * Order of taking away: first the pmap forgets (and no processor can use the entries any more),
 * then the pages are given back. Of a long range the areas go first, and leave (vm/leaving.h) with
 * their pages when the pmap has forgotten all of it, slice by slice.
 */
#include "vm/map.h"

#include "abi/errno.h"
#include "core/assert.h"
#include "core/trace.h"
#include "lib/bits.h"
#include "vm/check.h"
#include "vm/commit.h"
#include "vm/leaving.h"
#include "vm/map_private.h"
#include "vm/narrow.h"
#include "vm/pmap.h"
#include "vm/space_lock.h"

/* Offsets in a file end here, as off_t does. */
#define OFFSET_MAX ((uint64_t)INT64_MAX)

/* A range of more areas is unmapped at once: what takes long is to take them out of the map. */
#define LEAVING_AREAS_MAX 64u

/* ---- unmap ---- */

/* What the range takes from an area that lies in it. */
static inline struct vm_range part_in(const struct vm_area *area, struct vm_range range) {
    return (struct vm_range){MAX(area->start, range.start), MIN(area->end, range.end)};
}

static inline bool is_whole(const struct vm_area *area, struct vm_range part) {
    return area->start == part.start && area->end == part.end;
}

/* A shadow of which something stays is cut; else it goes with its area. */
static inline bool shadow_must_be_cut(const struct vm_area *area, struct vm_range part) {
    return area->shadow && (area->shadow->areas > 1 || !is_whole(area, part));
}

/* Prepares all cuts of shadows in the range, whose first area is given. 0 or -ENOMEM. */
static inline int prepare_cuts(struct vm_area *area, struct vm_range range) {
    int error = 0;

    for (; area && error == 0; area = vm_range_next(area, range)) {
        struct vm_range part = part_in(area, range);

        if (shadow_must_be_cut(area, part))
            error = page_tree_remove_prepare(&area->shadow->tree, vm_area_index(area, part.start),
                                             vm_area_index(area, part.end));
    }
    return error;
}

/* Takes a part from an area: all of it, or an end. */
static inline __attribute__((always_inline)) void
take_part(struct vm_space *space, struct vm_area *area, struct vm_range part) {
    if (shadow_must_be_cut(area, part)) {
        trace_pages_gone(trace_id(area->shadow), vm_area_index(area, part.start),
                         vm_area_index(area, part.end));
        page_tree_remove(&area->shadow->tree, vm_area_index(area, part.start),
                         vm_area_index(area, part.end));
    }
    if (is_whole(area, part)) {
        vm_area_drop(&space->areas, area);
    } else if (area->start == part.start) {
        vm_area_resize(&space->areas, area, part.end, area->end);
    } else {
        vm_area_resize(&space->areas, area, area->start, part.start);
    }
}

int vm_unmap_prepare(struct vm_space *space, struct vm_range range) {
    if (range.start >= range.end)
        return 0;
    return prepare_cuts(vm_range_first(space, range), range);
}

/* Takes the range from its areas, the first of which is given. It is no hole in one. */
static void unmap_areas(struct vm_space *space, struct vm_area *area, struct vm_range range) {
    struct vm_area *next;

    pmap_remove(space->pmap, range.start, range.end);
    for (; area; area = next) {
        next = vm_range_next(area, range);
        take_part(space, area, part_in(area, range));
    }
}

void vm_unmap_perform(struct vm_space *space, struct vm_range range) {
    struct vm_area *area = range.start < range.end ? vm_range_first(space, range) : NULL;

    if (area)
        unmap_areas(space, area, range);
}

/* Makes an area that the range lies amid end with it; what is behind it becomes one more. */
static int split_around(struct vm_space *space, struct vm_area *area, struct vm_range range) {
    if (!vm_space_has_room(space, 1))
        return -ENOMEM;
    return vm_area_split(&space->areas, area, range.end) ? 0 : -ENOMEM;
}

/*
 * The same, but for the table, which is left to be narrowed; and what was there leaves later, as
 * far as there is memory for that.
 */
static __attribute__((noinline)) void leave_areas(struct vm_space *space, struct vm_area *area,
                                                  struct vm_range range,
                                                  struct vm_leaving *leaving) {
    struct vm_area *next;

    for (; area; area = next) {
        struct vm_range part = part_in(area, range);

        next = vm_range_next(area, range);
        if (vm_leaving_take_area(leaving, &area, part))
            continue;
        pmap_remove(space->pmap, part.start, part.end);
        take_part(space, area, part);
    }
}

/* Takes a long range from its areas, to leave later unless there are very many. */
static void unmap_areas_long(struct vm_space *space, struct vm_area *area, struct vm_range range) {
    const struct vm_area *next = area;
    unsigned areas = 0;

    for (; next && next->start < range.end && areas <= LEAVING_AREAS_MAX; next = next->next)
        areas++;
    if (areas <= LEAVING_AREAS_MAX)
        leave_areas(space, area, range, space->leaving);
    else
        unmap_areas(space, area, range);
}

/* All that can fail of unmapping a range, whose first area is given. 0 or -ENOMEM and as before. */
static inline int unmap_prepare(struct vm_space *space, struct vm_area *area,
                                struct vm_range range) {
    if (area->start < range.start && area->end > range.end && split_around(space, area, range) < 0)
        return -ENOMEM;
    if (prepare_cuts(area, range) < 0) {
        vm_range_join(space, range);
        return -ENOMEM;
    }
    return 0;
}

/* Unmaps a range of whole pages; what was promised for them is left to the caller to settle. */
static int unmap_range(struct vm_space *space, struct vm_range range) {
    struct vm_area *area = vm_range_first(space, range);

    if (!area)
        return 0;
    if (unmap_prepare(space, area, range) < 0)
        return -ENOMEM;
    unmap_areas(space, area, range);
    return 0;
}

/* The same, and what is there may leave: then the table is left to the caller to narrow, too. */
static __attribute__((noinline)) int unmap_range_long(struct vm_space *space,
                                                      struct vm_range range) {
    struct vm_area *area = vm_range_first(space, range);

    if (!area)
        return 0;
    if (unmap_prepare(space, area, range) < 0)
        return -ENOMEM;
    unmap_areas_long(space, area, range);
    return 0;
}

int vm_unmap_locked(struct vm_space *space, struct vm_range range) {
    int error = unmap_range(space, range);

    DEBUG_ASSERT(spin_held(&space->lock));
    vm_commit_settle(space);
    return error;
}

int vm_unmap_leaving(struct vm_space *space, struct vm_range range, struct vm_leaving *leaving) {
    int error;

    if (range.end - range.start <= VM_SLICE_BYTES)
        return vm_unmap_locked(space, range);
    space->leaving = leaving;
    error = unmap_range_long(space, range);
    space->leaving = NULL;
    vm_commit_settle(space);
    if (leaving->areas)
        vm_narrow_vacated(space, range);
    return error;
}

/* vm_unmap of more than a slice. */
static __attribute__((noinline)) int unmap_long(struct vm_space *space, struct vm_range range) {
    struct vm_leaving leaving = {.areas = NULL};
    int error;

    vm_space_lock_beside(space, range);
    error = vm_unmap_leaving(space, range, &leaving);
    DEBUG_ASSERT(vm_check_passes_call_locked(space, range));
    vm_space_unlock(space);
    vm_leaving_give_back(&leaving);
    return error;
}

int vm_unmap(struct vm_space *space, uint64_t address, uint64_t length) {
    struct vm_range range;
    int error;

    if (length == 0 || vm_range_of_pages(address, length, &range) < 0)
        return -EINVAL;
    if (length > VM_SLICE_BYTES)
        return unmap_long(space, range);
    vm_space_lock_beside(space, range);
    error = vm_unmap_locked(space, range);
    DEBUG_ASSERT(vm_check_passes_call_locked(space, range));
    vm_space_unlock(space);
    return error;
}

/* ---- map ---- */

struct vm_replaced vm_range_replaced(struct vm_space *space, struct vm_range range) {
    struct vm_replaced replaced = {0};
    struct vm_area *area = vm_range_first(space, range);

    for (; area; area = vm_range_next(area, range)) {
        uint64_t bytes = MIN(area->end, range.end) - MAX(area->start, range.start);

        replaced.bytes += bytes;
        replaced.accounted_bytes += area->flags & VM_AREA_ACCOUNTED ? bytes : 0;
    }
    return replaced;
}

int vm_limits_reserve(struct vm_space *space, const struct vm_area *like, uint64_t bytes,
                      struct vm_replaced replaced) {
    if (!vm_space_may_grow(space, (int64_t)(bytes - replaced.bytes),
                           vm_area_is_data(like->prot, like->flags)))
        return -ENOMEM;
    if (!(like->flags & VM_AREA_ACCOUNTED) || bytes <= replaced.accounted_bytes)
        return 0;
    return vm_commit_reserve(space, bytes - replaced.accounted_bytes);
}

/* Mappings that are to lie low: in the second GiB, where Linux puts them. */
static const struct vm_range low_window = {1ull << 30, 2ull << 30};

/* The wish as an address of a page, if the size is free there; else 0. */
static uint64_t grant_wish(struct vm_space *space, uint64_t wish, uint64_t size, unsigned flags) {
    uint64_t start = MAX(align_down(wish, PAGE_SIZE), vm_lowest_address());
    uint64_t end = flags & VM_MAP_LOW ? low_window.end : USER_END;

    if (wish < PAGE_SIZE || start >= end || size > end - start)
        return 0;
    return vm_area_range_is_clear(&space->areas, start, start + size) ? start : 0;
}

/* The lowest place, where that is asked for or there is none below the top. 0: none. */
static __attribute__((noinline)) uint64_t choose_upwards(struct vm_space *space, uint64_t size,
                                                         unsigned flags) {
    const struct vm_range all = {vm_lowest_address(), USER_END};
    const struct vm_range upwards = {space->mmap_bottom, USER_END};
    uint64_t address = 0;

    if (flags & VM_MAP_LOW)
        return vm_area_gap_from_bottom(&space->areas, size, low_window);
    if (space->mmap_bottom)
        address = vm_area_gap_from_bottom(&space->areas, size, upwards);
    return address ? address : vm_area_gap_from_bottom(&space->areas, size, all);
}

uint64_t vm_choose_address(struct vm_space *space, uint64_t wish, uint64_t size, unsigned flags) {
    uint64_t address = wish ? grant_wish(space, wish, size, flags) : 0;

    if (!address && !(flags & VM_MAP_LOW) && !space->mmap_bottom) {
        const struct vm_range below_top = {vm_lowest_address(), space->mmap_top};

        address = vm_area_gap_from_top(&space->areas, size, below_top);
    }
    return address ? address : choose_upwards(space, size, flags);
}

/* What is wrong with a request whatever the space is like; 0 if nothing. See vm_map. */
static int map_check(const struct vm_map_request *request) {
    uint64_t address = request->address;

    if (request->length == 0 || !is_aligned(request->offset, PAGE_SIZE))
        return -EINVAL;
    if (request->length > USER_END)
        return -ENOMEM;
    if (request->object && request->offset > OFFSET_MAX - align_up(request->length, PAGE_SIZE))
        return -EOVERFLOW;
    if ((request->flags & VM_MAP_SHARED) && !request->object)
        return -EINVAL;
    if (request->object && vm_object_is_device(request->object) &&
        !(request->flags & VM_MAP_SHARED))
        return -EINVAL;
    if (!(request->flags & VM_MAP_EXACT))
        return 0;
    if (!is_aligned(address, PAGE_SIZE))
        return -EINVAL;
    if (address >= USER_END || align_up(request->length, PAGE_SIZE) > USER_END - address)
        return -ENOMEM;
    return address < USER_MIN ? -EPERM : 0;
}

/* Where the request goes. 0, -ENOMEM, -EEXIST. */
static int place_request(struct vm_space *space, const struct vm_map_request *request,
                         struct vm_range *range) {
    uint64_t size = align_up(request->length, PAGE_SIZE);

    range->start = request->flags & VM_MAP_EXACT
                       ? request->address
                       : vm_choose_address(space, request->address, size, request->flags);
    range->end = range->start + size;
    if (range->start == 0)
        return -ENOMEM;
    if ((request->flags & VM_MAP_NOREPLACE) &&
        !vm_area_range_is_free(&space->areas, range->start, range->end))
        return -EEXIST;
    return 0;
}

/*
 * The flags of the area to be made. What is locked from now on, devices' pages never; what is
 * private and writable is promised, and in mode 2 nobody can do without.
 */
static uint32_t area_flags(const struct vm_space *space, const struct vm_map_request *request) {
    uint32_t flags = (request->flags & ~VM_MAP_PLACING) | space->future_flags;
    bool never =
        (flags & VM_AREA_LOCK_FLAGS) && request->object && vm_object_is_device(request->object);

    if (never)
        flags &= ~VM_AREA_LOCK_FLAGS;
    if (vm_commit_mode() == VM_COMMIT_NEVER)
        flags &= ~VM_AREA_NO_RESERVE;
    if ((request->prot & VM_WRITE) && !(flags & (VM_AREA_SHARED | VM_AREA_NO_RESERVE)))
        flags |= VM_AREA_ACCOUNTED;
    return flags;
}

/* What is to be there, as an area that is in no set and has no backing yet. */
static void describe(struct vm_area *like, struct vm_space *space,
                     const struct vm_map_request *request, struct vm_range range) {
    like->space = space;
    like->start = range.start;
    like->end = range.end;
    like->prot = (uint8_t)(request->prot & VM_RIGHTS);
    like->max_prot = (uint8_t)(request->max_prot ? request->max_prot : VM_RIGHTS);
    like->flags = area_flags(space, request);
    /* Without an object the index says nothing; the page number lets neighbours be joined. */
    like->offset_pages = (request->object ? request->offset : range.start) >> PAGE_SHIFT;
    like->object = request->object;
    like->shadow = NULL;
}

/* Whether limits allow that the new area is locked, if it is. 0, -EPERM, -EAGAIN. */
static int lock_limits_check(struct vm_space *space, unsigned flags, uint64_t bytes) {
    if ((flags & VM_MAP_LOCKED) && space->limits.locked_bytes == 0)
        return -EPERM;
    if (!((flags | space->future_flags) & VM_AREA_LOCKED))
        return 0;
    return vm_lock_limit_allows(space, bytes) ? 0 : -EAGAIN;
}

/*
 * Whether limits, commitment and the number of areas allow the area, which promises what comes to
 * it. 0 or as vm_map.
 */
static int reserve_area(struct vm_space *space, const struct vm_map_request *request,
                        const struct vm_area *like) {
    struct vm_range range = {like->start, like->end};
    uint64_t bytes = range.end - range.start;
    int error = lock_limits_check(space, request->flags, bytes);
    struct vm_replaced replaced = {0};

    if (!vm_space_has_room(space, 0))
        return -ENOMEM;
    if (error < 0)
        return error;
    if (request->flags & VM_MAP_FIXED)
        replaced = vm_range_replaced(space, range);
    return vm_limits_reserve(space, like, bytes, replaced);
}

/* Maps where nothing is. 0, -ENOMEM, -EPERM: the object does not admit the area. */
static int map_free(struct vm_space *space, const struct vm_area *like) {
    struct vm_area *area = vm_area_add(&space->areas, like);

    if (!area)
        return -ENOMEM;
    if (!area->object || vm_object_admits(area->object, area))
        return 0;
    vm_area_drop(&space->areas, area);
    return -EPERM;
}

/* Maps in place of what may be there, which stays unless all else is ready. As map_free. */
static int map_over(struct vm_space *space, const struct vm_area *like) {
    struct vm_area *area = vm_area_create(space, like->object, like->flags);
    struct vm_range range = {like->start, like->end};
    int error;

    if (!area)
        return -ENOMEM;
    area->start = like->start;
    area->end = like->end;
    area->prot = like->prot;
    area->max_prot = like->max_prot;
    area->offset_pages = like->offset_pages;
    error = area->object && !vm_object_admits(area->object, area) ? -EPERM : 0;
    if (error == 0)
        error = space->leaving ? unmap_range_long(space, range) : unmap_range(space, range);
    if (error < 0) {
        vm_area_destroy(area);
        return error;
    }
    vm_area_insert(&space->areas, area);
    vm_area_join(&space->areas, area);
    return 0;
}

int vm_map_locked(struct vm_space *space, const struct vm_map_request *request, uint64_t *address) {
    struct vm_range range;
    struct vm_area like;
    int error = place_request(space, request, &range);

    DEBUG_ASSERT(spin_held(&space->lock));
    if (error < 0)
        return error;
    describe(&like, space, request, range);
    error = reserve_area(space, request, &like);
    if (error == 0)
        error = request->flags & VM_MAP_FIXED ? map_over(space, &like) : map_free(space, &like);
    vm_commit_settle(space);
    space->peak_bytes = MAX(space->peak_bytes, space->areas.bytes);
    if (error == 0)
        *address = range.start;
    return error;
}

/* vm_map of more than a slice at a place where something may be. */
static __attribute__((noinline)) int
map_long(struct vm_space *space, const struct vm_map_request *request, uint64_t *address) {
    struct vm_range range = {request->address,
                             request->address + align_up(request->length, PAGE_SIZE)};
    struct vm_leaving leaving = {.areas = NULL};
    int error;

    vm_space_lock_beside(space, range);
    space->leaving = &leaving;
    error = vm_map_locked(space, request, address);
    space->leaving = NULL;
    if (leaving.areas)
        vm_narrow(space, range, 0);
    DEBUG_ASSERT(vm_check_passes_call_locked(space, range));
    vm_space_unlock(space);
    vm_leaving_give_back(&leaving);
    return error;
}

int vm_map(struct vm_space *space, const struct vm_map_request *request, uint64_t *address) {
    int error = map_check(request);
    struct vm_range range;

    if (error < 0)
        return error;
    if (request->length > VM_SLICE_BYTES && (request->flags & VM_MAP_FIXED))
        return map_long(space, request, address);
    /* What is being narrowed in areas that go now is removed with them. */
    vm_space_lock_beside(space, VM_RANGE_VACANT);
    error = vm_map_locked(space, request, address);
    range.start = error < 0 ? request->address : *address;
    range.end = range.start + request->length;
    DEBUG_ASSERT(vm_check_passes_call_locked(space, range));
    vm_space_unlock(space);
    return error;
}
