/* SPDX-License-Identifier: MIT */
/*
 * mprotect on one address space. Rights that are added come by faults; only what is taken away is
 * told to the pmap.
 */
#include "abi/errno.h"
#include "core/assert.h"
#include "lib/bits.h"
#include "vm/map.h"
#include "vm/map_private.h"
#include "vm/pmap.h"

static int protect_locked(struct vm_space *space, struct vm_range range, unsigned prot) {
    unsigned taken = 0;
    struct vm_area *area;
    int error = vm_range_allows(space, range, prot);

    DEBUG_ASSERT(spin_held(&space->lock));
    if (error == 0)
        error = vm_range_split(space, range);
    if (error < 0)
        return error;
    for (area = vm_range_first(space, range); area; area = vm_range_next(area, range)) {
        taken |= area->prot & ~prot;
        area->prot = (uint8_t)prot;
        area = vm_area_join(&space->areas, area);
    }
    vm_range_join(space, range);
    if (taken)
        pmap_protect(space->pmap, range.start, range.end, prot);
    return 0;
}

int vm_protect(struct vm_space *space, uint64_t address, uint64_t length, unsigned prot) {
    struct vm_range range;
    int error;

    if (!is_aligned(address, PAGE_SIZE) || (prot & ~VM_RIGHTS))
        return -EINVAL;
    if (length == 0)
        return 0;
    if (vm_range_of_pages(address, length, &range) < 0)
        return -ENOMEM;
    spin_lock(&space->lock);
    error = protect_locked(space, range, prot);
    spin_unlock(&space->lock);
    return error;
}
