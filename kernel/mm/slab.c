/* SPDX-License-Identifier: MIT */
/*
 * Caches of small objects. Contracts, words and invariants: mm/slab.h.
 *
 * The fast paths touch one slab: taking the head of its free list, or putting one there. Slabs are
 * made and given back with the cache's lock dropped, so that the frame allocator may in turn ask
 * caches for the slabs they keep in hand (slab_reclaim).
 *
 * Locks: slab_cache.lock for a cache and its slabs; all_caches.lock for the list of caches. Never
 * two at once.
 */
#include "mm/slab.h"

#include "abi/errno.h"
#include "core/assert.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "mm/alloc_fail.h"
#include "mm/frame.h"
#include "mm/slab_private.h"

#define SLAB_ORDER_MAX 3u
#define SLAB_ALIGN 16u

static struct {
    struct spinlock lock;
    struct list_node list; /* lock */
} all_caches = {SPINLOCK_INIT("slab caches", LOCK_RANK_SLAB), LIST_HEAD_INIT(all_caches.list)};

static struct slab *slab_of(const struct slab_cache *cache, const void *object) {
    return (struct slab *)align_down((uintptr_t)object, cache->slab_bytes);
}

static uint32_t objects_per_slab(const struct slab_cache *cache, unsigned order) {
    return (uint32_t)(((PAGE_SIZE << order) - cache->first) / cache->size);
}

/* The smallest order that wastes at most an eighth, else the one that wastes least. */
static unsigned choose_order(const struct slab_cache *cache) {
    unsigned best = 0;
    uint64_t best_used = 0; /* bytes, scaled to the largest order */

    for (unsigned order = 0; order <= SLAB_ORDER_MAX; order++) {
        uint64_t used = (uint64_t)objects_per_slab(cache, order) * cache->size;

        if (used * 8 >= (PAGE_SIZE << order) * 7)
            return order;
        if (used << (SLAB_ORDER_MAX - order) > best_used) {
            best_used = used << (SLAB_ORDER_MAX - order);
            best = order;
        }
    }
    return best;
}

void slab_cache_init(struct slab_cache *cache, const char *name, size_t size, size_t align) {
    ASSERT(size > 0 && size <= SLAB_SIZE_MAX);
    ASSERT(align == 0 || (is_pow2(align) && align <= PAGE_SIZE));
    align = MAX(align, SLAB_ALIGN);
    *cache = (struct slab_cache){
        .size = (uint32_t)align_up(size, align),
        .first = (uint16_t)align_up(sizeof(struct slab), align),
        .name = name,
    };
    spin_init(&cache->lock, name, LOCK_RANK_SLAB);
    list_init(&cache->partial);
    cache->order = choose_order(cache);
    cache->slab_bytes = (uint32_t)PAGE_SIZE << cache->order;
    cache->per_slab = (uint16_t)objects_per_slab(cache, cache->order);
    spin_lock(&all_caches.lock);
    list_push_back(&all_caches.list, &cache->link);
    spin_unlock(&all_caches.lock);
}

void slab_cache_destroy(struct slab_cache *cache) {
    ASSERT(cache->in_use == 0);
    slab_cache_trim(cache);
    spin_lock(&all_caches.lock);
    list_remove(&cache->link);
    spin_unlock(&all_caches.lock);
}

/* A new slab with all objects free, on no list; NULL when out of memory. No lock is held. */
static struct slab *slab_create(struct slab_cache *cache) {
    struct frame *f = frame_alloc_order(FRAME_SLAB, cache->order);
    struct slab *slab;
    char *object;

    if (f == NULL)
        return NULL;
    slab = frame_to_virt(f);
    list_init(&slab->link);
    slab->cache = cache;
    slab->used = 0;
    slab->free = NULL;
    object = (char *)slab + cache->first + (size_t)cache->per_slab * cache->size;
    for (unsigned i = 0; i < cache->per_slab; i++) {
        object -= cache->size;
        *(void **)object = slab->free;
        slab->free = object;
    }
    return slab;
}

static void slab_destroy(struct slab_cache *cache, struct slab *slab) {
    frame_free_order(virt_to_frame(slab), cache->order);
}

/* Lets an empty slab serve, in hand no more. */
static void slab_put_to_use_locked(struct slab_cache *cache, struct slab *slab) {
    list_push_back(&cache->partial, &slab->link);
    cache->slabs++;
}

static bool take_spare_locked(struct slab_cache *cache) {
    struct slab *slab = cache->spare;

    if (slab == NULL)
        return false;
    cache->spare = NULL;
    frame_set_use(virt_to_frame(slab), FRAME_SLAB);
    slab_put_to_use_locked(cache, slab);
    return true;
}

/* Keeps an empty slab, on no list, in hand. False: there is one already. */
static bool keep_locked(struct slab_cache *cache, struct slab *slab) {
    if (cache->spare)
        return false;
    cache->spare = slab;
    frame_set_use(virt_to_frame(slab), FRAME_SPARE);
    return true;
}

/*
 * Makes the partial list non-empty; false when out of memory. Called and returns with the lock,
 * which is dropped meanwhile: another processor may be quicker, and one slab more than needed is
 * kept in hand or given back.
 */
static __attribute__((noinline)) bool refill_locked(struct slab_cache *cache) {
    while (list_is_empty(&cache->partial)) {
        struct slab *slab;

        if (take_spare_locked(cache))
            return true;
        spin_unlock(&cache->lock);
        slab = slab_create(cache);
        spin_lock(&cache->lock);
        if (!slab)
            return !list_is_empty(&cache->partial);
        if (list_is_empty(&cache->partial)) {
            slab_put_to_use_locked(cache, slab);
        } else if (!keep_locked(cache, slab)) {
            spin_unlock(&cache->lock);
            slab_destroy(cache, slab);
            spin_lock(&cache->lock);
        }
    }
    return true;
}

