/* SPDX-License-Identifier: MIT */
/*
 * kernel/mm: slab caches and kmalloc.
 */
#include "mm/slab.h"

#include <string.h>

#include "abi/errno.h"
#include "lib/bits.h"
#include "mm/frame.h"
#include "support/arena.h"
#include "support/check.h"
#include "support/inject.h"
#include "support/kernel_model.h"
#include "support/random.h"

#define MIB (1ull << 20)

static struct slab_cache cache;

static struct slab_stats stats_of(const char *name) {
    struct slab_stats stats;

    for (size_t i = 0; slab_stats_get(i, &stats) == 0; i++) {
        if (strcmp(stats.name, name) == 0)
            return stats;
    }
    FAIL("no cache %s", name);
}

/* Every size and alignment: objects are aligned, inside their slab and apart from each other. */
static void check_geometry(size_t size, size_t align) {
    char *objects[64];
    size_t n = ARRAY_SIZE(objects);

    test_context("size %zu align %zu", size, align);
    slab_cache_init(&cache, "geometry", size, align);
    for (size_t i = 0; i < n; i++) {
        objects[i] = slab_alloc(&cache);
        CHECK(objects[i] != NULL);
        CHECK(is_aligned((uintptr_t)objects[i], MAX(align, 16u)));
        memset(objects[i], (int)i, size);
    }
    for (size_t i = 0; i < n; i++) {
        CHECK(objects[i][0] == (char)i && objects[i][size - 1] == (char)i);
        slab_free(&cache, objects[i]);
    }
    slab_cache_destroy(&cache);
}

static void test_geometry(void) {
    uint64_t before;

    host_memory_init(16 * MIB);
    before = frames_in_use();
    for (size_t size = 1; size <= SLAB_SIZE_MAX; size += size < 64 ? 1 : 61) {
        for (size_t align = 0; align <= 256; align = align ? align * 4 : 4)
            check_geometry(size, align);
    }
    CHECK_EQ(frames_in_use(), before);
    CHECK_EQ(slab_check(), 0);
    frames_check();
}

/* Empty slabs go back but one, which counts as free. */
static void test_gives_back(void) {
    struct frame_stats stats;
    void *objects[500];
    uint64_t before, free_before;

    host_memory_init(16 * MIB);
    frame_stats_get(&stats);
    before = frames_in_use();
    free_before = stats.by_use[FRAME_FREE];
    slab_cache_init(&cache, "hundreds", 100, 0);
    for (size_t i = 0; i < ARRAY_SIZE(objects); i++)
        objects[i] = slab_alloc(&cache);
    CHECK_EQ(stats_of("hundreds").in_use, ARRAY_SIZE(objects));
    CHECK(frames_in_use() >= before + 500 * 112 / PAGE_SIZE);
    CHECK_EQ(slab_check(), 0);
    for (size_t i = 0; i < ARRAY_SIZE(objects); i++)
        slab_free(&cache, objects[i]);
    CHECK_EQ(frames_in_use(), before);
    CHECK_EQ(stats_of("hundreds").slabs, 1);
    frame_stats_get(&stats);
    CHECK_EQ(stats.by_use[FRAME_SPARE], stats_of("hundreds").frames_per_slab);
    CHECK_EQ(slab_check(), 0);
    slab_cache_destroy(&cache);
    frame_stats_get(&stats);
    CHECK_EQ(stats.by_use[FRAME_FREE], free_before);
    CHECK(PANICS(slab_cache_init(&cache, "too large", SLAB_SIZE_MAX + 1, 0)));
}

static void test_zeroed(void) {
    char *a, *b;

    host_memory_init(16 * MIB);
    slab_cache_init(&cache, "zeroed", 72, 0);
    a = slab_alloc(&cache);
    memset(a, 0x55, 72);
    slab_free(&cache, a);
    b = slab_alloc_zeroed(&cache);
    CHECK(a == b);
    for (size_t i = 0; i < 72; i++)
        CHECK_EQ(b[i], 0);
    slab_free(&cache, b);
    slab_free(&cache, NULL);
    kfree(NULL);
    CHECK_EQ(stats_of("zeroed").in_use, 0);
}

