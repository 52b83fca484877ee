/* SPDX-License-Identifier: MIT */
/*
 * Red-black trees: linking, erasing, rebalancing. The words and invariants are in rbtree.h.
 *
 * Rebalancing after a link knows one offence: a red node whose parent is red. After an erase, one:
 * a place (possibly empty) whose paths lack a black node. Both loops move the offence up or end
 * it with rotations.
 *
 * Summaries: whoever changes the shape first recomputes the path from the lowest change up. A
 * rotation keeps the set of nodes below its place, so it recomputes its two nodes only.
 */
#include "lib/rbtree.h"

enum side { LEFT, RIGHT };

static bool is_black(const struct rb_node *node) {
    return node == NULL || (node->parent_and_color & 1);
}

static bool is_red(const struct rb_node *node) {
    return !is_black(node);
}

static void set_black(struct rb_node *node) {
    node->parent_and_color |= 1;
}

static void set_red(struct rb_node *node) {
    node->parent_and_color &= ~(uintptr_t)1;
}

static void copy_color(struct rb_node *to, const struct rb_node *from) {
    to->parent_and_color = (to->parent_and_color & ~(uintptr_t)1) | (from->parent_and_color & 1);
}

static void set_parent(struct rb_node *node, struct rb_node *parent) {
    node->parent_and_color = (uintptr_t)parent | (node->parent_and_color & 1);
}

static struct rb_node *child(const struct rb_node *node, enum side side) {
    return side == LEFT ? node->left : node->right;
}

static void set_child(struct rb_node *node, enum side side, struct rb_node *to) {
    if (side == LEFT)
        node->left = to;
    else
        node->right = to;
}

static enum side other(enum side side) {
    return side == LEFT ? RIGHT : LEFT;
}

static enum side side_of(const struct rb_node *node, const struct rb_node *parent) {
    return parent->left == node ? LEFT : RIGHT;
}

/* Puts `node` (may be NULL) where `old` hangs below `parent` (NULL: as the root). */
static void replace_below(struct rb_tree *tree, struct rb_node *parent, const struct rb_node *old,
                          struct rb_node *node) {
    if (parent == NULL)
        tree->root = node;
    else
        set_child(parent, side_of(old, parent), node);
    if (node)
        set_parent(node, parent);
}

/* `node` goes down to `side`; its child on the other side takes its place. */
static void rotate(struct rb_tree *tree, struct rb_node *node, enum side side,
                   rb_update_fn update) {
    struct rb_node *up = child(node, other(side));
    struct rb_node *moved = child(up, side);

    replace_below(tree, rb_parent(node), node, up);
    set_child(node, other(side), moved);
    if (moved)
        set_parent(moved, node);
    set_child(up, side, node);
    set_parent(node, up);
    if (update) {
        update(node);
        update(up);
    }
}

void rb_update_path(struct rb_node *node, rb_update_fn update) {
    while (node && update(node))
        node = rb_parent(node);
}

/* `node` is red; makes it right if its parent is red too. */
static void balance_after_link(struct rb_tree *tree, struct rb_node *node, rb_update_fn update) {
    struct rb_node *parent;

    while ((parent = rb_parent(node)) != NULL && is_red(parent)) {
        struct rb_node *grand = rb_parent(parent); /* a red node is not the root */
        enum side side = side_of(parent, grand);
        struct rb_node *uncle = child(grand, other(side));

        if (is_red(uncle)) {
            set_black(parent);
            set_black(uncle);
            set_red(grand);
            node = grand;
            continue;
        }
        if (node == child(parent, other(side))) {
            rotate(tree, parent, side, update);
            parent = node;
        }
        set_black(parent);
        set_red(grand);
        rotate(tree, grand, other(side), update);
        break;
    }
    set_black(tree->root);
}

void rb_link(struct rb_tree *tree, struct rb_node *node, struct rb_node *parent,
             struct rb_node **link, rb_update_fn update) {
    node->parent_and_color = (uintptr_t)parent;
    node->left = NULL;
    node->right = NULL;
    *link = node;
    if (update) {
        update(node); /* its first summary: whatever was there before says nothing */
        rb_update_path(parent, update);
    }
    balance_after_link(tree, node, update);
}

