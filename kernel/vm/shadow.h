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
 * A truncated file takes private copies beyond its end along. Where they cannot be taken out of a
 * tree that a fork shares, for want of memory, they are void all the same: `void_from` says from
 * where on the tree is not to be believed, until there is memory to take them out. So pages are
 * found and put in by the functions here only.
 *
 * Locks: a shadow belongs to one space and is guarded by its lock.
 */
#ifndef QUIRE_VM_SHADOW_H
#define QUIRE_VM_SHADOW_H

#include <stdbool.h>
#include <stdint.h>

#include "vm/page_tree.h"

#define VM_SHADOW_NO_VOID UINT64_MAX

struct vm_shadow {
    struct page_tree tree;  /* [space] */
    uint64_t void_from;     /* [space] index: what the tree holds from here on has been cut off */
    uint32_t areas;         /* [space] areas that use it */
    uint32_t mark;          /* [space] free for who walks all shadows of the space (check.c) */
    struct vm_shadow *twin; /* [space] its clone while a fork is under way, else NULL */
    struct vm_shadow *next; /* of those that leave together: vm/leaving.h */
};

/* At boot, once. */
void vm_shadow_init_cache(void);

/* An empty one, used by one area; NULL: no memory. */
struct vm_shadow *vm_shadow_create(void);

/* One more or one area less uses it; with the last one its pages go. */
void vm_shadow_hold(struct vm_shadow *shadow);
void vm_shadow_drop(struct vm_shadow *shadow);

/* The page at index, as page_tree_lookup tells it. NULL: there is none, or it has been cut off. */
static inline struct frame *vm_shadow_lookup(const struct vm_shadow *shadow, uint64_t index,
                                             bool *alone) {
    return index < shadow->void_from ? page_tree_lookup(&shadow->tree, index, alone) : NULL;
}

/* The same, with the page's place for vm_shadow_insert. */
static inline struct frame *vm_shadow_find(const struct vm_shadow *shadow, uint64_t index,
                                           struct page_tree_place *place) {
    place->leaf = NULL;
    return index < shadow->void_from ? page_tree_find(&shadow->tree, index, place) : NULL;
}

/* vm_shadow_insert where there is no place, or something void. */
int vm_shadow_insert_slowly(struct vm_shadow *shadow, uint64_t index, struct frame *frame,
                            struct frame **old);

/*
 * Puts a frame in as page_tree_insert does, at the place that vm_shadow_find told, with nothing
 * void left behind. 0, or -ENOMEM and the pages are as before.
 */
static inline int vm_shadow_insert(struct vm_shadow *shadow, const struct page_tree_place *place,
                                   uint64_t index, struct frame *frame, struct frame **old) {
    if (!place->leaf || shadow->void_from != VM_SHADOW_NO_VOID)
        return vm_shadow_insert_slowly(shadow, index, frame, old);
    *old = page_tree_put(place, frame);
    return 0;
}

/* Cuts off all pages from index `start` on. Cannot fail; no entry of a pmap leads to them now. */
void vm_shadow_cut(struct vm_shadow *shadow, uint64_t start);

/* Gives all pages of a shadow to an empty one. */
void vm_shadow_move_all(struct vm_shadow *from, struct vm_shadow *to);

/* Gives all its pages up. The pmap has forgotten them. */
void vm_shadow_clear(struct vm_shadow *shadow);

/*
 * The shadow's clone for a child, the same one each time until vm_shadow_fork_end; held for the
 * area that asks. NULL: no memory.
 */
struct vm_shadow *vm_shadow_fork(struct vm_shadow *shadow);
void vm_shadow_fork_end(struct vm_shadow *shadow);

/*
 * Takes the indexes [start, end) that one of its areas uses out into a shadow of their own, for
 * that area to be moved. _prepare makes the new shadow (one area; NULL: no memory) and whatever the
 * rest needs, and changes nothing that one can see; nothing may be cloned then until
 * vm_shadow_detach, which cannot fail and leaves the pages of the range to the new shadow only, the
 * others to the old one only. To give up instead, drop the new one. The areas' own references are
 * the caller's.
 */
struct vm_shadow *vm_shadow_detach_prepare(struct vm_shadow *shadow, uint64_t start, uint64_t end);
void vm_shadow_detach(struct vm_shadow *shadow, struct vm_shadow *part, uint64_t start,
                      uint64_t end);

/*
 * The other way: gives `shadow`, which has none at their indexes, the pages of `part` as well, for
 * part to be dropped. False, and nothing has changed: there are too many pages for that, or huge
 * ones, or no memory.
 */
bool vm_shadow_absorb(struct vm_shadow *shadow, const struct vm_shadow *part);

#endif
