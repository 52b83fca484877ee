/* SPDX-License-Identifier: MIT */
/*
 * Address spaces: making, forking, giving back.
 *
 * The last user's vm_space_unref frees everything in an order that needs no flush: the pmap is made
 * to be active nowhere, then its tables go, then the areas with their pages.
 */
#include "vm/space.h"

#include "abi/errno.h"
#include "core/assert.h"
#include "core/trace.h"
#include "lib/bits.h"
#include "mm/slab.h"
#include "vm/check.h"
#include "vm/commit.h"
#include "vm/pmap.h"
#include "vm/space_lock.h"

static struct slab_cache space_cache;
static struct frame *zero_frame; /* const after vm_init; never written, never freed */

/*
 * Mappings are searched for below this. The stack has the last GiB to itself: then it has tables of
 * its own too, and a fork of much memory does not make its first write un-share a large one.
 */
#define MMAP_TOP align_down(USER_END, 1ull << 30)

uint64_t vm_mmap_min_addr = 65536; /* atomic */
uint64_t vm_areas_max = 65530;     /* atomic */

void vm_init(void) {
    page_tree_init_cache();
    vm_shadow_init_cache();
    vm_area_init_cache();
    slab_cache_init(&space_cache, "vm_space", sizeof(struct vm_space), 8);
    vm_space_lock_init();
    zero_frame = frame_alloc_zeroed(FRAME_ZERO);
    ASSERT(zero_frame);
    vm_commit_init();
    pmap_init();
}

struct frame *vm_zero_frame(void) {
    return zero_frame;
}

/* All spaces that are whole: a child half made by fork is not among them. */
static struct {
    struct spinlock lock;
    struct list_node list; /* [lock] */
} spaces = {SPINLOCK_INIT("vm spaces", LOCK_RANK_VM_LISTS), LIST_HEAD_INIT(spaces.list)};

static void space_publish(struct vm_space *space) {
    spin_lock(&spaces.lock);
    list_push_back(&spaces.list, &space->link);
    spin_unlock(&spaces.lock);
}

static void space_withdraw(struct vm_space *space) {
    spin_lock(&spaces.lock);
    list_remove(&space->link);
    spin_unlock(&spaces.lock);
}

struct vm_space *vm_space_next(struct vm_space *space) {
    struct vm_space *next = NULL;
    struct list_node *node;

    spin_lock(&spaces.lock);
    node = space ? space->link.next : spaces.list.next;
    for (; node != &spaces.list && !next; node = node->next) {
        struct vm_space *found = LIST_ENTRY(node, struct vm_space, link);

        if (refcount_inc_unless_zero(&found->refs))
            next = found;
    }
    spin_unlock(&spaces.lock);
    if (space)
        vm_space_unref(space);
    return next;
}

/* An empty space that is not in the list yet. NULL: no memory. */
static struct vm_space *space_make(void) {
    struct vm_space *space = slab_alloc_zeroed(&space_cache);

    if (!space)
        return NULL;
    space->pmap = pmap_create();
    if (!space->pmap) {
        slab_free(&space_cache, space);
        return NULL;
    }
    space->root = (uint32_t)(pmap_root(space->pmap) >> PAGE_SHIFT);
    trace_space_make(space->root);
    refcount_init(&space->refs, 1);
    list_init(&space->link);
    spin_init(&space->lock, "vm_space", LOCK_RANK_VM_SPACE);
    vm_area_set_init(&space->areas);
    space->mmap_top = MMAP_TOP;
    space->limits = (struct vm_limits){8ull << 20, UINT64_MAX, UINT64_MAX, 8ull << 20, UINT64_MAX};
    return space;
}

struct vm_space *vm_space_create(void) {
    struct vm_space *space = space_make();

    if (space)
        space_publish(space);
    return space;
}

/*
 * Takes the first areas at or after *area that lie so close together that one walk of the page
 * tables serves them all: each begins in the leaf table that the one before ends in. Leaves out
 * areas with any of the flags. Their range, with the next area to look at in *area; false: no more.
 */
