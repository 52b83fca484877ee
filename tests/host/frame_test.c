/* SPDX-License-Identifier: MIT */
/*
 * kernel/mm: the frame allocator, over simulated physical memory.
 */
#include "mm/frame.h"

#include <string.h>

#include "abi/errno.h"
#include "lib/bits.h"
#include "mm/page_clear.h"
#include "support/arena.h"
#include "support/check.h"
#include "support/kernel_model.h"
#include "support/random.h"

#define MIB (1ull << 20)
#define GIB (1ull << 30)

static struct frame_stats stats_now(void) {
    struct frame_stats stats;

    frame_stats_get(&stats);
    return stats;
}

/* Takes every single frame; returns how many, threaded through the frames. */
static uint64_t take_all(struct frame **first) {
    struct frame *f;
    uint64_t n = 0;

    *first = NULL;
    while ((f = frame_alloc(FRAME_ANON)) != NULL) {
        *(struct frame **)frame_to_virt(f) = *first;
        *first = f;
        n++;
    }
    return n;
}

static void give_all(struct frame *first) {
    while (first) {
        struct frame *next = *(struct frame **)frame_to_virt(first);

        frame_unref(first);
        first = next;
    }
}

/*
 *   0      1 MiB         5    6              16 MiB            20 MiB        32 MiB
 *   | RAM (reserved) RAM | res | RAM          |     hole         |  RAM      |
 */
static void test_init_with_holes(void) {
    const struct phys_range ram[] = {{20 * MIB, 32 * MIB}, {0, 16 * MIB}};
    const struct phys_range reserved[] = {
        {5 * MIB + 100, 6 * MIB - 100}, {0, MIB}, {500, 600}, {4 * MIB, 4 * MIB},
        {15 * MIB, 21 * MIB},
    };
    struct frame_stats stats;
    struct frame *all;

    arena_create(32 * MIB);
    CHECK_EQ(frame_init(ram, ARRAY_SIZE(ram), reserved, ARRAY_SIZE(reserved)), 0);
    stats = stats_now();
    CHECK_EQ(frame_table_count, 32 * MIB / PAGE_SIZE);
    CHECK_EQ(stats.total, 28 * MIB / PAGE_SIZE);
    CHECK_EQ(stats.by_use[FRAME_RESERVED], 4 * MIB / PAGE_SIZE);
    CHECK_EQ(stats.by_use[FRAME_KERNEL], 32 * MIB / PAGE_SIZE * 8 / PAGE_SIZE);
    CHECK_EQ(virt_to_phys(frame_table), 32 * MIB - frame_table_count * 8);
    frames_check();
    CHECK_EQ(take_all(&all), stats.free);
    for (uint64_t pfn = 0; pfn < frame_table_count; pfn++) {
        paddr_t at = pfn * PAGE_SIZE;
        bool hole = at >= 16 * MIB && at < 20 * MIB;
        bool is_reserved =
            at < MIB || (at >= 5 * MIB && at < 6 * MIB) || (at >= 15 * MIB && at < 21 * MIB);
        enum frame_use use = frame_table[pfn].use;

        CHECK_EQ(use, hole                              ? FRAME_HOLE
                      : is_reserved                     ? FRAME_RESERVED
                      : at >= virt_to_phys(frame_table) ? FRAME_KERNEL
                                                        : FRAME_ANON);
        CHECK((phys_to_frame_checked(at) == NULL) == hole);
    }
    CHECK(phys_to_frame_checked(32 * MIB) == NULL);
    CHECK_EQ(stats_now().free, 0);
    give_all(all);
    CHECK_EQ(stats_now().free, stats.free);
    frames_check();
}

