/* SPDX-License-Identifier: MIT */
/*
 * The file system against Linux's own: random calls on random paths, done both by kernel/vfs over
 * tmpfs and by the host in a folder of its own, as root or as a user without rights. Every result
 * and errno must be the same, and now and then the two trees, attributes and contents included.
 *
 * The host's side runs under chroot, so that no path leaves the folder; without the right to do
 * that the test does nothing. Sticky directories stay out of it: what Linux makes of them depends
 * on /proc/sys/fs/protected_*.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The C library's and the kernel's headers name the same things; the host's calls go by number. */
#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/stat.h"
#include "support/check.h"
#include "support/random.h"
#include "vfs/access.h"
#include "vfs/attr.h"
#include "vfs/change.h"
#include "vfs/file.h"
#include "vfs/mount.h"
#include "vfs/world.h"

#define STEPS 20000
#define COMPARE_EVERY 250
#define PATH_BYTES 256
#define DATA_BYTES 9000
#define USER_ID 1234
#define DEPTH_MAX 12
#define NAME_BYTES 256

struct call {
    const char *name;
    char path[PATH_BYTES];
    char other[PATH_BYTES]; /* second path, or link text */
    unsigned flags;
    unsigned mode;
    uint64_t offset;
    size_t size;
};

struct operation {
    const char *name;
    unsigned weight;
    void (*choose)(struct random *r, struct call *c);
    long (*ours)(const struct call *c);
    long (*theirs)(const struct call *c);
};

static char data[DATA_BYTES], ours_data[DATA_BYTES], theirs_data[DATA_BYTES];

/* The host's result as the kernel gives it. */
static long result(long r) {
    return r < 0 ? -errno : r;
}

/* ---- choosing ---- */

static void random_path(struct random *r, char *path) {
    static const char *const parts[] = {"a", "b", "c", "d", "e", "a", "b", "c", ".", ".."};
    unsigned count = 1 + (unsigned)random_below(r, 4);

    path[0] = '\0';
    if (random_one_in(r, 12))
        strcat(path, "/");
    for (unsigned i = 0; i < count; i++) {
        strcat(path, parts[random_below(r, i + 1 == count && !random_one_in(r, 6) ? 5 : 10)]);
        if (i + 1 < count)
            strcat(path, random_one_in(r, 20) ? "//" : "/");
    }
    if (random_one_in(r, 15))
        strcat(path, "/");
    if (random_one_in(r, 100))
        path[0] = '\0';
}

static void choose_path(struct random *r, struct call *c) {
    static const unsigned modes[] = {0755, 0777, 0700, 0644, 0666, 0600, 0000, 02775, 0711, 0444};

    random_path(r, c->path);
    c->mode = modes[random_below(r, sizeof(modes) / sizeof(modes[0]))];
}

static void choose_two(struct random *r, struct call *c) {
    choose_path(r, c);
    random_path(r, c->other);
    c->flags = random_one_in(r, 4) ? (unsigned)random_below(r, 4) : 0;
}

static void choose_open(struct random *r, struct call *c) {
    static const unsigned flags[] = {O_CREAT, O_EXCL, O_TRUNC, O_APPEND, O_DIRECTORY, O_NOFOLLOW};

    choose_path(r, c);
    c->flags = (unsigned)random_below(r, 3);
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        if (random_one_in(r, i == 0 ? 2 : 5))
            c->flags |= flags[i];
    }
    c->offset = random_below(r, 3 * DATA_BYTES);
    c->size = random_below(r, DATA_BYTES);
}

static void choose_size(struct random *r, struct call *c) {
    choose_path(r, c);
    c->size = random_below(r, 4 * DATA_BYTES);
}

/* ---- both sides of each call ---- */

static long ours_mkdir(const struct call *c) {
    return vfs_make_node(NULL, c->path, S_IFDIR | (c->mode & 01777), 0);
}

static long theirs_mkdir(const struct call *c) {
    return result(syscall(SYS_mkdir, c->path, c->mode));
}

