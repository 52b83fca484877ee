/* SPDX-License-Identifier: MIT */
/*
 * Address spaces and their areas, each space named by the frame of its top page table.
 */
#ifndef USER_MEMVIEW_SPACE_H
#define USER_MEMVIEW_SPACE_H

#include "user/memview/map.h"

#include <stdbool.h>
#include <stdint.h>

struct area {
    uint64_t start, end; /* bytes */
    uint32_t prot, max_prot, flags;
    uint64_t object, shadow; /* ids; 0: none */
    uint64_t offset;         /* index of start's page */
};

struct space {
    uint32_t root;
    uint32_t index;     /* of the census, in spaces_sorted() order */
    uint32_t pid;       /* of the census: the lowest process in it; 0: none */
    struct area *areas; /* rising, apart */
    size_t count, room;
};

/* All spaces, by root. */
struct spaces {
    struct map map;
};

static inline struct space *space_get(const struct spaces *spaces, uint64_t root) {
    return map_get(&spaces->map, root);
}

/* A new space without areas. 0 or -ENOMEM. */
int space_make(struct spaces *spaces, uint32_t root);

/* False if there is no such space. */
bool space_free(struct spaces *spaces, uint32_t root);
void spaces_clear(struct spaces *spaces);

/* [area->start, area->end) is this area from now on, whatever was there. 0 or -ENOMEM. */
int space_map(struct space *space, const struct area *area);

/* There is no area in [start, end). 0 or -ENOMEM. */
int space_unmap(struct space *space, uint64_t start, uint64_t end);

/* What is in [start, end) of areas has these rights; this shadow. 0 or -ENOMEM. */
int space_protect(struct space *space, uint64_t start, uint64_t end, uint32_t prot);
int space_shadow(struct space *space, uint64_t start, uint64_t end, uint64_t shadow);

/* The area that holds `va`, or NULL. */
const struct area *space_area(const struct space *space, uint64_t va);

#endif