/* Pages that RAM covers in part are not RAM; pages that a reservation touches are reserved. */
static void test_init_odd_edges(void) {
    const struct phys_range ram[] = {{MIB + 1, 8 * MIB - 1}, {9 * MIB + 5, 9 * MIB + 4000}};
    const struct phys_range reserved[] = {{2 * MIB + PAGE_SIZE - 1, 2 * MIB + PAGE_SIZE + 1}};

    arena_create(16 * MIB);
    CHECK_EQ(frame_init(ram, ARRAY_SIZE(ram), reserved, ARRAY_SIZE(reserved)), 0);
    CHECK_EQ(stats_now().total, 7 * MIB / PAGE_SIZE - 2);
    CHECK_EQ(stats_now().by_use[FRAME_RESERVED], 2);
    CHECK_EQ(frame_table[MIB / PAGE_SIZE].use, FRAME_HOLE);
    CHECK_EQ(frame_table_count, 8 * MIB / PAGE_SIZE - 1);
    CHECK(phys_to_frame_checked(9 * MIB) == NULL);
    frames_check();
}

static void test_init_refuses(void) {
    const struct phys_range small = {MIB, MIB + 2 * PAGE_SIZE};
    const struct phys_range none = {100, 200};
    const struct phys_range far = {1ull << 44, (1ull << 44) + MIB};
    const struct phys_range all = {0, GIB};

    CHECK_EQ(frame_init(&small, 0, NULL, 0), -EINVAL);
    CHECK_EQ(frame_init(&none, 1, NULL, 0), -EINVAL);
    CHECK_EQ(frame_init(&far, 1, NULL, 0), -EINVAL);
    CHECK_EQ(frame_init(&small, 1, &all, 1), -ENOMEM);
}

/* 16 GiB with the hole below 4 GiB that a PC has. */
static void test_init_16_gib(void) {
    const struct phys_range ram[] = {{0, 640 << 10}, {MIB, 3 * GIB}, {4 * GIB, 17 * GIB}};
    const struct phys_range reserved[] = {{MIB, 8 * MIB}, {2 * GIB, 2 * GIB + 20 * MIB}};
    struct frame *block;

    arena_create(17 * GIB);
    CHECK_EQ(frame_init(ram, ARRAY_SIZE(ram), reserved, ARRAY_SIZE(reserved)), 0);
    CHECK_EQ(stats_now().total, (16 * GIB - (MIB - (640 << 10))) / PAGE_SIZE);
    CHECK_EQ(stats_now().by_use[FRAME_RESERVED], 27 * MIB / PAGE_SIZE);
    CHECK_EQ(stats_now().by_use[FRAME_KERNEL], 34 * MIB / PAGE_SIZE);
    block = frame_alloc_order(FRAME_KERNEL, FRAME_ORDER_MAX);
    CHECK(block != NULL);
    frame_free_order(block, FRAME_ORDER_MAX);
    frames_check();
}

/* Reserved memory comes back in parts, what is not reserved stays as it is. */
static void test_release_range(void) {
    uint64_t before, in_use;
    struct frame *f;

    host_memory_init(32 * MIB);
    before = stats_now().free;
    f = frame_alloc(FRAME_ANON);
    in_use = frames_in_use();
    frame_release_range(100, 3 * PAGE_SIZE + 100);
    CHECK_EQ(stats_now().free, before - 1 + 2);
    frame_release_range(0, 3 * PAGE_SIZE);
    CHECK_EQ(stats_now().free, before - 1 + 3);
    frame_release_range(0, 64 * MIB);
    CHECK_EQ(stats_now().free, before - 1 + MIB / PAGE_SIZE);
    CHECK_EQ(frames_in_use(), in_use - MIB / PAGE_SIZE);
    CHECK_EQ(f->use, FRAME_ANON);
    frames_check();
}

static void test_references(void) {
    uint64_t before;
    struct frame *f;

    host_memory_init(8 * MIB);
    before = frames_in_use();
    f = frame_alloc_zeroed(FRAME_FILE);
    CHECK(f->use == FRAME_FILE && f->order == 0 && f->count == 0);
    CHECK_EQ(frame_refs(f), 1);
    CHECK_EQ(frames_in_use(), before + 1);
    frame_ref(f);
    frame_unref(f);
    CHECK_EQ(frames_in_use(), before + 1);
    CHECK(phys_to_frame(frame_to_phys(f)) == f && virt_to_frame(frame_to_virt(f)) == f);
    frame_unref(f);
    CHECK_EQ(frames_in_use(), before);
    CHECK_EQ(f->use, FRAME_FREE);
    CHECK(PANICS(frame_free(f)));
}

