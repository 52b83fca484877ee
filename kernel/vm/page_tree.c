/* SPDX-License-Identifier: MIT */
/*
 * The radix tree of pages with counted, copy-on-write nodes; see page_tree.h for the idea.
 *
 * Words: a node is *alone* when it has one reference; it may be changed only if every node on the
 * way to it from the root is alone too. To *own* a path is to make that so, by copying what is
 * shared: a copy holds new references on what the original leads to, and the tree's reference on
 * the original is dropped last, so that a node never changes while anybody else can read it.
 *
 * Two trees may own the same path at the same time, each under its own lock: both may find two
 * references and both copy. The last to drop the original frees it; nothing is lost but the effort.
 *
 * Invariants: a node's used is the number of its slots in use, and no node but one being made is
 * empty; slots of a node at level n > 1 lead to nodes of level n - 1, those of level 1 to frames.
 */
#include "vm/page_tree.h"

#include "abi/errno.h"
#include "core/assert.h"
#include "core/trace.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "vm/page_tree_private.h"

static struct slab_cache node_cache;

void page_tree_init_cache(void) {
    slab_cache_init(&node_cache, "page_node", sizeof(struct page_node), 8);
}

size_t page_tree_node_bytes(void) {
    return sizeof(struct page_node);
}

void page_tree_init(struct page_tree *tree) {
    tree->root = NULL;
    tree->base = 0;
    tree->height = 0;
}

static inline unsigned slot_number(uint64_t index, unsigned level) {
    return (index >> ((level - 1) * PAGE_TREE_BITS)) & (PAGE_TREE_SLOTS - 1);
}

static inline bool tree_covers(const struct page_tree *tree, uint64_t index) {
    return tree->root && index - tree->base < slot_span(tree->height + 1u);
}

static inline void node_ref(struct page_node *node) {
    atomic_fetch_add_explicit(&node->refs, 1, memory_order_relaxed);
}

static struct page_node *node_create(unsigned level) {
    struct page_node *node = slab_alloc_zeroed(&node_cache);

    if (!node)
        return NULL;
    atomic_init(&node->refs, 1);
    node->level = (uint8_t)level;
    return node;
}

static void node_unref(struct page_node *node);

/* Drops the reference a slot holds. */
static inline void slot_release(unsigned level, void *value) {
    if (level == 1)
        frame_unref(value);
    else
        node_unref(value);
}

