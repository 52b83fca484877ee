/* SPDX-License-Identifier: MIT */
/*
 * A shadow: one address space's private changes over what its areas map.
 *
 * Made on the first private write, shared by the areas that one mapping was split into, and cloned
 * at fork by one reference on its tree's root. Below it there is at most one object, or zeroes:
 * never another shadow, so finding a page does not get slower with generations of fork
 * (requirement B4; Weenix's shadow_collapse has nothing to do here).
 *
 * Indexes are those of the areas: area->offset_pages + (va - area->start) / PAGE_SIZE.
 *
 * Locks: a shadow belongs to one space and is guarded by its lock.
 */
#ifndef QUIRE_VM_SHADOW_H
#define QUIRE_VM_SHADOW_H

#include <stdint.h>

#include "vm/page_tree.h"

struct vm_shadow {
    struct page_tree tree;  /* [space] */
    uint32_t areas;         /* [space] areas that use it */
    uint32_t mark;          /* [space] free for who walks all shadows of the space (check.c) */
    struct vm_shadow *twin; /* [space] its clone while a fork is under way, else NULL */
};

/* At boot, once. */
void vm_shadow_init_cache(void);

/* An empty one, used by one area; NULL: no memory. */
struct vm_shadow *vm_shadow_create(void);

/* One more or one area less uses it; with the last one its pages go. */
void vm_shadow_hold(struct vm_shadow *shadow);
void vm_shadow_drop(struct vm_shadow *shadow);

/*
 * The shadow's clone for a child, the same one each time until vm_shadow_fork_end; held for the
 * area that asks. NULL: no memory.
 */
struct vm_shadow *vm_shadow_fork(struct vm_shadow *shadow);
void vm_shadow_fork_end(struct vm_shadow *shadow);

#endif