void *slab_alloc(struct slab_cache *cache) {
    struct slab *slab;
    void **object;

    if (alloc_fails())
        return NULL;
    spin_lock(&cache->lock);
    if (list_is_empty(&cache->partial) && !refill_locked(cache)) {
        spin_unlock(&cache->lock);
        return NULL;
    }
    slab = LIST_ENTRY(cache->partial.next, struct slab, link);
    object = slab->free;
    slab->free = *object;
    slab->used++;
    cache->in_use++;
    if (slab->free == NULL)
        list_remove(&slab->link);
    spin_unlock(&cache->lock);
    return object;
}

void *slab_alloc_zeroed(struct slab_cache *cache) {
    void *object = slab_alloc(cache);

    if (object)
        memset(object, 0, cache->size);
    return object;
}

/* `slab` has become empty: it is kept in hand, or given back. Drops the lock. */
static __attribute__((noinline)) void retire_and_unlock(struct slab_cache *cache,
                                                        struct slab *slab) {
    bool kept;

    list_remove(&slab->link);
    cache->slabs--;
    kept = keep_locked(cache, slab);
    spin_unlock(&cache->lock);
    if (!kept)
        slab_destroy(cache, slab);
}

void slab_free(struct slab_cache *cache, void *object) {
    struct slab *slab;

    if (object == NULL)
        return;
    slab = slab_of(cache, object);
    DEBUG_ASSERT(slab->cache == cache);
    DEBUG_ASSERT(((uintptr_t)object - (uintptr_t)slab - cache->first) % cache->size == 0);
    spin_lock(&cache->lock);
    DEBUG_ASSERT(slab->used > 0);
    if (slab->free == NULL)
        list_push_front(&cache->partial, &slab->link);
    *(void **)object = slab->free;
    slab->free = object;
    cache->in_use--;
    if (--slab->used == 0) {
        retire_and_unlock(cache, slab);
        return;
    }
    spin_unlock(&cache->lock);
}

size_t slab_cache_trim(struct slab_cache *cache) {
    struct slab *slab;

    spin_lock(&cache->lock);
    slab = cache->spare;
    cache->spare = NULL;
    spin_unlock(&cache->lock);
    if (slab == NULL)
        return 0;
    slab_destroy(cache, slab);
    return 1u << cache->order;
}

/* The index-th cache, NULL past the last. Caches that come and go have no readers by index. */
static struct slab_cache *cache_at(size_t index) {
    struct slab_cache *cache, *found = NULL;

    spin_lock(&all_caches.lock);
    LIST_FOR_EACH (&all_caches.list, cache, link) {
        if (index-- == 0) {
            found = cache;
            break;
        }
    }
    spin_unlock(&all_caches.lock);
    return found;
}

/* The frame allocator's last resort: all slabs in hand. */
static size_t slab_reclaim(void) {
    struct slab_cache *cache;
    size_t frames = 0;

    for (size_t i = 0; (cache = cache_at(i)) != NULL; i++)
        frames += slab_cache_trim(cache);
    return frames;
}

void slab_init(void) {
    static struct frame_reclaimer reclaimer = {.reclaim = slab_reclaim};

    frame_reclaimer_add(&reclaimer);
    kmalloc_init();
}

int slab_stats_get(size_t index, struct slab_stats *stats) {
    struct slab_cache *cache = cache_at(index);

    if (cache == NULL)
        return -ENOENT;
    spin_lock(&cache->lock);
    *stats = (struct slab_stats){
        .name = cache->name,
        .in_use = cache->in_use,
        .size = cache->size,
        .per_slab = cache->per_slab,
        .frames_per_slab = 1u << cache->order,
        .slabs = cache->slabs + (cache->spare ? 1 : 0),
        .spare = cache->spare ? 1 : 0,
    };
    spin_unlock(&cache->lock);
    stats->total = stats->slabs * stats->per_slab;
    return 0;
}

static size_t free_objects(const struct slab *slab) {
    size_t n = 0;

    for (void **object = slab->free; object; object = *object)
        n++;
    return n;
}

/* Violations found in one cache: in a partial slab's counts, in the spare's, in the sums. */
static size_t cache_check(struct slab_cache *cache) {
    uint64_t slabs = 0, used = 0;
    size_t wrong = 0;
    struct slab *slab;

    spin_lock(&cache->lock);
    LIST_FOR_EACH (&cache->partial, slab, link) {
        wrong += slab->cache != cache || slab->used == 0 || slab->free == NULL;
        wrong += free_objects(slab) + slab->used != cache->per_slab;
        wrong += virt_to_frame(slab)->use != FRAME_SLAB;
        slabs++;
        used += slab->used;
    }
    if (cache->spare) {
        wrong += cache->spare->used != 0 || free_objects(cache->spare) != cache->per_slab;
        wrong += virt_to_frame(cache->spare)->use != FRAME_SPARE;
    }
    wrong += cache->in_use != used + (cache->slabs - slabs) * cache->per_slab;
    spin_unlock(&cache->lock);
    return wrong;
}

size_t slab_check(void) {
    struct slab_cache *cache;
    size_t wrong = 0;

    for (size_t i = 0; (cache = cache_at(i)) != NULL; i++)
        wrong += cache_check(cache);
    return wrong;
}
