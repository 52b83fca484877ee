/* SPDX-License-Identifier: MIT */
/*
 * kernel/vm: page_tree against arrays. Trees of one family share nodes; the arrays share nothing.
 */
#include "vm/page_tree.h"

#include <string.h>

#include "abi/errno.h"
#include "lib/bits.h"
#include "mm/slab.h"
#include "support/account.h"
#include "support/arena.h"
#include "support/check.h"
#include "support/inject.h"
#include "support/random.h"

#define TREES 6u
#define PLACES 300u

/* Indexes near each other, in other leaves, and far away: so trees grow and have holes. */
static uint64_t index_of(unsigned place) {
    if (place < 150)
        return 1000 + place;
    if (place < 200)
        return (1ull << 12) - 25 + place - 150;
    if (place < 250)
        return (1ull << 24) - 25 + place - 200;
    if (place < 280)
        return (place - 250) * 997;
    return (1ull << 44) + (place - 280) * 64;
}

struct pair {
    struct page_tree tree;
    struct frame *naive[PLACES]; /* by place */
};

static struct pair pairs[TREES];

static unsigned trees_that_see(const struct frame *frame) {
    unsigned n = 0;

    for (unsigned t = 0; t < TREES; t++) {
        for (unsigned place = 0; place < PLACES; place++)
            n += pairs[t].naive[place] == frame;
    }
    return n;
}

/* Distinct pages of all arrays; places hold pages of one index only, so that is per place. */
static uint64_t distinct_pages(void) {
    uint64_t n = 0;

    for (unsigned place = 0; place < PLACES; place++) {
        for (unsigned t = 0; t < TREES; t++) {
            bool seen = pairs[t].naive[place] == NULL;

            for (unsigned u = 0; u < t; u++)
                seen |= pairs[u].naive[place] == pairs[t].naive[place];
            n += !seen;
        }
    }
    return n;
}

static void check_lookups(const struct pair *pair) {
    for (unsigned place = 0; place < PLACES; place++) {
        struct frame *expected = pair->naive[place];
        bool alone = false;

        CHECK(page_tree_lookup(&pair->tree, index_of(place), NULL) == expected);
        page_tree_lookup(&pair->tree, index_of(place), &alone);
        CHECK_EQ(alone, expected && trees_that_see(expected) == 1);
    }
}

/* The walk in order finds every page once. */
static void check_walk(const struct pair *pair) {
    uint64_t index = 0, last = 0;
    size_t n = 0, expected = 0;
    struct frame *frame;

    for (; (frame = page_tree_next(&pair->tree, &index)) != NULL; index++) {
        CHECK(n == 0 || index > last);
        CHECK(page_tree_lookup(&pair->tree, index, NULL) == frame);
        last = index;
        n++;
    }
    for (unsigned place = 0; place < PLACES; place++)
        expected += pair->naive[place] != NULL;
    CHECK_EQ(n, expected);
    CHECK_EQ(page_tree_count(&pair->tree), expected);
    CHECK_EQ(page_tree_is_empty(&pair->tree), expected == 0);
}

static void check_accounts(void) {
    account_begin();
    for (unsigned t = 0; t < TREES; t++)
        account_tree(&pairs[t].tree);
    CHECK_EQ(account_check().frames, distinct_pages());
}

/* ---- operations, to both ---- */

static void insert(struct pair *pair, unsigned place, bool failing) {
    struct frame *frame = frame_alloc(FRAME_ANON);
    struct frame *old = NULL;
    int error;

    for (uint64_t n = 0;; n++) {
        if (failing)
            inject_fail_nth(n);
        error = page_tree_insert(&pair->tree, index_of(place), frame, &old);
        if (!inject_stop())
            break;
        CHECK_EQ(error, -ENOMEM);
        CHECK_EQ(frame_refs(frame), 1);
        check_lookups(pair);
    }
    CHECK_EQ(error, 0);
    CHECK(old == pair->naive[place]);
    if (old)
        frame_unref(old);
    pair->naive[place] = frame;
}

