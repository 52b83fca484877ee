/* SPDX-License-Identifier: MIT */
/*
 * Recounting the references of page trees from scratch; see page_tree.h.
 *
 * A recount has two rounds: one finds the ways to each node, the next one compares. A node that a
 * round meets for the first time says an older one.
 */
#include "vm/page_tree_private.h"

static uint32_t recount_round;

void page_tree_recount_begin(void) {
    recount_round = (recount_round + 2) | 1;
}

static void recount_below(struct page_node *node, uint64_t base,
                          const struct page_tree_visitor *visitor) {
    bool first = node->round != recount_round;

    node->round = recount_round;
    node->ways = first ? 1 : node->ways + 1;
    for (unsigned i = 0; first && i < PAGE_TREE_SLOTS; i++) {
        uint64_t child_base = base + i * slot_span(node->level);

        if (!node->slot[i])
            continue;
        if (node->level > 1)
            recount_below(node->slot[i], child_base, visitor);
        else
            visitor->page(visitor->arg, child_base, node->slot[i]);
    }
}

void page_tree_recount(const struct page_tree *tree, const struct page_tree_visitor *visitor) {
    if (tree->root)
        recount_below(tree->root, tree->base, visitor);
}

/* Notes what is wrong with one node, whose height should be level. */
static bool node_is_right(const struct page_node *node, unsigned level,
                          struct page_tree_flaw *flaw) {
    *flaw = (struct page_tree_flaw){
        .level = node->level, .refs = node_refs(node), .ways = node->ways, .used = node->used};
    for (unsigned i = 0; i < PAGE_TREE_SLOTS; i++)
        flaw->slots += node->slot[i] != NULL;
    return node->level == level && flaw->refs == flaw->ways && flaw->used == flaw->slots &&
           flaw->slots > 0;
}

static bool recheck_below(struct page_node *node, unsigned level, struct page_tree_flaw *flaw,
                          uint64_t *nodes) {
    if (node->round != recount_round)
        return true; /* met before in this round */
    node->round = recount_round + 1;
    ++*nodes;
    if (!node_is_right(node, level, flaw))
        return false;
    for (unsigned i = 0; level > 1 && i < PAGE_TREE_SLOTS; i++)
        if (node->slot[i] && !recheck_below(node->slot[i], level - 1, flaw, nodes))
            return false;
    return true;
}

bool page_tree_recheck(const struct page_tree *tree, struct page_tree_flaw *flaw, uint64_t *nodes) {
    return !tree->root || recheck_below(tree->root, tree->height, flaw, nodes);
}
