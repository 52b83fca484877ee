/* SPDX-License-Identifier: MIT */
/*
 * Small objects: caches of equal ones, and kmalloc over a row of such caches.
 *
 * A slab is one block of frames: a header, then objects. Free objects of a slab are a list through
 * themselves. A cache has its slabs that still have room on one list; full ones are on none. Empty
 * slabs go back to the frame allocator, but for one kept in hand (FRAME_SPARE).
 *
 * Invariants: an object's slab is at the object's address rounded down to the cache's slab size; a
 * slab is on the partial list exactly when it has both free and used objects, the one in hand is
 * on no list.
 *
 * Locks: one spinlock per cache, rank LOCK_RANK_SLAB, taken inside and not held while frames are
 * allocated or freed. Nothing sleeps. Not to be called from interrupt handlers. Memory is not
 * cleared unless the name says so.
 */
#ifndef MM_SLAB_H
#define MM_SLAB_H

#include <stddef.h>
#include <stdint.h>

#include "lib/list.h"
#include "sync/spinlock.h"

struct slab;

struct slab_cache {
    struct spinlock lock;
    struct list_node partial; /* lock */
    struct slab *spare;       /* lock: an empty slab in hand, or NULL */
    uint64_t slabs;           /* lock: slabs with objects in use */
    uint64_t in_use;          /* lock: objects handed out */
    uint32_t size;            /* const: bytes from one object to the next */
    uint16_t first;           /* const: offset of the first object in a slab */
    uint16_t per_slab;        /* const */
    uint32_t slab_bytes;      /* const: a power of two of pages */
    uint32_t order;           /* const */
    const char *name;         /* const */
    struct list_node link;    /* list of all caches, under its lock */
};

struct slab_stats {
    const char *name;
    uint64_t in_use; /* objects */
    uint64_t total;  /* objects that the slabs could hold, the one in hand included */
    uint32_t size;   /* bytes an object takes */
    uint32_t per_slab;
    uint32_t frames_per_slab;
    uint64_t slabs; /* the one in hand included */
    uint64_t spare; /* 1: there is one in hand */
};

/* Largest object of a cache, and the size up to which kmalloc uses caches. */
#define SLAB_SIZE_MAX 4096u
#define KMALLOC_CACHED_MAX 2048u

/* Makes kmalloc work. Once, after frame_init. */
void slab_init(void);

/* Prepares a cache of objects of `size` bytes (1..SLAB_SIZE_MAX), aligned to `align` (a power of
 * two up to 4096; 0 means 16). Allocates nothing, cannot fail. `name` is kept. */
void slab_cache_init(struct slab_cache *cache, const char *name, size_t size, size_t align);

/* Forgets a cache with no objects in use, giving back what it kept in hand. */
void slab_cache_destroy(struct slab_cache *cache);

/* An object, NULL when out of memory. */
void *slab_alloc(struct slab_cache *cache) __attribute__((warn_unused_result));
void *slab_alloc_zeroed(struct slab_cache *cache) __attribute__((warn_unused_result));

/* Gives back an object of `cache`. NULL is allowed. */
void slab_free(struct slab_cache *cache, void *object);

/* `size` bytes, aligned to 16, or to a page from PAGE_SIZE on. NULL: out of memory, or more than
 * 4 MiB. kmalloc(0) is a valid unique pointer. */
void *kmalloc(size_t size) __attribute__((warn_unused_result, malloc, alloc_size(1)));
void *kzalloc(size_t size) __attribute__((warn_unused_result, malloc, alloc_size(1)));

/* An array of `n` members of `size` bytes, cleared; NULL if the product overflows too. */
void *kcalloc(size_t n, size_t size) __attribute__((warn_unused_result, malloc, alloc_size(1, 2)));

/* Gives back what kmalloc, kzalloc or kcalloc gave. NULL is allowed. */
void kfree(void *p);

/* Bytes that are usable behind `p`, which kmalloc gave. */
size_t kmalloc_usable(const void *p);

/* Statistics of the index-th cache in order of creation: 0, or -ENOENT past the last. */
int slab_stats_get(size_t index, struct slab_stats *stats);

/* Checks every cache's invariants: the number of violations, 0 when all is well. For tests. */
size_t slab_check(void);

#endif
