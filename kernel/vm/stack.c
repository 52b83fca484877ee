/* SPDX-License-Identifier: MIT */
/*
 * Areas that grow down by a fault below them; see stack.h.
 */
#include "vm/stack.h"

#include "lib/bits.h"
#include "vm/commit.h"

/* Whether the limits let a stack grow down to va. */
static bool stack_limits_allow(struct vm_space *space, const struct vm_area *area, uint64_t va) {
    const struct vm_limits *limits = &space->limits;
    uint64_t more = area->start - va;

    return area->end - va <= limits->stack_bytes &&
           vm_space_may_grow(space, (int64_t)more, false) &&
           (!(area->flags & VM_AREA_LOCKED) ||
            space->areas.locked_bytes + more <= limits->locked_bytes);
}

/*
 * Whether a stack that ends at area->end may reach down to va. What grows down or has no rights
 * below it needs no distance. A stack that was moved up runs out of indexes at last.
 */
static bool stack_may_grow(struct vm_space *space, const struct vm_area *area, uint64_t va) {
    const struct vm_area *below = vm_area_prev(area);
    uint64_t lowest = below ? below->end : 0;

    if (below && !(below->flags & VM_AREA_GROWS_DOWN) && below->prot)
        lowest += vm_stack_guard_bytes;
    return va >= MAX(lowest, vm_lowest_address()) &&
           (area->start - va) >> PAGE_SHIFT <= area->offset_pages &&
           stack_limits_allow(space, area, va);
}

struct vm_area *vm_stack_grow(struct vm_space *space, uint64_t va) {
    struct vm_area *area = vm_area_find_from(&space->areas, va);

    if (!area || !(area->flags & VM_AREA_GROWS_DOWN) || !stack_may_grow(space, area, va))
        return NULL;
    if (area->flags & VM_AREA_ACCOUNTED && vm_commit_reserve(space, area->start - va) < 0)
        return NULL;
    vm_area_resize(&space->areas, area, va, area->end);
    space->peak_bytes = MAX(space->peak_bytes, space->areas.bytes);
    return vm_area_join(&space->areas, area);
}
