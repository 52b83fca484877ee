/* SPDX-License-Identifier: MIT */
/*
 * Shadows: making, sharing among areas, cloning at fork, cutting. The pages are the tree's business
 * (page_tree.c), finding them the fault path's (fault.c).
 */
#include "vm/shadow.h"

#include "core/assert.h"
#include "core/trace.h"
#include "lib/bits.h"
#include "mm/frame.h"
#include "mm/slab.h"

#define VM_SHADOW_NO_VOID UINT64_MAX
/* Beyond every index that a tree can hold. */
#define INDEX_END (1ull << (PAGE_TREE_MAX_HEIGHT * PAGE_TREE_BITS))

/* Pages at most that one shadow takes over from another. */
#define ABSORBED_MAX 512u

static struct slab_cache shadow_cache;

void vm_shadow_init_cache(void) {
    slab_cache_init(&shadow_cache, "vm_shadow", sizeof(struct vm_shadow), 8);
}

struct vm_shadow *vm_shadow_create(void) {
    struct vm_shadow *shadow = slab_alloc(&shadow_cache);

    if (!shadow)
        return NULL;
    page_tree_init(&shadow->tree);
    shadow->void_from = VM_SHADOW_NO_VOID;
    shadow->areas = 1;
    shadow->twin = NULL;
    trace_shadow_make(trace_id(shadow));
    return shadow;
}

void vm_shadow_hold(struct vm_shadow *shadow) {
    shadow->areas++;
}

void vm_shadow_drop(struct vm_shadow *shadow) {
    if (--shadow->areas > 0)
        return;
    trace_shadow_free(trace_id(shadow));
    page_tree_clear(&shadow->tree);
    slab_free(&shadow_cache, shadow);
}

void vm_shadow_move_all(struct vm_shadow *from, struct vm_shadow *to) {
    trace_pages_moved(trace_id(from), trace_id(to), 0, INDEX_END);
    to->tree = from->tree;
    to->void_from = from->void_from;
    page_tree_init(&from->tree);
    from->void_from = VM_SHADOW_NO_VOID;
}

void vm_shadow_clear(struct vm_shadow *shadow) {
    trace_pages_gone(trace_id(shadow), 0, INDEX_END);
    page_tree_clear(&shadow->tree);
    shadow->void_from = VM_SHADOW_NO_VOID;
}

/* Takes out what is void, if there is memory for it. 0 or -ENOMEM. */
static int take_out_void(struct vm_shadow *shadow) {
    int error;

    if (shadow->void_from == VM_SHADOW_NO_VOID)
        return 0;
    error = page_tree_remove_prepare(&shadow->tree, shadow->void_from, UINT64_MAX);
    if (error < 0)
        return error;
    page_tree_remove(&shadow->tree, shadow->void_from, UINT64_MAX);
    shadow->void_from = VM_SHADOW_NO_VOID;
    return 0;
}

int vm_shadow_insert_slowly(struct vm_shadow *shadow, uint64_t index, struct frame *frame,
                            struct frame **old) {
    int error = take_out_void(shadow);

    /* Below the void the page can be had without; there it would bring back what was cut off. */
    if (error < 0 && index >= shadow->void_from)
        return error;
    return page_tree_insert(&shadow->tree, index, frame, old);
}

void vm_shadow_cut(struct vm_shadow *shadow, uint64_t start) {
    trace_pages_gone(trace_id(shadow), start, INDEX_END);
    shadow->void_from = MIN(shadow->void_from, start);
    (void)take_out_void(shadow); /* what stays is taken out by the next page that is put in */
}

extern inline struct vm_shadow *vm_shadow_fork(struct vm_shadow *shadow) {
    if (shadow->twin) {
        vm_shadow_hold(shadow->twin);
        return shadow->twin;
    }
    shadow->twin = vm_shadow_create();
    if (shadow->twin) {
        page_tree_clone(&shadow->twin->tree, &shadow->tree);
        shadow->twin->void_from = shadow->void_from;
        trace_pages_shared(trace_id(shadow), trace_id(shadow->twin));
    }
    return shadow->twin;
}

void vm_shadow_fork_end(struct vm_shadow *shadow) {
    shadow->twin = NULL;
}

struct vm_shadow *vm_shadow_detach_prepare(struct vm_shadow *shadow, uint64_t start, uint64_t end) {
    struct vm_shadow *part = vm_shadow_create();

    if (!part)
        return NULL;
    page_tree_clone(&part->tree, &shadow->tree);
    part->void_from = shadow->void_from;
    if (page_tree_remove_prepare(&shadow->tree, start, end) < 0 ||
        page_tree_remove_prepare(&part->tree, 0, start) < 0 ||
        page_tree_remove_prepare(&part->tree, end, INDEX_END) < 0) {
        vm_shadow_drop(part);
        return NULL;
    }
    return part;
}

void vm_shadow_detach(struct vm_shadow *shadow, struct vm_shadow *part, uint64_t start,
                      uint64_t end) {
    trace_pages_moved(trace_id(shadow), trace_id(part), start, end);
    page_tree_remove(&shadow->tree, start, end);
    page_tree_remove(&part->tree, 0, start);
    page_tree_remove(&part->tree, end, INDEX_END);
}

/* Whether its pages are few enough to be put elsewhere one by one. */
static bool is_small(const struct vm_shadow *shadow) {
    const struct frame *frame;
    uint64_t index = 0;
    unsigned pages = 0;

    for (; (frame = page_tree_next(&shadow->tree, &index)) != NULL; index++) {
        if (++pages > ABSORBED_MAX || frame_is_of_run(frame))
            return false;
    }
    return true;
}

/* Puts the pages of `from` into a tree that has none there. 0; -ENOMEM and some are in. */
static int add_all(struct page_tree *tree, const struct page_tree *from) {
    struct frame *frame, *old;
    uint64_t index = 0;

    for (; (frame = page_tree_next(from, &index)) != NULL; index++) {
        int error;

        frame_ref(frame);
        error = page_tree_insert(tree, index, frame, &old);
        if (error < 0) {
            frame_unref(frame);
            return error;
        }
        DEBUG_ASSERT(!old);
    }
    return 0;
}

bool vm_shadow_absorb(struct vm_shadow *shadow, const struct vm_shadow *part) {
    struct page_tree both;

    if (shadow->void_from != VM_SHADOW_NO_VOID || part->void_from != VM_SHADOW_NO_VOID ||
        !is_small(part))
        return false;
    page_tree_clone(&both, &shadow->tree);
    if (add_all(&both, &part->tree) < 0) {
        page_tree_clear(&both);
        return false;
    }
    page_tree_clear(&shadow->tree);
    shadow->tree = both;
    return true;
}