/* Memory that slabs keep in hand is given when there is no other. */
static void test_reclaim(void) {
    struct frame_stats stats;
    struct frame *f = NULL;
    uint64_t free;

    host_memory_init(8 * MIB);
    slab_cache_init(&cache, "hoarder", 1000, 0);
    slab_free(&cache, slab_alloc(&cache));
    kfree(kmalloc(10));
    frame_stats_get(&stats);
    free = stats.free;
    CHECK(stats.by_use[FRAME_SPARE] >= 2);
    for (uint64_t i = 0; i < free; i++) {
        f = frame_alloc(FRAME_ANON);
        CHECK(f != NULL);
    }
    CHECK(frame_alloc(FRAME_ANON) == NULL);
    CHECK(slab_alloc(&cache) == NULL && kmalloc(10) == NULL && kzalloc(5000) == NULL);
    frame_stats_get(&stats);
    CHECK_EQ(stats.by_use[FRAME_SPARE], 0);
    frame_unref(f);
    CHECK(kmalloc(10) != NULL);
    CHECK_EQ(slab_check(), 0);
}

static void test_kmalloc_sizes(void) {
    volatile size_t huge = (size_t)1 << 63;
    uint64_t before;

    host_memory_init(32 * MIB);
    before = frames_in_use();
    for (size_t size = 0; size <= 4 * MIB; size += 1 + size / 7) {
        char *p = kmalloc(size);

        test_context("size %zu", size);
        CHECK(p != NULL);
        CHECK(is_aligned((uintptr_t)p, size >= PAGE_SIZE ? PAGE_SIZE : 16));
        CHECK(kmalloc_usable(p) >= size);
        memset(p, 0x77, size);
        kfree(p);
    }
    CHECK_EQ(frames_in_use(), before);
    CHECK(kmalloc(4 * MIB + 1) == NULL);
    CHECK(kmalloc(huge) == NULL);
    frames_check();
}

static void test_kcalloc(void) {
    volatile size_t huge = (size_t)1 << 60;
    char *p;

    host_memory_init(16 * MIB);
    p = kmalloc(3000);
    memset(p, 0x11, 3000);
    kfree(p);
    p = kcalloc(30, 100);
    for (size_t i = 0; i < 3000; i++)
        CHECK_EQ(p[i], 0);
    kfree(p);
    CHECK(kcalloc(huge, 32) == NULL);
    CHECK(kcalloc(huge, huge) == NULL);
    p = kzalloc(0);
    CHECK(p != NULL);
    kfree(p);
}

/* Random sizes, each block filled with its own byte and checked before it goes. */
struct piece {
    unsigned char *p;
    size_t size;
    unsigned char mark;
};

static void piece_free(struct piece *piece) {
    CHECK(piece->size == 0 || piece->p[0] == piece->mark);
    CHECK(piece->size == 0 ||
          memcmp(piece->p, piece->p + 1, piece->size > 1 ? piece->size - 1 : 0) == 0);
    kfree(piece->p);
    piece->p = NULL;
}

static void piece_alloc(struct piece *piece, struct random *random) {
    piece->size = random_below(random, 1ull << random_below(random, 15));
    piece->mark = (unsigned char)random_next(random);
    piece->p = kmalloc(piece->size);
    if (piece->p)
        memset(piece->p, piece->mark, piece->size);
}

static void test_random(void) {
    static struct piece pieces[400];
    struct random random = {test_seed(200)};
    uint64_t before;

    host_memory_init(16 * MIB);
    before = frames_in_use();
    inject_fail_randomly(test_seed(200), 20);
    for (unsigned step = 0; step < 40000 * test_scale(); step++) {
        struct piece *piece = &pieces[random_below(&random, ARRAY_SIZE(pieces))];

        test_context("seed %llu step %u", (unsigned long long)test_seed(200), step);
        if (piece->p)
            piece_free(piece);
        else
            piece_alloc(piece, &random);
        if (step % 1000 == 0)
            CHECK_EQ(slab_check(), 0);
    }
    CHECK(inject_stop());
    frames_check();
    for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
        if (pieces[i].p)
            piece_free(&pieces[i]);
    }
    CHECK_EQ(frames_in_use(), before);
    CHECK_EQ(slab_check(), 0);
    frames_check();
}

/* The checker itself: it must see what is wrong. */
static void test_check_sees(void) {
    void *object;

    host_memory_init(16 * MIB);
    slab_cache_init(&cache, "broken", 64, 0);
    object = slab_alloc(&cache);
    CHECK_EQ(slab_check(), 0);
    cache.in_use++;
    CHECK_EQ(slab_check(), 1);
    cache.in_use--;
    slab_free(&cache, object);
    frame_set_use(virt_to_frame(object), FRAME_SLAB);
    CHECK_EQ(slab_check(), 1);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        {"geometry", test_geometry}, {"gives_back", test_gives_back}, {"zeroed", test_zeroed},
        {"reclaim", test_reclaim},   {"kmalloc", test_kmalloc_sizes}, {"kcalloc", test_kcalloc},
        {"random", test_random},     {"check_sees", test_check_sees},
    };

    return test_main(argc, argv, "slab", tests, ARRAY_SIZE(tests));
}
