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
#include "mm/slab.h"
#include "vm/space.h"

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
}

struct vm_area *vm_area_create(struct vm_space *space, struct vm_object *object, uint16_t flags) {
    struct vm_area *area = slab_alloc_zeroed(&area_cache);

    if (!area)
        return NULL;
    area->space = space;
    area->object = object;
    area->flags = flags;
    area_link(area);
    return area;
}

void vm_area_destroy(struct vm_area *area) {
    if (area->shadow)
        vm_shadow_drop(area->shadow);
    if (area->object) {
        spin_lock(&area->object->lock);
        list_remove(&area->link);
        spin_unlock(&area->object->lock);
        vm_object_unref(area->object);
    }
    slab_free(&area_cache, area);
}

/* ---- the set ---- */

static void update_max_gap(struct rb_node *node) {
    struct vm_area *area = area_of(node);
    uint64_t max = area->gap;

    if (node->left)
        max = MAX(max, area_of(node->left)->max_gap);
    if (node->right)
        max = MAX(max, area_of(node->right)->max_gap);
    area->max_gap = max;
}

/* Recomputes the gap in front of area, and what is above it in the tree. */
static void update_gap(struct vm_area *area) {
    struct vm_area *prev = vm_area_prev(area);

    area->gap = area->start - (prev ? prev->end : USER_MIN);
    rb_update_path(&area->node, update_max_gap);
}

void vm_area_set_init(struct vm_area_set *set) {
    *set = (struct vm_area_set){.tree = {NULL}};
}

struct vm_area *vm_area_first(const struct vm_area_set *set) {
    return area_of(rb_first(&set->tree));
}

struct vm_area *vm_area_next(const struct vm_area *area) {
    return area_of(rb_next(&area->node));
}

struct vm_area *vm_area_prev(const struct vm_area *area) {
    return area_of(rb_prev(&area->node));
}

struct vm_area *vm_area_find_from(struct vm_area_set *set, uint64_t va) {
    struct rb_node *node = set->tree.root;
    struct vm_area *best = NULL;

    while (node) {
        struct vm_area *area = area_of(node);

        if (va < area->end) {
            best = area;
            if (va >= area->start)
                break;
            node = node->left;
        } else {
            node = node->right;
        }
    }
    return best;
}

struct vm_area *vm_area_find(struct vm_area_set *set, uint64_t va) {
    struct vm_area *area = set->hint;

    if (area && va >= area->start && va < area->end)
        return area;
    area = vm_area_find_from(set, va);
    if (!area || va < area->start)
        return NULL;
    set->hint = area;
    return area;
}

void vm_area_insert(struct vm_area_set *set, struct vm_area *area) {
    struct rb_node **link = &set->tree.root;
    struct rb_node *parent = NULL;
    struct vm_area *next;

    while (*link) {
        parent = *link;
        link = area->start < area_of(parent)->start ? &parent->left : &parent->right;
    }
    rb_link(&set->tree, &area->node, parent, link, update_max_gap);
    update_gap(area);
    next = vm_area_next(area);
    if (next)
        update_gap(next);
    set->count++;
    set->bytes += area->end - area->start;
}

void vm_area_remove(struct vm_area_set *set, struct vm_area *area) {
    struct vm_area *next = vm_area_next(area);

    rb_erase(&set->tree, &area->node, update_max_gap);
    if (next)
        update_gap(next);
    if (set->hint == area)
        set->hint = NULL;
    set->count--;
    set->bytes -= area->end - area->start;
}

void vm_area_resize(struct vm_area_set *set, struct vm_area *area, uint64_t start, uint64_t end) {
    struct vm_area *next = vm_area_next(area);

    set->bytes += (end - start) - (area->end - area->start);
    area->offset_pages += (uint64_t)((int64_t)(start - area->start) >> PAGE_SHIFT);
    area->start = start;
    area->end = end;
    update_gap(area);
    if (next)
        update_gap(next);
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
    vm_area_resize(set, area, area->start, at);
    vm_area_insert(set, high);
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
    uint64_t end = high->end;

    if (!low->shadow && high->shadow) {
        low->shadow = high->shadow;
        vm_shadow_hold(low->shadow);
    }
    vm_area_remove(set, high);
    vm_area_destroy(high);
    vm_area_resize(set, low, low->start, end);
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

/* The part of the gap in front of area that lies in [low, high). */
static bool gap_part(const struct vm_area *area, struct vm_range *window) {
    window->start = MAX(window->start, area->start - area->gap);
    window->end = MIN(window->end, area->start);
    return window->start < window->end;
}

/* The free range above the last area, up to the end of the window. */
static struct vm_range range_above_all(const struct vm_area_set *set, struct vm_range window) {
    struct vm_area *last = area_of(rb_last(&set->tree));

    if (last)
        window.start = MAX(window.start, last->end);
    return window;
}

static inline bool range_fits(struct vm_range range, uint64_t size) {
    return range.start < range.end && range.end - range.start >= size;
}

/*
 * The highest (top) or lowest gap below node of at least size bytes inside window. Subtrees whose
 * largest gap is too small are not entered; one that lies outside the window is cut off by order.
 */
static bool find_gap(struct rb_node *node, bool top, uint64_t size, struct vm_range *window) {
    struct vm_area *area = area_of(node);
    struct vm_range own = *window;

    if (!area || area->max_gap < size)
        return false;
    bool right_may = area->start < window->end;
    bool left_may = area->start - area->gap > window->start;

    if (top ? right_may && find_gap(node->right, top, size, window)
            : left_may && find_gap(node->left, top, size, window))
        return true;
    if (gap_part(area, &own) && range_fits(own, size)) {
        *window = own;
        return true;
    }
    return top ? left_may && find_gap(node->left, top, size, window)
               : right_may && find_gap(node->right, top, size, window);
}

uint64_t vm_area_gap_from_top(const struct vm_area_set *set, uint64_t size,
                              struct vm_range window) {
    struct vm_range above = range_above_all(set, window);

    if (range_fits(above, size))
        return above.end - size;
    return find_gap(set->tree.root, true, size, &window) ? window.end - size : 0;
}

uint64_t vm_area_gap_from_bottom(const struct vm_area_set *set, uint64_t size,
                                 struct vm_range window) {
    struct vm_range above = range_above_all(set, window);

    if (find_gap(set->tree.root, false, size, &window))
        return window.start;
    return range_fits(above, size) ? above.start : 0;
}

bool vm_area_range_is_free(struct vm_area_set *set, uint64_t start, uint64_t end) {
    struct vm_area *area = vm_area_find_from(set, start);

    return !area || area->start >= end;
}
