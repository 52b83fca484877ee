/* SPDX-License-Identifier: MIT */
/*
 * Huge pages: private anonymous memory that the pmap maps by leaves of 2 MiB.
 *
 * In the truth there is no such thing. A huge page is a run (mm/frame.h): 512 single frames next to
 * each other, each in its slot of the page tree with references of its own. What makes it huge is
 * that the pmap may lead to all of them by one leaf. So copying, unmapping, protecting or
 * discarding a part of one is what it is for any page, nothing is ever split but a leaf of the
 * cache, and a run that is still whole gets its leaf back by a fault.
 *
 * Where runs are made is a matter of policy: of the system's (/sys/kernel/mm/transparent_hugepage)
 * and of the area's (madvise: VM_AREA_HUGE, VM_AREA_NO_HUGE).
 *
 * Locks: the space's, for what takes an area. The policy and the counts are atomic.
 */
#ifndef QUIRE_VM_HUGE_H
#define QUIRE_VM_HUGE_H

#include "lib/bits.h"
#include "vm/area.h"
#include "vm/pmap.h"

enum vm_huge_policy {
    VM_HUGE_ALWAYS,  /* wherever it fits, but for VM_AREA_NO_HUGE */
    VM_HUGE_MADVISE, /* with VM_AREA_HUGE only */
    VM_HUGE_NEVER,
};

/* The system's policy, an enum vm_huge_policy, for faults from now on; atomic. VM_HUGE_ALWAYS at
 * boot. A 64-bit number, as settings in /sys are. */
extern uint64_t vm_huge_policy;

static inline enum vm_huge_policy vm_huge_policy_get(void) {
    return (enum vm_huge_policy)__atomic_load_n(&vm_huge_policy, __ATOMIC_RELAXED);
}

static inline void vm_huge_policy_set(enum vm_huge_policy policy) {
    __atomic_store_n(&vm_huge_policy, policy, __ATOMIC_RELAXED);
}

/* Since boot, all processors. */
struct vm_huge_stats {
    uint64_t filled;    /* runs made by a first touch (thp_fault_alloc) */
    uint64_t fallbacks; /* wanted, and no memory for one (thp_fault_fallback) */
    uint64_t restored;  /* large leaves entered for a run that was there */
};
void vm_huge_stats_get(struct vm_huge_stats *stats);

/* Whether some part of the area may become a huge page, for /proc/PID/smaps. */
bool vm_huge_is_eligible(const struct vm_area *area);

/* Whether the area, of its own, may have a huge page around va: it lies inside, and is not refused.
 * A stack's pages come one by one: it grows. */
static inline bool vm_huge_fits(const struct vm_area *area, uint64_t va) {
    uint64_t start = align_down(va, PMAP_LARGE_BYTES);

    return !(area->flags & (VM_AREA_NO_HUGE | VM_AREA_GROWS_DOWN)) && start >= area->start &&
           start + PMAP_LARGE_BYTES <= area->end;
}

/* Whether the system allows a huge page around va, where vm_huge_fits, and no page is there yet. */
bool vm_huge_is_possible(const struct vm_area *area, uint64_t va);

/*
 * Memory for a huge page, cleared, to be got before the space is had alone. NULL: there is none.
 * What has not been used is given back.
 */
struct frame *vm_huge_prepare(void);
void vm_huge_give_back(struct frame *run);

/*
 * For a first write to the page at va of a private area without an object, where vm_huge_fits:
 * gives the 2 MiB around it a zeroed run and the pmap a leaf. *prepared: a cleared run, which
 * may be taken (it is NULL then); prepared NULL: one is got here. The page's frame; NULL: policy or
 * memory do not allow it, or some page is there already, and nothing has changed.
 */
struct frame *vm_huge_fill(struct vm_area *area, uint64_t va, struct frame **prepared);

/*
 * For an access to the page at va, whose frame in the area's shadow is of a run: enters a large
 * leaf, if all of the run is there and the leaf may have the right. False: nothing was entered.
 */
bool vm_huge_restore(struct vm_area *area, uint64_t va, const struct frame *frame, unsigned access);

#endif
