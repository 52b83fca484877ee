/* SPDX-License-Identifier: MIT */
/*
 * Areas and the ordered set of them; see area.h.
 *
 * A gap belongs to the area after it, so the free range above the last area is nobody's: searches
 * look at it apart. Each change of an edge updates the gap of the area itself and of its successor.
 */
#include "vm/area.h"

#include "core/assert.h"
#include "lib/bits.h"
#include "lib/rbtree_augmented.h"
#include "mm/slab.h"
#include "vm/space.h"

uint64_t vm_stack_guard_bytes = 256 * PAGE_SIZE; /* const after start; Linux's stack_guard_gap */

static struct slab_cache area_cache;

void vm_area_init_cache(void) {
    slab_cache_init(&area_cache, "vm_area", sizeof(struct vm_area), 8);
}

static inline struct vm_area *area_of(struct rb_node *node) {
    return node ? RB_ENTRY(node, struct vm_area, node) : NULL;
}

/* ---- one area ---- */

static void area_link(struct vm_area *area) {
    if (!area->object)
        return;
    vm_object_ref(area->object);
    spin_lock(&area->object->lock);
    list_push_back(&area->object->areas, &area->link);
    spin_unlock(&area->object->lock);
    if (area->object->ops->attached)
        area->object->ops->attached(area->object);
}

static void area_unlink(struct vm_area *area) {
    if (!area->object)
        return;
    spin_lock(&area->object->lock);
    list_remove(&area->link);
    spin_unlock(&area->object->lock);
    if (area->object->ops->detached)
        area->object->ops->detached(area->object);
    vm_object_unref(area->object);
}

struct vm_area *vm_area_create(struct vm_space *space, struct vm_object *object, uint32_t flags) {
    struct vm_area *area = slab_alloc(&area_cache);

    if (!area)
        return NULL;
    area->space = space;
    area->object = object;
    area->flags = flags;
    area->max_prot = 0; /* not writable for vm_object_deny_writes, until it is said to be */
    area->shadow = NULL;
    area->unmap_epoch = 0;
    area_link(area);
    return area;
}

void vm_area_destroy(struct vm_area *area) {
    if (area->shadow)
        vm_shadow_drop(area->shadow);
    area_unlink(area);
    slab_free(&area_cache, area);
}

/* ---- the set ---- */

/* The bound of one node from its children's; true if it has become wider. */
static bool update_max_gap(struct rb_node *node) {
    struct vm_area *area = area_of(node);
    uint64_t before = area->max_gap;
    uint64_t max = area->gap;

    if (node->left)
        max = MAX(max, area_of(node->left)->max_gap);
    if (node->right)
        max = MAX(max, area_of(node->right)->max_gap);
    area->max_gap = max;
    return max > before;
}

/* The gap in front of area has changed. */
static inline void set_gap(struct vm_area *area, uint64_t gap) {
    area->gap = gap;
    if (gap > area->max_gap)
        rb_update_path(&area->node, update_max_gap);
}

void vm_area_set_init(struct vm_area_set *set) {
    *set = (struct vm_area_set){.tree = {NULL}};
}

struct vm_area *vm_area_find_from(struct vm_area_set *set, uint64_t va) {
    struct rb_node *node = set->tree.root;
    struct vm_area *best = NULL;

    while (node) {
        struct vm_area *area = area_of(node);

        if (va < area->end) {
            best = area;
            if (va >= area->start) {
                set->hint = area;
                break;
            }
            node = node->left;
        } else {
            node = node->right;
        }
    }
    return best;
}

/*
 * Links area between two neighbours (NULL: none). In a tree the node after prev is its right child
 * if it has none yet; else next, the leftmost on its right, has no left one.
 */
static void link_between(struct vm_area_set *set, struct vm_area *area, struct vm_area *prev,
                         struct vm_area *next) {
    bool below_prev = prev && !prev->node.right;
    struct rb_node *parent = below_prev ? &prev->node : next ? &next->node : NULL;
    struct rb_node **link = below_prev ? &prev->node.right
                            : next     ? &next->node.left
                                       : &set->tree.root;

    area->prev = prev;
    area->next = next;
    *(prev ? &prev->next : &set->first) = area;
    *(next ? &next->prev : &set->last) = area;
    area->gap = area->start - (prev ? prev->end : USER_MIN);
    rb_link_augmented(&set->tree, &area->node, parent, link, update_max_gap);
    if (next)
        set_gap(next, next->start - area->end);
    set->count++;
}

