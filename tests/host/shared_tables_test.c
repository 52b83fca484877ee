/* SPDX-License-Identifier: MIT */
/*
 * The known traps of page tables that are shared at fork, each by name (docs/design.md lists them).
 * kernel/vm runs over the real pmap of x86-64 and a model of its MMU, with enough pages that a fork
 * shares their table instead of copying it.
 */
#include "abi/errno.h"
#include "lib/bits.h"
#include "support/arena.h"
#include "support/check.h"
#include "support/inject.h"
#include "support/mmu_model.h"
#include "support/model_cpu.h"
#include "support/vm_fixture.h"
#include "vm/check.h"
#include "vm/commit.h"
#include "vm/pmap.h"
#include "vm/space_lock.h"

#define PAGES 120u

/* All of it in one table: AT(8) begins a GiB. */
#define FIRST 8u

static struct vm_space *parent, *child;

static void fill(struct vm_space *space) {
    for (unsigned i = 0; i < PAGES; i++)
        CHECK_EQ(poke(space, FIRST + i, (unsigned char)i), 0);
}

/* A parent with pages it has written, and a child that has the same table. */
static void begin_family(void) {
    struct pmap_entry entry;

    vm_fixture_init();
    parent = space_begin();
    map_fixed(parent, FIRST, PAGES, RW, 0);
    fill(parent);
    child = space_fork(parent);
    CHECK(pmap_lookup(child->pmap, AT(FIRST), &entry));
    CHECK_EQ(entry.table_refs, 2);
}

static void end_family(void) {
    space_end(child);
    space_end(parent);
}

/* 1. The one that keeps the old table is alone with it, but its leaves still say W: setting W above
 * them must not bring those back. */
static void test_w_on_both_sides(void) {
    begin_family();
    CHECK_EQ(poke(child, FIRST + 3, 203), 0);
    CHECK_EQ(poke(parent, FIRST + 5, 205), 0);
    for (unsigned i = 0; i < PAGES; i++) {
        CHECK_EQ(poke(parent, FIRST + i, (unsigned char)(i + 1)), 0);
        CHECK_EQ(peek(child, FIRST + i), i == 3 ? 203 : (unsigned char)i);
    }
    end_family();
}

/* 2. Alone means all the way: a table of one's own does not make the pages below it so. */
static void test_alone_means_the_whole_path(void) {
    struct vm_space *grandchild;

    begin_family();
    CHECK_EQ(poke(child, FIRST, 200), 0);
    grandchild = space_fork(child);
    CHECK_EQ(poke(child, FIRST, 201), 0);
    CHECK_EQ(poke(child, FIRST + 1, 202), 0);
    CHECK_EQ(peek(grandchild, FIRST), 200);
    CHECK_EQ(peek(grandchild, FIRST + 1), 1);
    CHECK_EQ(peek(parent, FIRST), 0);
    CHECK_EQ(peek(parent, FIRST + 1), 1);
    space_end(grandchild);
    end_family();
}

/*
 * 3. What the processor keeps of the way to a table is flushed before the table is let go of: the
 * parent takes a copy without any of its translations being lost, the child changes what is now its
 * own, and the parent looks at a page for the first time since.
 */
static void test_kept_path_is_flushed(void) {
    begin_family();
    CHECK_EQ(vm_unmap(parent, AT(FIRST + PAGES - 1), PAGE_SIZE), 0);
    CHECK_EQ(peek(parent, FIRST), 0);
    space_end(child);
    child = space_fork(parent);
    CHECK_EQ(peek(parent, FIRST), 0);
    vm_space_lock(parent);
    pmap_protect(parent->pmap, AT(FIRST + PAGES - 1), AT(FIRST + PAGES), VM_READ);
    vm_space_unlock(parent);
    CHECK_EQ(vm_space_write(child, AT(FIRST + 6), "x", 1), 0);
    CHECK_EQ(peek(parent, FIRST + 6), 6);
    CHECK_EQ(peek(child, FIRST + 6), 'x');
    end_family();
}

/* 4. Whoever writes through another space goes the way of the fault, W ANDed down the levels. */
static void test_software_walks_copy_too(void) {
    begin_family();
    CHECK_EQ(vm_space_write(child, AT(FIRST + 9), "y", 1), 0);
    CHECK_EQ(vm_space_write(parent, AT(FIRST + 10), "z", 1), 0);
    CHECK_EQ(peek(parent, FIRST + 9), 9);
    CHECK_EQ(peek(child, FIRST + 10), 10);
    CHECK_EQ(rights_at(child, FIRST + 11), RO);
    end_family();
}

