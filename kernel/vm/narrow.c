/* SPDX-License-Identifier: MIT */
/*
 * Narrowing the page table slice by slice; see narrow.h. The pmap stops by itself where somebody
 * waits: so who is alone pays nothing, and flushes once.
 */
#include "vm/narrow.h"

#include "core/assert.h"
#include "vm/pmap.h"
#include "vm/space_lock.h"

_Static_assert(VM_SLICE_BYTES == PMAP_LARGE_BYTES, "a slice is what the pmap does at once");

static void narrowing_begin(struct vm_space *space, struct vm_narrowing *narrowing) {
    narrowing->next = space->narrowings;
    space->narrowings = narrowing;
    space->when_free |= VM_SPACE_NARROWING;
}

static void narrowing_end(struct vm_space *space, const struct vm_narrowing *narrowing) {
    struct vm_narrowing **link = &space->narrowings;

    while (*link != narrowing)
        link = &(*link)->next;
    *link = narrowing->next;
    if (!space->narrowings)
        space->when_free &= ~VM_SPACE_NARROWING;
    __atomic_store_n(&space->narrowed, space->narrowed + 1, __ATOMIC_RELEASE);
}

/* Makes a slice, or all if nobody waits; whether something is left. */
static bool narrow_more(struct vm_space *space, struct vm_narrowing *narrowing) {
    struct vm_range *range = &narrowing->range;

    range->start = pmap_protect_until(space->pmap, range->start, range->end, narrowing->access,
                                      &space->waiting);
    return range->start < range->end;
}

static void narrow(struct vm_space *space, struct vm_narrowing narrowing) {
    DEBUG_ASSERT(spin_held(&space->lock));
    if (!narrow_more(space, &narrowing))
        return;
    narrowing_begin(space, &narrowing);
    do
        vm_space_let_in(space);
    while (narrow_more(space, &narrowing));
    narrowing_end(space, &narrowing);
}

void vm_narrow_long(struct vm_space *space, struct vm_range range, unsigned access) {
    narrow(space, (struct vm_narrowing){.range = range, .access = access});
}

void vm_narrow_vacated(struct vm_space *space, struct vm_range range) {
    narrow(space, (struct vm_narrowing){.range = range, .vacates = true});
}

bool vm_narrowing_hinders(const struct vm_space *space, struct vm_range range) {
    const bool vacant = range.start > range.end; /* VM_RANGE_VACANT */
    const struct vm_narrowing *narrowing;

    if (range.start == range.end)
        return false;
    for (narrowing = space->narrowings; narrowing; narrowing = narrowing->next) {
        const struct vm_range *at = &narrowing->range;

        if (vacant ? narrowing->vacates : range.start < at->end && at->start < range.end)
            return true;
    }
    /* Somebody waits until no more is narrowed: it would wait for ever if others began again. */
    return !vacant && space->want_end > 0;
}

enum vm_excess vm_narrowing_excess(const struct vm_space *space, uint64_t va) {
    enum vm_excess excess = VM_EXCESS_NONE;
    const struct vm_narrowing *narrowing;

    for (narrowing = space->narrowings; narrowing; narrowing = narrowing->next) {
        if (va < narrowing->range.start || va >= narrowing->range.end)
            continue;
        excess = narrowing->access ? VM_EXCESS_RIGHTS : VM_EXCESS_ALL;
        if (excess == VM_EXCESS_ALL)
            break;
    }
    return excess;
}