static long ours_mkfifo(const struct call *c) {
    return vfs_make_node(NULL, c->path, S_IFIFO | c->mode, 0);
}

static long theirs_mkfifo(const struct call *c) {
    return result(syscall(SYS_mknod, c->path, S_IFIFO | c->mode, 0));
}

static long ours_rmdir(const struct call *c) {
    return vfs_remove_directory(NULL, c->path);
}

static long theirs_rmdir(const struct call *c) {
    return result(syscall(SYS_rmdir, c->path));
}

static long ours_unlink(const struct call *c) {
    return vfs_remove(NULL, c->path);
}

static long theirs_unlink(const struct call *c) {
    return result(syscall(SYS_unlink, c->path));
}

static long ours_symlink(const struct call *c) {
    return vfs_make_symlink(NULL, c->path, c->other);
}

static long theirs_symlink(const struct call *c) {
    return result(syscall(SYS_symlink, c->other, c->path));
}

static long ours_link(const struct call *c) {
    struct name *n;
    int error = vfs_lookup(NULL, c->other, 0, &n);

    if (error)
        return error;
    error = vfs_make_link(n, NULL, c->path);
    name_unref(n);
    return error;
}

static long theirs_link(const struct call *c) {
    return result(syscall(SYS_link, c->other, c->path));
}

static long ours_rename(const struct call *c) {
    return vfs_rename(&(struct vfs_rename){NULL, c->path, NULL, c->other, c->flags});
}

static long theirs_rename(const struct call *c) {
    return result(syscall(SYS_renameat2, AT_FDCWD, c->path, AT_FDCWD, c->other, c->flags));
}

/* On what a path names, links followed. */
static long ours_on_name(const struct call *c, int (*act)(struct name *n, const struct call *c)) {
    struct name *n;
    int error = vfs_lookup(NULL, c->path, LOOKUP_FOLLOW, &n);

    if (error)
        return error;
    error = act(n, c);
    name_unref(n);
    return error;
}

static int act_chmod(struct name *n, const struct call *c) {
    return vfs_set_mode(n, c->mode);
}

static long ours_chmod(const struct call *c) {
    return ours_on_name(c, act_chmod);
}

static long theirs_chmod(const struct call *c) {
    return result(syscall(SYS_chmod, c->path, c->mode));
}

static unsigned chown_user(const struct call *c) {
    return c->mode & 0100 ? USER_ID : 0;
}

static int act_chown(struct name *n, const struct call *c) {
    return vfs_set_owner(n, chown_user(c), VFS_ID_KEEP);
}

static long ours_chown(const struct call *c) {
    return ours_on_name(c, act_chown);
}

static long theirs_chown(const struct call *c) {
    return result(syscall(SYS_chown, c->path, chown_user(c), -1));
}

static int act_truncate(struct name *n, const struct call *c) {
    return vfs_truncate(n, c->size);
}

static long ours_truncate(const struct call *c) {
    return ours_on_name(c, act_truncate);
}

static long theirs_truncate(const struct call *c) {
    return result(syscall(SYS_truncate, c->path, c->size));
}

static int act_access(struct name *n, const struct call *c) {
    return vfs_access(n->vnode, c->mode & 7);
}

static long ours_access(const struct call *c) {
    return ours_on_name(c, act_access);
}

/* faccessat2 with AT_EACCESS looks at the effective ids, which are root's: not what is wanted. So
 * this asks by the real ones, swapped in. */
static long theirs_access(const struct call *c) {
    return result(syscall(SYS_faccessat2, AT_FDCWD, c->path, c->mode & 7, AT_EACCESS));
}

static long ours_readlink(const struct call *c) {
    struct name *n;
    long length = vfs_lookup(NULL, c->path, 0, &n);

    if (length)
        return length;
    length = n->vnode->ops->readlink
                 ? n->vnode->ops->readlink(n->vnode, ours_data, sizeof(ours_data))
                 : -EINVAL;
    name_unref(n);
    return length;
}

