/* SPDX-License-Identifier: MIT */
/*
 * Red-black trees, linking and erasing with a summary in each node ("augmented"): see rbtree.h.
 *
 * Everything is inline: who instantiates it with a constant `update` gets that folded in. rbtree.c
 * does so for trees without summaries.
 *
 * Summaries: a node may keep a value computed from itself and its two children (the largest gap
 * below, the highest end below). `update(node)` recomputes it for one node, its children's being
 * right, and tells whether the nodes above have to be told: not if it is the same as before, nor
 * if it is a bound that may be too wide and has become narrower. Linking and erasing call it
 * wherever shape changes; whoever changes a node's own contribution calls rb_update_path.
 *
 * Rebalancing after a link knows one offence: a red node whose parent is red. After an erase, one:
 * a place (possibly empty) whose paths lack a black node. Both loops move the offence up or end
 * it with rotations. Whoever changes the shape first recomputes the path from the lowest change up;
 * a rotation keeps the set of nodes below its place, so it recomputes its two nodes only.
 */
#ifndef LIB_RBTREE_AUGMENTED_H
#define LIB_RBTREE_AUGMENTED_H

#include "lib/rbtree.h"

#define RB_INLINE static inline __attribute__((always_inline))

/* True if the nodes above have to be told. */
typedef bool (*rb_update_fn)(struct rb_node *node);

enum rb_side { RB_LEFT, RB_RIGHT };

static inline bool rb_is_black(const struct rb_node *node) {
    return node == NULL || (node->parent_and_color & 1);
}

static inline bool rb_is_red(const struct rb_node *node) {
    return !rb_is_black(node);
}

static inline void rb_set_black(struct rb_node *node) {
    node->parent_and_color |= 1;
}

static inline void rb_set_red(struct rb_node *node) {
    node->parent_and_color &= ~(uintptr_t)1;
}

static inline void rb_copy_color(struct rb_node *to, const struct rb_node *from) {
    to->parent_and_color = (to->parent_and_color & ~(uintptr_t)1) | (from->parent_and_color & 1);
}

static inline void rb_set_parent(struct rb_node *node, struct rb_node *parent) {
    node->parent_and_color = (uintptr_t)parent | (node->parent_and_color & 1);
}

static inline struct rb_node *rb_child(const struct rb_node *node, enum rb_side side) {
    return side == RB_LEFT ? node->left : node->right;
}

static inline void rb_set_child(struct rb_node *node, enum rb_side side, struct rb_node *to) {
    if (side == RB_LEFT)
        node->left = to;
    else
        node->right = to;
}

static inline enum rb_side rb_other(enum rb_side side) {
    return side == RB_LEFT ? RB_RIGHT : RB_LEFT;
}

static inline enum rb_side rb_side_of(const struct rb_node *node, const struct rb_node *parent) {
    return parent->left == node ? RB_LEFT : RB_RIGHT;
}

/* Puts `node` (may be NULL) where `old` hangs below `parent` (NULL: as the root). */
static inline void rb_replace_below(struct rb_tree *tree, struct rb_node *parent,
                                    const struct rb_node *old, struct rb_node *node) {
    if (parent == NULL)
        tree->root = node;
    else
        rb_set_child(parent, rb_side_of(old, parent), node);
    if (node)
        rb_set_parent(node, parent);
}

/* `node` goes down to `side`; its child on the other side takes its place. */
RB_INLINE void rb_rotate(struct rb_tree *tree, struct rb_node *node, enum rb_side side,
                         rb_update_fn update) {
    struct rb_node *up = rb_child(node, rb_other(side));
    struct rb_node *moved = rb_child(up, side);

    rb_replace_below(tree, rb_parent(node), node, up);
    rb_set_child(node, rb_other(side), moved);
    if (moved)
        rb_set_parent(moved, node);
    rb_set_child(up, side, node);
    rb_set_parent(node, up);
    if (update) {
        update(node);
        update(up);
    }
}

/* Recomputes the summaries of `node` and of what is above it, as far up as update says. */
RB_INLINE void rb_update_path(struct rb_node *node, rb_update_fn update) {
    while (node && update(node))
        node = rb_parent(node);
}

/* `node` is red; makes it right if its parent is red too. */
RB_INLINE void rb_balance_after_link(struct rb_tree *tree, struct rb_node *node,
                                     rb_update_fn update) {
    struct rb_node *parent;

    while ((parent = rb_parent(node)) != NULL && rb_is_red(parent)) {
        struct rb_node *grand = rb_parent(parent); /* a red node is not the root */
        enum rb_side side = rb_side_of(parent, grand);
        struct rb_node *uncle = rb_child(grand, rb_other(side));

        if (rb_is_red(uncle)) {
            rb_set_black(parent);
            rb_set_black(uncle);
            rb_set_red(grand);
            node = grand;
            continue;
        }
        if (node == rb_child(parent, rb_other(side))) {
            rb_rotate(tree, parent, side, update);
            parent = node;
        }
        rb_set_black(parent);
        rb_set_red(grand);
        rb_rotate(tree, grand, rb_other(side), update);
        break;
    }
    rb_set_black(tree->root);
}

