/* SPDX-License-Identifier: MIT */
/*
 * Mounts: which file system covers which name.
 *
 * The table is a list in the order of mounting; /proc/mounts prints it. A mount holds a reference
 * to its file system, to its root name and to the name it covers.
 *
 * Locks: mount_lock (RANK_MOUNT, sleeping) for the table and for mounting and unmounting;
 * name->mounted is read under the name lock.
 */
#ifndef QUIRE_VFS_MOUNT_H
#define QUIRE_VFS_MOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/list.h"
#include "vfs/name.h"

enum mount_flags {
    MOUNT_READ_ONLY = 1 << 0,
    MOUNT_NO_SUID = 1 << 1,
    MOUNT_NO_DEV = 1 << 2,
    MOUNT_NO_EXEC = 1 << 3,
    MOUNT_NO_ATIME = 1 << 4,
};

struct mount {
    struct list_node link;
    struct filesystem *fs;
    struct name *root;
    struct name *covered; /* NULL: the root of everything */
    unsigned flags;
    char *source;
    struct refcount users; /* names in it, its root included; the last one frees the mount */
};

/*
 * A type of file system. Registered at start by its owner, static.
 * `create` makes an instance with refs 1 and a root; `options` may be NULL.
 */
struct filesystem_type {
    struct list_node link;
    const char *name;
    int (*create)(const char *source, const char *options, struct filesystem **out);
};

void filesystem_register(struct filesystem_type *type);

/* Call fn for each registered type in order (/proc/filesystems). */
void filesystem_for_each(void (*fn)(const struct filesystem_type *type, void *arg), void *arg);

/*
 * Mount a new instance of `type` on `on` (a directory's name). Errors: -ENODEV no such type,
 * -ENOTDIR, -EBUSY, -ENOMEM, those of the type. May sleep.
 */
int vfs_mount(const char *type, const char *source, struct name *on, unsigned flags,
              const char *options);

/* Unmount what has its root at `root`. -EINVAL: no mount's root; -EBUSY: in use (not with lazy). */
int vfs_unmount(struct name *root, bool lazy);

/* Change a mount's flags. -EINVAL: no mount's root. */
int vfs_remount(struct name *root, unsigned flags);

/*
 * Mount the root, of type "tmpfs" (registered before), and make it root and working directory of
 * the boot context. Once, at boot, before anything looks up a path. Panics without memory.
 */
void vfs_init(void);

/* The root of all mounts; no reference given. */
struct name *vfs_root_name(void);

/* Call fn for each mount, in order, under the table's lock; non-zero from fn ends it and is
 * returned. */
int mount_for_each(int (*fn)(const struct mount *m, void *arg), void *arg);

/*
 * The path of where fs is mounted first, without a slash at the end ("" for the root): its length,
 * or -ENOENT, -ENAMETOOLONG.
 */
int mount_path(struct filesystem *fs, char *buf, size_t size);

/* A name of the mount has come or gone; the last one frees it and gives up its file system. */
void mount_ref(struct mount *m);
void mount_unref(struct mount *m);

/* -EROFS where the name lies in a read-only mount, else 0. */
int mount_check_write(const struct name *n);

#endif
