/* SPDX-License-Identifier: MIT */
/*
 * brk on one address space: the heap is one area, grown and cut at its end.
 */
#include "abi/errno.h"
#include "core/assert.h"
#include "lib/bits.h"
#include "vm/check.h"
#include "vm/leaving.h"
#include "vm/map.h"
#include "vm/map_private.h"
#include "vm/space_lock.h"

/* Grows the heap from old to new, both page-aligned. 0 or a negative errno. */
static int heap_grow(struct vm_space *space, uint64_t old, uint64_t new) {
    struct vm_map_request request = {
        .address = old,
        .length = new - old,
        .prot = VM_READ | VM_WRITE,
        .flags = VM_MAP_NOREPLACE | VM_MAP_HEAP,
    };
    uint64_t address;

    /* A page is left free behind the heap, and the guard of a stack. */
    if (!vm_area_range_is_clear(&space->areas, old, new + PAGE_SIZE))
        return -ENOMEM;
    return vm_map_locked(space, &request, &address);
}

static int brk_locked(struct vm_space *space, uint64_t address, struct vm_leaving *leaving) {
    uint64_t old = align_up(space->brk, PAGE_SIZE);
    uint64_t new = align_up(address, PAGE_SIZE);
    int error = 0;

    if (space->brk_start == 0 || address < space->brk_start || address > USER_END)
        return -EINVAL;
    if (address - space->brk_start + space->segment_bytes > space->limits.data_bytes)
        return -ENOMEM;
    if (new > old)
        error = heap_grow(space, old, new);
    else if (new < old)
        error = vm_unmap_leaving(space, (struct vm_range){new, old}, leaving);
    if (error == 0)
        space->brk = address;
    return error;
}

uint64_t vm_brk(struct vm_space *space, uint64_t address) {
    struct vm_range range;
    struct vm_leaving leaving = {.areas = NULL};
    uint64_t brk;

    vm_space_lock(space);
    brk = space->brk;
    brk_locked(space, address, &leaving);
    range = (struct vm_range){MIN(brk, space->brk), MAX(brk, space->brk)};
    brk = space->brk;
    DEBUG_ASSERT(vm_check_passes_call_locked(space, range));
    vm_space_unlock(space);
    vm_leaving_give_back(&leaving);
    return brk;
}
