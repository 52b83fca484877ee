/* SPDX-License-Identifier: MIT */
/*
 * Areas that grow down by a fault below them; see stack.h.
 */
#include "vm/stack.h"

#include "lib/bits.h"
#include "vm/commit.h"
#include "vm/pmap.h"

/* Whether the limits let a stack grow down to va. */
static enum vm_stack_answer stack_limits_allow(struct vm_space *space, const struct vm_area *area,
                                               uint64_t va) {
    const struct vm_limits *limits = &space->limits;
    uint64_t more = area->start - va;

    if (area->end - va > limits->stack_bytes)
        return VM_STACK_LIMIT;
    if (!vm_space_may_grow(space, (int64_t)more, false))
        return VM_STACK_SPACE;
    if ((area->flags & VM_AREA_LOCKED) && space->areas.locked_bytes + more > limits->locked_bytes)
        return VM_STACK_LOCKED;
    return VM_STACK_GROWS;
}

/*
 * Whether a stack that ends at area->end may reach down to va. What grows down or has no rights
 * below it needs no distance. A stack that was moved up runs out of indexes at last.
 */
static enum vm_stack_answer stack_may_grow(struct vm_space *space, const struct vm_area *area,
                                           uint64_t va) {
    const struct vm_area *below = vm_area_prev(area);
    uint64_t lowest = below ? below->end : 0;

    if (below && !(below->flags & VM_AREA_GROWS_DOWN) && below->prot)
        lowest += vm_stack_guard_bytes;
    if (va < vm_lowest_address())
        return VM_STACK_TOO_LOW;
    if (va < lowest)
        return VM_STACK_NEIGHBOUR;
    if ((area->start - va) >> PAGE_SHIFT > area->offset_pages)
        return VM_STACK_INDEXES;
    return stack_limits_allow(space, area, va);
}

enum vm_stack_answer vm_stack_may_grow(struct vm_space *space, uint64_t va) {
    const struct vm_area *area = vm_area_find_from(&space->areas, va);

    if (!area || !(area->flags & VM_AREA_GROWS_DOWN))
        return VM_STACK_NONE;
    return stack_may_grow(space, area, va);
}

struct vm_area *vm_stack_grow(struct vm_space *space, uint64_t va) {
    struct vm_area *area = vm_area_find_from(&space->areas, va);

    if (vm_stack_may_grow(space, va) != VM_STACK_GROWS)
        return NULL;
    if (area->flags & VM_AREA_ACCOUNTED && vm_commit_reserve(space, area->start - va) < 0)
        return NULL;
    if (space->narrowings) /* an area may have been here, and its entries may be left */
        pmap_remove(space->pmap, va, area->start);
    vm_area_resize(&space->areas, area, va, area->end);
    space->peak_bytes = MAX(space->peak_bytes, space->areas.bytes);
    return vm_area_join(&space->areas, area);
}