/* 5. The parent's processor had been writing: after the fork it has to ask. */
static void test_fork_flushes_writable(void) {
    paddr_t pa;

    vm_fixture_init();
    parent = space_begin();
    map_fixed(parent, FIRST, PAGES, RW, 0);
    fill(parent);
    CHECK(mmu_translate(AT(FIRST + 2), VM_WRITE, &pa));
    child = space_fork(parent);
    CHECK(!mmu_translate(AT(FIRST + 2), VM_WRITE, &pa));
    CHECK_EQ(poke(parent, FIRST + 2, 99), 0);
    CHECK_EQ(peek(child, FIRST + 2), 2);
    end_family();
}

/* 6. What one sharer reads that the other may not see does not get into the shared table. */
static void test_read_fault_stays_private(void) {
    struct pmap_entry entry;

    begin_family();
    map_fixed(child, FIRST + PAGES + 10, 4, RO, 0);
    CHECK_EQ(peek(child, FIRST + PAGES + 11), 0);
    CHECK(!pmap_lookup(parent->pmap, AT(FIRST + PAGES + 11), &entry));
    CHECK_EQ(peek(parent, FIRST + PAGES + 11), -EFAULT);
    CHECK_EQ(vm_unmap(child, AT(FIRST + 20), PAGE_SIZE), 0);
    CHECK_EQ(peek(parent, FIRST + 20), 20);
    CHECK_EQ(peek(child, FIRST + 20), -EFAULT);
    CHECK_EQ(vm_protect(parent, AT(FIRST + 30), PAGE_SIZE, 0), 0);
    CHECK_EQ(peek(child, FIRST + 30), 30);
    CHECK_EQ(peek(parent, FIRST + 30), -EACCES);
    end_family();
}

/* 7. A page that goes for everybody goes from every space that shares the table. */
static void test_truncation_reaches_all(void) {
    struct vm_space *others[3];
    struct test_file file;

    vm_fixture_init();
    parent = space_begin();
    file_init(&file, PAGES * PAGE_SIZE);
    map_object(parent, FIRST, PAGES, RW, VM_MAP_SHARED, &file.object, 0);
    fill(parent);
    for (unsigned n = 0; n < 3; n++) {
        others[n] = space_fork(parent);
        CHECK_EQ(peek(others[n], FIRST + 70), 70);
    }
    vm_object_truncate(&file.object, 50 * PAGE_SIZE);
    for (unsigned n = 0; n < 3; n++) {
        CHECK_EQ(peek(others[n], FIRST + 49), 49);
        CHECK_EQ(peek(others[n], FIRST + 50), -ENXIO);
        CHECK_EQ(peek(others[n], FIRST + 70), -ENXIO);
    }
    CHECK_EQ(peek(parent, FIRST + 70), -ENXIO);
    vm_object_extend(&file.object, PAGES * PAGE_SIZE, PAGES * PAGE_SIZE);
    CHECK_EQ(peek(others[1], FIRST + 70), 0);
    for (unsigned n = 0; n < 3; n++)
        space_end(others[n]);
    space_end(parent);
}

/* 8. A shared mapping under a cleared W: one needless fault a page, then it works, for both. */
static void test_shared_mapping_works_after_fork(void) {
    struct vm_object *object;

    vm_fixture_init();
    parent = space_begin();
    object = vm_object_anon_create(PAGES * PAGE_SIZE);
    map_object(parent, FIRST, PAGES, RW, VM_MAP_SHARED, object, 0);
    vm_object_unref(object);
    fill(parent);
    child = space_fork(parent);
    for (unsigned i = 0; i < PAGES; i++) {
        CHECK_EQ(poke(child, FIRST + i, (unsigned char)(i + 1)), 0);
        CHECK_EQ(peek(parent, FIRST + i), (unsigned char)(i + 1));
    }
    CHECK_EQ(poke(parent, FIRST + 4, 44), 0);
    CHECK_EQ(peek(child, FIRST + 4), 44);
    CHECK(frame_at(parent, FIRST + 4) == frame_at(child, FIRST + 4));
    end_family();
}