/* Puts `node` in the place of `old`, whose summary it has to have: no shape changes. */
static inline void rb_replace(struct rb_tree *tree, const struct rb_node *old,
                              struct rb_node *node) {
    struct rb_node *left = old->left, *right = old->right;

    *node = *old;
    rb_replace_below(tree, rb_parent(old), old, node);
    if (left)
        rb_set_parent(left, node);
    if (right)
        rb_set_parent(right, node);
}

/* As rb_link, with summaries. */
RB_INLINE void rb_link_augmented(struct rb_tree *tree, struct rb_node *node, struct rb_node *parent,
                                 struct rb_node **link, rb_update_fn update) {
    node->parent_and_color = (uintptr_t)parent;
    node->left = NULL;
    node->right = NULL;
    *link = node;
    if (update) {
        update(node); /* its first summary: whatever was there before says nothing */
        rb_update_path(parent, update);
    }
    rb_balance_after_link(tree, node, update);
}

/* The sibling is black, and one of its children is red: ends the offence with rotations. */
RB_INLINE void rb_borrow_from_sibling(struct rb_tree *tree, struct rb_node *parent,
                                      enum rb_side side, rb_update_fn update) {
    struct rb_node *sibling = rb_child(parent, rb_other(side));

    if (rb_is_black(rb_child(sibling, rb_other(side)))) {
        rb_set_black(rb_child(sibling, side));
        rb_set_red(sibling);
        rb_rotate(tree, sibling, rb_other(side), update);
        sibling = rb_child(parent, rb_other(side));
    }
    rb_copy_color(sibling, parent);
    rb_set_black(parent);
    rb_set_black(rb_child(sibling, rb_other(side)));
    rb_rotate(tree, parent, side, update);
}

/* Paths through the child of `parent` on `side`, which may be empty, lack one black node. */
RB_INLINE void rb_balance_after_erase(struct rb_tree *tree, struct rb_node *parent,
                                      enum rb_side side, rb_update_fn update) {
    while (parent) {
        struct rb_node *node = rb_child(parent, side);
        struct rb_node *sibling = rb_child(parent, rb_other(side));

        if (rb_is_red(node)) {
            rb_set_black(node);
            return;
        }
        if (rb_is_red(sibling)) {
            rb_set_black(sibling);
            rb_set_red(parent);
            rb_rotate(tree, parent, side, update);
            sibling = rb_child(parent, rb_other(side));
        }
        if (rb_is_red(sibling->left) || rb_is_red(sibling->right)) {
            rb_borrow_from_sibling(tree, parent, side, update);
            return;
        }
        rb_set_red(sibling);
        node = parent;
        parent = rb_parent(node);
        if (parent)
            side = rb_side_of(node, parent);
    }
}

/* Puts `next`, the node after `node` and the leftmost on its right, in the place of `node`. What
 * hung below `next` takes the place of `next`; *side tells where that is. Returns its parent. */
static inline struct rb_node *rb_put_next_in_place(struct rb_tree *tree, struct rb_node *node,
                                                   struct rb_node *next, enum rb_side *side) {
    struct rb_node *parent = rb_parent(next);

    if (parent == node) {
        parent = next;
        *side = RB_RIGHT;
    } else {
        rb_replace_below(tree, parent, next, next->right);
        next->right = node->right;
        rb_set_parent(next->right, next);
        *side = RB_LEFT;
    }
    next->left = node->left;
    rb_set_parent(next->left, next);
    rb_replace_below(tree, rb_parent(node), node, next);
    rb_copy_color(next, node);
    return parent;
}

/* As rb_erase, with summaries. */
RB_INLINE void rb_erase_augmented(struct rb_tree *tree, struct rb_node *node, rb_update_fn update) {
    struct rb_node *parent = rb_parent(node);
    struct rb_node *next = NULL; /* what takes the place of a node with two children */
    enum rb_side side = RB_LEFT;
    bool lost_black;

    if (node->left && node->right) {
        next = rb_next(node);
        lost_black = rb_is_black(next);
        parent = rb_put_next_in_place(tree, node, next, &side);
    } else {
        lost_black = rb_is_black(node);
        if (parent)
            side = rb_side_of(node, parent);
        rb_replace_below(tree, parent, node, node->left ? node->left : node->right);
    }
    if (update)
        rb_update_path(parent, update);
    if (update && next) {
        update(next); /* its summary was that of another place: above it is news either way */
        rb_update_path(rb_parent(next), update);
    }
    if (lost_black && parent)
        rb_balance_after_erase(tree, parent, side, update);
    else if (tree->root)
        rb_set_black(tree->root);
}

#endif
