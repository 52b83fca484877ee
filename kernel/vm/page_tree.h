/* SPDX-License-Identifier: MIT */
/*
 * The radix tree that every object and every shadow keeps its pages in.
 *
 * A tree maps page indexes to frames. Nodes have 64 slots and are reference-counted: a clone of a
 * tree is one more reference on its root, and costs nothing else. A node with more than one
 * reference is immutable; changing a page first un-shares the path to it, copying at most one node
 * a level. A slot of a leaf holds one reference on its frame, so a frame's count is the number of
 * leaves that hold it, and "only this tree sees the page" is: every node on the path has one
 * reference and so has the frame.
 *
 * The root covers just an aligned range of indexes around the pages that are there (base, height)
 * and grows upward when a page outside is inserted: a stack of a few pages is one node, wherever it
 * lies.
 *
 * Locks: a tree belongs to its object's or its space's lock. Trees of different owners may share
 * nodes; counts are atomic, and shared nodes do not change, so no lock is needed between them.
 */
#ifndef QUIRE_VM_PAGE_TREE_H
#define QUIRE_VM_PAGE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mm/frame.h"

#define PAGE_TREE_BITS 6
#define PAGE_TREE_SLOTS (1u << PAGE_TREE_BITS)
#define PAGE_TREE_MAX_HEIGHT 9 /* 54 bits of index: all of a 64-bit file offset */

struct page_node;

struct page_tree {
    struct page_node *root; /* NULL: empty */
    uint64_t base;          /* index of the root's first page, a multiple of its span */
    uint8_t height;         /* levels; the root spans 64^height pages */
};

/* At boot, once. */
void page_tree_init_cache(void);

void page_tree_init(struct page_tree *tree);
static inline bool page_tree_is_empty(const struct page_tree *tree) {
    return tree->root == NULL;
}

/*
 * The frame at index, or NULL. If alone is not NULL, *alone tells whether no other tree sees the
 * page. No reference is taken: the tree's lock keeps the frame.
 */
struct frame *page_tree_lookup(const struct page_tree *tree, uint64_t index, bool *alone);

/* Where a page is, or would be, in a tree: good until the tree changes in any other way. */
struct page_tree_place {
    struct page_node *leaf; /* NULL: there is none, or others see it: page_tree_insert makes one */
    void **slot;
};

/* The frame at index, or NULL, and its place. */
struct frame *page_tree_find(const struct page_tree *tree, uint64_t index,
                             struct page_tree_place *place);

/* page_tree_insert at a place with a leaf: cannot fail. Returns the frame that was there, or NULL.
 */
struct frame *page_tree_put(const struct page_tree_place *place, struct frame *frame);

/*
 * Puts a frame at index and takes over the caller's reference on it. The frame that was there, if
 * any, is handed back through *old with the tree's reference on it: unref it once nothing maps it
 * any more. Returns 0, or -ENOMEM: then the tree's pages are as before and the reference is still
 * the caller's.
 */
int page_tree_insert(struct page_tree *tree, uint64_t index, struct frame *frame,
                     struct frame **old);

/*
 * Two changes that several processors may make to one tree at a time, of different pages, while
 * nobody makes any other (vm/space_lock.h); page_tree_find and page_tree_next may be called
 * meanwhile.
 *
 * page_tree_add puts a frame at index, where there is none, and takes over the caller's reference.
 * 0; -EEXIST: another processor has put one there, or a node on the way, so look again; -EDEADLK:
 * that takes another change than this; -ENOMEM. Then the reference is still the caller's.
 *
 * page_tree_replace puts a frame in the place (with a leaf) of one that is there, whose reference
 * becomes the caller's. Cannot fail.
 */
int page_tree_add(const struct page_tree *tree, uint64_t index, struct frame *frame);
void page_tree_replace(const struct page_tree_place *place, struct frame *frame);

/*
 * Prepares page_tree_remove of [start, end), so that it cannot fail: un-shares the paths that it
 * will change. 0 or -ENOMEM; the tree's pages are the same either way.
 */