/* Adds bytes of an area to the sums; the negative of what it has takes it out. */
static inline void count_bytes(struct vm_area_set *set, const struct vm_area *area,
                               uint64_t bytes) {
    set->bytes += bytes;
    if (vm_area_is_data(area->prot, area->flags))
        set->data_bytes += bytes;
    if (area->flags & VM_AREA_ACCOUNTED)
        set->accounted_bytes += bytes;
    if (area->flags & VM_AREA_LOCKED)
        set->locked_bytes += bytes;
}

void vm_area_insert(struct vm_area_set *set, struct vm_area *area) {
    struct vm_area *next = vm_area_find_from(set, area->start);

    link_between(set, area, next ? next->prev : set->last, next);
    count_bytes(set, area, area->end - area->start);
}

void vm_area_append(struct vm_area_set *set, struct vm_area *area) {
    link_between(set, area, set->last, NULL);
    count_bytes(set, area, area->end - area->start);
}

static void set_unlink(struct vm_area_set *set, struct vm_area *area) {
    struct vm_area *prev = area->prev, *next = area->next;

    *(prev ? &prev->next : &set->first) = next;
    *(next ? &next->prev : &set->last) = prev;
    rb_erase_augmented(&set->tree, &area->node, update_max_gap);
    if (set->hint == area)
        set->hint = NULL;
    set->count--;
}

void vm_area_remove(struct vm_area_set *set, struct vm_area *area) {
    struct vm_area *next = area->next;

    set_unlink(set, area);
    if (next)
        set_gap(next, next->start - (next->prev ? next->prev->end : USER_MIN));
    count_bytes(set, area, area->start - area->end);
}

void vm_area_resize(struct vm_area_set *set, struct vm_area *area, uint64_t start, uint64_t end) {
    count_bytes(set, area, (end - start) - (area->end - area->start));
    area->offset_pages += (uint64_t)((int64_t)(start - area->start) >> PAGE_SHIFT);
    area->start = start;
    area->end = end;
    set_gap(area, start - (area->prev ? area->prev->end : USER_MIN));
    if (area->next)
        set_gap(area->next, area->next->start - end);
}

void vm_area_set_rights(struct vm_area_set *set, struct vm_area *area, unsigned prot,
                        unsigned flags) {
    uint64_t bytes = area->end - area->start;

    count_bytes(set, area, -bytes);
    area->prot = (uint8_t)prot;
    area->flags = flags;
    count_bytes(set, area, bytes);
}

void vm_area_set_flags(struct vm_area_set *set, struct vm_area *area, uint32_t flags) {
    vm_area_set_rights(set, area, area->prot, flags);
}

/* ---- splitting and joining ---- */

struct vm_area *vm_area_split(struct vm_area_set *set, struct vm_area *area, uint64_t at) {
    struct vm_area *high = vm_area_create(area->space, area->object, area->flags);

    if (!high)
        return NULL;
    high->start = at;
    high->end = area->end;
    high->prot = area->prot;
    high->max_prot = area->max_prot;
    high->offset_pages = vm_area_index(area, at);
    high->shadow = area->shadow;
    if (high->shadow)
        vm_shadow_hold(high->shadow);
    area->end = at;
    link_between(set, high, area, area->next);
    return high;
}

bool vm_area_can_join(const struct vm_area *low, const struct vm_area *high) {
    uint64_t pages = (low->end - low->start) >> PAGE_SHIFT;

    return low->end == high->start && low->prot == high->prot && low->max_prot == high->max_prot &&
           low->flags == high->flags && low->object == high->object &&
           low->offset_pages + pages == high->offset_pages &&
           (low->shadow == high->shadow || !low->shadow || !high->shadow);
}

