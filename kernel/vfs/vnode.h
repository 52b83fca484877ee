/* SPDX-License-Identifier: MIT */
/*
 * Vnodes: one record for every file, directory, link, device, pipe the kernel knows.
 *
 * Words: a `filesystem` is one instance of a file-system type (a device number, a root); a
 * `component` is one part of a path, not NUL-terminated; a `cookie` is a place in a directory.
 *
 * A vnode lives as long as it is referenced. The file system's own directory entries are
 * references too, so a linked tmpfs file never goes away; for procfs and the like the last
 * reference ends it. Paths know names (vfs/name.h); vnodes do not know their names.
 *
 * Locks, by letter at the fields:
 *   c  constant after creation
 *   v  vnode->lock, a sleeping lock. It guards a directory's entries and a file's size and
 *      attributes. Reading a single attribute without it is allowed where a torn view of several
 *      does no harm (permission checks read mode, uid and gid like this).
 *   f  the file system's own lock
 *   a  atomic
 * A page fault takes no vnode lock, so copying to or from the user under one is allowed.
 * A directory's lock has LOCK_RANK_VNODE_PARENT, any other's LOCK_RANK_VNODE: so a directory comes
 * before what is in it. Two directories are locked together only by address (rename), never one
 * below the other: that a directory is removed while entries are made in it is prevented by the
 * file system under its own lock.
 */
#ifndef QUIRE_VFS_VNODE_H
#define QUIRE_VFS_VNODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/stat.h"
#include "lib/refcount.h"
#include "sched/mutex.h"

struct file;
struct file_lock_list;
struct file_ops;
struct filesystem;
struct mount;
struct name;
struct pipe;
struct vm_object;
struct vnode;

#define VFS_NAME_MAX 255
#define VFS_PATH_MAX 4096
#define VFS_SYMLINK_LIMIT 40

struct component {
    const char *text;
    size_t length;
    uint32_t hash; /* component_hash, where the VFS looks up or changes; else 0 will do */
};

#define COMPONENT_HASH_START 2166136261u

/* FNV-1a: one more byte into a hash that started as COMPONENT_HASH_START. */
static inline uint32_t component_hash_byte(uint32_t hash, char byte) {
    return (hash ^ (uint8_t)byte) * 16777619u;
}

static inline uint32_t component_hash(const char *text, size_t length) {
    uint32_t hash = COMPONENT_HASH_START;

    for (size_t i = 0; i < length; i++)
        hash = component_hash_byte(hash, text[i]);
    return hash;
}

/* A time on a file: nanoseconds since 1970, so 1677 to 2262; beyond is clamped when set. */
typedef int64_t vnode_time_ns;

/* What a new vnode shall be. `target` only for symbolic links, `rdev` only for devices. */
struct vnode_new {
    uint32_t mode; /* type and permission bits, umask already applied */
    uint32_t uid;
    uint32_t gid;
    uint64_t rdev;
    const char *target;
};

enum vnode_attr_mask {
    VATTR_MODE = 1 << 0,
    VATTR_UID = 1 << 1,
    VATTR_GID = 1 << 2,
    VATTR_ATIME = 1 << 3,
    VATTR_MTIME = 1 << 4,
    VATTR_NO_SET_ID = 1 << 5, /* the set-ID bits of an executable go */
};

/* A change of attributes: fields named by `mask` are meant. ctime always becomes now. */
struct vnode_attr {
    unsigned mask;
    uint32_t mode; /* permission bits only */
    uint32_t uid;
    uint32_t gid;
    vnode_time_ns atime_ns;
    vnode_time_ns mtime_ns;
};

struct vnode_rename {
    struct vnode *from_dir;
    const struct component *from;
    struct vnode *moved;
    struct vnode *to_dir;
    const struct component *to;
    struct vnode *replaced; /* what `to` names now, or NULL */
    bool exchange;          /* swap moved and replaced instead of replacing */
};

struct statfs_info {
    uint64_t magic;
    uint64_t block_bytes;
    uint64_t blocks;
    uint64_t blocks_free;
    uint64_t files;
    uint64_t files_free;
};

