/* SPDX-License-Identifier: MIT */
/*
 * kernel/vm: the ordered set of areas, against an array with one slot a page.
 */
#include "vm/area.h"

#include "lib/bits.h"
#include "support/check.h"
#include "support/random.h"
#include "support/vm_fixture.h"

#define PAGES 200u

/* Far from everything, so that only the window is looked at. */
#define BASE 0x40000000ull

static struct vm_area_set set;
static struct vm_area *owner[PAGES]; /* the naive side */
static struct vm_space *space;

static uint64_t address(unsigned page) {
    return BASE + page * PAGE_SIZE;
}

static unsigned page_of(uint64_t va) {
    return (unsigned)((va - BASE) / PAGE_SIZE);
}

static bool is_free(unsigned start, unsigned end) {
    for (unsigned i = start; i < end; i++) {
        if (owner[i])
            return false;
    }
    return true;
}

static void own(struct vm_area *area, struct vm_area *by) {
    for (unsigned i = page_of(area->start); i < page_of(area->end); i++)
        owner[i] = by;
}

static void insert(unsigned start, unsigned end) {
    struct vm_area *area = vm_area_create(space, NULL, 0);

    CHECK(area != NULL);
    area->start = address(start);
    area->end = address(end);
    area->offset_pages = area->start >> PAGE_SHIFT;
    area->prot = area->max_prot = VM_READ;
    vm_area_insert(&set, area);
    own(area, area);
}

/* Makes a neighbour larger, for all are alike, or one area more. */
static void add(unsigned start, unsigned end) {
    const struct vm_area like = {
        .space = space,
        .start = address(start),
        .end = address(end),
        .offset_pages = address(start) >> PAGE_SHIFT,
        .prot = VM_READ,
        .max_prot = VM_READ,
    };
    struct vm_area *area = vm_area_add(&set, &like);

    CHECK(area != NULL);
    CHECK(area->start <= like.start && like.end <= area->end);
    own(area, area);
}

static void remove_area(struct vm_area *area) {
    own(area, NULL);
    vm_area_remove(&set, area);
    vm_area_destroy(area);
}

static void drop(struct vm_area *area) {
    own(area, NULL);
    vm_area_drop(&set, area);
}

static void split(struct vm_area *area, unsigned at) {
    struct vm_area *high = vm_area_split(&set, area, address(at));

    CHECK(high != NULL);
    CHECK_EQ(area->end, address(at));
    CHECK_EQ(high->start, address(at));
    CHECK_EQ(vm_area_index(high, high->start), high->start >> PAGE_SHIFT);
    own(high, high);
}

static void resize(struct vm_area *area, unsigned start, unsigned end) {
    own(area, NULL);
    vm_area_resize(&set, area, address(start), address(end));
    own(area, area);
    CHECK_EQ(area->offset_pages, area->start >> PAGE_SHIFT);
}

/* ---- the set says what the array says ---- */

static void check_find(void) {
    struct vm_area *from = NULL;

    for (unsigned i = PAGES; i-- > 0;) {
        from = owner[i] ? owner[i] : from;
        CHECK(vm_area_find(&set, address(i)) == owner[i]);
        CHECK(vm_area_find(&set, address(i + 1) - 1) == owner[i]);
        CHECK(vm_area_find_from(&set, address(i)) == from);
    }
    CHECK(vm_area_find(&set, address(PAGES)) == NULL);
    CHECK(vm_area_find_from(&set, address(PAGES)) == NULL);
}

static void check_order(void) {
    struct vm_area *area = vm_area_first(&set);
    uint64_t bytes = 0;
    uint32_t count = 0;

    CHECK(rb_check(&set.tree) >= 0);
    CHECK(!area || vm_area_prev(area) == NULL);
    for (; area; area = vm_area_next(area)) {
        struct vm_area *next = vm_area_next(area);

        CHECK(owner[page_of(area->start)] == area && owner[page_of(area->end) - 1] == area);
        CHECK(!next || (vm_area_prev(next) == area && area->end <= next->start));
        bytes += area->end - area->start;
        count++;
    }
    CHECK_EQ(set.bytes, bytes);
    CHECK_EQ(set.count, count);
}

/* The highest or lowest start of n free pages in [low, high); PAGES: none. */
static unsigned naive_gap(unsigned n, unsigned low, unsigned high, bool top) {
    unsigned found = PAGES;

    for (unsigned start = low; start + n <= high; start++) {
        if (!is_free(start, start + n))
            continue;
        found = start;
        if (!top)
            break;
    }
    return found;
}