/* A frame that was full of something comes back clear. */
static void test_zeroed(void) {
    struct frame *all, *f;
    uint64_t n;

    host_memory_init(8 * MIB);
    n = take_all(&all);
    for (uint64_t pfn = MIB / PAGE_SIZE; pfn < frame_table_count; pfn++) {
        if (frame_table[pfn].use == FRAME_ANON)
            memset((char *)frame_to_virt(&frame_table[pfn]) + 8, 0xaa, PAGE_SIZE - 8);
    }
    give_all(all);
    for (uint64_t i = 0; i < n; i++) {
        const char *page;

        f = frame_alloc_zeroed(FRAME_ANON);
        CHECK(f != NULL);
        page = frame_to_virt(f);
        CHECK(page[0] == 0 && memcmp(page, page + 1, PAGE_SIZE - 1) == 0);
    }
}

static void test_set_use(void) {
    struct frame *f, *block;
    struct frame_stats before, now;

    host_memory_init(8 * MIB);
    before = stats_now();
    f = frame_alloc(FRAME_TABLE);
    block = frame_alloc_order(FRAME_SLAB, 2);
    frame_set_use(f, FRAME_SPARE);
    frame_set_use(block, FRAME_SPARE);
    now = stats_now();
    CHECK_EQ(now.free, before.free);
    CHECK_EQ(now.by_use[FRAME_SPARE], 5);
    CHECK_EQ(now.by_use[FRAME_TABLE], 0);
    frames_check();
    frame_set_use(f, FRAME_KERNEL);
    CHECK_EQ(stats_now().free, before.free - 1);
    frame_unref(f);
    frame_free_order(block, 2);
    CHECK_EQ(stats_now().by_use[FRAME_FREE], before.by_use[FRAME_FREE]);
    frames_check();
}

static void test_orders(void) {
    uint64_t before;

    host_memory_init(32 * MIB);
    before = stats_now().free;
    for (unsigned order = 0; order <= FRAME_ORDER_MAX; order++) {
        struct frame *head = frame_alloc_order(FRAME_KERNEL, order);

        CHECK(head != NULL);
        CHECK(is_aligned(frame_to_pfn(head), 1u << order));
        CHECK_EQ(head->order, order);
        CHECK_EQ(frame_refs(head), 1);
        for (unsigned i = 1; i < 1u << order; i++)
            CHECK(head[i].use == FRAME_KERNEL && head[i].order == FRAME_ORDER_TAIL &&
                  head[i].count == i);
        CHECK_EQ(stats_now().free, before - (1u << order));
        frame_free_order(head, order);
        CHECK_EQ(stats_now().free, before);
    }
    CHECK(frame_alloc_order(FRAME_KERNEL, FRAME_ORDER_MAX + 1) == NULL);
    frames_check();
}

/* However memory was cut up, all of it free is largest blocks again. */
static void test_joins_again(void) {
    struct frame *block, *all;
    unsigned blocks = 0, again = 0;

    host_memory_init(64 * MIB);
    while (frame_alloc_order(FRAME_KERNEL, FRAME_ORDER_MAX) != NULL)
        blocks++;
    CHECK(blocks >= 14);
    for (uint64_t pfn = 0; pfn < frame_table_count; pfn++) {
        if (frame_table[pfn].order == FRAME_ORDER_MAX)
            frame_free_order(&frame_table[pfn], FRAME_ORDER_MAX);
    }
    take_all(&all);
    give_all(all);
    while ((block = frame_alloc_order(FRAME_KERNEL, FRAME_ORDER_MAX)) != NULL)
        again++;
    CHECK_EQ(again, blocks);
}

/* Random blocks, each filled with a mark of its own: none overlaps another, none is lost. */
#define BLOCKS 300

struct block {
    struct frame *head;
    unsigned order;
    uint64_t mark;
};

