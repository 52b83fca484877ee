/* SPDX-License-Identifier: MIT */
/*
 * Changing the tree: making, linking, removing and renaming, by path. Paths are relative to `at`
 * (NULL: the working directory) and lie in kernel memory. All may sleep, and fail with what walks
 * fail with (vfs/lookup.h), -EACCES, -EROFS, -ENOSPC, and what is said at each.
 */
#ifndef QUIRE_VFS_CHANGE_H
#define QUIRE_VFS_CHANGE_H

#include "vfs/lookup.h"

/*
 * A node of any type but symbolic links, umask applied: mknod(2), mkdir(2). -EEXIST; -EPERM for
 * devices by others than root.
 */
int vfs_make_node(struct name *at, const char *path, uint32_t mode, uint64_t rdev);

/* symlink(2). -EEXIST, -ENOENT for an empty target. */
int vfs_make_symlink(struct name *at, const char *path, const char *target);

/* link(2) to `existing`. -EEXIST, -EXDEV, -EPERM for directories, -ENOENT when it is deleted. */
int vfs_make_link(struct name *existing, struct name *at, const char *path);

/* unlink(2): -EISDIR, -EBUSY for mount points. */
int vfs_remove(struct name *at, const char *path);

/* rmdir(2): -ENOTDIR, -ENOTEMPTY, -EINVAL for ".", -EBUSY. */
int vfs_remove_directory(struct name *at, const char *path);

/* A file without a name in directory `dir` (O_TMPFILE): an anonymous name for it. -EOPNOTSUPP. */
int vfs_make_unnamed(struct name *dir, uint32_t mode, struct name **out);

/*
 * The making itself: rights on the directory checked, owner and umask set in *what, the entry made.
 * dir->vnode's lock held; the component is known to be free. *out (may be NULL) gets its name.
 */
int vfs_create_locked(struct name *dir, const struct component *c, struct vnode_new *what,
                      struct name **out);

/* rename(2), renameat2(2) with RENAME_ flags. */
struct vfs_rename {
    struct name *from_at;
    const char *from;
    struct name *to_at;
    const char *to;
    unsigned flags;
};
int vfs_rename(const struct vfs_rename *r);

#endif
