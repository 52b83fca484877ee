/* SPDX-License-Identifier: MIT */
/*
 * What leaves the map; see leaving.h.
 */
#include "vm/leaving.h"

#include "vm/space.h"

/* Makes an area of its own of a part, as far as there is memory. The one that the part is in. */
static struct vm_area *isolate(struct vm_area *area, struct vm_range part) {
    struct vm_area_set *set = &area->space->areas;
    struct vm_area *high;

    if (part.start > area->start) {
        high = vm_area_split(set, area, part.start);
        if (!high)
            return area;
        area = high;
    }
    if (part.end < area->end)
        (void)vm_area_split(set, area, part.end);
    return area;
}

/* Whether a shadow has no pages but those in [start, end). */
static bool has_no_others(const struct vm_shadow *shadow, uint64_t start, uint64_t end) {
    uint64_t first = 0;

    return (!page_tree_next(&shadow->tree, &first) || first >= start) &&
           !page_tree_next(&shadow->tree, &end);
}

/* The pages of an area's shadow, as one that is nobody else's. NULL: no memory, and as it was. */
static struct vm_shadow *pages_apart(struct vm_shadow *shadow, uint64_t start, uint64_t end) {
    bool all = has_no_others(shadow, start, end);
    struct vm_shadow *part =
        all ? vm_shadow_create() : vm_shadow_detach_prepare(shadow, start, end);

    if (part && all)
        vm_shadow_move_all(shadow, part);
    else if (part)
        vm_shadow_detach(shadow, part, start, end);
    return part;
}

/* Lets a whole area have its shadow alone. */
static bool shadow_own(struct vm_area *area) {
    struct vm_shadow *shadow = area->shadow, *own;

    if (!shadow || shadow->areas == 1)
        return true;
    own = pages_apart(shadow, area->offset_pages, vm_area_index(area, area->end));
    if (!own)
        return false;
    area->shadow = own;
    vm_shadow_drop(shadow);
    return true;
}

bool vm_leaving_take_area(struct vm_leaving *leaving, struct vm_area **in, struct vm_range part) {
    struct vm_area *area = isolate(*in, part);

    *in = area;
    if (area->start != part.start || area->end != part.end || !shadow_own(area))
        return false;
    vm_area_remove(&area->space->areas, area);
    area->next = leaving->areas;
    leaving->areas = area;
    return true;
}

bool vm_leaving_take_pages(struct vm_leaving *leaving, struct vm_area *area, uint64_t start,
                           uint64_t end) {
    struct vm_shadow *pages = pages_apart(area->shadow, start, end);

    if (!pages)
        return false;
    pages->next = leaving->shadows;
    leaving->shadows = pages;
    return true;
}

void vm_leaving_give_back_all(struct vm_leaving *leaving) {
    struct vm_shadow *shadow = leaving->shadows, *next_shadow;
    struct vm_area *area = leaving->areas, *next;

    for (; area; area = next) {
        next = area->next;
        vm_area_destroy(area);
    }
    for (; shadow; shadow = next_shadow) {
        next_shadow = shadow->next;
        vm_shadow_drop(shadow);
    }
}
