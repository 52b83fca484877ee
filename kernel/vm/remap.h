/* SPDX-License-Identifier: MIT */
/*
 * Moving and resizing what is mapped: mremap beneath its system call. A moved page is not copied:
 * the area keeps its part of the shadow, under other addresses.
 *
 * Source: mremap(2) of the Linux manual pages.
 */
#ifndef QUIRE_VM_REMAP_H
#define QUIRE_VM_REMAP_H

#include <stdint.h>

#include "vm/space.h"

#define VM_REMAP_MAY_MOVE 1u
#define VM_REMAP_FIXED 2u /* to target exactly; what is there is unmapped. Needs MAY_MOVE */
#define VM_REMAP_KEEP 4u  /* the old range stays mapped, empty (DONTUNMAP). Needs MAY_MOVE */

struct vm_remap_request {
    uint64_t address;    /* page-aligned */
    uint64_t old_length; /* bytes, rounded up; 0: map the shared pages at address once more */
    uint64_t new_length; /* bytes, rounded up, not 0; KEEP: the same as old_length */
    unsigned flags;      /* VM_REMAP_* */
    uint64_t target;     /* FIXED: the place; KEEP without FIXED: a wish; page-aligned for both */
};

/*
 * Shrinks in place (the range may lie in several areas: only the tail is unmapped), grows in place,
 * or moves (the old range lies in one area). 0 with *address, where the mapping is now; otherwise
 * nothing has changed:
 * -EINVAL: unknown or impossible flags, alignment, new_length 0, target beyond the user's addresses
 * or overlapping the old range, old_length 0 of a private area, index of a page beyond any file, a
 * device's area with KEEP;
 * -EFAULT: nothing mapped at address, the old range leaves its area, a device's area to grow, a
 * second mapping (old_length 0) with FIXED to its own address;
 * -EAGAIN: a locked area would grow beyond the limit of locked memory;
 * -ENOMEM: no room (or no MAY_MOVE and no room behind), another limit, no memory, -EPERM: target
 * below USER_MIN.
 *
 * The part of a locked area that is new is not populated yet: vm_populate (vm/lock.h) does that.
 * With KEEP, what stays behind is no longer locked.
 */
int vm_remap(struct vm_space *space, const struct vm_remap_request *request, uint64_t *address);

#endif
