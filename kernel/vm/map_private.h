/* SPDX-License-Identifier: MIT */
/*
 * What the mapping calls share: ranges of pages, the areas in them, and mapping and unmapping with
 * the space's lock held. Private to kernel/vm.
 *
 * Locks: all but vm_range_of_pages are called under the space's lock.
 */
#ifndef VM_MAP_PRIVATE_H
#define VM_MAP_PRIVATE_H

#include "vm/map.h"

/* The whole pages of [address, address + length); -EINVAL unless they are the user's. */
int vm_range_of_pages(uint64_t address, uint64_t length, struct vm_range *range);

/*
 * The same without asking whether the user has addresses there: what is beyond them is a hole. Nor
 * is the address looked at. -EINVAL if it wraps.
 */
int vm_range_reach(uint64_t address, uint64_t length, struct vm_range *range);

/* Makes areas begin and end at the edges of the range. 0 or -ENOMEM and as before. */
int vm_range_split(struct vm_space *space, struct vm_range range);

/* Joins whatever touches the edges of the range, after a change or in place of one. */
void vm_range_join(struct vm_space *space, struct vm_range range);

/* The first area that lies in the range, which is not empty, and the following ones; NULL: none. */
struct vm_area *vm_range_first(struct vm_space *space, struct vm_range range);
struct vm_area *vm_range_next(struct vm_area *area, struct vm_range range);

/* Whether vm_range_split makes no areas, or as many as vm_areas_max allows. */
bool vm_range_may_split(struct vm_space *space, struct vm_range range);

/*
 * Sets and clears flags of the areas in a range, splitting and joining them; locks of devices are
 * left out. 0, or -ENOMEM and nothing has changed.
 */
struct vm_flag_change {
    uint32_t set, clear;
};
int vm_range_change_flags(struct vm_space *space, struct vm_range range,
                          struct vm_flag_change change);

/* Where the part of the range that is mapped from its start on ends. */
uint64_t vm_range_mapped_end(struct vm_space *space, struct vm_range range);

/* vm_map of a request whose place, if it is fixed, is a range of the user's pages. */
int vm_map_locked(struct vm_space *space, const struct vm_map_request *request, uint64_t *address);

/* Where a mapping of size bytes without a fixed place goes: its wish, or the highest range that is
 * free; flags: VM_MAP_LOW. 0: there is none. */
uint64_t vm_choose_address(struct vm_space *space, uint64_t wish, uint64_t size, unsigned flags);

/* What lies in a range, if something else is to be mapped there. */
struct vm_replaced {
    uint64_t bytes;
    uint64_t accounted_bytes;
};
struct vm_replaced vm_range_replaced(struct vm_space *space, struct vm_range range);

/*
 * Sees that limits and commitment allow `bytes` more of an area like that one, in place of what is
 * replaced, and promises them (vm/commit.h): the caller settles. 0 or -ENOMEM.
 */
int vm_limits_reserve(struct vm_space *space, const struct vm_area *like, uint64_t bytes,
                      struct vm_replaced replaced);

/* Whether `bytes` more may be locked. */
static inline bool vm_lock_limit_allows(const struct vm_space *space, uint64_t bytes) {
    return space->areas.locked_bytes + bytes <= space->limits.locked_bytes;
}

/* Unmaps a range of whole pages. 0 or -ENOMEM and nothing changed. */
int vm_unmap_locked(struct vm_space *space, struct vm_range range);

/*
 * The same; what was there leaves later, with nothing leading to it. The last step of a call: the
 * lock may be let go of in between (vm/narrow.h), and nothing else is being narrowed in the range.
 */
struct vm_leaving;
int vm_unmap_leaving(struct vm_space *space, struct vm_range range, struct vm_leaving *leaving);

/* vm_unmap_locked in two steps, of a range (or an empty one) that areas begin and end with: what
 * can fail
 * (-ENOMEM), and the rest. No shadow is cloned between them. */
int vm_unmap_prepare(struct vm_space *space, struct vm_range range);
void vm_unmap_perform(struct vm_space *space, struct vm_range range);

#endif
