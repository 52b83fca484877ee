/* SPDX-License-Identifier: MIT */
/*
 * Changing attributes and sizes: chmod, chown, utimes, truncate, with their permission rules.
 * All may sleep.
 */
#ifndef QUIRE_VFS_ATTR_H
#define QUIRE_VFS_ATTR_H

#include "vfs/name.h"

#define VFS_ID_KEEP UINT32_MAX /* chown: leave it */

/* chmod(2): -EPERM, -EROFS, -EOPNOTSUPP for a symbolic link. */
int vfs_set_mode(struct name *n, uint32_t mode);

/* chown(2): -EPERM, -EROFS. */
int vfs_set_owner(struct name *n, uint32_t uid, uint32_t gid);

/* utimensat(2). `mask` of VATTR_ATIME, VATTR_MTIME; `now`: both are to be the present. */
struct vfs_times {
    unsigned mask;
    bool now;
    vnode_time_ns atime_ns;
    vnode_time_ns mtime_ns;
};
int vfs_set_times(struct name *n, const struct vfs_times *times);

/* truncate(2): -EISDIR, -EINVAL, -EFBIG, -EACCES, -EROFS, -ETXTBSY. */
int vfs_truncate(struct name *n, uint64_t size);

/* The change itself, rights checked by the caller (open's O_TRUNC, ftruncate). */
int vnode_set_size(struct vnode *v, uint64_t size);

/*
 * Whether a file may be made size bytes long: 0, or -EFBIG beyond FILE_SIZE_MAX and beyond
 * RLIMIT_FSIZE (with SIGXFSZ). No longer than it is, it always may.
 */
int vnode_check_size(const struct vnode *v, uint64_t size);

/* A write or truncation by somebody other than root ends set-user-ID rights. v->lock held. */
void vnode_drop_set_id(struct vnode *v);

#endif
