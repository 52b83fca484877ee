/* SPDX-License-Identifier: MIT */
/*
 * devpts: see devpts.h. Nothing is stored: looking a number up asks the driver (drivers/pty.h), and
 * a node whose pair is gone is stale. Every mount shows the same terminals.
 *
 * A node belongs to who opened the master; owner and mode may be changed as long as the node is in
 * use, and are as at first when it is looked up anew.
 */
#include "drivers/devpts.h"

#include "abi/dirent.h"
#include "abi/errno.h"
#include "abi/stat.h"
#include "drivers/pty.h"
#include "lib/bits.h"
#include "lib/format.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "vfs/file.h"
#include "vfs/mount.h"

#define DEVPTS_SUPER_MAGIC 0x1cd1
#define ROOT_INODE 1
#define PTMX_INODE 2
#define SLAVE_INODE 3 /* of number 0 */
#define COOKIE_SLAVES 3

/* The root, ptmx (pty NULL), or a slave. */
struct node {
    struct vnode vnode;
    struct pty *pty; /* constant; a reference */
};

static struct node *node_of(struct vnode *v) {
    return container_of(v, struct node, vnode);
}

static void node_release(struct vnode *v) {
    struct node *node = node_of(v);

    if (node->pty)
        pty_put(node->pty);
    vnode_fini(v);
    kfree(node);
}

static bool node_is_stale(struct vnode *v) {
    return node_of(v)->pty && pty_is_gone(node_of(v)->pty);
}

static int node_open(struct vnode *v, struct file *f) {
    struct node *node = node_of(v);

    return node->pty ? pty_slave_open(node->pty, f) : pty_master_open(f);
}

static const struct vnode_ops node_ops = {
    .open = node_open,
    .is_stale = node_is_stale,
    .release = node_release,
};

/* Takes over the reference to pty, also when it fails. */
static int node_create(struct filesystem *fs, const struct vnode_ops *ops, uint32_t mode,
                       struct pty *pty, struct vnode **out) {
    struct node *node = kzalloc(sizeof(*node));

    if (!node) {
        if (pty)
            pty_put(pty);
        return -ENOMEM;
    }
    vnode_init(&node->vnode, fs, ops, mode);
    node->pty = pty;
    *out = &node->vnode;
    return 0;
}

static int create_slave(struct filesystem *fs, uint32_t number, struct vnode **out) {
    struct pty *pty = pty_get(number);
    int error = pty ? node_create(fs, &node_ops, S_IFCHR | 0620, pty, out) : -ENOENT;

    if (error)
        return error;
    pty_owner(pty, &(*out)->uid, &(*out)->gid);
    (*out)->ino = SLAVE_INODE + number;
    (*out)->rdev = dev_make(PTY_SLAVE_MAJOR, number);
    return 0;
}

static int create_ptmx(struct filesystem *fs, struct vnode **out) {
    int error = node_create(fs, &node_ops, S_IFCHR | 0666, NULL, out);

    if (error)
        return error;
    (*out)->ino = PTMX_INODE;
    (*out)->rdev = dev_make(5, 2);
    return 0;
}

/* ---- the directory ---- */

static int root_lookup(struct vnode *dir, const struct component *c, struct vnode **out) {
    char name[8];
    uint32_t number = 0;

    if (c->length == 4 && memcmp(c->text, "ptmx", 4) == 0)
        return create_ptmx(dir->fs, out);
    for (size_t i = 0; i < c->length && number < PTY_MAX; i++)
        number = number * 10 + (uint32_t)(c->text[i] - '0') % 10;
    if (number >= PTY_MAX)
        return -ENOENT;
    int length = format(name, sizeof(name), "%u", number);
    if ((size_t)length != c->length || memcmp(name, c->text, c->length) != 0)
        return -ENOENT;
    return create_slave(dir->fs, number, out);
}

static bool emit(struct dirent_sink *sink, const char *name, uint64_t inode, unsigned type,
                 uint64_t next) {
    struct component c = {.text = name, .length = strlen(name)};

    return sink->emit(sink, &c, inode, type, next);
}

static bool list_fixed(struct file *f, struct dirent_sink *sink) {
    static const struct {
        const char *name;
        uint64_t inode;
        unsigned type;
    } fixed[COOKIE_SLAVES] = {
        {".", ROOT_INODE, DT_DIR}, {"..", ROOT_INODE, DT_DIR}, {"ptmx", PTMX_INODE, DT_CHR}};

    for (; f->pos < COOKIE_SLAVES; f->pos++)
        if (!emit(sink, fixed[f->pos].name, fixed[f->pos].inode, fixed[f->pos].type, f->pos + 1))
            return false;
    return true;
}

static int root_getdents(struct file *f, struct dirent_sink *sink) {
    char name[8];
    int number;

    if (!list_fixed(f, sink))
        return 0;
    while ((number = pty_next((uint32_t)(f->pos - COOKIE_SLAVES))) >= 0) {
        uint64_t next = COOKIE_SLAVES + (uint64_t)number + 1;
        format(name, sizeof(name), "%d", number);
        if (!emit(sink, name, SLAVE_INODE + (uint64_t)number, DT_CHR, next))
            return 0;
        f->pos = next;
    }
    return 0;
}

static const struct vnode_ops root_ops = {.lookup = root_lookup, .release = node_release};
static const struct file_ops root_file_ops = {.getdents = root_getdents};

/* ---- the file system ---- */

static int devpts_statfs(struct filesystem *fs, struct statfs_info *out) {
    (void)fs;
    *out = (struct statfs_info){.magic = DEVPTS_SUPER_MAGIC, .block_bytes = 4096};
    return 0;
}

static void devpts_destroy(struct filesystem *fs) {
    kfree(fs);
}

static const struct filesystem_ops devpts_ops = {
    .statfs = devpts_statfs,
    .destroy = devpts_destroy,
};

static int devpts_create(const char *source, const char *options, struct filesystem **out) {
    struct filesystem *fs = kzalloc(sizeof(*fs));

    (void)source, (void)options;
    if (!fs)
        return -ENOMEM;
    filesystem_init(fs, "devpts", &devpts_ops);
    int error = node_create(fs, &root_ops, S_IFDIR | 0755, NULL, &fs->root);
    if (error) {
        filesystem_unref(fs);
        return error;
    }
    fs->root->ino = ROOT_INODE;
    fs->root->nlink = 2;
    fs->root->file_ops = &root_file_ops;
    *out = fs;
    return 0;
}

static struct filesystem_type devpts_type = {.name = "devpts", .create = devpts_create};

void devpts_init(void) {
    filesystem_register(&devpts_type);
}