static void block_mark(const struct block *b) {
    uint64_t *words = frame_to_virt(b->head);

    for (uint64_t i = 0; i < (PAGE_SIZE << b->order) / 8; i += PAGE_SIZE / 16)
        words[i] = b->mark + i;
}

static void block_check(const struct block *b) {
    const uint64_t *words = frame_to_virt(b->head);

    for (uint64_t i = 0; i < (PAGE_SIZE << b->order) / 8; i += PAGE_SIZE / 16)
        CHECK_EQ(words[i], b->mark + i);
}

static void block_free(struct block *b) {
    block_check(b);
    if (b->order == 0)
        frame_unref(b->head);
    else
        frame_free_order(b->head, b->order);
    b->head = NULL;
}

static void random_blocks(uint64_t seed) {
    static struct block blocks[BLOCKS];
    struct random random = {seed};
    uint64_t before = stats_now().free, used = 0;

    for (unsigned step = 0; step < 3000; step++) {
        struct block *b = &blocks[random_below(&random, BLOCKS)];

        test_context("seed %llu step %u", (unsigned long long)seed, step);
        if (b->head) {
            used -= 1u << b->order;
            block_free(b);
        } else {
            b->order = random_one_in(&random, 3) ? (unsigned)random_below(&random, 8) : 0;
            b->mark = random_next(&random);
            b->head = frame_alloc_order(FRAME_KERNEL, b->order);
            if (b->head == NULL)
                continue;
            used += 1u << b->order;
            block_mark(b);
        }
        CHECK_EQ(stats_now().free, before - used);
    }
    frames_check();
    for (unsigned i = 0; i < BLOCKS; i++) {
        if (blocks[i].head)
            block_free(&blocks[i]);
    }
    CHECK_EQ(stats_now().free, before);
    frames_check();
}

static void test_random(void) {
    uint64_t seed = test_seed(100);

    host_memory_init(16 * MIB);
    for (unsigned i = 0; i < 20 * test_scale(); i++)
        random_blocks(seed + i);
}

/* Out of single frames; a reclaimer is asked then, and only then. */
static struct frame *spare;
static unsigned reclaims;

static size_t give_spare(void) {
    struct frame *f = spare;

    reclaims++;
    spare = NULL;
    if (f == NULL)
        return 0;
    frame_unref(f);
    return 1;
}

static void test_reclaim(void) {
    static struct frame_reclaimer reclaimer = {.reclaim = give_spare};
    struct frame *all, *f;
    uint64_t free;

    host_memory_init(8 * MIB);
    frame_reclaimer_add(&reclaimer);
    free = stats_now().free;
    spare = frame_alloc(FRAME_TABLE);
    frame_set_use(spare, FRAME_SPARE);
    f = spare;
    CHECK_EQ(stats_now().free, free);
    CHECK_EQ(reclaims, 0);
    CHECK_EQ(take_all(&all), free);
    CHECK_EQ(f->use, FRAME_ANON);
    CHECK(spare == NULL);
    CHECK_EQ(stats_now().free, 0);
    CHECK(frame_alloc(FRAME_ANON) == NULL);
    CHECK(frame_alloc_order(FRAME_ANON, 1) == NULL);
    give_all(all);
    CHECK_EQ(stats_now().free, free);
    frames_check();
}

/* All blocks of an order that there are, allocated and freed again. */
static uint64_t count_blocks(unsigned order) {
    static struct frame *blocks[8 * MIB / PAGE_SIZE];
    uint64_t n = 0;

    while ((blocks[n] = frame_alloc_order(FRAME_ANON, order)) != NULL)
        n++;
    for (uint64_t i = 0; i < n; i++)
        frame_free_order(blocks[i], order);
    return n;
}

/* Single frames that a processor keeps are part of large blocks as well. */
static void test_large_after_small(void) {
    struct frame *all;
    uint64_t before, free;

    host_memory_init(8 * MIB);
    before = count_blocks(5);
    free = stats_now().free;
    CHECK(before > 40);
    CHECK_EQ(take_all(&all), free);
    give_all(all);
    CHECK_EQ(count_blocks(5), before);
    frames_check();
}

/* ---- runs ---- */

