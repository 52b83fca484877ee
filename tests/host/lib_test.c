/* SPDX-License-Identifier: MIT */
/*
 * lib/: bits, bitmaps, lists, reference counts, red-black trees.
 */
#include <stdlib.h>

#include "lib/bitmap.h"
#include "lib/bits.h"
#include "lib/list.h"
#include "lib/rbtree_augmented.h"
#include "lib/refcount.h"
#include "support/check.h"
#include "support/random.h"

static void test_bits(void) {
    CHECK_EQ(align_up(0, 4096), 0);
    CHECK_EQ(align_up(1, 4096), 4096);
    CHECK_EQ(align_up(4096, 4096), 4096);
    CHECK_EQ(align_up(UINT64_MAX, 4096), 0);
    CHECK_EQ(align_down(4095, 4096), 0);
    CHECK(is_aligned(8192, 4096) && !is_aligned(8193, 4096));
    CHECK(is_pow2(1) && is_pow2(1ull << 63) && !is_pow2(0) && !is_pow2(6));
    CHECK_EQ(ilog2(1), 0);
    CHECK_EQ(ilog2(1023), 9);
    CHECK_EQ(ilog2(UINT64_MAX), 63);
    CHECK_EQ(bit_lowest(0x50), 4);
    CHECK_EQ(bit_count(0xf0f0000000000001ull), 9);
    CHECK_EQ(div_round_up(10, 3), 4);
    CHECK_EQ(div_round_up(UINT64_MAX, 2), 1ull << 63);
    CHECK_EQ(MIN(3, 5) + MAX(3, 5), 8);
}

/* A bitmap of 100 bits: the last word is used in part only. */
static void test_bitmap(void) {
    uint64_t map[BITMAP_WORDS(100)] = {0};

    CHECK_EQ(ARRAY_SIZE(map), 2);
    for (size_t bit = 0; bit < 100; bit++) {
        CHECK_EQ(bitmap_find_clear(map, 100, 0), bit);
        bitmap_set(map, bit);
        CHECK(bitmap_test(map, bit));
    }
    CHECK_EQ(bitmap_find_clear(map, 100, 0), 100);
    bitmap_clear(map, 70);
    CHECK_EQ(bitmap_find_clear(map, 100, 10), 70);
    CHECK_EQ(bitmap_find_clear(map, 100, 71), 100);
    CHECK_EQ(bitmap_find_set(map, 100, 70), 71);
    CHECK_EQ(bitmap_find_set(map, 100, 100), 100);
}

struct item {
    int value;
    struct list_node link;
};

static int list_sum_in_order(struct list_node *head) {
    struct item *item;
    int sum = 0;

    LIST_FOR_EACH (head, item, link) {
        sum = sum * 10 + item->value;
    }
    return sum;
}

static void test_list(void) {
    struct item items[5] = {{.value = 1}, {.value = 2}, {.value = 3}, {.value = 4}, {.value = 5}};
    struct list_node head, other;
    struct item *item, *next;

    list_init(&head);
    list_init(&other);
    CHECK(list_is_empty(&head) && list_first(&head) == NULL && list_last(&head) == NULL);
    list_push_back(&head, &items[1].link);
    list_push_back(&head, &items[2].link);
    list_push_front(&head, &items[0].link);
    CHECK_EQ(list_sum_in_order(&head), 123);
    list_push_back(&other, &items[3].link);
    list_push_back(&other, &items[4].link);
    list_splice_back(&head, &other);
    CHECK(list_is_empty(&other));
    CHECK_EQ(list_sum_in_order(&head), 12345);
    list_remove(&items[2].link);
    list_remove(&items[2].link);
    CHECK_EQ(list_sum_in_order(&head), 1245);
    CHECK(LIST_ENTRY(list_last(&head), struct item, link) == &items[4]);
    LIST_FOR_EACH_SAFE (&head, item, next, link) {
        if (item->value % 2 == 0)
            list_remove(&item->link);
    }
    CHECK_EQ(list_sum_in_order(&head), 15);
    CHECK(list_pop_front(&head) == &items[0].link && list_pop_front(&head) == &items[4].link);
    CHECK(list_pop_front(&head) == NULL);
}

static void test_refcount(void) {
    struct refcount r = REFCOUNT_INIT(1);

    refcount_inc(&r);
    CHECK_EQ(refcount_get(&r), 2);
    CHECK(!refcount_dec_and_test(&r));
    CHECK(refcount_inc_unless_zero(&r));
    CHECK(!refcount_dec_and_test(&r));
    CHECK(refcount_dec_and_test(&r));
    CHECK(!refcount_inc_unless_zero(&r));
}

/* Trees: each node sums the weights below it, so a summary that was not recomputed shows. */
struct leaf {
    struct rb_node node;
    uint64_t key, weight, sum;
    bool linked;
};

