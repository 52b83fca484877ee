/* SPDX-License-Identifier: MIT */
/*
 * mprotect and msync on one address space.
 *
 * mprotect goes as far as it can: up to a hole, or an area that may not have the rights. Rights
 * that are added come by faults; only what is taken away is told to the pmap, as the last step.
 */
#include "abi/errno.h"
#include "core/assert.h"
#include "lib/bits.h"
#include "vm/check.h"
#include "vm/commit.h"
#include "vm/map.h"
#include "vm/map_private.h"
#include "vm/narrow.h"
#include "vm/space_lock.h"

/* Cuts the range off at what is in the way. What the call is to answer: 0, -ENOMEM, -EACCES. */
static int protect_reach(struct vm_space *space, struct vm_range *range, unsigned prot) {
    struct vm_area *area = vm_area_find(&space->areas, range->start);
    uint64_t end = range->start;
    int answer = 0;

    for (; end < range->end; area = vm_area_next(area)) {
        if (!area || area->start > end)
            answer = -ENOMEM;
        else if (prot & ~area->max_prot)
            answer = -EACCES;
        if (answer < 0)
            break;
        end = area->end;
    }
    range->end = MIN(range->end, end);
    return answer;
}

/*
 * The flags of an area once it has other rights. What becomes writable is promised from then on;
 * the promise ends early only where nothing private was ever made.
 */
static uint32_t flags_with(const struct vm_area *area, unsigned prot) {
    const uint32_t never = VM_AREA_SHARED | VM_AREA_NO_RESERVE;

    if (prot & VM_WRITE)
        return area->flags & never ? area->flags : area->flags | VM_AREA_ACCOUNTED;
    return area->shadow ? area->flags : area->flags & ~VM_AREA_ACCOUNTED;
}

/* Whether one area has all of the range, and its pages are as good as writable for all counts. */
static bool is_counted(struct vm_space *space, struct vm_range range) {
    const struct vm_area *area = vm_range_first(space, range);

    return area->start <= range.start && range.end <= area->end &&
           ((area->prot & VM_WRITE) || space->limits.data_bytes == UINT64_MAX) &&
           (area->flags & (VM_AREA_ACCOUNTED | VM_AREA_SHARED | VM_AREA_NO_RESERVE));
}

/*
 * Sees that limits and commitment allow the pages that become writable, and promises them. 0 or
 * -ENOMEM.
 */
static int reserve_writable(struct vm_space *space, struct vm_range range) {
    uint64_t data = 0, accounted = 0;
    struct vm_area *area;

    for (area = vm_range_first(space, range); area; area = vm_range_next(area, range)) {
        uint32_t flags = flags_with(area, area->prot | VM_WRITE);
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

/*
 * What cannot fail: the areas of the range get their new rights. Returns those that some lose, if
 * the table is still to be told: of a long range, as the last step of the call.
 */
static unsigned set_rights(struct vm_space *space, struct vm_range range, unsigned prot) {
    struct vm_area *area, *last = NULL;
    unsigned taken = 0;

    for (area = vm_range_first(space, range); area; area = vm_range_next(area, range)) {
        taken |= area->prot & ~prot;
        vm_area_set_rights(&space->areas, area, prot, flags_with(area, prot));
        last = area = vm_area_join(&space->areas, area);
    }
    /* Where the range ends in what had these rights already, the cut is for nothing. */
    if (last && last->next && vm_area_can_join(last, last->next))
        vm_area_join(&space->areas, last);
    if (taken && range.end - range.start <= VM_SLICE_BYTES) {
        pmap_protect(space->pmap, range.start, range.end, prot);
        taken = 0;
    }
    return taken;
}

/* Sets the rights of a range that is mapped and may have them. 0 or -ENOMEM and nothing changed. */
static int protect_range(struct vm_space *space, struct vm_range range, unsigned prot) {
    unsigned taken = 0;
    int error = 0;

    if ((prot & VM_WRITE) && !is_counted(space, range))
        error = reserve_writable(space, range);
    if (error == 0 && (!vm_range_may_split(space, range) || vm_range_split(space, range) < 0))
        error = -ENOMEM;
    if (error == 0)
        taken = set_rights(space, range, prot);
    vm_commit_settle(space);
    if (taken)
        vm_narrow_long(space, range, prot);
    return error;
}

/* PROT_GROWSDOWN: begins where the area begins, which has to be a stack. 0, -ENOMEM, -EINVAL. */
static int reach_down(struct vm_space *space, struct vm_range *range) {
    struct vm_area *area = vm_range_first(space, *range);

    if (!area)
        return -ENOMEM;
    range->start = area->start;
    return area->flags & VM_AREA_GROWS_DOWN ? 0 : -EINVAL;
}

static int protect_locked(struct vm_space *space, struct vm_range range, unsigned prot) {
    int error = prot & VM_PROTECT_GROWS_DOWN ? reach_down(space, &range) : 0;
    int answer;

    DEBUG_ASSERT(spin_held(&space->lock));
    if (error < 0)
        return error;
    answer = protect_reach(space, &range, prot & VM_RIGHTS);
    if (range.start < range.end)
        error = protect_range(space, range, prot & VM_RIGHTS);
    return error < 0 ? error : answer;
}

int vm_protect(struct vm_space *space, uint64_t address, uint64_t length, unsigned prot) {
    struct vm_range range;
    int error;

    if (!is_aligned(address, PAGE_SIZE) || (prot & ~(VM_RIGHTS | VM_PROTECT_GROWS_DOWN)))
        return -EINVAL;
    if (length == 0)
        return 0;
    if (vm_range_reach(address, length, &range) < 0)
        return -ENOMEM;
    if (prot & VM_PROTECT_GROWS_DOWN)
        vm_space_lock(space);
    else
        vm_space_lock_beside(space, range);
    error = protect_locked(space, range, prot);
    DEBUG_ASSERT(vm_check_passes_call_locked(space, range));
    vm_space_unlock(space);
    return error;
}

/* Whether an area in the range is locked. */
static bool range_is_locked(struct vm_space *space, struct vm_range range) {
    struct vm_area *area = vm_area_find_from(&space->areas, range.start);

    for (; area && area->start < range.end; area = vm_area_next(area)) {
        if (area->flags & VM_AREA_LOCKED)
            return true;
    }
    return false;
}

int vm_is_mapped(struct vm_space *space, uint64_t address, uint64_t length, bool no_locked) {
    struct vm_range range;
    int error = 0;

    if (!is_aligned(address, PAGE_SIZE))
        return -EINVAL;
    if (length == 0)
        return 0;
    if (vm_range_reach(address, length, &range) < 0)
        return -ENOMEM;
    vm_space_lock_beside(space, VM_RANGE_NONE);
    if (no_locked && range_is_locked(space, range))
        error = -EBUSY;
    else if (vm_range_mapped_end(space, range) < range.end)
        error = -ENOMEM;
    vm_space_unlock(space);
    return error;
}