static void node_unref(struct page_node *node) {
    const unsigned level = node->level;
    void **slot = node->slot;

    if (atomic_fetch_sub_explicit(&node->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (unsigned left = node->used; left > 0; slot++) {
        if (!*slot)
            continue;
        slot_release(level, *slot);
        left--;
    }
    slab_free(&node_cache, node);
}

/* A copy that is alone; it holds references of its own. NULL: no memory. */
static struct page_node *node_copy(const struct page_node *node) {
    struct page_node *copy = slab_alloc(&node_cache);
    unsigned left = node->used;

    if (!copy)
        return NULL;
    memcpy(copy, node, offsetof(struct page_node, round));
    copy->round = 0;
    atomic_init(&copy->refs, 1);
    for (void **slot = copy->slot; left > 0; slot++) {
        if (!*slot)
            continue;
        if (node->level == 1)
            frame_ref(*slot);
        else
            node_ref(*slot);
        left--;
    }
    return copy;
}

/* Makes the node that *link holds alone, given that *link may be changed. NULL: no memory. */
static struct page_node *node_own(void **link) {
    struct page_node *node = *link;
    struct page_node *copy;

    if (node_refs(node) == 1)
        return node;
    copy = node_copy(node);
    if (!copy)
        return NULL;
    trace_node_unshared(0, (uint8_t)(node->level - 1));
    *link = copy;
    node_unref(node);
    return copy;
}

/* A slot, in which another processor may be putting something at this moment. */
static inline void *slot_read(void *const *slot) {
    return __atomic_load_n(slot, __ATOMIC_ACQUIRE);
}

struct frame *page_tree_find(const struct page_tree *tree, uint64_t index,
                             struct page_tree_place *place) {
    struct page_node *node = tree->root;
    bool shared = false;

    unsigned shift = tree->height * PAGE_TREE_BITS;

    place->leaf = NULL;
    if (!node || (index - tree->base) >> shift)
        return NULL;
    while ((shift -= PAGE_TREE_BITS) > 0) {
        shared |= node_refs(node) > 1;
        node = slot_read(&node->slot[index >> shift & (PAGE_TREE_SLOTS - 1)]);
        if (!node)
            return NULL;
    }
    place->slot = &node->slot[index & (PAGE_TREE_SLOTS - 1)];
    if (!shared && node_refs(node) == 1)
        place->leaf = node;
    return slot_read(place->slot);
}

struct frame *page_tree_lookup(const struct page_tree *tree, uint64_t index, bool *alone) {
    struct page_tree_place place;
    struct frame *frame = page_tree_find(tree, index, &place);

    if (alone)
        *alone = frame && place.leaf && frame_refs(frame) == 1;
    return frame;
}

struct frame *page_tree_put(const struct page_tree_place *place, struct frame *frame) {
    struct frame *old = *place->slot;

    place->leaf->used += !old;
    *place->slot = frame;
    return old;
}

void page_tree_replace(const struct page_tree_place *place, struct frame *frame) {
    __atomic_store_n(place->slot, frame, __ATOMIC_RELEASE);
}

/* ---- several at a time ---- */

/*
 * A node of a level whose way down to index leads to the frame, made of new nodes; level 0: the
 * frame itself. NULL: no memory.
 */
static void *way_create(unsigned level, uint64_t index, struct frame *frame) {
    void *below = frame;

    for (unsigned at = 1; at <= level; at++) {
        struct page_node *node = node_create(at);

        if (!node) {
            frame_ref(frame); /* for the caller, who keeps it */
            slot_release(at, below);
            return NULL;
        }
        node->slot[slot_number(index, at)] = below;
        node->used = 1;
        below = node;
    }
    return below;
}

/* Gives up a way that nobody has seen, but for the frame. */
static void way_destroy(void *way, unsigned level, struct frame *frame) {
    frame_ref(frame);
    slot_release(level + 1, way);
}

/* The lowest node on the way to index that is there; NULL: one on the way is not alone. */
static struct page_node *lowest_alone(const struct page_tree *tree, uint64_t index) {
    struct page_node *node = tree->root;

    while (node_refs(node) == 1 && node->level > 1) {
        struct page_node *child = slot_read(&node->slot[slot_number(index, node->level)]);

        if (!child)
            return node;
        node = child;
    }
    return node_refs(node) == 1 ? node : NULL;
}

int page_tree_add(const struct page_tree *tree, uint64_t index, struct frame *frame) {
    struct page_node *node;
    void *way, *none = NULL;

    node = tree_covers(tree, index) ? lowest_alone(tree, index) : NULL;
    if (!node)
        return -EDEADLK;
    way = way_create(node->level - 1u, index, frame);
    if (!way)
        return -ENOMEM;
    if (!__atomic_compare_exchange_n(&node->slot[slot_number(index, node->level)], &none, way,
                                     false, __ATOMIC_RELEASE, __ATOMIC_RELAXED)) {
        if (node->level > 1)
            way_destroy(way, node->level - 1u, frame);
        return -EEXIST;
    }
    __atomic_fetch_add(&node->used, 1, __ATOMIC_RELAXED);
    return 0;
}

/* Adds a level above the root, or the first leaf. 0 or -ENOMEM. */
static int tree_grow(struct page_tree *tree, uint64_t index) {
    unsigned level = tree->height + 1u;
    struct page_node *node;

    if (!tree->root) {
        node = node_create(1);
        if (!node)
            return -ENOMEM;
        *tree = (struct page_tree){node, align_down(index, PAGE_TREE_SLOTS), 1};
        return 0;
    }
    ASSERT(level <= PAGE_TREE_MAX_HEIGHT);
    node = node_create(level);
    if (!node)
        return -ENOMEM;
    node->slot[slot_number(tree->base, level)] = tree->root;
    node->used = 1;
    tree->root = node;
    tree->base = align_down(tree->base, slot_span(level + 1));
    tree->height = (uint8_t)level;
    return 0;
}

/*
 * Frees the empty nodes on the way to index, from below; what is on the way is alone as far as it
 * is empty. Returns whether *link became empty and was freed.
 */
static bool prune(void **link, uint64_t index) {
    struct page_node *node = *link;

    if (!node)
        return false;
    if (node->used > 0 && node->level > 1 && node_refs(node) == 1) {
        if (prune(&node->slot[slot_number(index, node->level)], index))
            node->used--;
    }
    if (node->used > 0)
        return false;
    slab_free(&node_cache, node);
    *link = NULL;
    return true;
}

static void tree_prune(struct page_tree *tree, uint64_t index) {
    if (tree_covers(tree, index) && prune((void **)&tree->root, index))
        page_tree_init(tree);
}

/* The slot below an owned node on the way to index, made and owned. NULL: no memory. */
static struct page_node *child_own(struct page_node *node, uint64_t index) {
    void **link = &node->slot[slot_number(index, node->level)];

    if (*link)
        return node_own(link);
    *link = node_create(node->level - 1u);
    if (*link)
        node->used++;
    return *link;
}

/* The leaf for index, which the tree covers, with the way to it made and owned. NULL: no memory. */
static struct page_node *leaf_own(struct page_tree *tree, uint64_t index) {
    struct page_node *node = node_own((void **)&tree->root);

    while (node && node->level > 1)
        node = child_own(node, index);
    return node;
}

int page_tree_insert(struct page_tree *tree, uint64_t index, struct frame *frame,
                     struct frame **old) {
    struct page_tree_place place;

    while (!tree_covers(tree, index)) {
        if (tree_grow(tree, index) < 0)
            goto no_memory;
    }
    place.leaf = leaf_own(tree, index);
    if (!place.leaf)
        goto no_memory;
    place.slot = &place.leaf->slot[slot_number(index, 1)];
    *old = page_tree_put(&place, frame);
    return 0;

no_memory:
    tree_prune(tree, index);
    return -ENOMEM;
}

/*
 * Owns what a removal of [start, end) has to change below node (owned, first page at base): nodes
 * that are covered in part. 0 or -ENOMEM.
 */
static int own_edges(struct page_node *node, uint64_t base, uint64_t start, uint64_t end) {
    uint64_t span = slot_span(node->level);
    const uint64_t edges[2] = {start, end};

    for (unsigned i = 0; i < 2 && node->level > 1; i++) {
        unsigned number = slot_number(edges[i], node->level);
        uint64_t child_base = base + number * span;

        if (edges[i] <= base || edges[i] - base >= span * PAGE_TREE_SLOTS ||
            edges[i] == child_base || !node->slot[number])
            continue;
        struct page_node *child = node_own(&node->slot[number]);

        if (!child || own_edges(child, child_base, start, end) < 0)
            return -ENOMEM;
    }
    return 0;
}

/* Takes [start, end) out below node (owned, first page at base). Returns whether it is empty now.
 */
static bool remove_below(struct page_node *node, uint64_t base, uint64_t start, uint64_t end) {
    uint64_t span = slot_span(node->level);
    unsigned first = start <= base ? 0 : (unsigned)((start - base) / span);

    for (unsigned i = first; i < PAGE_TREE_SLOTS && base + i * span < end; i++) {
        uint64_t child_base = base + i * span;
        bool whole = start <= child_base && child_base + span <= end;

        if (!node->slot[i])
            continue;
        if (!whole && !remove_below(node->slot[i], child_base, start, end))
            continue;
        if (whole)
            slot_release(node->level, node->slot[i]);
        else
            slab_free(&node_cache, node->slot[i]);
        node->slot[i] = NULL;
        node->used--;
    }
    return node->used == 0;
}

/* Whether [start, end) covers all the tree can hold. */
static bool tree_is_covered(const struct page_tree *tree, uint64_t start, uint64_t end) {
    return start <= tree->base && end >= tree->base + slot_span(tree->height + 1u);
}

/* Whether a removal of [start, end) finds anything and leaves anything. */
static bool removal_is_partial(const struct page_tree *tree, uint64_t start, uint64_t end) {
    uint64_t first = start;

    return page_tree_next(tree, &first) && first < end && !tree_is_covered(tree, start, end);
}

int page_tree_remove_prepare(struct page_tree *tree, uint64_t start, uint64_t end) {
    struct page_node *root;

    if (!removal_is_partial(tree, start, end))
        return 0;
    root = node_own((void **)&tree->root);
    return root ? own_edges(root, tree->base, start, end) : -ENOMEM;
}

void page_tree_remove(struct page_tree *tree, uint64_t start, uint64_t end) {
    if (tree->root && tree_is_covered(tree, start, end)) {
        page_tree_clear(tree);
    } else if (removal_is_partial(tree, start, end) &&
               remove_below(tree->root, tree->base, start, end)) {
        slab_free(&node_cache, tree->root);
        page_tree_init(tree);
    }
}

void page_tree_clone(struct page_tree *clone, const struct page_tree *tree) {
    *clone = *tree;
    if (clone->root)
        node_ref(clone->root);
}

void page_tree_clear(struct page_tree *tree) {
    struct page_node *root = tree->root;

    page_tree_init(tree);
    if (root)
        node_unref(root);
}

/* The first page at or after *index below node, whose first page is at base. */
static struct frame *next_below(const struct page_node *node, uint64_t base, uint64_t *index) {
    uint64_t span = slot_span(node->level);
    unsigned first = *index <= base ? 0 : (unsigned)((*index - base) / span);

    for (unsigned i = first; i < PAGE_TREE_SLOTS; i++) {
        uint64_t child_base = base + i * span;
        struct frame *frame = slot_read(&node->slot[i]);

        if (!frame)
            continue;
        if (node->level > 1)
            frame = next_below((struct page_node *)frame, child_base, index);
        else
            *index = child_base;
        if (frame)
            return frame;
    }
    return NULL;
}

struct frame *page_tree_next(const struct page_tree *tree, uint64_t *index) {
    if (!tree->root || (*index > tree->base && !tree_covers(tree, *index)))
        return NULL;
    return next_below(tree->root, tree->base, index);
}

static uint64_t count_below(const struct page_node *node, uint64_t base, uint64_t start,
                            uint64_t end) {
    uint64_t span = slot_span(node->level), count = 0;

    if (node->level == 1 && start <= base && end >= base + PAGE_TREE_SLOTS)
        return node->used;
    for (unsigned i = 0; i < PAGE_TREE_SLOTS && base + i * span < end; i++) {
        if (!node->slot[i] || base + (i + 1) * span <= start)
            continue;
        count += node->level == 1 ? 1 : count_below(node->slot[i], base + i * span, start, end);
    }
    return count;
}

uint64_t page_tree_count_range(const struct page_tree *tree, uint64_t start, uint64_t end) {
    return tree->root ? count_below(tree->root, tree->base, start, end) : 0;
}

size_t page_tree_count(const struct page_tree *tree) {
    return page_tree_count_range(tree, 0, UINT64_MAX);
}

static void visit_below(const struct page_node *node, uint64_t base,
                        const struct page_tree_visitor *visitor) {
    if (visitor->node && !visitor->node(visitor->arg, node, node_refs(node)))
        return;
    for (unsigned i = 0; i < PAGE_TREE_SLOTS; i++) {
        uint64_t child_base = base + i * slot_span(node->level);

        if (!node->slot[i])
            continue;
        if (node->level > 1)
            visit_below(node->slot[i], child_base, visitor);
        else if (visitor->page)
            visitor->page(visitor->arg, child_base, node->slot[i]);
    }
}

void page_tree_visit(const struct page_tree *tree, const struct page_tree_visitor *visitor) {
    if (tree->root)
        visit_below(tree->root, tree->base, visitor);
}

/* ---- runs: what a huge page maps ---- */

_Static_assert(FRAME_RUN_FRAMES % PAGE_TREE_SLOTS == 0, "a run fills whole leaves");

/* The leaf on the way to index, or NULL; *shared is set if another tree sees it. */
static struct page_node *leaf_find(const struct page_tree *tree, uint64_t index, bool *shared) {
    struct page_node *node = tree_covers(tree, index) ? tree->root : NULL;

    for (; node && node->level > 1; node = node->slot[slot_number(index, node->level)])
        *shared |= node_refs(node) > 1;
    if (node)
        *shared |= node_refs(node) > 1;
    return node;
}

/* The first pages of the leaves go in as any page does, and make the leaves; the rest follows. */
int page_tree_insert_run(struct page_tree *tree, uint64_t index, struct frame *first) {
    struct page_node *leaf;
    struct frame *old;
    bool shared = false;
    unsigned i;

    DEBUG_ASSERT(is_aligned(index, FRAME_RUN_FRAMES));
    for (i = 0; i < FRAME_RUN_FRAMES; i += PAGE_TREE_SLOTS) {
        if (page_tree_insert(tree, index + i, first + i, &old) < 0)
            goto no_memory;
    }
    for (i = 0; i < FRAME_RUN_FRAMES; i += PAGE_TREE_SLOTS) {
        leaf = leaf_find(tree, index + i, &shared);
        leaf->used = PAGE_TREE_SLOTS;
        for (unsigned slot = 1; slot < PAGE_TREE_SLOTS; slot++)
            leaf->slot[slot] = first + i + slot;
    }
    return 0;

no_memory:
    for (; i > 0; i -= PAGE_TREE_SLOTS) {
        leaf = leaf_find(tree, index + i - PAGE_TREE_SLOTS, &shared);
        leaf->slot[0] = NULL;
        leaf->used = 0;
        tree_prune(tree, index + i - PAGE_TREE_SLOTS);
    }
    return -ENOMEM;
}

/* Whether a leaf holds the frames from `first` on; *shared is set if another tree sees one. */
static bool leaf_holds(const struct page_node *leaf, const struct frame *first, bool *shared) {
    for (unsigned slot = 0; slot < PAGE_TREE_SLOTS; slot++) {
        if (leaf->slot[slot] != first + slot)
            return false;
        *shared |= frame_refs(first + slot) > 1;
    }
    return true;
}

struct frame *page_tree_find_run(const struct page_tree *tree, uint64_t index, bool *alone) {
    struct frame *first = page_tree_lookup(tree, index, NULL);
    bool shared = false;

    if (!first || !is_aligned(frame_to_pfn(first), FRAME_RUN_FRAMES))
        return NULL;
    for (unsigned i = 0; i < FRAME_RUN_FRAMES; i += PAGE_TREE_SLOTS) {
        const struct page_node *leaf = leaf_find(tree, index + i, &shared);

        if (!leaf || !leaf_holds(leaf, first + i, &shared))
            return NULL;
    }
    *alone = !shared;
    return first;
}
