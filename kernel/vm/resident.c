/* SPDX-License-Identifier: MIT */
/*
 * mincore: which pages are in memory. The truth is asked, not only what the pmap holds just now;
 * but the frame of zeroes is nobody's page, so for it the pmap's word counts.
 */
#include "abi/errno.h"
#include "lib/bits.h"
#include "vm/advise.h"
#include "vm/map_private.h"
#include "vm/pmap.h"
#include "vm/space_lock.h"

static bool object_has(struct vm_object *object, uint64_t index) {
    bool has;

    spin_lock(&object->lock);
    has = page_tree_lookup(&object->tree, index, NULL);
    spin_unlock(&object->lock);
    return has;
}

static bool is_resident(struct vm_space *space, const struct vm_area *area, uint64_t va) {
    uint64_t index = vm_area_index(area, va);
    struct pmap_entry entry;

    if (area->shadow && vm_shadow_lookup(area->shadow, index, NULL))
        return true;
    if (area->object && object_has(area->object, index))
        return true;
    return pmap_lookup(space->pmap, va, &entry);
}

static int resident_locked(struct vm_space *space, struct vm_range range, uint8_t *vector) {
    struct vm_area *area = vm_area_find(&space->areas, range.start);

    if (vm_range_mapped_end(space, range) < range.end)
        return -ENOMEM;
    for (uint64_t va = range.start; va < range.end; va += PAGE_SIZE) {
        if (va == area->end)
            area = vm_area_next(area);
        *vector++ = is_resident(space, area, va);
    }
    return 0;
}

int vm_resident(struct vm_space *space, uint64_t address, size_t pages, uint8_t *vector) {
    struct vm_range range;
    int error;

    if (!is_aligned(address, PAGE_SIZE))
        return -EINVAL;
    if (pages == 0)
        return 0;
    if (pages > USER_END / PAGE_SIZE || vm_range_of_pages(address, pages * PAGE_SIZE, &range) < 0)
        return -ENOMEM;
    vm_space_lock_beside(space, VM_RANGE_NONE);
    error = resident_locked(space, range, vector);
    vm_space_unlock(space);
    return error;
}
