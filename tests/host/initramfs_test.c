/* SPDX-License-Identifier: MIT */
/*
 * Unpacking cpio archives: what is made, archives after each other, hard links in either order,
 * and anything at all for an archive: refused without reading outside of it (the sanitizer looks)
 * and without losing memory.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/errno.h"
#include "fs/initramfs/initramfs.h"
#include "support/check.h"
#include "support/inject.h"
#include "support/random.h"
#include "vfs/change.h"
#include "vfs/file.h"
#include "vfs/world.h"

#define ARCHIVE_MAX 16384

struct archive {
    char bytes[ARCHIVE_MAX];
    size_t size;
};

struct entry {
    const char *name;
    unsigned mode, ino, nlink;
    const char *data;
    unsigned major, minor;
};

static void add_bytes(struct archive *a, const void *bytes, size_t n) {
    CHECK(a->size + n + 4 <= ARCHIVE_MAX);
    memcpy(a->bytes + a->size, bytes, n);
    a->size += n;
    while (a->size % 4 != 0)
        a->bytes[a->size++] = '\0';
}

static void add(struct archive *a, const struct entry *e) {
    size_t size = e->data ? strlen(e->data) : 0, name_size = strlen(e->name) + 1;
    char header[256];

    CHECK(a->size % 4 == 0);
    snprintf(header, sizeof(header),
             "070701%08x%08x%08x%08x%08x%08x%08zx%08x%08x%08x%08x%08zx%08x%s", e->ino, e->mode, 10,
             20, e->nlink ? e->nlink : 1, 1000, size, 0, 0, e->major, e->minor, name_size, 0,
             e->name);
    add_bytes(a, header, 110 + name_size);
    add_bytes(a, e->data ? e->data : "", size);
}

static void add_trailer(struct archive *a) {
    add(a, &(struct entry){.name = "TRAILER!!!"});
}

static int unpack(const struct archive *a) {
    return initramfs_unpack(a->bytes, a->size, NULL);
}

static struct name *lookup(const char *path) {
    struct name *n;

    CHECK_EQ(vfs_lookup(NULL, path, 0, &n), 0);
    return n;
}

static struct vnode *vnode_at(const char *path) {
    struct name *n = lookup(path);
    struct vnode *v = n->vnode;

    name_unref(n);
    return v;
}

static void add_all_types(struct archive *a) {
    add(a, &(struct entry){.name = ".", .mode = 040755});
    add(a, &(struct entry){.name = "dir", .mode = 041777});
    add(a, &(struct entry){.name = "./dir/file", .mode = 0104750, .data = "contents"});
    add(a, &(struct entry){.name = "/dir/empty", .mode = 0100600});
    add(a, &(struct entry){.name = "link", .mode = 0120777, .data = "dir/file"});
    add(a, &(struct entry){.name = "null", .mode = 020666, .major = 1, .minor = 3});
    add(a, &(struct entry){.name = "fifo", .mode = 010600});
    add(a, &(struct entry){.name = "one", .mode = 0100644, .ino = 7, .nlink = 2});
    add(a, &(struct entry){.name = "two", .mode = 0100644, .ino = 7, .nlink = 2, .data = "both"});
    add_trailer(a);
}

static void test_types(void) {
    static struct archive a;
    struct vnode *v;

    world_init();
    add_all_types(&a);
    CHECK_EQ(unpack(&a), 0);
    CHECK(world_holds("dir/file", "contents"));
    CHECK(world_holds("link", "contents"));
    CHECK(world_holds("dir/empty", ""));
    v = vnode_at("dir/file");
    CHECK_EQ(v->mode, 0104750);
    CHECK_EQ(v->uid, 10);
    CHECK_EQ(v->gid, 20);
    CHECK_EQ(v->mtime_ns, 1000ll * 1000000000);
    CHECK_EQ(vnode_at("dir")->mode, 041777);
    CHECK_EQ(vnode_at("null")->rdev, dev_make(1, 3));
    CHECK_EQ(vnode_at("fifo")->mode, 010600);
    CHECK(vnode_at("one") == vnode_at("two"));
    CHECK_EQ(vnode_at("one")->nlink, 2);
    CHECK(world_holds("one", "both"));
}

static void test_later_wins(void) {
    static struct archive a;

    world_init();
    add(&a, &(struct entry){.name = "d", .mode = 040700});
    add(&a, &(struct entry){.name = "d/f", .mode = 0100600, .data = "old and long"});
    add(&a, &(struct entry){.name = "l", .mode = 0120777, .data = "nowhere"});
    add_trailer(&a);
    a.size += 500;
    a.size -= a.size % 4;
    add(&a, &(struct entry){.name = "d", .mode = 040755});
    add(&a, &(struct entry){.name = "d/f", .mode = 0100644, .data = "new"});
    add(&a, &(struct entry){.name = "l", .mode = 0100644, .data = "a file now"});
    add_trailer(&a);
    CHECK_EQ(unpack(&a), 0);
    CHECK_EQ(vnode_at("d")->mode, 040755);
    CHECK(world_holds("d/f", "new"));
    CHECK(world_holds("l", "a file now"));
}

/* The same inode number in two archives is not the same file. */
static void test_links_end_with_their_archive(void) {
    static struct archive a;

    world_init();
    for (int i = 0; i < 2; i++) {
        add(&a, &(struct entry){.name = i ? "b" : "a",
                                .mode = 0100644,
                                .ino = 5,
                                .nlink = 2,
                                .data = i ? "B" : "A"});
        add_trailer(&a);
    }
    CHECK_EQ(unpack(&a), 0);
    CHECK(world_holds("a", "A"));
    CHECK(world_holds("b", "B"));
}