static long theirs_readlink(const struct call *c) {
    return result(syscall(SYS_readlink, c->path, theirs_data, sizeof(theirs_data)));
}

/* Opening, and then a read or a write somewhere. */
static long ours_open(const struct call *c) {
    struct file *f;
    struct iobuf b;
    long n = vfs_open(NULL, c->path, c->flags | O_NONBLOCK, c->mode, &f);

    if (n)
        return n;
    if (f->mode & FILE_WRITE) {
        iobuf_init_kernel(&b, data, c->size);
        n = file_write_at(f, &b, c->offset);
    } else {
        memset(ours_data, 0, sizeof(ours_data));
        iobuf_init_kernel(&b, ours_data, c->size);
        n = file_read_at(f, &b, c->offset);
    }
    file_unref(f);
    return n;
}

static long theirs_open(const struct call *c) {
    long n, fd = syscall(SYS_open, c->path, c->flags | O_NONBLOCK, c->mode);

    if (fd < 0)
        return -errno;
    if ((c->flags & O_ACCMODE) == O_RDONLY) {
        memset(theirs_data, 0, sizeof(theirs_data));
        n = result(syscall(SYS_pread64, fd, theirs_data, c->size, c->offset));
    } else {
        n = result(syscall(SYS_pwrite64, fd, data, c->size, c->offset));
    }
    syscall(SYS_close, fd);
    return n;
}

/* ---- names in use: what renames and removals around them make of their paths ---- */

#define SLOTS 16

static struct file *ours_held[SLOTS];
static int theirs_held[SLOTS];
static int proc_self_fd; /* opened before the root changed */

static size_t slot_of(const struct call *c) {
    return c->size % SLOTS;
}

static long ours_hold(const struct call *c) {
    struct file **slot = &ours_held[slot_of(c)];

    file_unref(*slot);
    *slot = NULL;
    return vfs_open(NULL, c->path, O_PATH | O_NOFOLLOW, 0, slot);
}

static long theirs_hold(const struct call *c) {
    int *slot = &theirs_held[slot_of(c)];

    if (*slot > 0)
        syscall(SYS_close, *slot);
    *slot = (int)syscall(SYS_open, c->path, O_PATH | O_NOFOLLOW, 0);
    return *slot < 0 ? -errno : 0;
}

static void compare_held(void) {
    char ours[VFS_PATH_MAX], theirs[VFS_PATH_MAX], number[16];
    long length;

    for (size_t i = 0; i < SLOTS; i++) {
        if (!ours_held[i])
            continue;
        snprintf(number, sizeof(number), "%d", theirs_held[i]);
        length = syscall(SYS_readlinkat, proc_self_fd, number, theirs, sizeof(theirs) - 1);
        CHECK(length > 0);
        theirs[length] = '\0';
        CHECK(name_path(ours_held[i]->name, ours, sizeof(ours)) >= 0);
        if (strcmp(ours, theirs) != 0)
            FAIL("a file in use is at %s, on Linux at %s", ours, theirs);
    }
}

static const struct operation operations[] = {
    {"mkdir", 10, choose_path, ours_mkdir, theirs_mkdir},
    {"mkfifo", 2, choose_path, ours_mkfifo, theirs_mkfifo},
    {"rmdir", 6, choose_path, ours_rmdir, theirs_rmdir},
    {"unlink", 6, choose_path, ours_unlink, theirs_unlink},
    {"symlink", 6, choose_two, ours_symlink, theirs_symlink},
    {"link", 6, choose_two, ours_link, theirs_link},
    {"rename", 20, choose_two, ours_rename, theirs_rename},
    {"chmod", 5, choose_path, ours_chmod, theirs_chmod},
    {"chown", 3, choose_path, ours_chown, theirs_chown},
    {"truncate", 4, choose_size, ours_truncate, theirs_truncate},
    {"access", 4, choose_path, ours_access, theirs_access},
    {"readlink", 2, choose_path, ours_readlink, theirs_readlink},
    {"hold", 5, choose_size, ours_hold, theirs_hold},
    {"open", 30, choose_open, ours_open, theirs_open},
};

