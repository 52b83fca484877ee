/* SPDX-License-Identifier: MIT */
/*
 * Taking away from the page table in slices.
 *
 * A call that takes pages or rights from a large range changes the map at once: areas, shadows,
 * sums. The table follows slice by slice, and between two slices whoever waits for the space gets
 * in. Until it is done, entries in the range may say more than the map does, and nowhere else: that
 * is a narrowing. The pages that they may lead to are kept until it is over.
 *
 * What others may meet meanwhile:
 *   - An access by an entry that is there still: it was begun before the call has returned.
 *   - A fault goes by the map. What it enters is at worst forgotten by the next slice, and comes
 *     back by another fault.
 *   - A call on other addresses goes on beside it. One on the same addresses waits until it is
 * over: else it would return with its own work undone, or give entries on that are not to be. So do
 *     those that count on the table to say no more than the map: fork, mremap, cutting an object.
 *
 * Locks: all of this is [space].
 */
#ifndef QUIRE_VM_NARROW_H
#define QUIRE_VM_NARROW_H

#include "vm/pmap.h"
#include "vm/space.h"

/* One that is under way; on its caller's stack. */
struct vm_narrowing {
    struct vm_narrowing *next;
    struct vm_range range; /* what is left to do */
    unsigned access;       /* rights that entries may have there; 0: there are to be none */
    bool vacates;          /* no area is there any more */
};

/* Ranges up to this are done at once. */
#define VM_SLICE_BYTES (512 * PAGE_SIZE)

/*
 * Sees to it that no entry in the range has rights beyond access (0: is there), as the map says
 * already. Everything about the space is in order but for that; its lock is held, and may be let go
 * of in between: see vm_space_let_in. The caller has locked it so that nothing else was being
 * narrowed in the range.
 */
void vm_narrow_long(struct vm_space *space, struct vm_range range, unsigned access);

static inline void vm_narrow(struct vm_space *space, struct vm_range range, unsigned access) {
    if (range.end - range.start <= VM_SLICE_BYTES)
        pmap_protect(space->pmap, range.start, range.end, access);
    else
        vm_narrow_long(space, range, access);
}

/* vm_narrow to nothing, where no area is any more: nor will there be before it is over. */
void vm_narrow_vacated(struct vm_space *space, struct vm_range range);

/* Whether who wants to be alone beside what is being narrowed in other ranges has to wait. */
bool vm_narrowing_hinders(const struct vm_space *space, struct vm_range range);

/* What an entry at va may have beyond what the map says. For who compares the two. */
enum vm_excess { VM_EXCESS_NONE, VM_EXCESS_RIGHTS, VM_EXCESS_ALL };
enum vm_excess vm_narrowing_excess(const struct vm_space *space, uint64_t va);

#endif
