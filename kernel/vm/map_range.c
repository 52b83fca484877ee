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

int vm_range_allows(struct vm_space *space, struct vm_range range, unsigned prot) {
    uint64_t at = range.start;

    while (at < range.end) {
        struct vm_area *area = vm_area_find(&space->areas, at);

        if (!area)
            return -ENOMEM;
        if (prot & ~area->max_prot)
            return -EACCES;
        at = area->end;
    }
    return 0;
}