/*
 * What a file system can do. Every entry may be NULL; a missing one answers as said. Directory
 * operations are called with dir->lock held; rename with both directories' locks and
 * fs->rename_lock. The VFS has already checked permissions, types, mounts, and existence.
 */
struct vnode_ops {
    /* One entry, with a reference: 0, -ENOENT, -ENOMEM. NULL: -ENOENT. */
    int (*lookup)(struct vnode *dir, const struct component *c, struct vnode **out);
    /* A new entry of any type, with a reference to it; a directory counts in dir's nlink. NULL:
     * -EPERM. */
    int (*create)(struct vnode *dir, const struct component *c, const struct vnode_new *what,
                  struct vnode **out);
    /* Another entry for `target`. NULL: -EPERM. */
    int (*link)(struct vnode *dir, const struct component *c, struct vnode *target);
    /* Take an entry away; for a directory -ENOTEMPTY if it has entries. NULL: -EPERM. */
    int (*unlink)(struct vnode *dir, const struct component *c, struct vnode *target);
    /* NULL: -EPERM. All or nothing. */
    int (*rename)(const struct vnode_rename *r);
    /* A file without a name (O_TMPFILE), with a reference and no links. NULL: -EOPNOTSUPP. */
    int (*create_unnamed)(struct vnode *dir, const struct vnode_new *what, struct vnode **out);
    /* The link's text without NUL: its length, cut to `size`. NULL: -EINVAL. */
    long (*readlink)(struct vnode *link, char *buf, size_t size);
    /* A link that leads straight to a name (/proc/PID/cwd), with a reference. NULL: by its text. */
    int (*follow)(struct vnode *link, struct name **out);
    /* Whether a name of this vnode may no longer be trusted (its process is gone). NULL: false. */
    bool (*is_stale)(struct vnode *v);
    /* Bring mode, owner, size, times up to date before they are looked at. NULL: they are. */
    void (*refresh)(struct vnode *v);
    /* Blocks of 512 bytes that are taken: st_blocks. NULL: 0. */
    uint64_t (*blocks)(struct vnode *v);
    /* Set attributes, checked already; lock held. NULL: vnode_attr_apply. */
    int (*setattr)(struct vnode *v, const struct vnode_attr *attr);
    /* Set the size, lock held. NULL: -EINVAL. */
    int (*truncate)(struct vnode *v, uint64_t size);
    /* Add to the seals of fcntl(2), lock held; tell them. NULL: -EINVAL. */
    int (*add_seals)(struct vnode *v, unsigned seals);
    int (*get_seals)(struct vnode *v);
    /* Called on open; may replace f->ops and set f->data. Negative errno refuses. NULL: allowed. */
    int (*open)(struct vnode *v, struct file *f);
    /* The last reference is gone: vnode_fini(v), then free what hangs off it. Must be there. */
    void (*release)(struct vnode *v);
};

struct filesystem_ops {
    /* NULL: zeroes. */
    int (*statfs)(struct filesystem *fs, struct statfs_info *out);
    /* Options as /proc/mounts shows them, with a comma in front; "" if none. NULL: none. */
    void (*show_options)(struct filesystem *fs, char *buf, size_t size);
    /* The last mount is gone: give up the tree and the root. Vnodes in use live on. NULL: drop
     * root. */
    void (*detach)(struct filesystem *fs);
    /* No vnode is left: free fs. */
    void (*destroy)(struct filesystem *fs);
};

/* One instance of a file system. */
struct filesystem {
    const char *type;         /* c: "tmpfs" */
    uint64_t dev;             /* c: st_dev */
    struct refcount refs;     /* a: one for each vnode of it, one for each mount */
    struct mutex rename_lock; /* one rename between directories at a time */
    struct vnode *root;       /* c: a reference, given up by detach */
    struct mount *mount;      /* where it is mounted; under the name lock; NULL: nowhere */
    const struct filesystem_ops *ops;
    void *data; /* c: the type's own */
};

