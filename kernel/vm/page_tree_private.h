/* SPDX-License-Identifier: MIT */
/*
 * What the files of the page tree share: its nodes. See vm/page_tree.h.
 */
#ifndef QUIRE_VM_PAGE_TREE_PRIVATE_H
#define QUIRE_VM_PAGE_TREE_PRIVATE_H

#include <stdatomic.h>

#include "vm/page_tree.h"

struct page_node {
    _Atomic uint32_t refs;
    uint16_t used; /* atomic where several put pages in at a time */
    uint8_t level;
    void *slot[PAGE_TREE_SLOTS];
    uint32_t round; /* of the recount that met it last; 0: none */
    uint32_t ways;  /* to it that this recount found */
};

/* Pages under one slot of a node at level. */
static inline uint64_t slot_span(unsigned level) {
    return 1ull << ((level - 1) * PAGE_TREE_BITS);
}

static inline uint32_t node_refs(const struct page_node *node) {
    return atomic_load_explicit(&((struct page_node *)(uintptr_t)node)->refs, memory_order_acquire);
}

#endif
