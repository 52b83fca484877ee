/* SPDX-License-Identifier: MIT */
/*
 * What the mapping calls share: ranges of pages, the areas in them, and mapping and unmapping with
 * the space's lock held. Private to kernel/vm.
 *
 * Locks: all but vm_range_of_pages and vm_map_check are called under the space's lock.
 */
#ifndef VM_MAP_PRIVATE_H
#define VM_MAP_PRIVATE_H

#include "vm/map.h"

/* The whole pages of [address, address + length); -EINVAL unless they are the user's. */
int vm_range_of_pages(uint64_t address, uint64_t length, struct vm_range *range);

/* Makes areas begin and end at the edges of the range. 0 or -ENOMEM and as before. */
int vm_range_split(struct vm_space *space, struct vm_range range);

/* Joins whatever touches the edges of the range, after a change or in place of one. */
void vm_range_join(struct vm_space *space, struct vm_range range);

/* The first and the following areas that begin inside the range; NULL: none. */
struct vm_area *vm_range_first(struct vm_space *space, struct vm_range range);
struct vm_area *vm_range_next(struct vm_area *area, struct vm_range range);

/* Whether the range is mapped without a hole and may have prot. 0, -ENOMEM, -EACCES. */
int vm_range_allows(struct vm_space *space, struct vm_range range, unsigned prot);

/* What is wrong with a request whatever the space is like; 0 if nothing. See vm_map. */
int vm_map_check(const struct vm_map_request *request);

/* vm_map of a checked request. */
int vm_map_locked(struct vm_space *space, const struct vm_map_request *request, uint64_t *address);

/* Unmaps a range of whole pages. 0 or -ENOMEM and nothing changed. */
int vm_unmap_locked(struct vm_space *space, struct vm_range range);

#endif
