/* SPDX-License-Identifier: MIT */
/*
 * tmpfs's own structures. Private to this folder.
 *
 * Words: a `node` is a file of any type, its vnode embedded; an `entry` is a name in a directory.
 * An entry holds a reference on its node, so a linked node lives.
 *
 * Locks:
 *   d  the directory's vnode lock, held by the VFS around entry operations; changes take t too
 *   t  tmpfs->lock, a spinlock: what must be right across directories (links, emptiness, parents)
 *   o  object->lock
 *   a  atomic
 * The release of a node takes neither: it may run under a space's lock.
 */
#ifndef QUIRE_FS_TMPFS_NODE_H
#define QUIRE_FS_TMPFS_NODE_H

#include "lib/rbtree.h"
#include "sync/spinlock.h"
#include "vfs/file.h"
#include "vfs/vnode.h"
#include "vm/access.h"
#include "vm/object.h"

struct tmpfs {
    struct filesystem fs;
    struct spinlock lock;
    uint64_t max_pages;          /* c: 0: no limit but memory */
    bool has_size_option;        /* c: max_pages was asked for: /proc/mounts says it */
    uint64_t max_nodes;          /* c: 0: no limit */
    _Atomic uint64_t used_pages; /* a: of files */
    _Atomic uint64_t used_nodes; /* a: and names beyond a file's first */
    _Atomic uint64_t next_ino;   /* a */
    struct list_node doomed;     /* directories that tmpfs_drop_tree has yet to empty */
};

struct tmpfs_entry {
    struct rb_node by_name;   /* dt: in dir->by_name, by (hash, length, text) */
    struct rb_node by_cookie; /* dt: in dir->by_cookie */
    struct list_node link;    /* t: in node->entries */
    struct tmpfs_node *dir;   /* c */
    struct tmpfs_node *node;  /* dt: a reference */
    uint64_t cookie;          /* c: its place when the directory is read */
    uint32_t hash;            /* c */
    uint16_t length;          /* c */
    char text[];              /* c */
};

struct tmpfs_node {
    struct vnode vnode;
    struct list_node entries; /* t: all its names */
    union {
        struct {                      /* directory */
            struct rb_tree by_name;   /* dt */
            struct rb_tree by_cookie; /* dt */
            uint64_t next_cookie;     /* dt */
            uint64_t entry_count;     /* t */
            bool is_removed;          /* t: takes no entries any more */
            struct list_node doomed;  /* tmpfs_detach's list */
        } dir;
        struct { /* regular file */
            struct vm_object object;
            uint64_t pages;         /* o */
            _Atomic unsigned seals; /* a: F_SEAL_*; added to with the vnode's lock only */
            char *title;            /* t: what /proc shows where it has no name; or NULL */
        } file;
        struct {        /* symbolic link */
            char *text; /* c */
            size_t length;
        } symlink;
    };
};

static inline struct tmpfs_node *tmpfs_node_of(struct vnode *v) {
    return container_of(v, struct tmpfs_node, vnode);
}

static inline struct tmpfs *tmpfs_of(const struct tmpfs_node *n) {
    return container_of(n->vnode.fs, struct tmpfs, fs);
}

/* Counts one more, unless there are `max` already (0: no limit): false. */
static inline bool tmpfs_take(_Atomic uint64_t *used, uint64_t max) {
    uint64_t now = atomic_load(used);

    do {
        if (max != 0 && now >= max)
            return false;
    } while (!atomic_compare_exchange_weak(used, &now, now + 1));
    return true;
}

/* A node with a reference and no entries: -ENOSPC (limits, memory). */
int tmpfs_node_create(struct tmpfs *t, const struct vnode_new *what, struct tmpfs_node **out);

/* At boot, once. */
void tmpfs_node_init(void);

/* For regular files: fill in the object; give back its pages. */
void tmpfs_file_init(struct tmpfs_node *n);
void tmpfs_file_fini(struct tmpfs_node *n);

/* For memfd_create(2): makes the instance that its files lie in. At boot, once. */
void tmpfs_memfd_init(void);

/* A write of [pos, pos + b->left): cuts b as the seals allow. -EPERM: to nothing. v->lock held. */
int tmpfs_seal_write(const struct tmpfs_node *n, uint64_t pos, struct iobuf *b);

/* Whether the seals allow the file to become size bytes long. 0 or -EPERM. v->lock held. */
int tmpfs_seal_resize(const struct tmpfs_node *n, uint64_t size);

/* Whether contents may be taken away (a hole). 0 or -EPERM. v->lock held. */
int tmpfs_seal_punch(const struct tmpfs_node *n);

/* A mapping of a file that is sealed against writing never becomes writable. 0 or -EPERM. */
int tmpfs_seal_map(const struct tmpfs_node *n, struct file_mmap *m);

/* The operations of every regular file. */
int tmpfs_add_seals(struct vnode *v, unsigned seals);
int tmpfs_get_seals(struct vnode *v);

/* Takes all entries of the tree below root out; then gives up root. No lock; nobody uses names. */
void tmpfs_drop_tree(struct tmpfs *t, struct tmpfs_node *root);

extern const struct vnode_ops tmpfs_dir_ops;
extern const struct file_ops tmpfs_dir_file_ops;
extern const struct vnode_ops tmpfs_file_ops;
extern const struct file_ops tmpfs_file_file_ops;

/* The release operation of every tmpfs vnode. */
void tmpfs_release(struct vnode *v);

/* The path of a node from the root of everything, for maps: "" where there is none. */
void tmpfs_path(struct tmpfs_node *n, char *buf, size_t size);

/*
 * What /proc/PID/maps shows of a file that has no name any more in a directory: the path with the
 * one that it had, and that it is deleted. To be kfreed; NULL: no path, or no memory.
 */
char *tmpfs_title(struct tmpfs_node *dir, const struct component *name);

#endif