/* Makes low cover high too, and high go away. */
static void join_pair(struct vm_area_set *set, struct vm_area *low, struct vm_area *high) {
    if (!low->shadow && high->shadow) {
        low->shadow = high->shadow;
        vm_shadow_hold(low->shadow);
    }
    low->end = high->end; /* no gap changes */
    set_unlink(set, high);
    vm_area_destroy(high);
}

struct vm_area *vm_area_join(struct vm_area_set *set, struct vm_area *area) {
    struct vm_area *prev = vm_area_prev(area);
    struct vm_area *next = vm_area_next(area);

    if (next && vm_area_can_join(area, next))
        join_pair(set, area, next);
    if (prev && vm_area_can_join(prev, area)) {
        join_pair(set, prev, area);
        area = prev;
    }
    return area;
}

/* ---- free ranges ---- */

/* The free range above the last area, up to the end of the window. */
static struct vm_range range_above_all(const struct vm_area_set *set, struct vm_range window) {
    if (set->last)
        window.start = MAX(window.start, set->last->end);
    return window;
}

static inline bool range_fits(struct vm_range range, uint64_t size) {
    return range.start < range.end && range.end - range.start >= size;
}

/* What is found nowhere. */
static const struct vm_range no_range = {0, 0};

/*
 * The part of the gap in front of area that lies in the window, if it has room for size bytes and
 * for the guard of what grows down into it.
 */
static inline struct vm_range gap_part(const struct vm_area *area, uint64_t size,
                                       struct vm_range window) {
    uint64_t guard = MIN(vm_area_guard_bytes(area), area->gap);
    struct vm_range part = {MAX(window.start, area->start - area->gap),
                            MIN(window.end, area->start - guard)};

    return range_fits(part, size) ? part : no_range;
}

/*
 * The part inside window of the highest gap below node that has room for size bytes. Subtrees whose
 * gaps are too small are not entered; one that lies outside the window is cut off by order.
 */
static struct vm_range highest_gap(struct rb_node *node, uint64_t size, struct vm_range window) {
    struct vm_area *area = area_of(node);
    struct vm_range found = no_range;

    if (!area || area->max_gap < size)
        return found;
    if (area->start < window.end)
        found = highest_gap(node->right, size, window);
    if (!found.end)
        found = gap_part(area, size, window);
    if (!found.end && area->start - area->gap > window.start)
        found = highest_gap(node->left, size, window);
    if (!found.end)
        update_max_gap(node);
    return found;
}

/* The same, the lowest. */
static struct vm_range lowest_gap(struct rb_node *node, uint64_t size, struct vm_range window) {
    struct vm_area *area = area_of(node);
    struct vm_range found = no_range;

    if (!area || area->max_gap < size)
        return found;
    if (area->start - area->gap > window.start)
        found = lowest_gap(node->left, size, window);
    if (!found.end)
        found = gap_part(area, size, window);
    if (!found.end && area->start < window.end)
        found = lowest_gap(node->right, size, window);
    if (!found.end)
        update_max_gap(node);
    return found;
}

uint64_t vm_area_gap_from_top(const struct vm_area_set *set, uint64_t size,
                              struct vm_range window) {
    struct vm_range found = range_above_all(set, window);

    if (!range_fits(found, size))
        found = highest_gap(set->tree.root, size, window);
    return found.end ? found.end - size : 0;
}

uint64_t vm_area_gap_from_bottom(const struct vm_area_set *set, uint64_t size,
                                 struct vm_range window) {
    struct vm_range found = lowest_gap(set->tree.root, size, window);

    if (!found.end)
        found = range_above_all(set, window);
    return range_fits(found, size) ? found.start : 0;
}

bool vm_area_range_is_free(struct vm_area_set *set, uint64_t start, uint64_t end) {
    struct vm_area *area = vm_area_find_from(set, start);

    return !area || area->start >= end;
}

bool vm_area_range_is_clear(struct vm_area_set *set, uint64_t start, uint64_t end) {
    struct vm_area *area = vm_area_find_from(set, start);

    return !area || (area->start >= end && area->start - end >= vm_area_guard_bytes(area));
}
