/* SPDX-License-Identifier: MIT */
/*
 * A table from numbers to pointers: open addressing, grown at two thirds.
 */
#ifndef USER_MEMVIEW_MAP_H
#define USER_MEMVIEW_MAP_H

#include <stddef.h>
#include <stdint.h>

struct map_slot {
    uint64_t key;
    void *value; /* NULL: the slot is empty */
};

struct map {
    struct map_slot *slots;
    size_t capacity; /* 0 or a power of two */
    size_t count;
};

/* The value of `key`, or NULL. */
void *map_get(const struct map *map, uint64_t key);

/* Makes `value`, which is not NULL, that of `key`. 0 or -ENOMEM. */
int map_put(struct map *map, uint64_t key, void *value);

/* Takes `key` out; returns its value, or NULL if it was not there. */
void *map_take(struct map *map, uint64_t key);

/* Values one after the other, in no order: start with *at == 0, ends with NULL. The map must not
 * change meanwhile. */
void *map_next(const struct map *map, size_t *at);

/* All keys, rising, in memory of the caller's; NULL where there is none. */
uint64_t *map_keys(const struct map *map);

/* Lets go of the slots; the values are the caller's. */
void map_clear(struct map *map);

#endif
