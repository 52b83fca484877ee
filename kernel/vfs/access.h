/* SPDX-License-Identifier: MIT */
/*
 * Who may do what: the permission bits of path_resolution(7), with root's override, sticky
 * directories, and the rules for chmod, chown and utimes.
 *
 * Checks read mode, uid and gid without the vnode's lock: each is one aligned word.
 */
#ifndef QUIRE_VFS_ACCESS_H
#define QUIRE_VFS_ACCESS_H

#include <stdbool.h>

#include "vfs/context.h"
#include "vfs/vnode.h"

enum access_want {
    ACCESS_EXEC = 1,
    ACCESS_WRITE = 2,
    ACCESS_READ = 4,
};

/* 0 or -EACCES for the calling process's filesystem ids. */
int vfs_access(struct vnode *v, unsigned want);

/* The same with the real ids: access(2). */
int vfs_access_real(struct vnode *v, unsigned want);

/* Owner or root: chmod, utimes. */
bool vfs_is_owner(const struct vnode *v);
bool vfs_is_root(void);

/* Removing `v` from `dir`: write and search on dir, and the sticky rule. 0, -EACCES or -EPERM. */
int vfs_access_remove(struct vnode *dir, struct vnode *v);

#endif
