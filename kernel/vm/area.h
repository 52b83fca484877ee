/* SPDX-License-Identifier: MIT */
/*
 * Areas: page-aligned ranges of an address space with one set of rights and one backing, and the
 * ordered set a space keeps them in.
 *
 * The set is a red-black tree by address; neighbours are linked in order as well. Each node knows
 * a bound of the gaps in front of the areas below it, so that a free range is found from the top or
 * from the bottom in logarithmic time. Filling a gap leaves the bounds above it too wide; a search
 * that a bound has misled makes it narrow again, so each change is paid for once. A search leaves
 * the guard below an area that grows down free.
 *
 * Programs map and unmap, split and join in turn, so three things are kept for the next time. What
 * meets a neighbour that is alike makes that larger, and has no record of its own. The record of
 * the area that was dropped last stays where it was in the tree, empty: the vacancy. An area that
 * comes between the same neighbours takes it over, and no node moves; it goes when the next area
 * is dropped. And a search from the top begins where the last one found room, if nothing above can
 * have room for what is wanted now.
 *
 * Invariants (vm_check): areas do not overlap, are not empty, and neighbours that could be one are
 * one (vm_area_can_join). Areas that share a shadow all have the same difference between address
 * and index: else two addresses would see one slot of it.
 *
 * Locks: all of it belongs to the space's lock, but for link, which is the object's.
 */
#ifndef QUIRE_VM_AREA_H
#define QUIRE_VM_AREA_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/list.h"
#include "lib/rbtree.h"
#include "vm/access.h"
#include "vm/object.h"
#include "vm/shadow.h"

struct vm_space;

/* Kinds, bits of vm_area.flags. */
#define VM_AREA_SHARED 1u         /* writes are everybody's; else private */
#define VM_AREA_GROWS_DOWN 2u     /* a stack */
#define VM_AREA_HEAP 4u           /* made by brk: [heap] in maps */
#define VM_AREA_STACK 8u          /* the first thread's: [stack] in maps */
#define VM_AREA_LOCKED 16u        /* mlock: counted in vm_area_set.locked_bytes */
#define VM_AREA_LOCK_ON_FAULT 32u /* with LOCKED: not to be populated */
#define VM_AREA_NO_FORK 64u       /* madvise: a child does not get it */
#define VM_AREA_WIPE_ON_FORK 128u /* madvise: a child finds zeroes; private without an object */
#define VM_AREA_HUGE 256u         /* madvise: large pages wanted */
#define VM_AREA_NO_HUGE 512u      /* madvise: large pages not wanted */
#define VM_AREA_NO_DUMP 1024u     /* madvise: not in core dumps */
#define VM_AREA_RANDOM 2048u      /* madvise: read in no order */
#define VM_AREA_SEQUENTIAL 4096u  /* madvise: read in order */
#define VM_AREA_NO_RESERVE 8192u  /* mmap: never accounted */
#define VM_AREA_ACCOUNTED 16384u  /* promised (vm/commit.h): is or was private and writable */

/* Those that vm/lock.h sets. */
#define VM_AREA_LOCK_FLAGS (VM_AREA_LOCKED | VM_AREA_LOCK_ON_FAULT)

/* Room kept below an area that grows down. Set at start, before there is a space. */
extern uint64_t vm_stack_guard_bytes;

struct vm_area {
    struct rb_node node;   /* [space] in vm_area_set, by start */
    struct vm_area *prev;  /* [space] the neighbours in order; NULL at the ends */
    struct vm_area *next;  /* [space] */
    uint64_t start, end;   /* [space] bytes, multiples of the page size */
    uint64_t gap;          /* [space] free bytes between the area before (or USER_MIN) and start */
    uint64_t max_gap;      /* [space] no gap in this subtree is larger */
    uint8_t prot;          /* [space] VM_READ | VM_WRITE | VM_EXEC */
    uint8_t max_prot;      /* [space] what prot may be widened to */
    uint32_t flags;        /* [space] VM_AREA_* */
    uint64_t offset_pages; /* [space] index of start's page in object and shadow */
    struct vm_object *object; /* const; referenced; NULL: zeroes */
    struct vm_shadow *shadow; /* [space] private changes; NULL until the first */
    struct vm_space *space;   /* const */
    struct list_node link;    /* [object] in object->areas, if there is an object */
    uint64_t unmap_epoch;     /* [object] see object.c */
};

/*
 * Where a search from the top found room last: in front of this area. No gap above has room for so
 * many bytes, below so high an address.
 */
struct vm_room {
    struct vm_area *area; /* NULL: nothing is known */
    uint64_t bytes;
    uint64_t window_end;
};

struct vm_area_set {
    struct rb_tree tree;
    struct vm_area *first, *last; /* NULL: empty */
    struct vm_area *hint;         /* found or put in last; NULL if none */
    struct vm_room room;
    struct vm_area *vacancy; /* in the tree and in no list, empty; NULL: none */
    uint32_t count;
    uint64_t bytes;           /* sum of all areas' sizes */
    uint64_t data_bytes;      /* of those that vm_area_is_data */
    uint64_t accounted_bytes; /* of those with VM_AREA_ACCOUNTED */
    uint64_t locked_bytes;    /* of those with VM_AREA_LOCKED */
};

/* At boot, once. */
void vm_area_init_cache(void);

/*
 * An area with the backing, referenced and linked to its object; in no set yet, its range, rights
 * and offset still to be set. NULL: no memory.
 */
struct vm_area *vm_area_create(struct vm_space *space, struct vm_object *object, uint32_t flags);

