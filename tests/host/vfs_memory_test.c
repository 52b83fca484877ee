/* SPDX-License-Identifier: MIT */
/*
 * Out of memory in the file system: each allocation of each operation fails in turn. The operation
 * must say so (or do without), leave no memory behind and the tree as it was.
 */
#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/memfd.h"
#include "fs/tmpfs/memfd.h"
#include "support/check.h"
#include "support/inject.h"
#include "vfs/change.h"
#include "vfs/fdtable.h"
#include "vfs/file.h"
#include "vfs/file_lock.h"
#include "vfs/mount.h"
#include "vfs/pipe.h"
#include "vfs/world.h"

#define LONG_NAME "a_name_that_is_too_long_for_the_bytes_inside_of_a_name"
#define ATTEMPTS_MAX 200

/* An operation, how to undo it, and how to see that it has not happened. */
struct operation {
    const char *name;
    int (*run)(void);
    void (*undo)(void);
};

static bool exists(const char *path) {
    struct name *n;

    if (vfs_lookup(NULL, path, 0, &n))
        return false;
    name_unref(n);
    return true;
}

/* The tree that all operations start from; also what every failure must leave. */
static void build(void) {
    world_init();
    CHECK_EQ(vfs_make_node(NULL, "d", S_IFDIR | 0755, 0), 0);
    CHECK_EQ(vfs_make_node(NULL, "d/e", S_IFDIR | 0755, 0), 0);
    CHECK_EQ(world_put("d/f", "text"), 0);
    CHECK_EQ(world_put("g", "other"), 0);
    CHECK_EQ(vfs_make_symlink(NULL, "link", "d/../d/e/../f"), 0);
    CHECK_EQ(vfs_make_node(NULL, "fifo", S_IFIFO | 0644, 0), 0);
}

static void check_unchanged(void) {
    CHECK(world_holds("d/f", "text"));
    CHECK(world_holds("g", "other"));
    CHECK(world_holds("link", "text"));
    CHECK(exists("d/e"));
    CHECK(exists("fifo"));
    CHECK(!exists("new"));
    CHECK(!exists("d/e/" LONG_NAME));
}

static void fail_each_allocation(const struct operation *op) {
    struct world_memory before;

    build();
    CHECK_EQ(op->run(), 0);
    op->undo();
    before = world_memory();
    for (unsigned n = 0; n < ATTEMPTS_MAX; n++) {
        int error;
        bool injected;

        test_context("%s, allocation %u", op->name, n);
        inject_fail_nth(n);
        error = op->run();
        injected = inject_stop();
        if (error == 0)
            op->undo();
        else if (!injected || (error != -ENOMEM && error != -ENOSPC && error != -ENOLCK))
            FAIL("%s gave %d", op->name, error);
        check_unchanged();
        world_check_memory(&before, op->name);
        if (!injected)
            return;
    }
    FAIL("%s never ran to its end", op->name);
}

static void remove_new(void) {
    CHECK_EQ(vfs_remove(NULL, "new"), 0);
}

static void remove_long(void) {
    CHECK_EQ(vfs_remove(NULL, "d/e/" LONG_NAME), 0);
}

static void nothing(void) {
}

static int run_create(void) {
    struct file *f;
    int error = vfs_open(NULL, "new", O_RDWR | O_CREAT | O_EXCL, 0644, &f);

    if (!error)
        file_unref(f);
    else if (exists("new")) /* the file was made, opening it failed: as Linux may */
        remove_new();
    return error;
}

static int run_create_long(void) {
    return vfs_make_node(NULL, "d/e/" LONG_NAME, S_IFREG | 0644, 0);
}

static int run_mkdir(void) {
    return vfs_make_node(NULL, "new", S_IFDIR | 0755, 0);
}

static void undo_mkdir(void) {
    CHECK_EQ(vfs_remove_directory(NULL, "new"), 0);
}

static int run_symlink(void) {
    return vfs_make_symlink(NULL, "new", "to somewhere");
}

static int run_link(void) {
    struct name *n;
    int error = vfs_lookup(NULL, "d/f", 0, &n);

    if (error)
        return error;
    error = vfs_make_link(n, NULL, "new");
    name_unref(n);
    return error;
}

static int rename_paths(const char *from, const char *to, unsigned flags) {
    return vfs_rename(&(struct vfs_rename){NULL, from, NULL, to, flags});
}

static int run_rename(void) {
    return rename_paths("g", "d/e/" LONG_NAME, 0);
}

static void undo_rename(void) {
    CHECK_EQ(rename_paths("d/e/" LONG_NAME, "g", 0), 0);
}

static int run_rename_over(void) {
    return rename_paths("g", "d/f", 0);
}

static void undo_rename_over(void) {
    CHECK(!exists("g"));
    CHECK(world_holds("d/f", "other"));
    CHECK_EQ(world_put("d/f", "text"), 0);
    CHECK_EQ(world_put("g", "other"), 0);
}

static int run_exchange(void) {
    return rename_paths("d/f", "d/e", RENAME_EXCHANGE);
}

static void undo_exchange(void) {
    CHECK(world_holds("d/e", "text"));
    CHECK_EQ(run_exchange(), 0);
}

static int run_write(void) {
    static char data[200000];
    struct file *f;
    struct iobuf b;
    long n;
    int error = vfs_open(NULL, "g", O_RDWR | O_APPEND, 0, &f);

    if (error)
        return error;
    iobuf_init_kernel(&b, data, sizeof(data));
    n = file_write(f, &b);
    file_unref(f);
    return n < 0 ? (int)n : 0;
}

static void undo_write(void) {
    CHECK_EQ(world_put("g", "other"), 0);
}