static void test_bad_entries_are_passed_by(void) {
    static struct archive a;

    world_init();
    add(&a, &(struct entry){.name = "no/such/dir", .mode = 0100644});
    add(&a, &(struct entry){.name = "odd", .mode = 0170644});
    add(&a, &(struct entry){.name = "nolink", .mode = 0120777});
    add(&a, &(struct entry){.name = "good", .mode = 0100644, .data = "x"});
    CHECK_EQ(unpack(&a), -EINVAL);
    CHECK(world_holds("good", "x"));
}

/* The archive in a block of exactly its size, so that a byte too far is seen. */
static int unpack_exact(const char *bytes, size_t size) {
    char *copy = malloc(size ? size : 1);
    int error;

    memcpy(copy, bytes, size);
    error = initramfs_unpack(copy, size, NULL);
    free(copy);
    return error;
}

static void test_cut_anywhere(void) {
    static struct archive a;

    world_init();
    add_all_types(&a);
    for (size_t size = 0; size < a.size; size++) {
        test_context("cut to %zu bytes", size);
        (void)unpack_exact(a.bytes, size);
    }
    CHECK_EQ(unpack_exact("not an archive at all, but long enough to be taken for a header if "
                          "nobody looked at the first six characters of it",
                          111),
             -EINVAL);
}

static void test_random_damage(void) {
    static struct archive a, damaged;
    struct random random = {test_seed(11)};

    world_init();
    add_all_types(&a);
    for (unsigned i = 0; i < 3000 * test_scale(); i++) {
        damaged = a;
        for (uint64_t n = 1 + random_below(&random, 6); n > 0; n--)
            damaged.bytes[random_below(&random, a.size)] =
                "0123456789abcdefF/.\0x"[random_below(&random, 21)];
        test_context("damage %u", i);
        (void)unpack_exact(damaged.bytes, damaged.size);
    }
}

/* Whatever allocation fails, nothing is lost but what was not made. */
static void test_out_of_memory(void) {
    static struct archive a;
    struct world_memory before;
    bool injected = true;

    world_init();
    add_all_types(&a);
    CHECK_EQ(unpack(&a), 0);
    before = world_memory();
    for (unsigned n = 0; injected; n++) {
        test_context("allocation %u", n);
        inject_fail_nth(n);
        (void)unpack(&a);
        injected = inject_stop();
        CHECK_EQ(unpack(&a), 0);
        world_check_memory(&before, "unpacking again");
    }
}

static const struct test tests[] = {
    {"types", test_types},
    {"later_wins", test_later_wins},
    {"links_end_with_their_archive", test_links_end_with_their_archive},
    {"bad_entries_are_passed_by", test_bad_entries_are_passed_by},
    {"cut_anywhere", test_cut_anywhere},
    {"random_damage", test_random_damage},
    {"out_of_memory", test_out_of_memory},
};

int main(int argc, char **argv) {
    return test_main(argc, argv, "initramfs", tests, sizeof(tests) / sizeof(tests[0]));
}