struct vnode {
    struct refcount refs; /* a */
    uint32_t mode;        /* v: type (constant) and permissions */
    uint32_t uid;         /* v */
    uint32_t gid;         /* v */
    uint32_t nlink;       /* f */
    uint64_t ino;         /* c */
    uint64_t rdev;        /* c */
    uint64_t size;        /* v */
    vnode_time_ns atime_ns;
    vnode_time_ns mtime_ns; /* v */
    vnode_time_ns ctime_ns; /* v */
    vnode_time_ns btime_ns; /* c */
    struct mutex lock;
    const struct vnode_ops *ops;          /* c */
    const struct file_ops *file_ops;      /* c: what an open file of it starts with; may be NULL */
    struct filesystem *fs;                /* c: NULL for pipes and the like */
    struct vm_object *object;             /* c: page cache of a regular file, or NULL */
    struct pipe *_Atomic fifo;            /* the open pipe of a fifo; vfs/pipe.c */
    struct file_lock_list *_Atomic locks; /* advisory locks, made on first use; vfs/flock.c */
    bool is_unnamed;                      /* v: made by O_TMPFILE and not linked yet */
    int32_t writers;                      /* a: open for writing, or -n while n images execute it */
    void *data;                           /* c: the file system's own */
};

/*
 * Fill in a fresh vnode: one reference, one link, all times now. The caller sets what is left.
 * `mode` has the type.
 */
void vnode_init(struct vnode *v, struct filesystem *fs, const struct vnode_ops *ops, uint32_t mode);

/* Undo vnode_init, in release: gives back the file system. */
void vnode_fini(struct vnode *v);

void vnode_ref(struct vnode *v);

/*
 * Give a reference back; the last one calls ops->release. NULL is allowed. Takes no lock of its
 * own: a mapping may drop its file under the space's lock, where the file system's release allows.
 */
void vnode_unref(struct vnode *v);

/* A mode as it is when an executable changes hands: without set-user-ID, and set-group-ID. */
uint32_t vnode_mode_without_set_id(uint32_t mode);

/* Default attribute change: copies the fields named and sets ctime. v->lock held. */
void vnode_attr_apply(struct vnode *v, const struct vnode_attr *attr);

/* Now, for file times. */
vnode_time_ns vnode_now_ns(void);

/* Set mtime and ctime to now. v->lock held. */
void vnode_touch_modified(struct vnode *v);

/* Set atime to now where the relatime rule asks for it (mount(8)). No lock needed. */
void vnode_touch_accessed(struct vnode *v);

/* Count writers against running images: -ETXTBSY where the other kind is there (open(2),
 * execve(2)). */
int vnode_deny_write(struct vnode *v);
void vnode_allow_write(struct vnode *v);
int vnode_get_write(struct vnode *v);
void vnode_put_write(struct vnode *v);

/* Fill in a fresh instance: a new st_dev, one reference (the maker's), no root. `type` is kept. */
void filesystem_init(struct filesystem *fs, const char *type, const struct filesystem_ops *ops);
void filesystem_ref(struct filesystem *fs);

/* The last one calls destroy. */
void filesystem_unref(struct filesystem *fs);

static inline uint32_t vnode_type(const struct vnode *v) {
    return v->mode & S_IFMT;
}

static inline bool vnode_is_dir(const struct vnode *v) {
    return vnode_type(v) == S_IFDIR;
}

static inline bool vnode_is_regular(const struct vnode *v) {
    return vnode_type(v) == S_IFREG;
}

static inline bool vnode_is_symlink(const struct vnode *v) {
    return vnode_type(v) == S_IFLNK;
}

/* Device numbers as user programs see them: makedev(3). */
static inline uint64_t dev_make(uint32_t major, uint32_t minor) {
    return ((uint64_t)(major & 0xfffff000u) << 32) | ((uint64_t)(major & 0xfffu) << 8) |
           ((uint64_t)(minor & 0xffffff00u) << 12) | (minor & 0xffu);
}

static inline uint32_t dev_major(uint64_t dev) {
    return (uint32_t)((dev >> 32) & 0xfffff000u) | (uint32_t)((dev >> 8) & 0xfffu);
}

static inline uint32_t dev_minor(uint64_t dev) {
    return (uint32_t)((dev >> 12) & 0xffffff00u) | (uint32_t)(dev & 0xffu);
}

#endif
