/* SPDX-License-Identifier: MIT */
/*
 * Accounting for every frame: see account.h.
 *
 * Each thing that is counted by reference (node, frame, table) has a record with the ways to it
 * that were found. A node or table that is met a second time is not entered again.
 */
#include "support/account.h"

#include "lib/bits.h"
#include "lib/hash.h"
#include "mm/frame.h"
#include "support/arena.h"
#include "support/check.h"
#include "vm/commit.h"
#include "vm/object.h"
#include "vm/pmap.h"
#include "vm/space.h"

#define RECORDS 32768u

enum kind { NODE, FRAME, TABLE, ENTRY };

struct record {
    unsigned round; /* of which count; older ones are empty */
    const void *what;
    enum kind kind;
    uint32_t ways, refs;
};

static struct record records[RECORDS];
static unsigned used[RECORDS]; /* positions of this round's records */
static unsigned used_count;
static unsigned current;
static struct account found;

static struct record *record_of(const void *what) {
    unsigned i = hash_u64((uintptr_t)what) % RECORDS;

    while (records[i].round == current && records[i].what != what)
        i = (i + 1) % RECORDS;
    return &records[i];
}

/* Notes one way to something; true if it is the first. */
static bool note(const void *what, enum kind kind, uint32_t refs) {
    struct record *record = record_of(what);
    bool first = record->round != current;

    if (first) {
        *record = (struct record){.round = current, .what = what, .kind = kind};
        used[used_count++] = (unsigned)(record - records);
        CHECK(used_count < RECORDS / 2);
    }
    record->ways++;
    record->refs = refs;
    return first;
}

void account_begin(void) {
    current++;
    used_count = 0;
    found = (struct account){0};
}

static bool visit_node(void *arg, const struct page_node *node, uint32_t refs) {
    bool first = note(node, NODE, refs);

    (void)arg;
    found.nodes += first;
    return first;
}

static void visit_page(void *arg, uint64_t index, struct frame *frame) {
    (void)arg;
    (void)index;
    found.frames += note(frame, FRAME, frame_refs(frame));
}

void account_tree(const struct page_tree *tree) {
    const struct page_tree_visitor visitor = {.node = visit_node, .page = visit_page};

    page_tree_visit(tree, &visitor);
}

/* One space's tables as its cursor found them. */
struct table {
    uint64_t va, end_va;
    uint8_t level;
    struct frame *frame;
};

#define TABLES_MAX 256u

/* The table with the entry that leads to tables[i]; the pmap stands for the top one. */
static const void *parent_of(struct pmap *pmap, const struct table *tables, size_t n, size_t i) {
    for (size_t j = 0; j < n; j++) {
        if (tables[j].level == tables[i].level + 1 && tables[j].va <= tables[i].va &&
            tables[i].va < tables[j].end_va)
            return tables[j].frame;
    }
    return pmap;
}

static size_t collect_tables(struct pmap *pmap, struct table *tables) {
    struct pmap_table_cursor cursor;
    size_t n = 0;

    for (pmap_table_cursor_init(&cursor, pmap); cursor.active; pmap_table_cursor_next(&cursor)) {
        CHECK(n < TABLES_MAX);
        tables[n] =
            (struct table){cursor.va, cursor.end_va, cursor.level, phys_to_frame(cursor.pa)};
        CHECK_EQ(tables[n].frame->use, FRAME_TABLE);
        CHECK_EQ(cursor.refs, frame_refs(tables[n].frame));
        n++;
    }
    CHECK_EQ(pmap_table_pages(pmap), n + 1);
    return n;
}

/* A way to a table is an entry: the same entry of a shared table above is one way, not two. */
static void account_tables(struct pmap *pmap) {
    static struct table tables[TABLES_MAX];
    size_t n = collect_tables(pmap, tables);

    found.tables++;
    for (size_t i = 0; i < n; i++) {
        const void *parent = parent_of(pmap, tables, n, i);
        uint64_t entry = hash_u64((uintptr_t)parent + hash_u64(tables[i].va));

        if (note((const void *)entry, ENTRY, 0))
            found.tables += note(tables[i].frame, TABLE, frame_refs(tables[i].frame));
    }
}

void account_space(struct vm_space *space) {
    for (struct vm_area *area = vm_area_first(&space->areas); area; area = vm_area_next(area)) {
        bool seen = false;
        struct vm_area *before = vm_area_first(&space->areas);

        for (; before != area; before = vm_area_next(before))
            seen |= before->shadow == area->shadow;
        if (area->shadow && !seen)
            account_tree(&area->shadow->tree);
        found.promised +=
            area->flags & VM_AREA_ACCOUNTED ? (area->end - area->start) >> PAGE_SHIFT : 0;
    }
    account_tables(space->pmap);
}

void account_object(struct vm_object *object) {
    account_tree(&object->tree);
    if (object->commits_pages)
        CHECK_EQ(object->committed_pages, page_tree_count(&object->tree));
    found.promised += object->committed_pages;
}

static void check_record(const struct record *record) {
    static const char *const kinds[] = {"a node", "a frame", "a table"};

    if (record->kind != ENTRY && record->ways != record->refs)
        FAIL("%s has %u references and %u ways to it", kinds[record->kind], record->refs,
             record->ways);
}

struct account account_check(void) {
    struct frame_stats stats;

    for (unsigned i = 0; i < used_count; i++)
        check_record(&records[used[i]]);
    frame_stats_get(&stats);
    CHECK_EQ(stats.by_use[FRAME_ANON] + stats.by_use[FRAME_FILE] + stats.by_use[FRAME_SHMEM],
             found.frames);
    CHECK_EQ(stats.by_use[FRAME_TABLE], found.tables);
    CHECK_EQ(vm_commit_total(), found.promised);
    frames_check();
    return found;
}
