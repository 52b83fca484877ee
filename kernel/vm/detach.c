/* SPDX-License-Identifier: MIT */
/*
 * Unmapping by what is mapped, not by a range: shmdt(2).
 *
 * The parts of a mapping are known by where its first page was: an area that maps page n of the
 * object n pages behind that address. Parts that were unmapped leave holes, in which others may
 * live now.
 */
#include "abi/errno.h"
#include "core/assert.h"
#include "lib/bits.h"
#include "vm/check.h"
#include "vm/map_private.h"
#include "vm/space_lock.h"

/* What is to go. */
struct attachment {
    uint64_t address;                /* where the object's first page was mapped */
    uint64_t end;                    /* no part begins behind it */
    const struct vm_object_ops *ops; /* the kind of object */
    const struct vm_object *object;  /* known once a part is found; may be gone with the last */
};

static bool is_part(const struct vm_area *area, const struct attachment *a) {
    if (!area->object || area->object->ops != a->ops)
        return false;
    return (!a->object || area->object == a->object) &&
           area->start - a->address == area->offset_pages << PAGE_SHIFT;
}

/* The first part at or above `from`; NULL: there is none. */
static struct vm_area *part_from(struct vm_space *space, uint64_t from,
                                 const struct attachment *a) {
    struct vm_area *area = vm_area_find_from(&space->areas, from);

    while (area && area->start < a->end && !is_part(area, a))
        area = vm_area_next(area);
    return area && area->start < a->end ? area : NULL;
}

static int detach_locked(struct vm_space *space, struct attachment *a) {
    struct vm_area *area = part_from(space, a->address, a);
    int error = area ? 0 : -EINVAL;

    if (area) {
        a->object = area->object;
        a->end = a->address + align_up(vm_object_size(area->object), PAGE_SIZE);
    }
    while (area && !error) {
        struct vm_range part = {area->start, area->end};

        error = vm_unmap_locked(space, part); /* whole areas: nothing to split */
        area = part_from(space, part.end, a);
    }
    return error;
}

int vm_detach(struct vm_space *space, uint64_t address, const struct vm_object_ops *ops) {
    struct attachment attachment = {.address = address, .end = USER_END, .ops = ops};
    int error;

    if (!is_aligned(address, PAGE_SIZE))
        return -EINVAL;
    vm_space_lock(space);
    error = detach_locked(space, &attachment);
    DEBUG_ASSERT(vm_check_passes_call_locked(space, VM_RANGE_ALL));
    vm_space_unlock(space);
    return error;
}