int page_tree_remove_prepare(struct page_tree *tree, uint64_t start, uint64_t end);

/*
 * Takes all pages in [start, end) out and drops the references on them. Either it was prepared and
 * nothing was cloned since, or the tree is never cloned.
 */
void page_tree_remove(struct page_tree *tree, uint64_t start, uint64_t end);

/* Makes clone (uninitialised until now) hold the same pages. Cannot fail. */
void page_tree_clone(struct page_tree *clone, const struct page_tree *tree);

/* Drops everything. */
void page_tree_clear(struct page_tree *tree);

/*
 * The first page at or after *index: its frame, with *index set to where it is; NULL: there is
 * none.
 */
struct frame *page_tree_next(const struct page_tree *tree, uint64_t *index);

/* Whether there is no page in [start, end). */
static inline bool page_tree_range_is_empty(const struct page_tree *tree, uint64_t start,
                                            uint64_t end) {
    return !page_tree_next(tree, &start) || start >= end;
}

/*
 * Puts the FRAME_RUN_FRAMES frames from `first` on at `index` (a multiple of as many) and the ones
 * after it, where there are no pages, and takes over the references on them. 0, or -ENOMEM: the
 * tree's pages are as before.
 */
int page_tree_insert_run(struct page_tree *tree, uint64_t index, struct frame *first);

/*
 * Whether the pages from `index` (a multiple of FRAME_RUN_FRAMES) on are a run: as many frames, one
 * next to the other, from an aligned one on. The first frame, or NULL. *alone: no other tree sees
 * any of them.
 */
struct frame *page_tree_find_run(const struct page_tree *tree, uint64_t index, bool *alone);

/* The way to a page, with the counts that decide who sees it: for who looks from outside. */
struct page_tree_way {
    struct frame *frame; /* NULL: there is no page */
    uint8_t nodes;       /* met, from the root down; 0: the tree does not reach there */
    uint32_t refs[PAGE_TREE_MAX_HEIGHT];
};
void page_tree_way(const struct page_tree *tree, uint64_t index, struct page_tree_way *way);

/* Pages in the tree, counted by walking it. */
size_t page_tree_count(const struct page_tree *tree);

/* The same of those in [start, end); whole nodes are not looked into slot by slot. */
uint64_t page_tree_count_range(const struct page_tree *tree, uint64_t start, uint64_t end);

/*
 * Walks the tree in order of index, nodes before what is below them, following each way to a shared
 * node. node returns whether to go below; either may be NULL. For accounting (vm/check.c, tests).
 */
struct page_tree_visitor {
    bool (*node)(void *arg, const struct page_node *node, uint32_t refs);
    void (*page)(void *arg, uint64_t index, struct frame *frame);
    void *arg;
};
void page_tree_visit(const struct page_tree *tree, const struct page_tree_visitor *visitor);

/*
 * Recounting references from scratch (vm/sweep.c). _begin; then _recount for every tree there is,
 * each of which is one way to its root: nodes that no way has led to before are gone into, and page
 * is called once for each leaf that holds the frame; then _recheck for every tree. Nothing may
 * change any tree meanwhile, and only one may recount at a time.
 */
void page_tree_recount_begin(void);
void page_tree_recount(const struct page_tree *tree, const struct page_tree_visitor *visitor);

/* A node whose own numbers are not what was found. */
struct page_tree_flaw {
    unsigned level;
    uint32_t refs, ways;  /* references it counts, and ways that lead to it */
    unsigned used, slots; /* slots in use it counts, and that there are */
};

/*
 * False: *flaw is the first node of the tree, not rechecked before, that counts wrong. Adds the
 * nodes it rechecked to *nodes.
 */
bool page_tree_recheck(const struct page_tree *tree, struct page_tree_flaw *flaw, uint64_t *nodes);

/* Bytes of one node, for accounting. */
size_t page_tree_node_bytes(void);

#endif
