/* SPDX-License-Identifier: MIT */
/*
 * Between slab.c (caches) and kmalloc.c. Nobody else's.
 */
#ifndef MM_SLAB_PRIVATE_H
#define MM_SLAB_PRIVATE_H

#include "mm/slab.h"

/* The header at the start of each slab; objects follow. */
struct slab {
    struct list_node link;    /* cache's lock: in cache->partial, or on no list */
    struct slab_cache *cache; /* const */
    void *free;               /* cache's lock: free objects, linked through their first word */
    uint32_t used;            /* cache's lock: objects handed out */
};

/* Makes kmalloc's caches. */
void kmalloc_init(void);

/* Gives back the slab in hand; returns its frames. Takes the cache's lock. */
size_t slab_cache_trim(struct slab_cache *cache);

#endif