#define OPERATIONS (sizeof(operations) / sizeof(operations[0]))

static const struct operation *choose_operation(struct random *r) {
    unsigned total = 0, at;

    for (size_t i = 0; i < OPERATIONS; i++)
        total += operations[i].weight;
    at = (unsigned)random_below(r, total);
    for (size_t i = 0;; i++) {
        if (at < operations[i].weight)
            return &operations[i];
        at -= operations[i].weight;
    }
}

/* ---- comparing the trees ---- */

static void compare_contents(const char *path, const struct vnode *v) {
    long n, m;
    struct call c = {.flags = O_RDONLY, .size = DATA_BYTES};

    snprintf(c.path, sizeof(c.path), "%s", path);
    for (; c.offset < v->size; c.offset += DATA_BYTES) {
        n = ours_open(&c);
        m = theirs_open(&c);
        if (n != m || memcmp(ours_data, theirs_data, DATA_BYTES) != 0)
            FAIL("%s: contents differ at %llu (%ld, %ld)", path, (unsigned long long)c.offset, n,
                 m);
    }
}

static void compare_attributes(const char *path, const struct vnode *v) {
    struct linux_stat st;

    if (syscall(SYS_lstat, path, &st) < 0)
        FAIL("%s is not there on the host: errno %d", path, errno);
    if (v->mode != st.st_mode || v->uid != st.st_uid || v->gid != st.st_gid ||
        v->nlink != st.st_nlink)
        FAIL("%s: mode %o %o, uid %u %u, gid %u %u, links %u %lu", path, v->mode, st.st_mode,
             v->uid, st.st_uid, v->gid, st.st_gid, v->nlink, (unsigned long)st.st_nlink);
    if (!vnode_is_dir(v) && v->size != (uint64_t)st.st_size)
        FAIL("%s: size %llu %llu", path, (unsigned long long)v->size,
             (unsigned long long)st.st_size);
}

struct count_sink {
    struct dirent_sink sink;
    unsigned count;
};

static bool count_entry(struct dirent_sink *sink, const struct component *c, uint64_t ino,
                        unsigned type, uint64_t next) {
    (void)c, (void)ino, (void)type, (void)next;
    ((struct count_sink *)sink)->count++;
    return true;
}

static unsigned ours_entries(const char *path) {
    struct count_sink sink = {.sink = {.emit = count_entry}};
    struct file *f;

    CHECK_EQ(vfs_open(NULL, path, O_RDONLY | O_DIRECTORY, 0, &f), 0);
    CHECK_EQ(file_getdents(f, &sink.sink), 0);
    file_unref(f);
    return sink.count;
}

static void compare_tree(const char *path, unsigned depth);

/* Every entry the host has must be ours, and ours must be as many. */
static void compare_directory(const char *path, unsigned depth) {
    char below[PATH_BYTES * 2];
    unsigned count = 0;
    struct dirent *e;
    DIR *dir = opendir(path);

    CHECK(dir);
    while ((e = readdir(dir))) {
        count++;
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        snprintf(below, sizeof(below), "%s/%s", path, e->d_name);
        compare_tree(below, depth + 1);
    }
    closedir(dir);
    CHECK_EQ(ours_entries(path), count);
}

static void compare_tree(const char *path, unsigned depth) {
    struct name *n;

    if (vfs_lookup(NULL, path, 0, &n))
        FAIL("%s is not there in ours", path);
    compare_attributes(path, n->vnode);
    if (vnode_is_regular(n->vnode))
        compare_contents(path, n->vnode);
    else if (vnode_is_dir(n->vnode) && depth < DEPTH_MAX)
        compare_directory(path, depth);
    name_unref(n);
}

/* ---- running ---- */

