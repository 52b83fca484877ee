/* SPDX-License-Identifier: MIT */
/*
 * mprotect on one address space. Rights that are added come by faults; only what is taken away is
 * told to the pmap.
 */
#include "abi/errno.h"
#include "core/assert.h"
#include "lib/bits.h"
#include "vm/commit.h"
#include "vm/map.h"
#include "vm/map_private.h"
#include "vm/pmap.h"

/*
 * The flags of an area once it has other rights. What becomes writable is promised from then on;
 * the promise ends early only where nothing private was ever made.
 */
static unsigned flags_with(const struct vm_area *area, unsigned prot) {
    const unsigned never = VM_AREA_SHARED | VM_AREA_NO_RESERVE;

    if (prot & VM_WRITE)
        return area->flags & never ? area->flags : area->flags | VM_AREA_ACCOUNTED;
    return area->shadow ? area->flags : area->flags & ~VM_AREA_ACCOUNTED;
}

/*
 * Sees that limits and commitment allow the pages that become writable, and promises them. 0 or
 * -ENOMEM.
 */
static int reserve_writable(struct vm_space *space, struct vm_range range) {
    uint64_t data = 0, accounted = 0;
    struct vm_area *area;

    for (area = vm_range_first(space, range); area; area = vm_range_next(area, range)) {
        unsigned flags = flags_with(area, area->prot | VM_WRITE);
        uint64_t bytes = MIN(area->end, range.end) - MAX(area->start, range.start);

        if (!vm_area_is_data(area->prot, flags) && vm_area_is_data(VM_WRITE, flags))
            data += bytes;
        if (~area->flags & flags & VM_AREA_ACCOUNTED)
            accounted += bytes;
    }
    if (data > 0 && !vm_space_may_have_data(space, (int64_t)data))
        return -ENOMEM;
    return vm_commit_reserve(space, accounted);
}

/* What cannot fail: the areas of the range get their new rights. Returns the rights taken away. */
static unsigned set_rights(struct vm_space *space, struct vm_range range, unsigned prot) {
    unsigned taken = 0;
    struct vm_area *area;

    for (area = vm_range_first(space, range); area; area = vm_range_next(area, range)) {
        taken |= area->prot & ~prot;
        vm_area_set_rights(&space->areas, area, prot, flags_with(area, prot));
        area = vm_area_join(&space->areas, area);
    }
    vm_range_join(space, range);
    return taken;
}

static int protect_locked(struct vm_space *space, struct vm_range range, unsigned prot) {
    unsigned taken = 0;
    int error = vm_range_allows(space, range, prot);

    DEBUG_ASSERT(spin_held(&space->lock));
    if (error == 0 && (prot & VM_WRITE))
        error = reserve_writable(space, range);
    if (error == 0)
        error = vm_range_split(space, range);
    if (error == 0)
        taken = set_rights(space, range, prot);
    vm_commit_settle(space);
    if (error < 0)
        return error;
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