static struct leaf *leaf_of(struct rb_node *node) {
    return RB_ENTRY(node, struct leaf, node);
}

static uint64_t sum_of(struct rb_node *node) {
    return node ? leaf_of(node)->sum : 0;
}

static bool update_sum(struct rb_node *node) {
    struct leaf *leaf = leaf_of(node);
    uint64_t before = leaf->sum;

    leaf->sum = leaf->weight + sum_of(node->left) + sum_of(node->right);
    return leaf->sum != before;
}

static void leaf_link(struct rb_tree *tree, struct leaf *leaf) {
    struct rb_node **link = &tree->root;
    struct rb_node *parent = NULL;

    while (*link) {
        parent = *link;
        link = leaf->key < leaf_of(parent)->key ? &parent->left : &parent->right;
    }
    rb_link_augmented(tree, &leaf->node, parent, link, update_sum);
    leaf->linked = true;
}

static uint64_t check_sums(struct rb_node *node) {
    uint64_t sum;

    if (node == NULL)
        return 0;
    sum = leaf_of(node)->weight + check_sums(node->left) + check_sums(node->right);
    CHECK_EQ(sum, leaf_of(node)->sum);
    return sum;
}

static void check_tree(struct rb_tree *tree, size_t members) {
    struct rb_node *last = NULL;
    size_t n = 0;

    CHECK(rb_check(tree) >= 0);
    for (struct rb_node *node = rb_first(tree); node; node = rb_next(node)) {
        CHECK(last == NULL || leaf_of(last)->key <= leaf_of(node)->key);
        CHECK(rb_prev(node) == last);
        last = node;
        n++;
    }
    CHECK(rb_last(tree) == last);
    CHECK_EQ(n, members);
    check_sums(tree->root);
}

#define LEAVES 200

static void random_tree(uint64_t seed) {
    static struct leaf leaves[LEAVES];
    struct random random = {seed};
    struct rb_tree tree = RB_TREE_INIT;
    size_t members = 0;

    for (size_t i = 0; i < LEAVES; i++)
        leaves[i] = (struct leaf){.key = random_below(&random, LEAVES)};
    for (unsigned step = 0; step < 1000; step++) {
        struct leaf *leaf = &leaves[random_below(&random, LEAVES)];

        test_context("seed %llu step %u", (unsigned long long)seed, step);
        leaf->weight = random_below(&random, 1000);
        if (leaf->linked && random_one_in(&random, 3)) {
            rb_update_path(&leaf->node, update_sum);
        } else if (leaf->linked) {
            rb_erase_augmented(&tree, &leaf->node, update_sum);
            leaf->linked = false;
            members--;
        } else {
            leaf_link(&tree, leaf);
            members++;
        }
        check_tree(&tree, members);
    }
}

static void test_rbtree_random(void) {
    uint64_t seed = test_seed(1);

    for (unsigned i = 0; i < 10 * test_scale(); i++)
        random_tree(seed + i);
}

/* In order, the worst case of a tree without balance. */
static void test_rbtree_ordered(void) {
    static struct leaf leaves[LEAVES];
    struct rb_tree tree = RB_TREE_INIT;

    for (size_t i = 0; i < LEAVES; i++) {
        leaves[i] = (struct leaf){.key = i, .weight = 1};
        leaf_link(&tree, &leaves[i]);
    }
    check_tree(&tree, LEAVES);
    CHECK(rb_check(&tree) >= 4);
    for (size_t i = 0; i < LEAVES; i++) {
        rb_erase_augmented(&tree, rb_first(&tree), update_sum);
        check_tree(&tree, LEAVES - 1 - i);
    }
    CHECK(rb_is_empty(&tree));
}

/* The checker itself: it must see what is wrong. */
static void test_rbtree_check_sees(void) {
    static struct leaf leaves[16];
    struct rb_tree tree = RB_TREE_INIT;
    struct rb_node *low;

    for (size_t i = 0; i < ARRAY_SIZE(leaves); i++) {
        leaves[i] = (struct leaf){.key = i};
        leaf_link(&tree, &leaves[i]);
    }
    low = rb_first(&tree);
    low->parent_and_color ^= 1;
    CHECK_EQ(rb_check(&tree), -1);
    low->parent_and_color ^= 1;
    CHECK(rb_check(&tree) > 0);
    tree.root->left->parent_and_color += 2;
    CHECK_EQ(rb_check(&tree), -1);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        {"bits", test_bits},
        {"bitmap", test_bitmap},
        {"list", test_list},
        {"refcount", test_refcount},
        {"rbtree_random", test_rbtree_random},
        {"rbtree_ordered", test_rbtree_ordered},
        {"rbtree_check_sees", test_rbtree_check_sees},
    };

    return test_main(argc, argv, "lib", tests, ARRAY_SIZE(tests));
}