static void remove_range(struct pair *pair, uint64_t start, uint64_t end, bool failing) {
    int error;

    for (uint64_t n = 0;; n++) {
        if (failing)
            inject_fail_nth(n);
        error = page_tree_remove_prepare(&pair->tree, start, end);
        if (!inject_stop())
            break;
        CHECK_EQ(error, -ENOMEM);
        check_lookups(pair);
    }
    CHECK_EQ(error, 0);
    inject_fail_nth(0);
    page_tree_remove(&pair->tree, start, end);
    CHECK(!inject_stop());
    for (unsigned place = 0; place < PLACES; place++) {
        if (index_of(place) >= start && index_of(place) < end)
            pair->naive[place] = NULL;
    }
}

static void clone(struct pair *to, const struct pair *from) {
    page_tree_clear(&to->tree);
    page_tree_clone(&to->tree, &from->tree);
    memcpy(to->naive, from->naive, sizeof(to->naive));
}

static void step(struct random *random, bool failing) {
    struct pair *pair = &pairs[random_below(random, TREES)];
    struct pair *other = &pairs[random_below(random, TREES)];
    unsigned place = (unsigned)random_below(random, PLACES);
    uint64_t start = index_of(place);

    switch (random_below(random, 10)) {
    case 0:
        if (pair != other)
            clone(pair, other);
        break;
    case 1:
        remove_range(pair, start, start + random_below(random, 100), failing);
        break;
    case 2:
        remove_range(pair, start, start + 1, failing);
        break;
    case 3:
        if (random_one_in(random, 4))
            remove_range(pair, start, start + (1ull << random_below(random, 46)), failing);
        break;
    default:
        insert(pair, place, failing);
    }
    check_lookups(pair);
    check_walk(pair);
}

static void end_all(uint64_t before) {
    for (unsigned t = 0; t < TREES; t++) {
        page_tree_clear(&pairs[t].tree);
        memset(pairs[t].naive, 0, sizeof(pairs[t].naive));
    }
    CHECK_EQ(frames_in_use(), before);
}

static void begin(void) {
    host_memory_init(16ull << 20);
    page_tree_init_cache();
    for (unsigned t = 0; t < TREES; t++)
        page_tree_init(&pairs[t].tree);
}

static void run_random(uint64_t seed, unsigned steps, bool failing) {
    struct random random = {seed};
    uint64_t before = frames_in_use();

    for (unsigned i = 0; i < steps; i++) {
        test_context("seed %llu step %u", (unsigned long long)seed, i);
        step(&random, failing);
        if (i % 20 == 0)
            check_accounts();
    }
    for (unsigned t = 0; t < TREES; t++)
        check_lookups(&pairs[t]);
    check_accounts();
    end_all(before);
}

static void test_random(void) {
    uint64_t seed = test_seed(10);

    begin();
    for (unsigned i = 0; i < 5 * test_scale(); i++)
        run_random(seed + i, 1000, false);
}

static void test_random_failing(void) {
    uint64_t seed = test_seed(50);

    begin();
    for (unsigned i = 0; i < 4 * test_scale(); i++)
        run_random(seed + i, 400, true);
}

/* ---- single cases ---- */

static void test_empty(void) {
    uint64_t index = 0;

    begin();
    CHECK(page_tree_is_empty(&pairs[0].tree));
    CHECK(page_tree_lookup(&pairs[0].tree, 0, NULL) == NULL);
    CHECK(page_tree_next(&pairs[0].tree, &index) == NULL);
    CHECK_EQ(page_tree_remove_prepare(&pairs[0].tree, 0, UINT64_MAX), 0);
    page_tree_remove(&pairs[0].tree, 0, UINT64_MAX);
    clone(&pairs[1], &pairs[0]);
    page_tree_clear(&pairs[1].tree);
}

/* A clone costs nothing at all, whatever its size; the first write costs one node a level. */
static void test_clone_costs_nothing(void) {
    struct account before, after;
    uint64_t in_use;

    begin();
    in_use = frames_in_use();
    for (unsigned place = 0; place < 250; place++)
        insert(&pairs[0], place, false);
    check_accounts();
    account_begin();
    account_tree(&pairs[0].tree);
    before = account_check();
    inject_fail_nth(0);
    clone(&pairs[1], &pairs[0]);
    CHECK(!inject_stop());
    insert(&pairs[1], 0, false);
    account_begin();
    account_tree(&pairs[0].tree);
    account_tree(&pairs[1].tree);
    after = account_check();
    CHECK_EQ(after.nodes, before.nodes + pairs[0].tree.height);
    CHECK_EQ(after.frames, before.frames + 1);
    end_all(in_use);
}

