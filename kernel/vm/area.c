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
#include "vm/trace_vm.h"

uint64_t vm_stack_guard_bytes = 256 * PAGE_SIZE; /* const after start; Linux's stack_guard_gap */

static struct slab_cache area_cache;

void vm_area_init_cache(void) {
    slab_cache_init(&area_cache, "vm_area", sizeof(struct vm_area), 8);
}

static inline struct vm_area *area_of(struct rb_node *node) {
    return node ? RB_ENTRY(node, struct vm_area, node) : NULL;
}

/* ---- one area ---- */

static __attribute__((noinline)) void link_to_object(struct vm_area *area) {
    vm_object_ref(area->object);
    spin_lock(&area->object->lock);
    list_push_back(&area->object->areas, &area->link);
    spin_unlock(&area->object->lock);
    if (area->object->ops->attached)
        area->object->ops->attached(area->object);
}

static __attribute__((noinline)) void unlink_from_object(struct vm_area *area) {
    spin_lock(&area->object->lock);
    list_remove(&area->link);
    spin_unlock(&area->object->lock);
    if (area->object->ops->detached)
        area->object->ops->detached(area->object);
    vm_object_unref(area->object);
}

/* Inline, since most areas have none. */
static inline void area_link(struct vm_area *area) {
    if (area->object)
        link_to_object(area);
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

/* Makes a record an area with the range, rights, kind and backing of another, without a shadow. */
static inline void area_copy(struct vm_area *area, const struct vm_area *like) {
    area->start = like->start;
    area->end = like->end;
    area->prot = like->prot;
    area->max_prot = like->max_prot;
    area->flags = like->flags;
    area->offset_pages = like->offset_pages;
    area->object = like->object;
    area->shadow = NULL;
    area->space = like->space;
    area->unmap_epoch = 0;
    area_link(area);
}

static inline void give_up_backing(struct vm_area *area) {
    if (area->shadow)
        vm_shadow_drop(area->shadow);
    if (area->object)
        unlink_from_object(area);
}

void vm_area_destroy(struct vm_area *area) {
    give_up_backing(area);
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

/* Where the free range behind an area (NULL: before all of them) begins. */
static inline uint64_t end_of(const struct vm_area *area) {
    return area ? area->end : USER_MIN;
}

/* The gap in front of area may have room where there was none: a search has to begin there. */
static inline void look_at_gap(struct vm_area_set *set, struct vm_area *area) {
    struct vm_room *room = &set->room;

    if (room->area && area->start > room->area->start && area->gap >= room->bytes)
        room->area = area;
}

/* Sets the gap in front of a node, and bounds that have become too narrow. */
static inline void bound_gap(struct vm_area *area, uint64_t gap) {
    area->gap = gap;
    if (gap > area->max_gap)
        rb_update_path(&area->node, update_max_gap);
}

/* The gap in front of area has changed. */
static inline void set_gap(struct vm_area_set *set, struct vm_area *area, uint64_t gap) {
    bound_gap(area, gap);
    look_at_gap(set, area);
}

void vm_area_set_init(struct vm_area_set *set) {
    *set = (struct vm_area_set){.tree = {NULL}};
}

void vm_area_set_clear(struct vm_area_set *set) {
    struct vm_area *area, *next;

    for (area = set->first; area; area = next) {
        next = area->next;
        vm_area_destroy(area);
    }
    slab_free(&area_cache, set->vacancy);
    vm_area_set_init(set);
}

struct vm_area *vm_area_search_from(struct vm_area_set *set, uint64_t va) {
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
    return best && best == set->vacancy ? best->next : best;
}

/* ---- nodes of the tree ---- */

/*
 * Makes the area a node between two neighbours (NULL: none). In a tree the node after prev is its
 * right child if it has none yet; else next, the leftmost on its right, has no left one.
 */
static void link_node(struct vm_area_set *set, struct vm_area *area, struct vm_area *prev,
                      struct vm_area *next) {
    bool below_prev = prev && !prev->node.right;
    struct rb_node *parent = below_prev ? &prev->node : next ? &next->node : NULL;
    struct rb_node **link = below_prev ? &prev->node.right
                            : next     ? &next->node.left
                                       : &set->tree.root;

    rb_link_augmented(&set->tree, &area->node, parent, link, update_max_gap);
}

static __attribute__((noinline)) void erase_node(struct vm_area_set *set, struct vm_area *area) {
    rb_erase_augmented(&set->tree, &area->node, update_max_gap);
}

/* The vacancy is empty and has no gap. It lies at the end of the area before it. */
static inline void place_vacancy(struct vm_area *vacancy) {
    vacancy->start = vacancy->end = end_of(vacancy->prev);
}

static void drop_vacancy(struct vm_area_set *set) {
    if (!set->vacancy)
        return;
    erase_node(set, set->vacancy);
    slab_free(&area_cache, set->vacancy);
    set->vacancy = NULL;
}

/* Leaves an area that is out of the list and has no backing in the tree. */
static inline void make_vacancy(struct vm_area_set *set, struct vm_area *area) {
    drop_vacancy(set);
    place_vacancy(area);
    area->gap = 0; /* the bound stays */
    set->vacancy = area;
}

/* Whether the vacancy is between the area before `next`, which is NULL at the end, and that. */
static inline bool is_vacant_before(const struct vm_area_set *set, const struct vm_area *next) {
    return set->vacancy && set->vacancy->next == next;
}

/* A node for an area between two neighbours, behind a gap. NULL: no memory. */
static inline struct vm_area *node_between(struct vm_area_set *set, struct vm_area *prev,
                                           struct vm_area *next, uint64_t gap) {
    struct vm_area *area = set->vacancy;

    if (is_vacant_before(set, next)) {
        set->vacancy = NULL;
        bound_gap(area, gap);
        return area;
    }
    area = slab_alloc(&area_cache);
    if (area) {
        area->gap = gap;
        link_node(set, area, prev, next);
    }
    return area;
}

/* Makes an area that has a record a node between two neighbours. */
static void put_between(struct vm_area_set *set, struct vm_area *area, struct vm_area *prev,
                        struct vm_area *next) {
    struct vm_area *vacancy = set->vacancy;

    area->gap = area->start - end_of(prev);
    if (!is_vacant_before(set, next)) {
        link_node(set, area, prev, next);
        return;
    }
    area->max_gap = vacancy->max_gap;
    rb_replace(&set->tree, &vacancy->node, &area->node);
    bound_gap(area, area->gap);
    slab_free(&area_cache, vacancy);
    set->vacancy = NULL;
}

/* ---- the list ---- */

struct vm_area *vm_area_look_up(const struct vm_area_set *set, uint64_t va) {
    struct vm_area *area = set->hint;
    struct rb_node *node = set->tree.root;

    if (area && va >= area->start && va < area->end)
        return area;
    while (node) {
        area = area_of(node);
        if (va < area->start)
            node = node->left;
        else if (va < area->end)
            return area;
        else
            node = node->right;
    }
    return NULL;
}

/* Puts an area that is a node between two neighbours (NULL: none). */
static inline void enlist(struct vm_area_set *set, struct vm_area *area, struct vm_area *prev,
                          struct vm_area *next) {
    area->prev = prev;
    area->next = next;
    *(prev ? &prev->next : &set->first) = area;
    *(next ? &next->prev : &set->last) = area;
    look_at_gap(set, area); /* it may be a part of one that was the guard of what grows down */
    if (next) {
        set_gap(set, next, next->start - area->end);
        if (next == set->room.area && next->gap < set->room.bytes)
            set->room.area = area;
    }
    set->hint = area;
    set->count++;
}

static inline void unlist(struct vm_area_set *set, struct vm_area *area) {
    struct vm_area *prev = area->prev, *next = area->next;

    *(prev ? &prev->next : &set->first) = next;
    *(next ? &next->prev : &set->last) = prev;
    if (set->hint == area)
        set->hint = NULL;
    if (set->room.area == area)
        set->room.area = next;
    if (next)
        set_gap(set, next, next->start - end_of(prev));
    set->count--;
}

/* ---- changing the set ---- */

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

/* The area behind a free address. Most go where there was room last. */
static struct vm_area *area_behind(struct vm_area_set *set, uint64_t va) {
    struct vm_area *area = set->room.area;

    if (area && va < area->start && va >= area->start - area->gap)
        return area;
    return vm_area_search_from(set, va);
}

void vm_area_insert(struct vm_area_set *set, struct vm_area *area) {
    struct vm_area *next = area_behind(set, area->start);
    struct vm_area *prev = next ? next->prev : set->last;

    put_between(set, area, prev, next);
    enlist(set, area, prev, next);
    count_bytes(set, area, area->end - area->start);
    vm_area_trace(area);
}

void vm_area_append(struct vm_area_set *set, struct vm_area *area) {
    struct vm_area *last = set->last;

    put_between(set, area, last, NULL);
    enlist(set, area, last, NULL);
    count_bytes(set, area, area->end - area->start);
    vm_area_trace(area);
}

void vm_area_remove(struct vm_area_set *set, struct vm_area *area) {
    trace_unmap(area->space->root, area->start, area->end);
    drop_vacancy(set);
    count_bytes(set, area, area->start - area->end);
    unlist(set, area);
    erase_node(set, area);
}

void vm_area_drop(struct vm_area_set *set, struct vm_area *area) {
    trace_unmap(area->space->root, area->start, area->end);
    count_bytes(set, area, area->start - area->end);
    unlist(set, area);
    give_up_backing(area);
    make_vacancy(set, area);
}

void vm_area_resize(struct vm_area_set *set, struct vm_area *area, uint64_t start, uint64_t end) {
    if (trace_map_is_on())
        machine_call_rarely_3(vm_area_tell_resize, (uint64_t)area, start, end);
    count_bytes(set, area, (end - start) - (area->end - area->start));
    area->offset_pages += (uint64_t)((int64_t)(start - area->start) >> PAGE_SHIFT);
    area->start = start;
    area->end = end;
    set_gap(set, area, start - end_of(area->prev));
    if (area->next)
        set_gap(set, area->next, area->next->start - end);
    if (set->vacancy && set->vacancy->prev == area)
        place_vacancy(set->vacancy);
}

void vm_area_set_rights(struct vm_area_set *set, struct vm_area *area, unsigned prot,
                        unsigned flags) {
    uint64_t bytes = area->end - area->start;

    count_bytes(set, area, -bytes);
    if (trace_protect_is_on())
        machine_call_rarely(vm_area_tell_rights, (uint64_t)area, prot | (uint64_t)flags << 32);
    area->prot = (uint8_t)prot;
    area->flags = flags;
    count_bytes(set, area, bytes);
}

void vm_area_set_flags(struct vm_area_set *set, struct vm_area *area, uint32_t flags) {
    vm_area_set_rights(set, area, area->prot, flags);
}

/* ---- splitting and joining ---- */

struct vm_area *vm_area_split(struct vm_area_set *set, struct vm_area *area, uint64_t at) {
    struct vm_area *next = area->next;
    struct vm_area *high = node_between(set, area, next, 0);

    if (!high)
        return NULL;
    area_copy(high, area);
    high->start = at;
    high->offset_pages = vm_area_index(area, at);
    high->shadow = area->shadow;
    if (high->shadow)
        vm_shadow_hold(high->shadow);
    area->end = at;
    enlist(set, high, area, next);
    return high;
}

bool vm_area_is_alike(const struct vm_area *low, const struct vm_area *high) {
    return low->prot == high->prot && low->max_prot == high->max_prot &&
           low->flags == high->flags && low->object == high->object &&
           vm_area_index(low, low->end) == high->offset_pages &&
           (low->shadow == high->shadow || !low->shadow || !high->shadow);
}

/* Makes low cover high too, and high go away. */
static void join_pair(struct vm_area_set *set, struct vm_area *low, struct vm_area *high) {
    bool differ = low->shadow != high->shadow;

    if (!low->shadow && high->shadow) {
        low->shadow = high->shadow;
        vm_shadow_hold(low->shadow);
    }
    low->end = high->end; /* no gap changes */
    if (differ)
        trace_shadow(low->space->root, low->start, low->end, trace_id(low->shadow));
    unlist(set, high);
    give_up_backing(high);
    make_vacancy(set, high);
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

/* Whether a neighbour becomes larger instead of an area like this being added: the one, or NULL. */
static struct vm_area *extend(struct vm_area_set *set, const struct vm_area *like,
                              struct vm_area *prev, struct vm_area *next) {
    if (prev && vm_area_can_join(prev, like)) {
        vm_area_resize(set, prev, prev->start, like->end);
        if (next && vm_area_can_join(prev, next))
            join_pair(set, prev, next);
        return prev;
    }
    if (next && vm_area_can_join(like, next)) {
        vm_area_resize(set, next, like->start, next->end);
        return next;
    }
    return NULL;
}

struct vm_area *vm_area_add(struct vm_area_set *set, const struct vm_area *like) {
    struct vm_area *next = area_behind(set, like->start);
    struct vm_area *prev = next ? next->prev : set->last;
    struct vm_area *area = extend(set, like, prev, next);

    if (area)
        return area;
    area = node_between(set, prev, next, like->start - end_of(prev));
    if (!area)
        return NULL;
    area_copy(area, like);
    enlist(set, area, prev, next);
    count_bytes(set, area, area->end - area->start);
    vm_area_trace(area);
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

/* The part of the gap in front of area that lies in the window; what grows down keeps its guard. */
static inline struct vm_range gap_part(const struct vm_area *area, struct vm_range window) {
    uint64_t guard = MIN(vm_area_guard_bytes(area), area->gap);

    return (struct vm_range){MAX(window.start, area->start - area->gap),
                             MIN(window.end, area->start - guard)};
}

/*
 * The area below node that the highest gap with room for size bytes inside the window is in front
 * of; NULL: none. Subtrees whose gaps are too small are not entered; one that lies outside the
 * window is cut off by order.
 */
static struct vm_area *highest_gap(struct rb_node *node, uint64_t size, struct vm_range window) {
    struct vm_area *area = area_of(node);
    struct vm_area *found = NULL;

    if (!area || area->max_gap < size)
        return NULL;
    if (area->start < window.end)
        found = highest_gap(node->right, size, window);
    if (!found && range_fits(gap_part(area, window), size))
        found = area;
    if (!found && area->start - area->gap > window.start)
        found = highest_gap(node->left, size, window);
    if (!found)
        update_max_gap(node);
    return found;
}

/* The same, the lowest. */
static struct vm_area *lowest_gap(struct rb_node *node, uint64_t size, struct vm_range window) {
    struct vm_area *area = area_of(node);
    struct vm_area *found = NULL;

    if (!area || area->max_gap < size)
        return NULL;
    if (area->start - area->gap > window.start)
        found = lowest_gap(node->left, size, window);
    if (!found && range_fits(gap_part(area, window), size))
        found = area;
    if (!found && area->start < window.end)
        found = lowest_gap(node->right, size, window);
    if (!found)
        update_max_gap(node);
    return found;
}

/* What is found nowhere. */
static const struct vm_range no_range = {0, 0};

/* What was found last, if a search that came after it would have to find it again. */
static inline struct vm_range find_again(const struct vm_area_set *set, uint64_t size,
                                         struct vm_range window) {
    const struct vm_room *room = &set->room;

    if (!room->area || size < room->bytes || window.end > room->window_end)
        return no_range;
    return gap_part(room->area, window);
}

/* Searches from the top, and remembers what is found. */
static __attribute__((noinline)) struct vm_range
find_highest(struct vm_area_set *set, uint64_t size, struct vm_range window) {
    struct vm_area *area = highest_gap(set->tree.root, size, window);

    if (!area)
        return no_range;
    set->room = (struct vm_room){area, size, window.end};
    return gap_part(area, window);
}

uint64_t vm_area_gap_from_top(struct vm_area_set *set, uint64_t size, struct vm_range window) {
    struct vm_range found = range_above_all(set, window);

    if (!range_fits(found, size))
        found = find_again(set, size, window);
    if (!range_fits(found, size))
        found = find_highest(set, size, window);
    return found.end ? found.end - size : 0;
}

uint64_t vm_area_gap_from_bottom(const struct vm_area_set *set, uint64_t size,
                                 struct vm_range window) {
    struct vm_area *area = lowest_gap(set->tree.root, size, window);
    struct vm_range found = area ? gap_part(area, window) : range_above_all(set, window);

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
