/* SPDX-License-Identifier: MIT */
/* Objects, shadows and their pages; see owner.h. */
#include "user/memview/owner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void chunk_release(struct chunk *chunk) {
    if (chunk && --chunk->references == 0)
        free(chunk);
}

static void chunks_release(struct map *chunks) {
    size_t at = 0;
    struct chunk *chunk;

    while ((chunk = map_next(chunks, &at)))
        chunk_release(chunk);
    map_clear(chunks);
}

struct owner *owner_make(struct owners *owners, uint64_t id, bool shadow) {
    struct owner *owner;

    owner_free(owners, id);
    owner = calloc(1, sizeof *owner);
    if (!owner)
        return NULL;
    owner->id = id;
    owner->shadow = shadow;
    if (map_put(&owners->map, id, owner) == 0)
        return owner;
    free(owner);
    return NULL;
}

static void owner_destroy(struct owner *owner) {
    chunks_release(&owner->chunks);
    free(owner);
}

bool owner_free(struct owners *owners, uint64_t id) {
    struct owner *owner = map_take(&owners->map, id);

    if (owner)
        owner_destroy(owner);
    return owner != NULL;
}

void owners_clear(struct owners *owners) {
    size_t at = 0;
    struct owner *owner;

    while ((owner = map_next(&owners->map, &at)))
        owner_destroy(owner);
    map_clear(&owners->map);
}

uint32_t owner_page(const struct owner *owner, uint64_t index) {
    const struct chunk *chunk = map_get(&owner->chunks, index / CHUNK_PAGES);

    return chunk ? chunk->pfns[index % CHUNK_PAGES] : 0;
}

/* The chunk `number` as one that this owner may change; NULL: out of memory. */
static struct chunk *chunk_own(struct owner *owner, uint64_t number) {
    struct chunk *chunk = map_get(&owner->chunks, number), *mine;

    if (chunk && chunk->references == 1)
        return chunk;
    mine = calloc(1, sizeof *mine);
    if (!mine)
        return NULL;
    if (chunk)
        memcpy(mine, chunk, sizeof *mine);
    mine->references = 1;
    if (map_put(&owner->chunks, number, mine) < 0) {
        free(mine);
        return NULL;
    }
    chunk_release(chunk);
    return mine;
}

int owner_page_set(struct owner *owner, uint64_t index, uint32_t pfn) {
    struct chunk *chunk;

    if (pfn == owner_page(owner, index))
        return 0;
    chunk = chunk_own(owner, index / CHUNK_PAGES);
    if (!chunk)
        return -ENOMEM;
    chunk->pfns[index % CHUNK_PAGES] = pfn;
    return 0;
}

static uint64_t larger(uint64_t one, uint64_t other) {
    return one > other ? one : other;
}

static uint64_t smaller(uint64_t one, uint64_t other) {
    return one < other ? one : other;
}

/* What to do with [first, end) of one chunk. */
typedef int chunk_action(struct owner *owner, struct owner *to, uint64_t first, uint64_t end);

/* Each chunk that is there and has to do with [first, end), as the range may be all there is. */
static int chunks_each(struct owner *owner, struct owner *to, const uint64_t range[2],
                       chunk_action *action) {
    size_t count = owner->chunks.count;
    uint64_t *keys = map_keys(&owner->chunks);
    int status = keys ? 0 : -ENOMEM;

    for (size_t i = 0; i < count && status == 0; i++) {
        uint64_t start = keys[i] * CHUNK_PAGES;
        uint64_t first = larger(start, range[0]), end = smaller(start + CHUNK_PAGES, range[1]);
        if (first < end)
            status = action(owner, to, first, end);
    }
    free(keys);
    return status;
}

static int chunk_drop(struct owner *owner, struct owner *to, uint64_t first, uint64_t end) {
    int status = 0;

    (void)to;
    if (end - first == CHUNK_PAGES)
        chunk_release(map_take(&owner->chunks, first / CHUNK_PAGES));
    else
        for (uint64_t i = first; i < end && status == 0; i++)
            status = owner_page_set(owner, i, 0);
    return status;
}

static int chunk_move(struct owner *owner, struct owner *to, uint64_t first, uint64_t end) {
    int status = 0;

    for (uint64_t i = first; i < end && status == 0; i++) {
        uint32_t pfn = owner_page(owner, i);
        if (pfn)
            status = owner_page_set(to, i, pfn);
    }
    return status == 0 ? chunk_drop(owner, NULL, first, end) : status;
}

int owner_pages_drop(struct owner *owner, uint64_t first, uint64_t end) {
    if (first / CHUNK_PAGES == (end - 1) / CHUNK_PAGES && first < end) /* as most often */
        return map_get(&owner->chunks, first / CHUNK_PAGES) ? chunk_drop(owner, NULL, first, end)
                                                            : 0;
    return chunks_each(owner, NULL, (uint64_t[]){first, end}, chunk_drop);
}

int owner_pages_move(struct owner *from, struct owner *to, uint64_t first, uint64_t end) {
    return from == to ? 0 : chunks_each(from, to, (uint64_t[]){first, end}, chunk_move);
}

int owner_pages_share(const struct owner *from, struct owner *to) {
    struct map chunks = {0};

    for (size_t i = 0; i < from->chunks.capacity; i++) {
        struct map_slot *slot = &from->chunks.slots[i];
        struct chunk *chunk = slot->value;
        if (!chunk)
            continue;
        if (map_put(&chunks, slot->key, chunk) < 0) {
            chunks_release(&chunks);
            return -ENOMEM;
        }
        chunk->references++;
    }
    chunks_release(&to->chunks);
    to->chunks = chunks;
    return 0;
}