static int run_links_followed(void) {
    struct name *n;
    int error = vfs_lookup(NULL, "d/../link", LOOKUP_FOLLOW, &n);

    if (!error)
        name_unref(n);
    return error;
}

static int run_pipe(void) {
    static char data[100000];
    struct file *files[2];
    struct iobuf b;
    long n;
    int error = pipe_create(O_NONBLOCK, &files[0], &files[1]);

    if (error)
        return error;
    iobuf_init_kernel(&b, data, sizeof(data));
    n = file_write(files[1], &b);
    if (n > 0)
        error = pipe_set_size(files[0], 1 << 20) < 0 ? -ENOMEM : 0;
    file_unref(files[0]);
    file_unref(files[1]);
    return n < 0 ? (int)n : error;
}

static int run_fifo(void) {
    struct file *f;
    int error = vfs_open(NULL, "fifo", O_RDWR, 0, &f);

    if (!error)
        file_unref(f);
    return error;
}

static int run_mount(void) {
    struct name *n;
    int error = vfs_lookup(NULL, "d/e", 0, &n);

    if (error)
        return error;
    error = vfs_mount("tmpfs", "none", n, 0, "size=1m");
    if (!error) {
        lookup_cross_mounts(&n);
        CHECK_EQ(vfs_unmount(n, false), 0);
    }
    name_unref(n);
    return error;
}

static int run_descriptors(void) {
    struct fdtable *copy;
    struct file *f;
    int error = vfs_open(NULL, "g", O_RDONLY, 0, &f), fd = 0;

    if (error)
        return error;
    for (int i = 0; i < 100 && fd >= 0; i++) {
        file_ref(f);
        fd = fd_alloc(f, false);
    }
    file_unref(f);
    copy = fdtable_fork(world_context.files);
    fdtable_unref(copy);
    fd_close_range(0, ~0u, false);
    if (fd < 0)
        return fd;
    return copy ? 0 : -ENOMEM;
}

static int run_process(void) {
    struct vfs_context child;
    int error = vfs_context_fork(&child, &world_context, false, false);

    if (!error)
        vfs_context_release(&child);
    return error;
}

static int run_locks(void) {
    struct file_lock_request want = {.kind = FILE_LOCK_RANGE, .type = F_WRLCK, .end = 100};
    struct file *f;
    int error = vfs_open(NULL, "g", O_RDWR, 0, &f);

    if (error)
        return error;
    want.owner = f;
    error = file_lock_set(f, &want, false);
    if (!error) {
        want = (struct file_lock_request){
            .kind = FILE_LOCK_RANGE, .type = F_UNLCK, .start = 10, .end = 20, .owner = f};
        error = file_lock_set(f, &want, false);
    }
    file_unref(f);
    return error;
}

static int run_unnamed(void) {
    struct file *f;
    int error = vfs_open(NULL, "d", O_TMPFILE | O_RDWR, 0600, &f);

    if (!error)
        file_unref(f);
    return error;
}

/* A memfd with something in it: the title, the node, the name, the file, pages. */
static int run_memfd(void) {
    static char data[20000];
    struct file *f;
    struct iobuf b;
    long n;
    int error = memfd_file_create("a name that has no room inside of a struct name", true, &f);

    if (error)
        return error;
    iobuf_init_kernel(&b, data, sizeof(data));
    n = file_write(f, &b);
    if (n == sizeof(data))
        CHECK_EQ(file_add_seals(f, F_SEAL_WRITE), 0);
    file_unref(f);
    return n < 0 ? (int)n : 0;
}

static const struct operation operations[] = {
    {"create", run_create, remove_new},
    {"create with a long name", run_create_long, remove_long},
    {"mkdir", run_mkdir, undo_mkdir},
    {"symlink", run_symlink, remove_new},
    {"link", run_link, remove_new},
    {"rename", run_rename, undo_rename},
    {"rename over", run_rename_over, undo_rename_over},
    {"exchange", run_exchange, undo_exchange},
    {"write", run_write, undo_write},
    {"links followed", run_links_followed, nothing},
    {"pipe", run_pipe, nothing},
    {"fifo", run_fifo, nothing},
    {"mount", run_mount, nothing},
    {"descriptors", run_descriptors, nothing},
    {"process", run_process, nothing},
    {"locks", run_locks, nothing},
    {"unnamed file", run_unnamed, nothing},
    {"memfd", run_memfd, nothing},
};

#define TEST_OPERATION(index)                                                                      \
    static void test_##index(void) {                                                               \
        fail_each_allocation(&operations[index]);                                                  \
    }
TEST_OPERATION(0)
TEST_OPERATION(1)
TEST_OPERATION(2)
TEST_OPERATION(3)
TEST_OPERATION(4)
TEST_OPERATION(5)
TEST_OPERATION(6)
TEST_OPERATION(7)
TEST_OPERATION(8)
TEST_OPERATION(9)
TEST_OPERATION(10)
TEST_OPERATION(11)
TEST_OPERATION(12)
TEST_OPERATION(13)
TEST_OPERATION(14)
TEST_OPERATION(15)
TEST_OPERATION(16)
TEST_OPERATION(17)

static const struct test tests[] = {
    {"create", test_0},   {"create_long", test_1},  {"mkdir", test_2},       {"symlink", test_3},
    {"link", test_4},     {"rename", test_5},       {"rename_over", test_6}, {"exchange", test_7},
    {"write", test_8},    {"links", test_9},        {"pipe", test_10},       {"fifo", test_11},
    {"mount", test_12},   {"descriptors", test_13}, {"process", test_14},    {"locks", test_15},
    {"unnamed", test_16}, {"memfd", test_17},
};

int main(int argc, char **argv) {
    return test_main(argc, argv, "vfs_memory", tests, sizeof(tests) / sizeof(tests[0]));
}
