/* SPDX-License-Identifier: MIT */
/* tmpfs nodes: making and releasing them, symbolic links, special files. Locks: see node.h. */
#include "node.h"

#include "abi/errno.h"
#include "core/assert.h"
#include "lib/string.h"
#include "mm/slab.h"

static struct slab_cache node_cache;

static long tmpfs_readlink(struct vnode *v, char *buf, size_t size) {
    struct tmpfs_node *n = tmpfs_node_of(v);
    size_t length = MIN(n->symlink.length, size);

    memcpy(buf, n->symlink.text, length);
    return (long)length;
}

static const struct vnode_ops symlink_ops = {
    .readlink = tmpfs_readlink,
    .release = tmpfs_release,
};

static const struct vnode_ops special_ops = {.release = tmpfs_release};

void tmpfs_node_init(void) {
    slab_cache_init(&node_cache, "tmpfs_node", sizeof(struct tmpfs_node), 0);
}

static const struct vnode_ops *node_ops(uint32_t mode) {
    switch (mode & S_IFMT) {
    case S_IFREG:
        return &tmpfs_file_ops;
    case S_IFDIR:
        return &tmpfs_dir_ops;
    case S_IFLNK:
        return &symlink_ops;
    default:
        return &special_ops;
    }
}

static int symlink_init(struct tmpfs_node *n, const char *target) {
    n->symlink.length = strlen(target);
    n->symlink.text = kmalloc(n->symlink.length + 1);
    if (!n->symlink.text)
        return -ENOSPC;
    memcpy(n->symlink.text, target, n->symlink.length + 1);
    n->vnode.size = n->symlink.length;
    return 0;
}

static void dir_init(struct tmpfs_node *n) {
    n->vnode.file_ops = &tmpfs_dir_file_ops;
    n->vnode.nlink = 2;
    n->vnode.size = 40;
    n->dir.next_cookie = 2;
    list_init(&n->dir.doomed);
}

static int node_init_type(struct tmpfs_node *n, const struct vnode_new *what) {
    switch (what->mode & S_IFMT) {
    case S_IFREG:
        tmpfs_file_init(n);
        return 0;
    case S_IFDIR:
        dir_init(n);
        return 0;
    case S_IFLNK:
        return symlink_init(n, what->target);
    default:
        n->vnode.rdev = what->rdev;
        return 0;
    }
}

static void node_free(struct tmpfs_node *n) {
    atomic_fetch_sub(&tmpfs_of(n)->used_nodes, 1);
    vnode_fini(&n->vnode);
    slab_free(&node_cache, n);
}

int tmpfs_node_create(struct tmpfs *t, const struct vnode_new *what, struct tmpfs_node **out) {
    struct tmpfs_node *n;
    int error;

    if (!tmpfs_take(&t->used_nodes, t->max_nodes))
        return -ENOSPC;
    n = slab_alloc_zeroed(&node_cache);
    if (!n) {
        atomic_fetch_sub(&t->used_nodes, 1);
        return -ENOSPC;
    }
    vnode_init(&n->vnode, &t->fs, node_ops(what->mode), what->mode);
    n->vnode.uid = what->uid;
    n->vnode.gid = what->gid;
    n->vnode.ino = atomic_fetch_add(&t->next_ino, 1);
    list_init(&n->entries);
    error = node_init_type(n, what);
    if (error)
        node_free(n);
    else
        *out = n;
    return error;
}

void tmpfs_release(struct vnode *v) {
    struct tmpfs_node *n = tmpfs_node_of(v);

    ASSERT(list_is_empty(&n->entries));
    if (vnode_is_regular(v))
        tmpfs_file_fini(n);
    else if (vnode_is_symlink(v))
        kfree(n->symlink.text);
    node_free(n);
}
