/* SPDX-License-Identifier: MIT */
/* Changing attributes; see attr.h. Sources: chmod(2), chown(2), utimensat(2), truncate(2). */
#include "vfs/attr.h"

#include "abi/errno.h"
#include "abi/signal.h"
#include "vfs/access.h"
#include "vfs/context.h"
#include "vfs/file.h"
#include "vfs/mount.h"

/*
 * Who may change what is asked under the vnode's lock, and what may be is changed under the same
 * hold: the owner whose right it is may be about to lose the file.
 */
static void attr_lock(struct vnode *v) {
    mutex_lock(&v->lock);
    if (v->ops->refresh)
        v->ops->refresh(v);
}

/* Changes it, unless there is an error already, and unlocks. */
static int attr_apply(struct vnode *v, const struct vnode_attr *attr, int error) {
    if (!error && v->ops->setattr)
        error = v->ops->setattr(v, attr);
    else if (!error)
        vnode_attr_apply(v, attr);
    mutex_unlock(&v->lock);
    return error;
}

int vfs_set_mode(struct name *n, uint32_t mode) {
    const struct credentials *c = &vfs_context_current()->credentials;
    struct vnode *v = n->vnode;
    struct vnode_attr attr = {.mask = VATTR_MODE, .mode = mode & 07777};
    int error = mount_check_write(n);

    if (error)
        return error;
    if (vnode_is_symlink(v))
        return -EOPNOTSUPP;
    attr_lock(v);
    if (!vfs_is_owner(v))
        error = -EPERM;
    if (c->fsuid != 0 && !credentials_in_group(c, v->gid))
        attr.mode &= ~(uint32_t)S_ISGID;
    return attr_apply(v, &attr, error);
}

/* Anybody but root may only give a file of theirs to a group of theirs. */
static int owner_check(const struct vnode *v, uint32_t uid, uint32_t gid) {
    const struct credentials *c = &vfs_context_current()->credentials;

    if (c->fsuid == 0)
        return 0;
    if (c->fsuid != v->uid)
        return uid == VFS_ID_KEEP && gid == VFS_ID_KEEP ? 0 : -EPERM;
    if (uid != VFS_ID_KEEP && uid != v->uid)
        return -EPERM;
    return gid == VFS_ID_KEEP || credentials_in_group(c, gid) ? 0 : -EPERM;
}

int vfs_set_owner(struct name *n, uint32_t uid, uint32_t gid) {
    struct vnode *v = n->vnode;
    struct vnode_attr attr = {.uid = uid, .gid = gid};
    int error = mount_check_write(n);

    if (error)
        return error;
    if (uid != VFS_ID_KEEP)
        attr.mask |= VATTR_UID;
    if (gid != VFS_ID_KEEP)
        attr.mask |= VATTR_GID;
    if (!vnode_is_dir(v) && !vnode_is_symlink(v))
        attr.mask |= VATTR_NO_SET_ID;
    attr_lock(v);
    return attr_apply(v, &attr, owner_check(v, uid, gid));
}

static int times_check(struct vnode *v, const struct vfs_times *times) {
    if (vfs_is_owner(v))
        return 0;
    if (times->now)
        return vfs_access(v, ACCESS_WRITE);
    return -EPERM;
}

int vfs_set_times(struct name *n, const struct vfs_times *times) {
    struct vnode *v = n->vnode;
    struct vnode_attr attr = {
        .mask = times->mask, .atime_ns = times->atime_ns, .mtime_ns = times->mtime_ns};
    int error;

    if (!times->mask)
        return 0;
    error = mount_check_write(n);
    if (error)
        return error;
    attr_lock(v);
    return attr_apply(v, &attr, times_check(v, times));
}

void vnode_drop_set_id(struct vnode *v) {
    if (v->mode & (S_ISUID | S_ISGID) && vnode_is_regular(v) && !vfs_is_root())
        v->mode = vnode_mode_without_set_id(v->mode);
}

int vnode_check_size(const struct vnode *v, uint64_t size) {
    if (size <= v->size)
        return 0;
    if (size > vfs_context_current()->file_size_limit) {
        vfs_signal_current(SIGXFSZ);
        return -EFBIG;
    }
    return size > FILE_SIZE_MAX ? -EFBIG : 0;
}

int vnode_set_size(struct vnode *v, uint64_t size) {
    int error;

    if (!v->ops->truncate || size > FILE_SIZE_MAX)
        return -EINVAL;
    error = vnode_check_size(v, size);
    if (error)
        return error;
    mutex_lock(&v->lock);
    error = v->ops->truncate(v, size);
    if (!error) {
        vnode_drop_set_id(v);
        vnode_touch_modified(v);
    }
    mutex_unlock(&v->lock);
    return error;
}

int vfs_truncate(struct name *n, uint64_t size) {
    struct vnode *v = n->vnode;
    int error;

    if (vnode_is_dir(v))
        return -EISDIR;
    if (!vnode_is_regular(v))
        return -EINVAL;
    error = mount_check_write(n);
    if (!error)
        error = vfs_access(v, ACCESS_WRITE);
    if (!error)
        error = vnode_get_write(v);
    if (error)
        return error;
    error = vnode_set_size(v, size);
    vnode_put_write(v);
    return error;
}
