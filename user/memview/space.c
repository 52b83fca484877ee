/* SPDX-License-Identifier: MIT */
/* Address spaces; see space.h. */
#include "user/memview/space.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_SHIFT 12

int space_make(struct spaces *spaces, uint32_t root) {
    struct space *space;

    space_free(spaces, root);
    space = calloc(1, sizeof *space);
    if (!space)
        return -ENOMEM;
    space->root = root;
    if (map_put(&spaces->map, root, space) == 0)
        return 0;
    free(space);
    return -ENOMEM;
}

static void space_destroy(struct space *space) {
    free(space->areas);
    free(space);
}

bool space_free(struct spaces *spaces, uint32_t root) {
    struct space *space = map_take(&spaces->map, root);

    if (space)
        space_destroy(space);
    return space != NULL;
}

void spaces_clear(struct spaces *spaces) {
    size_t at = 0;
    struct space *space;

    while ((space = map_next(&spaces->map, &at)))
        space_destroy(space);
    map_clear(&spaces->map);
}

/* The first area that ends after va. */
static size_t area_index(const struct space *space, uint64_t va) {
    size_t low = 0, high = space->count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        if (space->areas[middle].end > va)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

const struct area *space_area(const struct space *space, uint64_t va) {
    size_t at = area_index(space, va);

    return at < space->count && space->areas[at].start <= va ? &space->areas[at] : NULL;
}

static int area_insert(struct space *space, size_t at, const struct area *area) {
    if (space->count == space->room) {
        size_t room = space->room ? 2 * space->room : 16;
        struct area *areas = realloc(space->areas, room * sizeof *areas);
        if (!areas)
            return -ENOMEM;
        space->areas = areas;
        space->room = room;
    }
    memmove(&space->areas[at + 1], &space->areas[at], (space->count - at) * sizeof *area);
    space->areas[at] = *area;
    space->count++;
    return 0;
}

static void areas_remove(struct space *space, size_t first, size_t end) {
    if (first == end)
        return;
    memmove(&space->areas[first], &space->areas[end], (space->count - end) * sizeof *space->areas);
    space->count -= end - first;
}

/* Afterwards no area goes across va. */
static int area_split(struct space *space, uint64_t va) {
    size_t at = area_index(space, va);
    struct area upper;
    int status;

    if (at == space->count || space->areas[at].start >= va)
        return 0;
    upper = space->areas[at];
    upper.start = va;
    upper.offset += (va - space->areas[at].start) >> PAGE_SHIFT;
    status = area_insert(space, at + 1, &upper);
    if (status == 0)
        space->areas[at].end = va;
    return status;
}

static bool areas_join(const struct area *low, const struct area *high) {
    return low->end == high->start && low->prot == high->prot && low->max_prot == high->max_prot &&
           low->flags == high->flags && low->object == high->object &&
           low->shadow == high->shadow &&
           low->offset + ((low->end - low->start) >> PAGE_SHIFT) == high->offset;
}

/* Makes one of neighbours that are alike, from the one before `first` to the one at `end`. */
static void areas_merge(struct space *space, size_t first, size_t end) {
    size_t at = first > 0 ? first - 1 : 0;

    for (size_t left = end - at; left > 0 && at + 1 < space->count; left--) {
        if (!areas_join(&space->areas[at], &space->areas[at + 1])) {
            at++;
            continue;
        }
        space->areas[at].end = space->areas[at + 1].end;
        areas_remove(space, at + 1, at + 2);
    }
}

/* Splits at both ends; the areas between are [*first, *end). */
static int range_open(struct space *space, const uint64_t range[2], size_t *first, size_t *end) {
    int status = area_split(space, range[0]);

    if (status == 0)
        status = area_split(space, range[1]);
    *first = area_index(space, range[0]);
    *end = *first;
    while (*end < space->count && space->areas[*end].end <= range[1])
        ++*end;
    return status;
}

int space_unmap(struct space *space, uint64_t start, uint64_t end) {
    size_t first, last;
    int status = range_open(space, (uint64_t[]){start, end}, &first, &last);

    if (status == 0)
        areas_remove(space, first, last);
    return status;
}

int space_map(struct space *space, const struct area *area) {
    int status = space_unmap(space, area->start, area->end);
    size_t at = area_index(space, area->start);

    if (status == 0)
        status = area_insert(space, at, area);
    if (status == 0)
        areas_merge(space, at, at + 1);
    return status;
}

int space_protect(struct space *space, uint64_t start, uint64_t end, uint32_t prot) {
    size_t first, last;
    int status = range_open(space, (uint64_t[]){start, end}, &first, &last);

    for (size_t i = first; status == 0 && i < last; i++)
        space->areas[i].prot = prot;
    areas_merge(space, first, last);
    return status;
}

int space_shadow(struct space *space, uint64_t start, uint64_t end, uint64_t shadow) {
    size_t first, last;
    int status = range_open(space, (uint64_t[]){start, end}, &first, &last);

    for (size_t i = first; status == 0 && i < last; i++)
        space->areas[i].shadow = shadow;
    areas_merge(space, first, last);
    return status;
}
