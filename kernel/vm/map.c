/* SPDX-License-Identifier: MIT */
/*
 * mmap and munmap on one address space.
 *
 * Each call has the same shape: check the arguments, find out what has to be done, get everything
 * that can fail (areas for the splits, un-shared paths in shadows), then do what cannot fail. A
 * split that turns out to be for nothing is joined again.
 *
 * Order of taking away: first the pmap forgets (and no processor can use the entries any more),
 * then the pages are given back.
 */
#include "vm/map.h"

#include "abi/errno.h"
#include "core/assert.h"
#include "lib/bits.h"
#include "vm/commit.h"
#include "vm/map_private.h"
#include "vm/pmap.h"

/* Offsets in a file end here, as off_t does. */
#define OFFSET_MAX ((uint64_t)INT64_MAX)

/* ---- unmap ---- */

static uint64_t area_end_index(const struct vm_area *area) {
    return area->offset_pages + ((area->end - area->start) >> PAGE_SHIFT);
}

/* A shadow that other areas use as well is cut; one that is ours alone goes as a whole. */
static bool shadow_must_be_cut(const struct vm_area *area) {
    return area->shadow && area->shadow->areas > 1;
}

/* Prepares all cuts of shadows in the range, whose first area is given. 0 or -ENOMEM. */
static int prepare_cuts(struct vm_area *area, struct vm_range range) {
    int error = 0;

    for (; area && error == 0; area = vm_range_next(area, range)) {
        if (shadow_must_be_cut(area))
            error = page_tree_remove_prepare(&area->shadow->tree, area->offset_pages,
                                             area_end_index(area));
    }
    return error;
}

static void remove_area(struct vm_space *space, struct vm_area *area) {
    if (shadow_must_be_cut(area))
        page_tree_remove(&area->shadow->tree, area->offset_pages, area_end_index(area));
    vm_area_remove(&space->areas, area);
    vm_area_destroy(area);
}

/* Unmaps a range of whole pages; what was promised for them is left to the caller to settle. */
static int unmap_areas(struct vm_space *space, struct vm_range range) {
    struct vm_area *area = vm_range_first(space, range);
    struct vm_area *next;

    if (!area)
        return 0;
    if (area->start != range.start || area->end != range.end) {
        if (vm_range_split(space, range) < 0)
            return -ENOMEM;
        area = vm_range_first(space, range);
    }
    if (prepare_cuts(area, range) < 0) {
        vm_range_join(space, range);
        return -ENOMEM;
    }
    pmap_remove(space->pmap, range.start, range.end);
    for (; area; area = next) {
        next = vm_range_next(area, range);
        remove_area(space, area);
    }
    return 0;
}

int vm_unmap_locked(struct vm_space *space, struct vm_range range) {
    int error = unmap_areas(space, range);

    DEBUG_ASSERT(spin_held(&space->lock));
    vm_commit_settle(space);
    return error;
}

int vm_unmap(struct vm_space *space, uint64_t address, uint64_t length) {
    struct vm_range range;
    int error;

    if (length == 0 || vm_range_of_pages(address, length, &range) < 0)
        return -EINVAL;
    spin_lock(&space->lock);
    error = vm_unmap_locked(space, range);
    spin_unlock(&space->lock);
    return error;
}

/* ---- map ---- */

/* What a mapping at a fixed place would replace. */
struct replaced {
    uint64_t bytes;
    uint64_t accounted_bytes;
};

static struct replaced replaced_in(struct vm_space *space, struct vm_range range) {
    struct replaced replaced = {0};
    struct vm_area *area = vm_range_first(space, range);

    for (; area; area = vm_range_next(area, range)) {
        uint64_t bytes = MIN(area->end, range.end) - MAX(area->start, range.start);

        replaced.bytes += bytes;
        replaced.accounted_bytes += area->flags & VM_AREA_ACCOUNTED ? bytes : 0;
    }
    return replaced;
}

/*
 * Sees that limits and commitment allow the area in place of what is there, and promises what comes
 * to it. 0 or -ENOMEM.
 */
