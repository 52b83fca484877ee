/* SPDX-License-Identifier: MIT */
/*
 * The way to one page in a page tree, node by node, as page_tree_find goes it; see page_tree.h.
 */
#include "vm/page_tree_private.h"

void page_tree_way(const struct page_tree *tree, uint64_t index, struct page_tree_way *way) {
    const struct page_node *node = tree->root;

    *way = (struct page_tree_way){0};
    if (!node || index - tree->base >= slot_span(tree->height + 1u))
        return;
    for (unsigned level = tree->height; node; level--) {
        void *below = node->slot[index / slot_span(level) % PAGE_TREE_SLOTS];

        way->refs[way->nodes++] = node_refs(node);
        if (level == 1) {
            way->frame = below;
            return;
        }
        node = below;
    }
}