static void free_frames_of_run(struct frame *first, unsigned from, unsigned to) {
    for (unsigned i = from; i < to; i++)
        frame_unref(first + i);
}

/* As many frames, next to each other, each by itself; freed one by one they are a block again. */
static void test_run(void) {
    struct frame_stats before;
    struct frame *run, *again;

    host_memory_init(8 * MIB);
    before = stats_now();
    run = frame_alloc_run(FRAME_ANON);
    CHECK(run != NULL);
    CHECK_EQ(frame_to_pfn(run) % FRAME_RUN_FRAMES, 0);
    CHECK_EQ(stats_now().by_use[FRAME_ANON], FRAME_RUN_FRAMES);
    frames_check();
    for (unsigned i = 0; i < FRAME_RUN_FRAMES; i++) {
        CHECK_EQ(frame_refs(run + i), 1);
        CHECK_EQ(run[i].order, 0);
        CHECK(frame_is_of_run(run + i) && frame_run_is_whole(run + i));
    }
    CHECK_EQ(frame_run_bytes(), FRAME_RUN_BYTES);
    free_frames_of_run(run, 0, FRAME_RUN_FRAMES);
    CHECK_EQ(frame_run_bytes(), 0);
    CHECK_EQ(stats_now().free, before.free);
    again = frame_alloc_order(FRAME_KERNEL, FRAME_RUN_ORDER);
    CHECK(again != NULL);
    frame_free_order(again, FRAME_RUN_ORDER);
    frames_check();
}

/* A run without one of its frames is none any more, and a frame that took the place makes none. */
static void test_run_breaks(void) {
    struct frame *run, *other;

    host_memory_init(8 * MIB);
    run = frame_alloc_run(FRAME_ANON);
    CHECK(run != NULL);
    frame_ref(run + 77);
    frame_unref(run + 77);
    CHECK(frame_run_is_whole(run));
    frame_unref(run + 77);
    CHECK(!frame_run_is_whole(run));
    CHECK(!frame_is_of_run(run + 77) && frame_is_of_run(run + 78));
    CHECK_EQ(frame_run_bytes(), 0);
    other = frame_alloc(FRAME_ANON);
    CHECK(other == run + 77);
    CHECK(!frame_is_of_run(other) && !frame_run_is_whole(run));
    frame_unref(other);
    free_frames_of_run(run, 0, 77);
    free_frames_of_run(run, 78, FRAME_RUN_FRAMES);
    frames_check();
}

/* No block is large enough: no run, and all that is free can still be had one by one. */
static void test_run_none(void) {
    struct frame *all, *kept[64];
    unsigned runs = 0;
    uint64_t free;

    host_memory_init(8 * MIB);
    free = stats_now().free;
    while (runs < ARRAY_SIZE(kept) && (kept[runs] = frame_alloc_run(FRAME_ANON)) != NULL)
        runs++;
    CHECK(runs > 0 && runs < ARRAY_SIZE(kept));
    CHECK_EQ(frame_run_bytes(), runs * FRAME_RUN_BYTES);
    CHECK_EQ(take_all(&all), free - runs * FRAME_RUN_FRAMES);
    give_all(all);
    while (runs-- > 0)
        free_frames_of_run(kept[runs], 0, FRAME_RUN_FRAMES);
    CHECK_EQ(stats_now().free, free);
    frames_check();
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        {"init_with_holes", test_init_with_holes},
        {"init_odd_edges", test_init_odd_edges},
        {"init_refuses", test_init_refuses},
        {"init_16_gib", test_init_16_gib},
        {"release_range", test_release_range},
        {"references", test_references},
        {"zeroed", test_zeroed},
        {"set_use", test_set_use},
        {"orders", test_orders},
        {"joins_again", test_joins_again},
        {"random", test_random},
        {"reclaim", test_reclaim},
        {"large_after_small", test_large_after_small},
        {"run", test_run},
        {"run_breaks", test_run_breaks},
        {"run_none", test_run_none},
    };

    return test_main(argc, argv, "frame", tests, ARRAY_SIZE(tests));
}
