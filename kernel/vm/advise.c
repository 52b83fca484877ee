/* SPDX-License-Identifier: MIT */
/*
 * madvise on one address space: forgetting contents.
 */
#include "abi/errno.h"
#include "core/assert.h"
#include "lib/bits.h"
#include "vm/map.h"
#include "vm/map_private.h"
#include "vm/pmap.h"

/* The indexes of the part of an area that lies in the range. */
static struct vm_range index_range(const struct vm_area *area, struct vm_range range) {
    return (struct vm_range){vm_area_index(area, MAX(area->start, range.start)),
                             vm_area_index(area, MIN(area->end, range.end))};
}

static int discard_locked(struct vm_space *space, struct vm_range range) {
    struct vm_area *first = vm_area_find_from(&space->areas, range.start);
    struct vm_area *area;
    int error = vm_range_allows(space, range, 0);

    DEBUG_ASSERT(spin_held(&space->lock));
    for (area = first; error == 0 && area && area->start < range.end; area = vm_area_next(area)) {
        struct vm_range part = index_range(area, range);

        if (area->shadow)
            error = page_tree_remove_prepare(&area->shadow->tree, part.start, part.end);
    }
    if (error < 0)
        return error;
    pmap_remove(space->pmap, range.start, range.end);
    for (area = first; area && area->start < range.end; area = vm_area_next(area)) {
        struct vm_range part = index_range(area, range);

        if (area->shadow)
            page_tree_remove(&area->shadow->tree, part.start, part.end);
    }
    return 0;
}

int vm_discard(struct vm_space *space, uint64_t address, uint64_t length) {
    struct vm_range range;
    int error;

    if (vm_range_of_pages(address, length, &range) < 0)
        return -EINVAL;
    spin_lock(&space->lock);
    error = discard_locked(space, range);
    spin_unlock(&space->lock);
    return error;
}

int vm_is_mapped(struct vm_space *space, uint64_t address, uint64_t length) {
    struct vm_range range;
    int error;

    if (vm_range_of_pages(address, length, &range) < 0)
        return -EINVAL;
    spin_lock(&space->lock);
    error = vm_range_allows(space, range, 0);
    spin_unlock(&space->lock);
    return error;
}
