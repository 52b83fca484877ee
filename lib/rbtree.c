/* SPDX-License-Identifier: MIT */
/*
 * Red-black trees without summaries, walking, and checking. The words and invariants are in
 * rbtree.h, linking, erasing and rebalancing in rbtree_augmented.h.
 */
#include "lib/rbtree_augmented.h"

void rb_link(struct rb_tree *tree, struct rb_node *node, struct rb_node *parent,
             struct rb_node **link) {
    rb_link_augmented(tree, node, parent, link, NULL);
}

void rb_erase(struct rb_tree *tree, struct rb_node *node) {
    rb_erase_augmented(tree, node, NULL);
}

static struct rb_node *outermost(struct rb_node *node, enum rb_side side) {
    while (node && rb_child(node, side))
        node = rb_child(node, side);
    return node;
}

static struct rb_node *neighbour(const struct rb_node *node, enum rb_side side) {
    struct rb_node *parent;

    if (rb_child(node, side))
        return outermost(rb_child(node, side), rb_other(side));
    while ((parent = rb_parent(node)) != NULL && node == rb_child(parent, side))
        node = parent;
    return parent;
}

struct rb_node *rb_first(const struct rb_tree *tree) {
    return outermost(tree->root, RB_LEFT);
}

struct rb_node *rb_last(const struct rb_tree *tree) {
    return outermost(tree->root, RB_RIGHT);
}

struct rb_node *rb_next(const struct rb_node *node) {
    return neighbour(node, RB_RIGHT);
}

struct rb_node *rb_prev(const struct rb_node *node) {
    return neighbour(node, RB_LEFT);
}

/* Black nodes on every path below `node`, which hangs below `parent`; -1 if they differ, if red
 * follows red, or if a parent pointer is wrong. Recursion as deep as the tree is high. */
static int check_below(const struct rb_node *node, const struct rb_node *parent) {
    int left, right;

    if (node == NULL)
        return 0;
    if (rb_parent(node) != parent || (rb_is_red(node) && (parent == NULL || rb_is_red(parent))))
        return -1;
    left = check_below(node->left, node);
    right = check_below(node->right, node);
    if (left < 0 || left != right)
        return -1;
    return left + (rb_is_black(node) ? 1 : 0);
}

int rb_check(const struct rb_tree *tree) {
    return check_below(tree->root, NULL);
}
