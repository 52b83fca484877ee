/* SPDX-License-Identifier: MIT */
/*
 * Ranges of pages and the areas in them: see map_private.h.
 */
#include "vm/map_private.h"

#include "abi/errno.h"
#include "lib/bits.h"

void vm_range_join(struct vm_space *space, struct vm_range range) {
    const uint64_t edges[2] = {range.start, range.end};

    for (unsigned i = 0; i < 2; i++) {
        struct vm_area *area = vm_area_find_from(&space->areas, edges[i]);

        if (area && area->start == edges[i])
            vm_area_join(&space->areas, area);
    }
}

static int split_at(struct vm_space *space, uint64_t at) {
    struct vm_area *area = vm_area_find(&space->areas, at);

    if (!area || area->start == at)
        return 0;
    return vm_area_split(&space->areas, area, at) ? 0 : -ENOMEM;
}

int vm_range_split(struct vm_space *space, struct vm_range range) {
    if (split_at(space, range.start) < 0)
        return -ENOMEM;
    if (split_at(space, range.end) < 0) {
        vm_range_join(space, range);
        return -ENOMEM;
    }
    return 0;
}

/* Whether an area begins before at and ends behind it. */
static bool is_inside(struct vm_space *space, uint64_t at) {
    struct vm_area *area = vm_area_find(&space->areas, at);

    return area && area->start < at;
}

bool vm_range_may_split(struct vm_space *space, struct vm_range range) {
    unsigned splits;

    if (vm_space_has_room(space, 2))
        return true;
    splits = is_inside(space, range.start) + is_inside(space, range.end);
    return splits == 0 || vm_space_has_room(space, splits);
}

/* The flags that a change gives an area. */
static uint32_t changed_flags(const struct vm_area *area, struct vm_flag_change change) {
    uint32_t set = change.set;

    if ((set & VM_AREA_LOCK_FLAGS) && area->object && vm_object_is_device(area->object))
        set &= ~VM_AREA_LOCK_FLAGS;
    return (area->flags & ~change.clear) | set;
}

int vm_range_change_flags(struct vm_space *space, struct vm_range range,
                          struct vm_flag_change change) {
    struct vm_area *area = vm_range_first(space, range);
    bool same = true;

    for (; area; area = vm_range_next(area, range))
        same &= changed_flags(area, change) == area->flags;
    if (same)
        return 0;
    if (!vm_range_may_split(space, range) || vm_range_split(space, range) < 0)
        return -ENOMEM;
    for (area = vm_range_first(space, range); area; area = vm_range_next(area, range)) {
        vm_area_set_flags(&space->areas, area, changed_flags(area, change));
        area = vm_area_join(&space->areas, area);
    }
    vm_range_join(space, range);
    return 0;
}

uint64_t vm_range_mapped_end(struct vm_space *space, struct vm_range range) {
    struct vm_area *area = vm_area_find(&space->areas, range.start);
    uint64_t end = range.start;

    for (; area && area->start <= end && end < range.end; area = vm_area_next(area))
        end = area->end;
    return MIN(end, range.end);
}

struct vm_area *vm_range_first(struct vm_space *space, struct vm_range range) {
    struct vm_area *area = vm_area_find_from(&space->areas, range.start);

    return area && area->start < range.end ? area : NULL;
}

struct vm_area *vm_range_next(struct vm_area *area, struct vm_range range) {
    area = vm_area_next(area);
    return area && area->start < range.end ? area : NULL;
}

int vm_range_of_pages(uint64_t address, uint64_t length, struct vm_range *range) {
    if (!is_aligned(address, PAGE_SIZE) || address >= USER_END || length > USER_END - address)
        return -EINVAL;
    *range = (struct vm_range){address, align_up(address + length, PAGE_SIZE)};
    return 0;
}

int vm_range_reach(uint64_t address, uint64_t length, struct vm_range *range) {
    uint64_t size = align_up(length, PAGE_SIZE);

    if (size < length || address + size < address)
        return -EINVAL;
    *range = (struct vm_range){address, address + size};
    return 0;
}