static void become(unsigned uid) {
    world_context.credentials.fsuid = uid;
    world_context.credentials.fsgid = uid;
    syscall(SYS_setfsuid, uid);
    syscall(SYS_setfsgid, uid);
}

static void step(struct random *r, unsigned number) {
    const struct operation *op = choose_operation(r);
    unsigned uid = random_one_in(r, 3) ? USER_ID : 0;
    struct call c = {.name = op->name};
    long ours, theirs;

    op->choose(r, &c);
    if (op->ours == ours_link || op->ours == ours_access)
        uid = 0; /* protected_hardlinks; see theirs_access */
    become(uid);
    ours = op->ours(&c);
    theirs = op->theirs(&c);
    become(0);
    if (ours != theirs)
        FAIL("step %u, uid %u: %s(\"%s\", \"%s\", flags %#x, mode %o, at %llu, %zu) gave %ld, "
             "Linux %ld",
             number, uid, op->name, c.path, c.other, c.flags, c.mode, (unsigned long long)c.offset,
             c.size, ours, theirs);
}

/* A folder of the host's, which becomes the root of this process. */
struct folder {
    char name[32];
    int parent; /* the directory it is in */
};

/* False without the right to change the root. */
static bool folder_enter(struct folder *f) {
    const char *parent = access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm";

    CHECK_EQ(chdir(parent), 0);
    f->parent = (int)syscall(SYS_open, ".", O_RDONLY);
    proc_self_fd = (int)syscall(SYS_open, "/proc/self/fd", O_RDONLY);
    strcpy(f->name, "quire-vfs-XXXXXX");
    CHECK(mkdtemp(f->name));
    CHECK_EQ(syscall(SYS_chmod, f->name, 0755), 0);
    return syscall(SYS_setgroups, 0, NULL) == 0 && chroot(f->name) == 0 && chdir("/") == 0;
}

/* The name of some entry of the working directory; false: it is empty. */
static bool some_entry(char name[NAME_BYTES]) {
    bool found = false;
    struct dirent *e;
    DIR *dir = opendir(".");

    CHECK(dir);
    while (!found && (e = readdir(dir))) {
        found = strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
        snprintf(name, NAME_BYTES, "%s", e->d_name);
    }
    closedir(dir);
    return found;
}

/* Empties the working directory, whatever the depth. */
static void remove_all(void) {
    char name[NAME_BYTES];

    while (some_entry(name)) {
        if (syscall(SYS_unlink, name) == 0)
            continue;
        CHECK_EQ(chdir(name), 0);
        remove_all();
        CHECK_EQ(chdir(".."), 0);
        CHECK_EQ(syscall(SYS_rmdir, name), 0);
    }
}

static void run_steps(uint64_t seed) {
    struct random r = {seed};

    world_init();
    become(0);
    CHECK_EQ(act_chmod(vfs_root_name(), &(struct call){.mode = 0755}), 0);
    syscall(SYS_umask, 022);
    for (size_t i = 0; i < DATA_BYTES; i++)
        data[i] = (char)random_next(&r);
    for (unsigned i = 0; i < STEPS * test_scale(); i++) {
        test_context("seed %llu", (unsigned long long)seed);
        step(&r, i);
        compare_held();
        if (i % COMPARE_EVERY == 0)
            compare_tree("/", 0);
    }
}

static void run_random(uint64_t seed) {
    struct folder folder;

    if (folder_enter(&folder)) {
        run_steps(test_seed(seed));
        remove_all();
    }
    syscall(SYS_unlinkat, folder.parent, folder.name, AT_REMOVEDIR);
}

static void test_seed_1(void) {
    run_random(1);
}

static void test_seed_2(void) {
    run_random(2);
}

static const struct test tests[] = {{"seed_1", test_seed_1}, {"seed_2", test_seed_2}};

int main(int argc, char **argv) {
    return test_main(argc, argv, "vfs_random", tests, sizeof(tests) / sizeof(tests[0]));
}