static int reserve_for(struct vm_space *space, const struct vm_area *area, bool may_replace) {
    struct replaced replaced = {0};
    uint64_t bytes = area->end - area->start;
    uint64_t accounted = area->flags & VM_AREA_ACCOUNTED ? bytes : 0;

    if (may_replace)
        replaced = replaced_in(space, (struct vm_range){area->start, area->end});
    if (!vm_space_may_grow(space, (int64_t)(bytes - replaced.bytes),
                           vm_area_is_data(area->prot, area->flags)))
        return -ENOMEM;
    if (accounted <= replaced.accounted_bytes)
        return 0;
    return vm_commit_reserve(space, accounted - replaced.accounted_bytes);
}

/* A free range for the request: at its wish, or the highest one. 0: none. */
static uint64_t choose_address(struct vm_space *space, uint64_t wish, uint64_t size) {
    const uint64_t lowest = vm_lowest_address();
    const struct vm_range all = {lowest, USER_END};
    const struct vm_range below_top = {lowest, space->mmap_top};
    const struct vm_range upwards = {space->mmap_bottom, USER_END};
    uint64_t address;

    wish = align_down(wish, PAGE_SIZE);
    wish = wish ? MAX(wish, lowest) : 0;
    if (wish && wish < USER_END && size <= USER_END - wish &&
        vm_area_range_is_free(&space->areas, wish, wish + size))
        return wish;
    address = space->mmap_bottom ? vm_area_gap_from_bottom(&space->areas, size, upwards)
                                 : vm_area_gap_from_top(&space->areas, size, below_top);
    return address ? address : vm_area_gap_from_bottom(&space->areas, size, all);
}

int vm_map_check(const struct vm_map_request *request) {
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
    if (!(request->flags & VM_MAP_PLACING))
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

    range->start = request->flags & VM_MAP_PLACING ? request->address
                                                   : choose_address(space, request->address, size);
    range->end = range->start + size;
    if (range->start == 0)
        return -ENOMEM;
    if ((request->flags & VM_MAP_NOREPLACE) &&
        !vm_area_range_is_free(&space->areas, range->start, range->end))
        return -EEXIST;
    return 0;
}

/* What the area becomes by the request's flags and rights, and by whether all must be promised. */
static uint32_t area_flags(const struct vm_map_request *request) {
    uint32_t flags = request->flags & ~VM_MAP_PLACING;

    if (vm_commit_mode() == VM_COMMIT_NEVER)
        flags &= ~VM_AREA_NO_RESERVE;
    if ((request->prot & VM_WRITE) && !(flags & (VM_AREA_SHARED | VM_AREA_NO_RESERVE)))
        flags |= VM_AREA_ACCOUNTED;
    return flags;
}

static struct vm_area *area_for(struct vm_space *space, const struct vm_map_request *request,
                                struct vm_range range) {
    struct vm_area *area = vm_area_create(space, request->object, area_flags(request));

    if (!area)
        return NULL;
    area->start = range.start;
    area->end = range.end;
    area->prot = (uint8_t)(request->prot & VM_RIGHTS);
    area->max_prot = (uint8_t)(request->max_prot ? request->max_prot : VM_RIGHTS);
    /* Without an object the index says nothing; the page number lets neighbours be joined. */
    area->offset_pages = (request->object ? request->offset : range.start) >> PAGE_SHIFT;
    return area;
}

int vm_map_locked(struct vm_space *space, const struct vm_map_request *request, uint64_t *address) {
    bool replaces = request->flags & VM_MAP_FIXED;
    struct vm_range range;
    struct vm_area *area;
    int error = place_request(space, request, &range);

    DEBUG_ASSERT(spin_held(&space->lock));
    if (error < 0)
        return error;
    area = area_for(space, request, range);
    if (!area)
        return -ENOMEM;
    if (area->object && !vm_object_admits(area->object, area))
        error = -EPERM;
    else
        error = reserve_for(space, area, replaces);
    if (error < 0)
        goto destroy_area;
    if (replaces)
        error = unmap_areas(space, range);
    if (error < 0)
        goto give_back;
    vm_area_insert(&space->areas, area);
    vm_area_join(&space->areas, area);
    vm_commit_settle(space);
    space->peak_bytes = MAX(space->peak_bytes, space->areas.bytes);
    *address = range.start;
    return 0;

give_back:
    vm_commit_settle(space);
destroy_area:
    vm_area_destroy(area);
    return error;
}

int vm_map(struct vm_space *space, const struct vm_map_request *request, uint64_t *address) {
    int error = vm_map_check(request);

    if (error < 0)
        return error;
    spin_lock(&space->lock);
    error = vm_map_locked(space, request, address);
    spin_unlock(&space->lock);
    return error;
}