static bool next_stretch(struct vm_area **area, uint32_t without, struct vm_range *stretch) {
    struct vm_area *next = *area;

    while (next && (next->flags & without))
        next = vm_area_next(next);
    if (!next)
        return false;
    stretch->start = next->start;
    do {
        stretch->end = next->end;
        next = vm_area_next(next);
    } while (next && next->start < align_up(stretch->end, PMAP_LARGE_BYTES) &&
             !(next->flags & without));
    *area = next;
    return true;
}

/* Lets go of all tables of a space that runs nowhere. */
static void drop_tables(struct vm_space *space) {
    struct vm_area *area = vm_area_first(&space->areas);
    struct vm_range stretch;

    while (next_stretch(&area, 0, &stretch))
        pmap_teardown(space->pmap, stretch.start, stretch.end);
}

/* Gives all areas back, when nothing is mapped any more. */
static void drop_areas(struct vm_space *space) {
    vm_area_set_clear(&space->areas);
    vm_commit_settle(space);
}

static void space_free(struct vm_space *space) {
    trace_space_free(space->root);
    pmap_retire(space->pmap);
    drop_tables(space);
    pmap_destroy(space->pmap);
    drop_areas(space);
    vm_space_forget_faults(space);
    slab_free(&space_cache, space);
}

void vm_space_ref(struct vm_space *space) {
    refcount_inc(&space->refs);
}

void vm_space_unref(struct vm_space *space) {
    /* With a reference still: one that nobody holds is left out when an object is cut. */
    DEBUG_ASSERT(refcount_get(&space->refs) > 1 || vm_check_passes(space));
    if (!refcount_dec_and_test(&space->refs))
        return;
    space_withdraw(space);
    space_free(space);
}

void vm_space_reap(struct vm_space *space) {
    struct vm_area *area;

    vm_space_lock(space);
    space->is_reaped = true;
    for (area = vm_area_first(&space->areas); area; area = vm_area_next(area))
        pmap_remove(space->pmap, area->start, area->end);
    for (area = vm_area_first(&space->areas); area; area = vm_area_next(area)) {
        if (area->shadow)
            vm_shadow_clear(area->shadow);
    }
    DEBUG_ASSERT(vm_check_passes_call_locked(space, VM_RANGE_ALL));
    vm_space_unlock(space);
}

void vm_space_activate(struct vm_space *space) {
    pmap_activate(space ? space->pmap : NULL);
}

void vm_space_set_limits(struct vm_space *space, const struct vm_limits *limits) {
    vm_space_lock(space);
    space->limits = *limits;
    vm_space_unlock(space);
}

bool vm_space_may_have_data(const struct vm_space *space, int64_t more_bytes) {
    const struct vm_limits *limits = &space->limits;
    uint64_t data = space->areas.data_bytes + (uint64_t)more_bytes;

    if (limits->data_bytes == 0)
        return data <= limits->data_hard_bytes;
    return data <= limits->data_bytes;
}

bool vm_space_may_grow(const struct vm_space *space, int64_t more_bytes, bool is_data) {
    if (space->areas.bytes + (uint64_t)more_bytes > space->limits.space_bytes)
        return false;
    return !is_data || vm_space_may_have_data(space, more_bytes);
}

void vm_space_set_mmap_range(struct vm_space *space, uint64_t top, uint64_t bottom) {
    vm_space_lock(space);
    space->mmap_top = top;
    space->mmap_bottom = bottom;
    vm_space_unlock(space);
}

void vm_space_set_brk_start(struct vm_space *space, uint64_t address) {
    vm_space_lock(space);
    space->brk_start = address;
    space->brk = address;
    vm_space_unlock(space);
}

void vm_space_set_data_segment(struct vm_space *space, uint64_t bytes) {
    vm_space_lock(space);
    space->segment_bytes = bytes;
    vm_space_unlock(space);
}

/* ---- fork ---- */

/* Gives copy the shadow that the child has of the area's. 0 or -ENOMEM. */
static int fork_shadow(struct vm_area *copy, const struct vm_area *area) {
    if (!area->shadow || (area->flags & VM_AREA_WIPE_ON_FORK))
        return 0;
    copy->shadow = vm_shadow_fork(area->shadow);
    return copy->shadow ? 0 : -ENOMEM;
}

/*
 * Gives the child an area like the parent's and a clone of its shadow. Locks are not inherited, nor
 * shadows that are wiped, so what they kept apart may be one. 0 or -ENOMEM.
 */
