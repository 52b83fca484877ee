/* SPDX-License-Identifier: MIT */
/*
 * Red-black trees, intrusive. Nodes that keep a summary of what is below them: rbtree_augmented.h.
 *
 * The caller compares: it walks down from tree->root through left and right, remembers the
 * parent and the link (&parent->left, &parent->right or &tree->root) where the search fell
 * off, and calls rb_link. The tree keeps balance and order, never looks at keys.
 *
 * Invariants: no red node has a red child; every path from a node to a leaf below it has the same
 * number of black nodes. So the height is at most 2 log2(n + 1).
 *
 * Locks: the caller's. Nothing allocates or sleeps. Source: Cormen, Leiserson, Rivest, Stein,
 * "Introduction to Algorithms", red-black trees.
 */
#ifndef LIB_RBTREE_H
#define LIB_RBTREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/bits.h"

struct rb_node {
    uintptr_t parent_and_color; /* bit 0: black */
    struct rb_node *left;
    struct rb_node *right;
};

struct rb_tree {
    struct rb_node *root;
};

#define RB_TREE_INIT                                                                               \
    { NULL }
#define RB_ENTRY(node, type, member) container_of(node, type, member)

static inline struct rb_node *rb_parent(const struct rb_node *node) {
    return (struct rb_node *)(node->parent_and_color & ~(uintptr_t)1);
}

static inline bool rb_is_empty(const struct rb_tree *tree) {
    return tree->root == NULL;
}

/* Makes `node` a leaf at `*link`, which is NULL now and belongs to `parent` (NULL: the root), then
 * restores balance. */
void rb_link(struct rb_tree *tree, struct rb_node *node, struct rb_node *parent,
             struct rb_node **link);

/* Takes `node` out of `tree`; its memory is the caller's again. */
void rb_erase(struct rb_tree *tree, struct rb_node *node);

/* The lowest and highest node, NULL if the tree is empty. */
struct rb_node *rb_first(const struct rb_tree *tree);
struct rb_node *rb_last(const struct rb_tree *tree);

/* The neighbour in order, NULL at the end. */
struct rb_node *rb_next(const struct rb_node *node);
struct rb_node *rb_prev(const struct rb_node *node);

/* Checks colours, parents and black heights of the whole tree: its black height, -1 if broken.
 * For tests and checkers: takes time in proportion to the tree. */
int rb_check(const struct rb_tree *tree);

#endif
