/* SPDX-License-Identifier: MIT */
/*
 * Mapping single pages in the kernel's half, between KVA_BASE and KVA_END.
 *
 * Owned by mm, implemented by each architecture. The top-level entries for the region exist from
 * boot, so what is entered here is seen by every address space at once.
 *
 * Locks: LOCK_RANK_KMAP, taken inside, and not held while a frame is allocated: an allocation
 * that finds nothing may call kmap_remove to get spare stacks back. Nothing sleeps.
 */
#ifndef MM_KMAP_H
#define MM_KMAP_H

#include <stddef.h>
#include <stdint.h>

#include "mm/phys.h"

#define KMAP_WRITE 1u    /* else read only */
#define KMAP_EXEC 2u     /* never with KMAP_WRITE */
#define KMAP_UNCACHED 4u /* device registers */

/* Maps the page at `va`, which has no mapping, to `paddr`; both page-aligned. Never
 * user-accessible. Returns 0 or -ENOMEM (no frame for a table; nothing changed that can be seen).
 */
int kmap_enter(uintptr_t va, paddr_t paddr, unsigned flags);

/* Takes the mappings of `pages` pages from `va` away, where there are any, on every processor
 * before it returns. Tables that become empty are freed, or counted as FRAME_SPARE if kept, so
 * that the count of free frames comes back. The mapped frames are the caller's to free. */
void kmap_remove(uintptr_t va, size_t pages);

struct frame;

/* Calls found for each frame that is a table for addresses between KVA_BASE and KVA_END and comes
 * from the frame allocator. For accounting; nothing may be entered or removed meanwhile. */
void kmap_for_each_table(void (*found)(void *arg, struct frame *table), void *arg);

#endif
