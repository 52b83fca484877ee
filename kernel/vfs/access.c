/* SPDX-License-Identifier: MIT */
/*
 * Permission checks. Source: path_resolution(7), access(2), unlink(2), capabilities(7) for what
 * root may do.
 */
#include "vfs/access.h"

#include "abi/errno.h"

#define EXEC_ANY (S_IXUSR | S_IXGRP | S_IXOTH)

struct identity {
    uint32_t uid;
    bool in_group;
};

/* Root may do anything but execute a file nobody may execute. */
static int access_root(const struct vnode *v, unsigned want) {
    if (want & ACCESS_EXEC && !vnode_is_dir(v) && !(v->mode & EXEC_ANY))
        return -EACCES;
    return 0;
}

static int access_check(struct vnode *v, unsigned want, struct identity who) {
    unsigned granted;

    if (who.uid == 0)
        return access_root(v, want);
    if (who.uid == v->uid)
        granted = v->mode >> 6;
    else if (who.in_group)
        granted = v->mode >> 3;
    else
        granted = v->mode;
    return (granted & want) == want ? 0 : -EACCES;
}

static bool in_real_group(const struct credentials *c, uint32_t gid) {
    struct credentials real = *c;

    real.fsgid = c->gid;
    return credentials_in_group(&real, gid);
}

int vfs_access(struct vnode *v, unsigned want) {
    const struct credentials *c = &vfs_context_current()->credentials;

    if (v->ops->refresh)
        v->ops->refresh(v);
    return access_check(v, want, (struct identity){c->fsuid, credentials_in_group(c, v->gid)});
}

int vfs_access_real(struct vnode *v, unsigned want) {
    const struct credentials *c = &vfs_context_current()->credentials;

    if (v->ops->refresh)
        v->ops->refresh(v);
    return access_check(v, want, (struct identity){c->uid, in_real_group(c, v->gid)});
}

bool vfs_is_root(void) {
    return vfs_context_current()->credentials.fsuid == 0;
}

bool vfs_is_owner(const struct vnode *v) {
    uint32_t uid = vfs_context_current()->credentials.fsuid;

    return uid == 0 || uid == v->uid;
}

int vfs_access_remove(struct vnode *dir, struct vnode *v) {
    int error = vfs_access(dir, ACCESS_WRITE | ACCESS_EXEC);

    if (error)
        return error;
    if (dir->mode & S_ISVTX && !vfs_is_owner(v) && !vfs_is_owner(dir))
        return -EPERM;
    return 0;
}
