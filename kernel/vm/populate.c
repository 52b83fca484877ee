/* SPDX-License-Identifier: MIT */
/*
 * Bringing pages in before they are touched: see lock.h. Pages come by the fault path itself, one
 * by one; the space's lock is held for one page at a time, and the caller may stop between steps.
 */
#include "abi/errno.h"
#include "core/assert.h"
#include "lib/bits.h"
#include "vm/fault.h"
#include "vm/lock.h"
#include "vm/map_private.h"
#include "vm/space_lock.h"

/* Pages that one call brings in at most. */
#define STEP_PAGES 64u

static bool is_advice(const struct vm_populate *populate) {
    return populate->mode == VM_POPULATE_READ || populate->mode == VM_POPULATE_WRITE;
}

/* Whether the area is none to bring pages in for, without that being an error. */
static bool is_left_out(const struct vm_area *area, enum vm_populate_mode mode) {
    return (area->flags & VM_AREA_LOCK_ON_FAULT) ||
           (area->object && vm_object_is_device(area->object)) ||
           (mode == VM_POPULATE_LOCKED && !(area->flags & VM_AREA_LOCKED));
}

/* madvise: what to ask the fault path for. -EINVAL: the area cannot have it. */
static int advised_access(const struct vm_area *area, enum vm_populate_mode mode) {
    unsigned access = mode == VM_POPULATE_WRITE ? VM_WRITE : VM_READ;
    bool device = area->object && vm_object_is_device(area->object);

    return device || (access & ~vm_area_grants(area)) ? -EINVAL : (int)access;
}

/* What to ask the fault path for in an area. 0: nothing is to be done; -EINVAL, -EFAULT: cannot. */
static int access_in(const struct vm_area *area, enum vm_populate_mode mode) {
    if (mode == VM_POPULATE_READ || mode == VM_POPULATE_WRITE)
        return advised_access(area, mode);
    if (is_left_out(area, mode))
        return 0;
    if (!area->prot)
        return -EFAULT;
    return (area->prot & VM_WRITE) && !(area->flags & VM_AREA_SHARED) ? VM_WRITE : VM_READ;
}

/* The next piece to bring in: from populate->at, which passes over what is left out, to *end.
 * Returns the access, 0 if nothing is left, or a negative errno. */
static int next_piece(struct vm_space *space, struct vm_populate *populate, uint64_t *end) {
    int access = 0;

    while (access == 0 && populate->at < populate->end) {
        struct vm_area *area = vm_area_find_from(&space->areas, populate->at);

        if (is_advice(populate) && (!area || area->start > populate->at))
            return -ENOMEM;
        if (!area || area->start >= populate->end) {
            populate->at = populate->end;
            return 0;
        }
        populate->at = MAX(populate->at, area->start);
        *end = MIN(area->end, populate->end);
        access = access_in(area, populate->mode);
        if (access == 0)
            populate->at = *end;
    }
    return access;
}

int vm_populate(struct vm_space *space, struct vm_populate *populate) {
    uint64_t end = 0;
    int access;

    vm_space_lock_beside(space, VM_RANGE_NONE);
    access = next_piece(space, populate, &end);
    vm_space_unlock(space);
    if (access <= 0)
        return access;
    end = MIN(end, populate->at + STEP_PAGES * PAGE_SIZE);
    for (; populate->at < end; populate->at += PAGE_SIZE) {
        int error = vm_fault(space, populate->at, (unsigned)access);

        if (error < 0)
            return error == -ENOMEM ? error : -EFAULT;
    }
    return populate->at < populate->end;
}

void vm_populate_skip(struct vm_space *space, struct vm_populate *populate) {
    struct vm_area *area;

    vm_space_lock_beside(space, VM_RANGE_NONE);
    area = vm_area_find_from(&space->areas, populate->at);
    populate->at = area ? MIN(area->end, populate->end) : populate->end;
    vm_space_unlock(space);
}