/* Often in all of the range: what such a search remembers is to be right the next time. */
static void check_gaps(struct random *random) {
    bool all = random_one_in(random, 2);
    unsigned low = all ? 0 : (unsigned)random_below(random, PAGES);
    unsigned high = all ? PAGES : low + (unsigned)random_below(random, PAGES - low + 1);
    unsigned n = 1 + (unsigned)random_below(random, 20);
    const struct vm_range window = {address(low), address(high)};
    unsigned top = naive_gap(n, low, high, true);
    unsigned bottom = naive_gap(n, low, high, false);

    CHECK_EQ(vm_area_gap_from_top(&set, n * PAGE_SIZE, window), top == PAGES ? 0 : address(top));
    CHECK_EQ(vm_area_gap_from_bottom(&set, n * PAGE_SIZE, window),
             bottom == PAGES ? 0 : address(bottom));
    if (low < high)
        CHECK_EQ(vm_area_range_is_free(&set, address(low), address(high)), is_free(low, high));
}

/* ---- random changes ---- */

static void change_area(struct random *random, struct vm_area *area) {
    unsigned start = page_of(area->start), end = page_of(area->end);
    unsigned inside = start + (unsigned)random_below(random, end - start);

    switch (random_below(random, 5)) {
    case 0:
        remove_area(area);
        break;
    case 4:
        drop(area);
        break;
    case 1:
        if (inside > start)
            split(area, inside);
        break;
    case 2:
        resize(area, inside, end);
        break;
    default:
        while (end < PAGES && !owner[end] && !random_one_in(random, 5))
            end++;
        resize(area, start, end);
    }
}

static void step(struct random *random) {
    unsigned start = (unsigned)random_below(random, PAGES);
    unsigned end = start + 1 + (unsigned)random_below(random, 8);

    if (owner[start])
        change_area(random, owner[start]);
    else if (end <= PAGES && is_free(start, end))
        random_one_in(random, 2) ? add(start, end) : insert(start, end);
    check_find();
    check_order();
    for (unsigned i = 0; i < 10; i++)
        check_gaps(random);
}

static void begin(void) {
    vm_fixture_init();
    space = space_begin();
    vm_area_set_init(&set);
}

static void test_random(void) {
    uint64_t seed = test_seed(20);

    begin();
    for (unsigned i = 0; i < 5 * test_scale(); i++) {
        struct random random = {seed + i};

        for (unsigned n = 0; n < 500; n++) {
            test_context("seed %llu step %u", (unsigned long long)(seed + i), n);
            step(&random);
        }
        vm_area_set_clear(&set);
        for (unsigned n = 0; n < PAGES; n++)
            owner[n] = NULL;
        check_order();
    }
}

/* ---- joining ---- */

static struct vm_area *area_with(unsigned start, unsigned end, unsigned prot) {
    insert(start, end);
    owner[start]->prot = (uint8_t)prot;
    owner[start]->max_prot = VM_RIGHTS;
    return owner[start];
}

/*
 *   aaaa bbbb cccc     b between two alike: all three become one
 *   [------------]
 */
static void test_join_both_sides(void) {
    struct vm_area *a, *b, *joined;

    begin();
    a = area_with(10, 14, VM_READ);
    area_with(18, 22, VM_READ);
    b = area_with(14, 18, VM_READ);
    joined = vm_area_join(&set, b);
    CHECK(joined == a);
    CHECK_EQ(set.count, 1);
    CHECK_EQ(a->start, address(10));
    CHECK_EQ(a->end, address(22));
    own(a, a);
    check_find();
    check_order();
}

/* What differs in anything but its range stays apart. */
static void test_join_only_alike(void) {
    struct test_file file;
    struct vm_area *low, *high;

    begin();
    low = area_with(10, 14, VM_READ);
    high = area_with(14, 18, VM_READ);
    file_init(&file, PAGE_SIZE);
    CHECK(vm_area_can_join(low, high));
    high->prot = VM_READ | VM_WRITE;
    CHECK(!vm_area_can_join(low, high));
    high->prot = VM_READ;
    high->max_prot = VM_READ;
    CHECK(!vm_area_can_join(low, high));
    high->max_prot = VM_RIGHTS;
    high->flags = VM_AREA_GROWS_DOWN;
    CHECK(!vm_area_can_join(low, high));
    high->flags = 0;
    high->offset_pages++;
    CHECK(!vm_area_can_join(low, high));
    high->offset_pages--;
    high->object = &file.object;
    CHECK(!vm_area_can_join(low, high));
    high->object = NULL;
    CHECK(vm_area_can_join(low, high));
    vm_area_resize(&set, high, address(15), address(18));
    CHECK(!vm_area_can_join(low, high));
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        {"random", test_random},
        {"join_both_sides", test_join_both_sides},
        {"join_only_alike", test_join_only_alike},
    };

    return test_main(argc, argv, "area", tests, ARRAY_SIZE(tests));
}