/* The sibling is black, and one of its children is red: ends the offence with rotations. */
static void borrow_from_sibling(struct rb_tree *tree, struct rb_node *parent, enum side side,
                                rb_update_fn update) {
    struct rb_node *sibling = child(parent, other(side));

    if (is_black(child(sibling, other(side)))) {
        set_black(child(sibling, side));
        set_red(sibling);
        rotate(tree, sibling, other(side), update);
        sibling = child(parent, other(side));
    }
    copy_color(sibling, parent);
    set_black(parent);
    set_black(child(sibling, other(side)));
    rotate(tree, parent, side, update);
}

/* Paths through the child of `parent` on `side`, which may be empty, lack one black node. */
static void balance_after_erase(struct rb_tree *tree, struct rb_node *parent, enum side side,
                                rb_update_fn update) {
    while (parent) {
        struct rb_node *node = child(parent, side);
        struct rb_node *sibling = child(parent, other(side));

        if (is_red(node)) {
            set_black(node);
            return;
        }
        if (is_red(sibling)) {
            set_black(sibling);
            set_red(parent);
            rotate(tree, parent, side, update);
            sibling = child(parent, other(side));
        }
        if (is_red(sibling->left) || is_red(sibling->right)) {
            borrow_from_sibling(tree, parent, side, update);
            return;
        }
        set_red(sibling);
        node = parent;
        parent = rb_parent(node);
        if (parent)
            side = side_of(node, parent);
    }
}

/* Puts `next`, the node after `node` and the leftmost on its right, in the place of `node`. What
 * hung below `next` takes the place of `next`; *side tells where that is. Returns its parent. */
static struct rb_node *put_next_in_place(struct rb_tree *tree, struct rb_node *node,
                                         struct rb_node *next, enum side *side) {
    struct rb_node *parent = rb_parent(next);

    if (parent == node) {
        parent = next;
        *side = RIGHT;
    } else {
        replace_below(tree, parent, next, next->right);
        next->right = node->right;
        set_parent(next->right, next);
        *side = LEFT;
    }
    next->left = node->left;
    set_parent(next->left, next);
    replace_below(tree, rb_parent(node), node, next);
    copy_color(next, node);
    return parent;
}

void rb_erase(struct rb_tree *tree, struct rb_node *node, rb_update_fn update) {
    struct rb_node *parent = rb_parent(node);
    struct rb_node *next = NULL; /* what takes the place of a node with two children */
    enum side side = LEFT;
    bool lost_black;

    if (node->left && node->right) {
        next = rb_next(node);
        lost_black = is_black(next);
        parent = put_next_in_place(tree, node, next, &side);
    } else {
        lost_black = is_black(node);
        if (parent)
            side = side_of(node, parent);
        replace_below(tree, parent, node, node->left ? node->left : node->right);
    }
    if (update)
        rb_update_path(parent, update);
    if (update && next) {
        update(next); /* its summary was that of another place: above it is news either way */
        rb_update_path(rb_parent(next), update);
    }
    if (lost_black && parent)
        balance_after_erase(tree, parent, side, update);
    else if (tree->root)
        set_black(tree->root);
}

static struct rb_node *outermost(struct rb_node *node, enum side side) {
    while (node && child(node, side))
        node = child(node, side);
    return node;
}

static struct rb_node *neighbour(const struct rb_node *node, enum side side) {
    struct rb_node *parent;

    if (child(node, side))
        return outermost(child(node, side), other(side));
    while ((parent = rb_parent(node)) != NULL && node == child(parent, side))
        node = parent;
    return parent;
}

struct rb_node *rb_first(const struct rb_tree *tree) {
    return outermost(tree->root, LEFT);
}

struct rb_node *rb_last(const struct rb_tree *tree) {
    return outermost(tree->root, RIGHT);
}

struct rb_node *rb_next(const struct rb_node *node) {
    return neighbour(node, RIGHT);
}

struct rb_node *rb_prev(const struct rb_node *node) {
    return neighbour(node, LEFT);
}

/* Black nodes on every path below `node`, which hangs below `parent`; -1 if they differ, if red
 * follows red, or if a parent pointer is wrong. Recursion as deep as the tree is high. */
static int check_below(const struct rb_node *node, const struct rb_node *parent) {
    int left, right;

    if (node == NULL)
        return 0;
    if (rb_parent(node) != parent || (is_red(node) && (parent == NULL || is_red(parent))))
        return -1;
    left = check_below(node->left, node);
    right = check_below(node->right, node);
    if (left < 0 || left != right)
        return -1;
    return left + (is_black(node) ? 1 : 0);
}

int rb_check(const struct rb_tree *tree) {
    return check_below(tree->root, NULL);
}
