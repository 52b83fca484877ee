/* SPDX-License-Identifier: MIT */
/*
 * The mlock family on one address space: flags of areas, and the limit.
 */
#include "vm/lock.h"

#include "abi/errno.h"
#include "core/assert.h"
#include "lib/bits.h"
#include "vm/check.h"
#include "vm/map_private.h"
#include "vm/space_lock.h"

/* The flags that locking gives areas. */
static struct vm_flag_change lock_change(unsigned flags) {
    uint32_t set = VM_AREA_LOCKED | (flags & VM_LOCK_ON_FAULT ? VM_AREA_LOCK_ON_FAULT : 0);

    return (struct vm_flag_change){set, VM_AREA_LOCK_FLAGS};
}

static const struct vm_flag_change unlock_change = {0, VM_AREA_LOCK_FLAGS};

/* The pages that [address, address + length) touches. 0 or -EINVAL (it wraps). */
static int touched_pages(uint64_t address, uint64_t length, struct vm_range *range) {
    uint64_t start = align_down(address, PAGE_SIZE);

    if (address + length < address)
        return -EINVAL;
    return vm_range_reach(start, length + (address - start), range);
}

/* Bytes of the range that are locked already. */
static uint64_t locked_bytes_in(struct vm_space *space, struct vm_range range) {
    struct vm_area *area = vm_range_first(space, range);
    uint64_t bytes = 0;

    for (; area; area = vm_range_next(area, range)) {
        if (area->flags & VM_AREA_LOCKED)
            bytes += MIN(area->end, range.end) - MAX(area->start, range.start);
    }
    return bytes;
}

static int lock_locked(struct vm_space *space, struct vm_range range, unsigned flags) {
    uint64_t bytes = range.end - range.start;
    uint64_t end = vm_range_mapped_end(space, range);
    int error = 0;

    DEBUG_ASSERT(spin_held(&space->lock));
    if (space->limits.locked_bytes == 0)
        return -EPERM;
    if (!vm_lock_limit_allows(space, bytes) &&
        !vm_lock_limit_allows(space, bytes - locked_bytes_in(space, range)))
        return -ENOMEM;
    if (range.start < end)
        error =
            vm_range_change_flags(space, (struct vm_range){range.start, end}, lock_change(flags));
    return error < 0 || end == range.end ? error : -ENOMEM;
}

int vm_lock(struct vm_space *space, uint64_t address, uint64_t length, unsigned flags) {
    struct vm_range range;
    int error;

    if (touched_pages(address, length, &range) < 0 || (flags & ~VM_LOCK_ON_FAULT))
        return -EINVAL;
    vm_space_lock_beside(space, VM_RANGE_NONE);
    error = lock_locked(space, range, flags);
    DEBUG_ASSERT(vm_check_passes_call_locked(space, range));
    vm_space_unlock(space);
    return error;
}

static int unlock_locked(struct vm_space *space, struct vm_range range) {
    uint64_t end = vm_range_mapped_end(space, range);
    int error = 0;

    DEBUG_ASSERT(spin_held(&space->lock));
    if (range.start < end)
        error = vm_range_change_flags(space, (struct vm_range){range.start, end}, unlock_change);
    return error < 0 || end == range.end ? error : -ENOMEM;
}

int vm_unlock(struct vm_space *space, uint64_t address, uint64_t length) {
    struct vm_range range;
    int error;

    if (touched_pages(address, length, &range) < 0)
        return -EINVAL;
    vm_space_lock_beside(space, VM_RANGE_NONE);
    error = unlock_locked(space, range);
    DEBUG_ASSERT(vm_check_passes_call_locked(space, range));
    vm_space_unlock(space);
    return error;
}

static int lock_all_locked(struct vm_space *space, unsigned flags) {
    const struct vm_range all = {USER_MIN, USER_END};
    struct vm_flag_change change = lock_change(flags);

    DEBUG_ASSERT(spin_held(&space->lock));
    if (space->limits.locked_bytes == 0)
        return -EPERM;
    if ((flags & VM_LOCK_CURRENT) && space->areas.bytes > space->limits.locked_bytes)
        return -ENOMEM;
    space->future_flags = flags & VM_LOCK_FUTURE ? change.set : 0;
    if (flags & VM_LOCK_CURRENT)
        vm_range_change_flags(space, all, change); /* splits nothing: cannot fail */
    return 0;
}

int vm_lock_all(struct vm_space *space, unsigned flags) {
    int error;

    if ((flags & ~(VM_LOCK_ON_FAULT | VM_LOCK_CURRENT | VM_LOCK_FUTURE)) ||
        !(flags & (VM_LOCK_CURRENT | VM_LOCK_FUTURE)))
        return -EINVAL;
    vm_space_lock_beside(space, VM_RANGE_NONE);
    error = lock_all_locked(space, flags);
    DEBUG_ASSERT(vm_check_passes_call_locked(space, VM_RANGE_ALL));
    vm_space_unlock(space);
    return error;
}

void vm_unlock_all(struct vm_space *space) {
    const struct vm_range all = {USER_MIN, USER_END};

    vm_space_lock_beside(space, VM_RANGE_NONE);
    space->future_flags = 0;
    vm_range_change_flags(space, all, unlock_change);
    DEBUG_ASSERT(vm_check_passes_call_locked(space, all));
    vm_space_unlock(space);
}
