/* SPDX-License-Identifier: MIT */
/* Numbers to pointers; see map.h. */
#include "user/memview/map.h"

#include <errno.h>
#include <stdlib.h>

#define CAPACITY_FIRST 16

static size_t home_of(const struct map *map, uint64_t key) {
    uint64_t mixed = key * 0x9e3779b97f4a7c15;

    return (size_t)(mixed >> 32) & (map->capacity - 1);
}

/* The slot that holds `key`, or the empty one where it would be. */
static struct map_slot *slot_of(const struct map *map, uint64_t key) {
    size_t at = home_of(map, key);

    while (map->slots[at].value && map->slots[at].key != key)
        at = (at + 1) & (map->capacity - 1);
    return &map->slots[at];
}

void *map_get(const struct map *map, uint64_t key) {
    return map->count > 0 ? slot_of(map, key)->value : NULL;
}

static int map_grow(struct map *map) {
    struct map bigger = {.capacity = map->capacity ? 2 * map->capacity : CAPACITY_FIRST};

    bigger.slots = calloc(bigger.capacity, sizeof *bigger.slots);
    if (!bigger.slots)
        return -ENOMEM;
    for (size_t i = 0; i < map->capacity; i++)
        if (map->slots[i].value)
            *slot_of(&bigger, map->slots[i].key) = map->slots[i];
    bigger.count = map->count;
    free(map->slots);
    *map = bigger;
    return 0;
}

int map_put(struct map *map, uint64_t key, void *value) {
    struct map_slot *slot;

    if (3 * (map->count + 1) > 2 * map->capacity && map_grow(map) < 0)
        return -ENOMEM;
    slot = slot_of(map, key);
    map->count += !slot->value;
    *slot = (struct map_slot){key, value};
    return 0;
}

/* Whether a key whose home is `home`, found at `at`, may move to the hole. */
static int may_move(size_t hole, size_t home, size_t at) {
    return hole <= at ? home <= hole || home > at : home <= hole && home > at;
}

/* Closes the hole: what follows it moves up as far as its home allows. */
static void hole_close(struct map *map, size_t hole) {
    size_t mask = map->capacity - 1;

    for (size_t at = (hole + 1) & mask; map->slots[at].value; at = (at + 1) & mask) {
        if (!may_move(hole, home_of(map, map->slots[at].key), at))
            continue;
        map->slots[hole] = map->slots[at];
        hole = at;
    }
    map->slots[hole].value = NULL;
}

void *map_take(struct map *map, uint64_t key) {
    struct map_slot *slot = map->count > 0 ? slot_of(map, key) : NULL;
    void *value = slot ? slot->value : NULL;

    if (!value)
        return NULL;
    map->count--;
    hole_close(map, (size_t)(slot - map->slots));
    return value;
}

void *map_next(const struct map *map, size_t *at) {
    while (*at < map->capacity) {
        void *value = map->slots[(*at)++].value;
        if (value)
            return value;
    }
    return NULL;
}

static int compare_keys(const void *one, const void *other) {
    uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;

    return (a > b) - (a < b);
}

uint64_t *map_keys(const struct map *map) {
    uint64_t *keys = malloc((map->count + 1) * sizeof *keys);
    size_t count = 0;

    for (size_t i = 0; keys && i < map->capacity; i++)
        if (map->slots[i].value)
            keys[count++] = map->slots[i].key;
    if (keys)
        qsort(keys, count, sizeof *keys, compare_keys);
    return keys;
}

void map_clear(struct map *map) {
    free(map->slots);
    *map = (struct map){0};
}