static int fork_area(struct vm_space *child, struct vm_area *area) {
    struct vm_area *copy;

    if (area->flags & VM_AREA_NO_FORK)
        return 0;
    copy = vm_area_create(child, area->object, area->flags & ~VM_AREA_LOCK_FLAGS);
    if (!copy)
        return -ENOMEM;
    copy->start = area->start;
    copy->end = area->end;
    copy->prot = area->prot;
    copy->max_prot = area->max_prot;
    copy->offset_pages = area->offset_pages;
    if (fork_shadow(copy, area) < 0) {
        vm_area_destroy(copy);
        return -ENOMEM;
    }
    vm_area_append(&child->areas, copy);
    if (area->space->areas.locked_bytes > 0 || (area->flags & VM_AREA_WIPE_ON_FORK))
        vm_area_join(&child->areas, copy);
    return 0;
}

/* Gives the child the parent's entries, where it sees the parent's pages. */
static void fork_entries(struct vm_space *parent, struct vm_space *child) {
    struct vm_area *area = vm_area_first(&parent->areas);
    struct vm_range stretch;

    while (next_stretch(&area, VM_AREA_NO_FORK | VM_AREA_WIPE_ON_FORK, &stretch))
        pmap_fork(parent->pmap, child->pmap, stretch.start, stretch.end);
    pmap_fork_finish(parent->pmap);
}

/*
 * Takes from the child what it is not to see of an area: pages that came with a shadow that other
 * areas use as well, entries that came with a table. 0 or -ENOMEM.
 */
static int fork_hide(struct vm_space *child, struct vm_area *area) {
    struct vm_shadow *twin = area->shadow ? area->shadow->twin : NULL;
    uint64_t first = area->offset_pages;
    uint64_t end = vm_area_index(area, area->end);

    if (!(area->flags & (VM_AREA_NO_FORK | VM_AREA_WIPE_ON_FORK)))
        return 0;
    pmap_remove(child->pmap, area->start, area->end);
    if (!twin)
        return 0;
    if (page_tree_remove_prepare(&twin->tree, first, end) < 0)
        return -ENOMEM;
    trace_pages_gone(trace_id(twin), first, end);
    page_tree_remove(&twin->tree, first, end);
    return 0;
}

static int fork_areas(struct vm_space *parent, struct vm_space *child) {
    int error = 0;
    struct vm_area *area;

    for (area = vm_area_first(&parent->areas); area && error == 0; area = vm_area_next(area))
        error = fork_area(child, area);
    if (error == 0)
        fork_entries(parent, child);
    for (area = vm_area_first(&parent->areas); area && error == 0; area = vm_area_next(area))
        error = fork_hide(child, area);
    for (area = vm_area_first(&parent->areas); area; area = vm_area_next(area)) {
        if (area->shadow)
            vm_shadow_fork_end(area->shadow);
    }
    return error;
}

/*
 * The child's lock is held too: who cuts an object finds the child's areas as soon as they are
 * there, and takes a reference on it. So a child that fails is emptied first.
 */
int vm_space_fork(struct vm_space *parent, struct vm_space **child) {
    struct vm_space *space = space_make();
    int error;

    if (!space)
        return -ENOMEM;
    vm_space_lock_pair(parent, space);
    trace_fork(parent->root, space->root, parent->areas.count);
    space->mmap_top = parent->mmap_top;
    space->mmap_bottom = parent->mmap_bottom;
    space->brk_start = parent->brk_start;
    space->brk = parent->brk;
    space->segment_bytes = parent->segment_bytes;
    space->limits = parent->limits;
    error = vm_commit_reserve(space, parent->areas.accounted_bytes);
    if (error == 0)
        error = fork_areas(parent, space);
    if (error < 0) {
        pmap_teardown(space->pmap, USER_MIN, USER_END); /* also what came with a shared table */
        drop_areas(space);
    }
    vm_commit_settle(space);
    space->peak_bytes = space->areas.bytes;
    vm_space_unlock(parent);
    vm_space_unlock(space);
    if (error < 0) {
        vm_space_unref(space);
        return error;
    }
    space_publish(space);
    DEBUG_ASSERT(vm_check_passes(parent) && vm_check_passes(space));
    *child = space;
    return 0;
}