/* Empty nodes go at once: one page far away, taken out again, leaves the tree as small as it was.
 */
static void test_empty_nodes_go(void) {
    struct account account;

    begin();
    insert(&pairs[0], 0, false);
    insert(&pairs[0], 299, false);
    remove_range(&pairs[0], index_of(299), index_of(299) + 1, false);
    account_begin();
    account_tree(&pairs[0].tree);
    account = account_check();
    CHECK_EQ(account.frames, 1);
    CHECK_EQ(account.nodes, pairs[0].tree.height);
    remove_range(&pairs[0], 0, UINT64_MAX, false);
    CHECK(page_tree_is_empty(&pairs[0].tree));
}

static uint64_t nodes_in_use(void) {
    struct slab_stats stats;

    CHECK_EQ(slab_stats_get(0, &stats), 0);
    for (size_t i = 0; strcmp(stats.name, "page_node") != 0; i++)
        CHECK_EQ(slab_stats_get(i, &stats), 0);
    return stats.in_use;
}

/* An insertion that fails half-way down leaves no empty nodes behind. */
static void test_failed_insert_leaves_nothing(void) {
    struct page_tree *tree = &pairs[0].tree;
    struct frame *frame, *old;
    uint64_t nodes;

    begin();
    frame = frame_alloc(FRAME_ANON);
    inject_fail_nth(0);
    CHECK_EQ(page_tree_insert(tree, 5, frame, &old), -ENOMEM);
    inject_stop();
    CHECK(page_tree_is_empty(tree));
    insert(&pairs[0], 250, false); /* index 0 */
    insert(&pairs[0], 249, false); /* 2^24 + 24: four levels and more */
    nodes = nodes_in_use();
    for (uint64_t n = 0; n < 3; n++) {
        inject_fail_nth(n);
        CHECK_EQ(page_tree_insert(tree, 1 << 20, frame, &old), -ENOMEM);
        CHECK(inject_stop());
        CHECK_EQ(nodes_in_use(), nodes);
    }
    frame_unref(frame);
}

/* ---- runs ---- */

#define RUN_INDEX (5u * FRAME_RUN_FRAMES)

/* Puts a run into the tree, each allocation failing once before. */
static struct frame *insert_run(struct page_tree *tree, uint64_t index) {
    struct frame *run = frame_alloc_run(FRAME_ANON);
    size_t pages = page_tree_count(tree);
    uint64_t nodes = nodes_in_use();

    CHECK(run != NULL);
    CHECK(page_tree_range_is_empty(tree, index, index + FRAME_RUN_FRAMES));
    for (uint64_t n = 0;; n++) {
        inject_fail_nth(n);
        if (page_tree_insert_run(tree, index, run) == 0)
            break;
        CHECK(inject_stop());
        CHECK_EQ(page_tree_count(tree), pages);
        CHECK(n > 0 || nodes_in_use() == nodes);
    }
    inject_stop();
    CHECK_EQ(page_tree_count(tree), pages + FRAME_RUN_FRAMES);
    return run;
}

static void test_run_in_an_empty_tree(void) {
    struct page_tree *tree = &pairs[0].tree;
    struct frame *run;
    uint64_t before;
    bool alone = false;

    begin();
    before = frames_in_use();
    run = insert_run(tree, RUN_INDEX);
    for (unsigned i = 0; i < FRAME_RUN_FRAMES; i++)
        CHECK(page_tree_lookup(tree, RUN_INDEX + i, &alone) == run + i && alone);
    CHECK(page_tree_find_run(tree, RUN_INDEX, &alone) == run && alone);
    CHECK(!page_tree_range_is_empty(tree, RUN_INDEX + FRAME_RUN_FRAMES - 1, UINT64_MAX));
    CHECK(page_tree_range_is_empty(tree, 0, RUN_INDEX));
    CHECK(page_tree_range_is_empty(tree, RUN_INDEX + FRAME_RUN_FRAMES, UINT64_MAX));
    CHECK(!page_tree_find_run(tree, RUN_INDEX - FRAME_RUN_FRAMES, &alone));
    end_all(before);
}

