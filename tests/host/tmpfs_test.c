/* SPDX-License-Identifier: MIT */
/*
 * tmpfs's limits, to the page and to the node, and that what is refused or removed costs nothing.
 */
#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/stat.h"
#include "machine/layout.h"
#include "support/check.h"
#include "vfs/attr.h"
#include "vfs/change.h"
#include "vfs/file.h"
#include "vfs/mount.h"
#include "vfs/world.h"

/* A tmpfs at /m. */
static void mount_with(const char *options) {
    struct name *n;

    world_init();
    CHECK_EQ(vfs_make_node(NULL, "m", S_IFDIR | 0755, 0), 0);
    CHECK_EQ(vfs_lookup(NULL, "m", 0, &n), 0);
    CHECK_EQ(vfs_mount("tmpfs", "none", n, 0, options), 0);
    name_unref(n);
}

/* Writes n bytes at the end of a file; what write(2) answers. */
static long append(const char *path, size_t n) {
    static char data[8 * PAGE_SIZE];
    struct file *f;
    struct iobuf b;
    long written;

    CHECK(n <= sizeof(data));
    CHECK_EQ(vfs_open(NULL, path, O_WRONLY | O_CREAT | O_APPEND, 0644, &f), 0);
    iobuf_init_kernel(&b, data, n);
    written = file_write(f, &b);
    file_unref(f);
    return written;
}

static int cut(const char *path, uint64_t size) {
    struct name *n;
    int error;

    CHECK_EQ(vfs_lookup(NULL, path, 0, &n), 0);
    error = vfs_truncate(n, size);
    name_unref(n);
    return error;
}

static void test_pages(void) {
    mount_with("size=16k");
    CHECK_EQ(append("m/a", 3 * PAGE_SIZE), 3 * PAGE_SIZE);
    CHECK_EQ(append("m/b", 2 * PAGE_SIZE), PAGE_SIZE);
    CHECK_EQ(append("m/b", 1), -ENOSPC);
    CHECK_EQ(cut("m/a", PAGE_SIZE + 1), 0);
    CHECK_EQ(append("m/b", 2 * PAGE_SIZE), PAGE_SIZE);
    CHECK_EQ(append("m/a", PAGE_SIZE - 1), PAGE_SIZE - 1);
    CHECK_EQ(append("m/a", 1), -ENOSPC);
    CHECK_EQ(vfs_remove(NULL, "m/b"), 0);
    CHECK_EQ(append("m/c", 4 * PAGE_SIZE), 2 * PAGE_SIZE);
}

/* The root is one, and so is a file's second name. */
static void test_nodes(void) {
    struct world_memory before;
    struct name *n;

    mount_with("nr_inodes=4");
    CHECK_EQ(vfs_make_node(NULL, "m/a", S_IFREG | 0644, 0), 0);
    CHECK_EQ(vfs_make_node(NULL, "m/b", S_IFREG | 0644, 0), 0);
    CHECK_EQ(vfs_lookup(NULL, "m/a", 0, &n), 0);
    CHECK_EQ(vfs_make_link(n, NULL, "m/c"), 0);
    before = world_memory();
    CHECK_EQ(vfs_make_link(n, NULL, "m/d"), -ENOSPC);
    CHECK_EQ(vfs_make_node(NULL, "m/d", S_IFREG | 0644, 0), -ENOSPC);
    CHECK_EQ(vfs_make_node(NULL, "m/d", S_IFDIR | 0755, 0), -ENOSPC);
    CHECK_EQ(vfs_make_symlink(NULL, "m/d", "a"), -ENOSPC);
    world_check_memory(&before, "what was refused");
    name_unref(n);
    CHECK_EQ(vfs_remove(NULL, "m/c"), 0);
    CHECK_EQ(vfs_make_node(NULL, "m/d", S_IFREG | 0644, 0), 0);
    CHECK_EQ(vfs_make_node(NULL, "m/e", S_IFREG | 0644, 0), -ENOSPC);
}

/* Making and removing, over and over: memory is as after the first round. */
static void test_rounds_cost_nothing(void) {
    struct world_memory before;

    world_init();
    for (unsigned round = 0; round < 20; round++) {
        CHECK_EQ(vfs_make_node(NULL, "d", S_IFDIR | 0755, 0), 0);
        CHECK_EQ(append("d/a", 2 * PAGE_SIZE + 1), 2 * PAGE_SIZE + 1);
        CHECK_EQ(append("d/b", 100), 100);
        CHECK_EQ(vfs_rename(&(struct vfs_rename){NULL, "d/b", NULL, "d/a", 0}), 0);
        CHECK_EQ(append("d/b", 3), 3);
        CHECK_EQ(vfs_rename(&(struct vfs_rename){NULL, "d/b", NULL, "c", 0}), 0);
        CHECK_EQ(vfs_remove(NULL, "d/a"), 0);
        CHECK_EQ(vfs_remove(NULL, "c"), 0);
        CHECK_EQ(vfs_remove_directory(NULL, "d"), 0);
        if (round == 0)
            before = world_memory();
        world_check_memory(&before, "a round");
    }
}

/* Whoever stands in a directory that has been removed makes nothing there. */
static void test_removed_directory(void) {
    struct world_memory before;
    struct file *f;
    struct name *d;

    world_init();
    CHECK_EQ(vfs_make_node(NULL, "d", S_IFDIR | 0755, 0), 0);
    CHECK_EQ(vfs_lookup(NULL, "d", 0, &d), 0);
    CHECK_EQ(vfs_remove_directory(NULL, "d"), 0);
    before = world_memory();
    CHECK_EQ(vfs_make_node(d, "a", S_IFREG | 0644, 0), -ENOENT);
    CHECK_EQ(vfs_make_node(d, "a", S_IFDIR | 0755, 0), -ENOENT);
    CHECK_EQ(vfs_make_symlink(d, "a", "b"), -ENOENT);
    CHECK_EQ(vfs_open(d, "a", O_WRONLY | O_CREAT, 0644, &f), -ENOENT);
    world_check_memory(&before, "what was refused");
    name_unref(d);
}

static const struct test tests[] = {
    {"pages", test_pages},
    {"nodes", test_nodes},
    {"rounds_cost_nothing", test_rounds_cost_nothing},
    {"removed_directory", test_removed_directory},
};

int main(int argc, char **argv) {
    return test_main(argc, argv, "tmpfs", tests, sizeof(tests) / sizeof(tests[0]));
}
