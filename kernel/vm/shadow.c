/* SPDX-License-Identifier: MIT */
/*
 * Shadows: making, sharing among areas, cloning at fork. The pages are the tree's business
 * (page_tree.c), finding them the fault path's (fault.c).
 */
#include "vm/shadow.h"

#include "mm/slab.h"

static struct slab_cache shadow_cache;

void vm_shadow_init_cache(void) {
    slab_cache_init(&shadow_cache, "vm_shadow", sizeof(struct vm_shadow), 8);
}

struct vm_shadow *vm_shadow_create(void) {
    struct vm_shadow *shadow = slab_alloc(&shadow_cache);

    if (!shadow)
        return NULL;
    page_tree_init(&shadow->tree);
    shadow->areas = 1;
    shadow->twin = NULL;
    return shadow;
}

void vm_shadow_hold(struct vm_shadow *shadow) {
    shadow->areas++;
}

void vm_shadow_drop(struct vm_shadow *shadow) {
    if (--shadow->areas > 0)
        return;
    page_tree_clear(&shadow->tree);
    slab_free(&shadow_cache, shadow);
}

struct vm_shadow *vm_shadow_fork(struct vm_shadow *shadow) {
    if (shadow->twin) {
        vm_shadow_hold(shadow->twin);
        return shadow->twin;
    }
    shadow->twin = vm_shadow_create();
    if (shadow->twin)
        page_tree_clone(&shadow->twin->tree, &shadow->tree);
    return shadow->twin;
}

void vm_shadow_fork_end(struct vm_shadow *shadow) {
    shadow->twin = NULL;
}