/* Beside the list: a map that dies lets go of shared tables, and copies none of them. */
static void test_exit_copies_no_table(void) {
    struct pmap_stats before, after;

    begin_family();
    pmap_stats_get(&before);
    CHECK_EQ(vm_protect(child, AT(FIRST + PAGES - 1), PAGE_SIZE, RO), 0);
    pmap_stats_get(&after);
    CHECK_EQ(after.table_unshared, before.table_unshared + 1);
    space_end(child);
    child = space_fork(parent);
    pmap_stats_get(&before);
    space_end(child);
    pmap_stats_get(&after);
    CHECK_EQ(after.table_unshared, before.table_unshared);
    space_end(parent);
}

/* Tables that lead to tables are shared and copied as well: those below gain a reference each. */
static void test_tables_of_tables(void) {
    const unsigned tables = 70, pages = 512; /* pages of each table */
    struct pmap_entry entry;
    struct vm_check_totals totals;
    struct vm_check_report report;

    vm_fixture_init();
    vm_commit_settings.mode = VM_COMMIT_ALWAYS; /* more than there is */
    parent = space_begin();
    map_fixed(parent, FIRST, tables * pages, RW, 0);
    for (unsigned i = 0; i < tables; i++)
        CHECK_EQ(poke(parent, FIRST + i * pages, (unsigned char)i), 0);
    for (unsigned round = 0; round < 3; round++) {
        child = space_fork(parent);
        CHECK(pmap_lookup(child->pmap, AT(FIRST), &entry));
        CHECK_EQ(entry.table_refs, 2);
        CHECK_EQ(poke(child, FIRST + pages * round, 100), 0);
        CHECK_EQ(peek(child, FIRST + pages * 69), 69);
        space_check(parent);
        /* The parent's own table says W of tables that both have; the way to it does not. */
        CHECK_EQ(vm_check_all(&totals, &report), 0);
        space_end(child);
        for (unsigned i = 0; i < tables; i++)
            CHECK_EQ(peek(parent, FIRST + i * pages), i);
    }
    space_end(parent);
}

/* No memory for a copy of the table, when the page has been copied already: the entry must not go
 * on leading to the old one. */
static void test_no_memory_to_unshare(void) {
    uint64_t n = 0;

    begin_family();
    for (bool failed = true; failed; n++) {
        int error;

        inject_fail_nth(n);
        error = poke(child, FIRST + 3, 203);
        failed = inject_stop();
        CHECK_EQ(error, failed ? -ENOMEM : 0);
        space_check(child);
        CHECK_EQ(peek(child, FIRST + 3), failed ? 3 : 203);
        space_end(child);
        child = space_fork(parent);
    }
    CHECK(n > 4);
    end_family();
}

/* A read has found the way to a table that is ours alone again, and that has no W yet: a write next
 * to it cannot take the same way. */
static void test_way_of_a_read_has_no_w(void) {
    begin_family();
    space_end(child);
    map_fixed(parent, FIRST + PAGES, 2, RW, 0);
    CHECK_EQ(peek(parent, FIRST + PAGES), 0);
    CHECK_EQ(vm_fault(parent, AT(FIRST + PAGES + 1), VM_WRITE), 0);
    CHECK_EQ(rights_at(parent, FIRST + PAGES + 1), RW);
    space_end(parent);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        {"1_w_on_both_sides", test_w_on_both_sides},
        {"2_alone_means_the_whole_path", test_alone_means_the_whole_path},
        {"3_kept_path_is_flushed", test_kept_path_is_flushed},
        {"4_software_walks_copy_too", test_software_walks_copy_too},
        {"5_fork_flushes_writable", test_fork_flushes_writable},
        {"6_read_fault_stays_private", test_read_fault_stays_private},
        {"7_truncation_reaches_all", test_truncation_reaches_all},
        {"8_shared_mapping_works_after_fork", test_shared_mapping_works_after_fork},
        {"exit_copies_no_table", test_exit_copies_no_table},
        {"tables_of_tables", test_tables_of_tables},
        {"no_memory_to_unshare", test_no_memory_to_unshare},
        {"way_of_a_read_has_no_w", test_way_of_a_read_has_no_w},
    };

    return test_main(argc, argv, "shared_tables", tests, ARRAY_SIZE(tests));
}
