/* SPDX-License-Identifier: MIT */
/*
 * Owners of pages: objects (files, shared memory, devices) and shadows (one space's private
 * changes).
 *
 * Pages lie in chunks of 512. A fork gives a shadow's chunks to another by reference; whoever
 * changes one that others see gets its own.
 */
#ifndef USER_MEMVIEW_OWNER_H
#define USER_MEMVIEW_OWNER_H

#include "user/memview/map.h"

#include <stdbool.h>
#include <stdint.h>

#define CHUNK_PAGES 512
#define OWNER_NAME_BYTES 48

struct chunk {
    uint32_t references;
    uint32_t pfns[CHUNK_PAGES]; /* 0: no page */
};

struct owner {
    uint64_t id;
    uint64_t bytes;
    bool shadow;
    uint8_t kind; /* enum object_kind, of an object */

    /* Of the census: who uses it. */
    bool used, shared;
    uint32_t user;     /* index of a space */
    struct map chunks; /* by index / CHUNK_PAGES */
    char name[OWNER_NAME_BYTES];
};

/* Objects and shadows, by id. */
struct owners {
    struct map map;
};

static inline struct owner *owner_get(const struct owners *owners, uint64_t id) {
    return map_get(&owners->map, id);
}

/* A new owner without pages, one of that id is gone; NULL: out of memory. */
struct owner *owner_make(struct owners *owners, uint64_t id, bool shadow);

/* False if there is no such owner. */
bool owner_free(struct owners *owners, uint64_t id);
void owners_clear(struct owners *owners);

/* Page `index` is frame pfn, or none (0). 0 or -ENOMEM. */
int owner_page_set(struct owner *owner, uint64_t index, uint32_t pfn);

/* The frame that is page `index`, or 0. */
uint32_t owner_page(const struct owner *owner, uint64_t index);

/* Pages [first, end) are not there any more. 0 or -ENOMEM. */
int owner_pages_drop(struct owner *owner, uint64_t first, uint64_t end);

/* `to` has the pages that `from` has, and no others. 0 or -ENOMEM. */
int owner_pages_share(const struct owner *from, struct owner *to);

/* Pages [first, end) of `from` are those of `to` now. 0 or -ENOMEM. */
int owner_pages_move(struct owner *from, struct owner *to, uint64_t first, uint64_t end);

#endif