/* Gives up backing and memory; the area is in no set. Its pages are unmapped already. */
void vm_area_destroy(struct vm_area *area);

/* The page index in object and shadow for an address inside the area. */
static inline uint64_t vm_area_index(const struct vm_area *area, uint64_t va) {
    return area->offset_pages + ((va - area->start) >> PAGE_SHIFT);
}

/*
 * The rights an area's pages have: prot, and to be read if there is any other. x86 has no page that
 * can be written or executed but not read, and Linux programs count on it.
 */
static inline unsigned vm_area_grants(const struct vm_area *area) {
    return area->prot ? area->prot | VM_READ : 0;
}

/* Whether RLIMIT_DATA is about pages with these rights: private and writable, stacks left out. */
static inline bool vm_area_is_data(unsigned prot, unsigned flags) {
    return (prot & VM_WRITE) && !(flags & (VM_AREA_SHARED | VM_AREA_GROWS_DOWN));
}

/* Bytes in front of the area that searches for room leave free. */
static inline uint64_t vm_area_guard_bytes(const struct vm_area *area) {
    return area->flags & VM_AREA_GROWS_DOWN ? vm_stack_guard_bytes : 0;
}

void vm_area_set_init(struct vm_area_set *set);

/* Destroys all its areas; their pages are unmapped already. */
void vm_area_set_clear(struct vm_area_set *set);

/* What vm_area_find_from does if the hint does not help. */
struct vm_area *vm_area_search_from(struct vm_area_set *set, uint64_t va);

/* The first area that ends above va (contains it or lies after it); NULL: none. */
static inline struct vm_area *vm_area_find_from(struct vm_area_set *set, uint64_t va) {
    struct vm_area *area = set->hint;

    return area && va >= area->start && va < area->end ? area : vm_area_search_from(set, va);
}

/* The area that contains va; NULL: none. */
static inline struct vm_area *vm_area_find(struct vm_area_set *set, uint64_t va) {
    struct vm_area *area = vm_area_find_from(set, va);

    return area && va >= area->start ? area : NULL;
}

/* The same, and nothing is noted: for several processors at a time. */
struct vm_area *vm_area_look_up(const struct vm_area_set *set, uint64_t va);

static inline struct vm_area *vm_area_first(const struct vm_area_set *set) {
    return set->first;
}

static inline struct vm_area *vm_area_next(const struct vm_area *area) {
    return area->next;
}

static inline struct vm_area *vm_area_prev(const struct vm_area *area) {
    return area->prev;
}

/* Puts an area into or takes it out of the set. It overlaps nothing there. */
void vm_area_insert(struct vm_area_set *set, struct vm_area *area);

/* vm_area_insert of one that lies behind all others. */
void vm_area_append(struct vm_area_set *set, struct vm_area *area);

/* Takes an area out of the set; it is the caller's to put in again or to destroy. */
void vm_area_remove(struct vm_area_set *set, struct vm_area *area);

/*
 * Maps a free range as `like` tells, which is in no set and has no shadow: makes a neighbour that
 * is alike larger, or an area of its own. Returns the one that has the range; NULL: no memory.
 */
struct vm_area *vm_area_add(struct vm_area_set *set, const struct vm_area *like);

/* Takes an area out for good; its pages are unmapped already. The record stays for the next. */
void vm_area_drop(struct vm_area_set *set, struct vm_area *area);

/* Moves the edges of an area in the set, backing index with them; still overlapping nothing. */
void vm_area_resize(struct vm_area_set *set, struct vm_area *area, uint64_t start, uint64_t end);

/* Gives an area in the set other rights and other flags. */
void vm_area_set_rights(struct vm_area_set *set, struct vm_area *area, unsigned prot,
                        unsigned flags);
/* Gives an area in the set other flags; not GROWS_DOWN. */
void vm_area_set_flags(struct vm_area_set *set, struct vm_area *area, uint32_t flags);

/*
 * Splits at an address strictly inside; area keeps the lower part, the upper one is returned.
 * NULL: no memory, nothing changed.
 */
struct vm_area *vm_area_split(struct vm_area_set *set, struct vm_area *area, uint64_t at);

/* Whether an area may be one with the other if it ends where that starts. */
bool vm_area_is_alike(const struct vm_area *low, const struct vm_area *high);

/* Whether two areas, low ending where high starts, are alike in all but their range. */
static inline bool vm_area_can_join(const struct vm_area *low, const struct vm_area *high) {
    return low->end == high->start && vm_area_is_alike(low, high);
}

/* Joins area with its neighbours where they can be one. Returns the one that area is in now. */
struct vm_area *vm_area_join(struct vm_area_set *set, struct vm_area *area);

/* Bytes [start, end) of addresses. */
struct vm_range {
    uint64_t start, end;
};

/*
 * A free range of size bytes (page multiple) inside window: the highest one, or the lowest. Returns
 * its start, or 0 if there is none.
 */
uint64_t vm_area_gap_from_top(struct vm_area_set *set, uint64_t size, struct vm_range window);
uint64_t vm_area_gap_from_bottom(const struct vm_area_set *set, uint64_t size,
                                 struct vm_range window);

/* Whether nothing lies in [start, end), nor is it the guard of what follows. */
bool vm_area_range_is_clear(struct vm_area_set *set, uint64_t start, uint64_t end);

/* Whether nothing lies in [start, end). */
bool vm_area_range_is_free(struct vm_area_set *set, uint64_t start, uint64_t end);

#endif