/* Beside pages that were there, in a tree whose nodes another sees: the other sees nothing new. */
static void test_run_in_a_shared_tree(void) {
    struct page_tree *tree = &pairs[0].tree;
    struct page_tree twin;
    uint64_t before;
    struct account account;

    begin();
    before = frames_in_use();
    insert(&pairs[0], 0, false);
    insert(&pairs[0], 250, false);
    page_tree_clone(&twin, tree);
    insert_run(tree, RUN_INDEX);
    CHECK_EQ(page_tree_count(&twin), 2);
    account_begin();
    account_tree(tree);
    account_tree(&twin);
    account = account_check();
    CHECK_EQ(account.frames, 2 + FRAME_RUN_FRAMES);
    page_tree_clear(&twin);
    end_all(before);
}

/* A failing insertion leaves no empty leaf behind, wherever it fails. */
static void test_run_failed_leaves_nothing(void) {
    struct page_tree *tree = &pairs[0].tree;
    struct frame *run;

    begin();
    run = frame_alloc_run(FRAME_ANON);
    for (uint64_t n = 0; n < 9; n++) { /* eight leaves and one above */
        inject_fail_nth(n);
        CHECK_EQ(page_tree_insert_run(tree, RUN_INDEX, run), -ENOMEM);
        CHECK(inject_stop());
        CHECK(page_tree_is_empty(tree));
        CHECK_EQ(nodes_in_use(), 0);
    }
    CHECK_EQ(page_tree_insert_run(tree, RUN_INDEX, run), 0);
}

/* Who sees a run, and whether it still is one, page by page. */
static void test_run_is_found_while_it_is_one(void) {
    struct page_tree *tree = &pairs[0].tree;
    struct page_tree twin;
    struct frame *run, *other, *old;
    bool alone = false;

    begin();
    run = insert_run(tree, RUN_INDEX);
    page_tree_clone(&twin, tree);
    CHECK(page_tree_find_run(tree, RUN_INDEX, &alone) == run && !alone);
    other = frame_alloc(FRAME_ANON);
    CHECK_EQ(page_tree_insert(&twin, RUN_INDEX + 300, other, &old), 0);
    CHECK(old == run + 300);
    frame_unref(old);
    CHECK(page_tree_find_run(tree, RUN_INDEX, &alone) == run && !alone);
    CHECK(!page_tree_find_run(&twin, RUN_INDEX, &alone));
    CHECK(page_tree_lookup(tree, RUN_INDEX + 300, &alone) == run + 300 && alone);
    page_tree_clear(&twin);
    CHECK(page_tree_find_run(tree, RUN_INDEX, &alone) == run && alone);
    frame_ref(run + FRAME_RUN_FRAMES - 1);
    CHECK(page_tree_find_run(tree, RUN_INDEX, &alone) == run && !alone);
    frame_unref(run + FRAME_RUN_FRAMES - 1);
    CHECK_EQ(page_tree_remove_prepare(tree, RUN_INDEX + 511, RUN_INDEX + 512), 0);
    page_tree_remove(tree, RUN_INDEX + 511, RUN_INDEX + 512);
    CHECK(!page_tree_find_run(tree, RUN_INDEX, &alone));
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        {"empty", test_empty},
        {"clone_costs_nothing", test_clone_costs_nothing},
        {"empty_nodes_go", test_empty_nodes_go},
        {"failed_insert_leaves_nothing", test_failed_insert_leaves_nothing},
        {"run_in_an_empty_tree", test_run_in_an_empty_tree},
        {"run_in_a_shared_tree", test_run_in_a_shared_tree},
        {"run_failed_leaves_nothing", test_run_failed_leaves_nothing},
        {"run_is_found_while_it_is_one", test_run_is_found_while_it_is_one},
        {"random", test_random},
        {"random_failing", test_random_failing},
    };

    return test_main(argc, argv, "page_tree", tests, ARRAY_SIZE(tests));
}
