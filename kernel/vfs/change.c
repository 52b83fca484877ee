/* SPDX-License-Identifier: MIT */
/*
 * Making and removing entries; see change.h. Sources: mknod(2), mkdir(2), symlink(2), link(2),
 * unlink(2), rmdir(2); the order of the checks is Linux's, since programs see which error comes
 * first.
 *
 * What the two directions share: walk to the directory, take its lock, look at the entry, decide,
 * let the file system act, bring the names in use up to date.
 */
#include "vfs/change.h"

#include "abi/errno.h"
#include "vfs/access.h"
#include "vfs/context.h"
#include "vfs/mount.h"

/*
 * A file made in a set-group-ID directory gets that group; an executable that would run with it
 * is only for its members to make.
 */
static uint32_t mode_in_group_directory(uint32_t mode, uint32_t gid) {
    const struct credentials *c = &vfs_context_current()->credentials;

    if ((mode & S_IFMT) == S_IFDIR)
        return mode | S_ISGID;
    if ((mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) && c->fsuid != 0 &&
        !credentials_in_group(c, gid))
        return mode & ~(uint32_t)S_ISGID;
    return mode;
}

/* Owner, group and mode of what is made in dir: umask, set-group-ID directories. */
static void new_inherit(const struct vnode *dir, struct vnode_new *what) {
    struct vfs_context *context = vfs_context_current();

    what->uid = context->credentials.fsuid;
    what->gid = context->credentials.fsgid;
    if (dir->mode & S_ISGID) {
        what->gid = dir->gid;
        what->mode = mode_in_group_directory(what->mode, dir->gid);
    }
    if ((what->mode & S_IFMT) != S_IFLNK)
        what->mode &= ~context->dirs->umask;
}

int vfs_create_locked(struct name *dir, const struct component *c, struct vnode_new *what,
                      struct name **out) {
    struct vnode *parent = dir->vnode, *made;
    int error = mount_check_write(dir);

    if (!error)
        error = vfs_access(parent, ACCESS_WRITE | ACCESS_EXEC);
    if (!error && !parent->ops->create)
        error = -EPERM;
    if (error)
        return error;
    new_inherit(parent, what);
    error = parent->ops->create(parent, c, what, &made);
    if (error)
        return error;
    if (out) {
        error = name_create_locked(dir, c, made, out);
        if (error)
            parent->ops->unlink(parent, c, made);
    }
    vnode_unref(made);
    return error;
}

/* Walks to where `path` is to be made and locks the directory; -EEXIST when something is there. */
static int make_begin(struct name *at, const char *path, bool is_dir, struct lookup_last *last) {
    struct name *existing;
    int error = vfs_lookup_parent(at, path, 0, last);

    if (error)
        return error;
    if (!last->is_plain) {
        error = -EEXIST;
        goto release;
    }
    mutex_lock(&last->dir->vnode->lock);
    error = name_lookup_locked(last->dir, &last->c, &existing);
    if (!error) {
        name_unref(existing);
        error = -EEXIST;
    } else if (error == -ENOENT && (is_dir || !last->has_trailing_slash)) {
        return 0;
    }
    mutex_unlock(&last->dir->vnode->lock);
release:
    lookup_last_release(last);
    return error;
}

static void make_end(struct lookup_last *last) {
    mutex_unlock(&last->dir->vnode->lock);
    lookup_last_release(last);
}

static int make(struct name *at, const char *path, struct vnode_new *what) {
    struct lookup_last last;
    int error = make_begin(at, path, (what->mode & S_IFMT) == S_IFDIR, &last);

    if (error)
        return error;
    error = vfs_create_locked(last.dir, &last.c, what, NULL);
    make_end(&last);
    return error;
}

int vfs_make_node(struct name *at, const char *path, uint32_t mode, uint64_t rdev) {
    struct vnode_new what = {.mode = mode, .rdev = rdev};
    uint32_t type = mode & S_IFMT;

    if ((type == S_IFCHR || type == S_IFBLK) && !vfs_is_root())
        return -EPERM;
    return make(at, path, &what);
}

int vfs_make_symlink(struct name *at, const char *path, const char *target) {
    struct vnode_new what = {.mode = S_IFLNK | 0777, .target = target};

    return *target ? make(at, path, &what) : -ENOENT;
}

/* What link(2) asks of the two ends; directory locked. */
static int link_check(struct name *existing, const struct lookup_last *last) {
    struct vnode *dir = last->dir->vnode;
    int error;

    if (existing->mount != last->dir->mount)
        return -EXDEV;
    error = mount_check_write(last->dir);
    if (!error)
        error = vfs_access(dir, ACCESS_WRITE | ACCESS_EXEC);
    if (error)
        return error;
    if (vnode_is_dir(existing->vnode) || !dir->ops->link)
        return -EPERM;
    return existing->vnode->nlink == 0 && !existing->vnode->is_unnamed ? -ENOENT : 0;
}

int vfs_make_link(struct name *existing, struct name *at, const char *path) {
    struct lookup_last last;
    int error = make_begin(at, path, false, &last);

    if (error)
        return error;
    error = link_check(existing, &last);
    if (!error)
        error = last.dir->vnode->ops->link(last.dir->vnode, &last.c, existing->vnode);
    if (!error)
        existing->vnode->is_unnamed = false;
    make_end(&last);
    return error;
}

int vfs_make_unnamed(struct name *dir, uint32_t mode, struct name **out) {
    struct vnode_new what = {.mode = (mode & 07777) | S_IFREG};
    struct vnode *parent = dir->vnode, *made;
    int error = mount_check_write(dir);

    if (!vnode_is_dir(parent))
        return -ENOTDIR;
    if (!error)
        error = vfs_access(parent, ACCESS_WRITE | ACCESS_EXEC);
    if (!error && !parent->ops->create_unnamed)
        error = -EOPNOTSUPP;
    if (error)
        return error;
    new_inherit(parent, &what);
    error = parent->ops->create_unnamed(parent, &what, &made);
    if (error)
        return error;
    made->is_unnamed = true;
    error = name_create_unlisted(dir, made, out);
    vnode_unref(made);
    return error;
}

/* What may not be removed, the file system's own rules apart; directory locked. */
static int remove_check(const struct lookup_last *last, struct name *victim, bool want_dir) {
    bool is_dir = vnode_is_dir(victim->vnode);
    int error = mount_check_write(last->dir);

    if (!error && !want_dir && last->has_trailing_slash)
        error = is_dir ? -EISDIR : -ENOTDIR;
    if (!error)
        error = vfs_access_remove(last->dir->vnode, victim->vnode);
    if (error)
        return error;
    if (want_dir != is_dir)
        return want_dir ? -ENOTDIR : -EISDIR;
    if (victim->mounted)
        return -EBUSY;
    return last->dir->vnode->ops->unlink ? 0 : -EPERM;
}

static int remove_last(struct lookup_last *last, bool want_dir) {
    struct vnode *dir = last->dir->vnode;
    struct name *victim = NULL;
    int error;

    mutex_lock(&dir->lock);
    error = name_lookup_locked(last->dir, &last->c, &victim);
    if (error)
        goto unlock;
    error = remove_check(last, victim, want_dir);
    if (!error)
        error = dir->ops->unlink(dir, &last->c, victim->vnode);
    if (!error)
        name_mark_deleted(victim);
unlock:
    mutex_unlock(&dir->lock);
    name_unref(victim);
    return error;
}

/* What rmdir(2) and unlink(2) say to paths that end in no plain name. */
static int remove_not_plain(const struct lookup_last *last, bool want_dir) {
    if (!want_dir)
        return -EISDIR;
    if (last->is_dot)
        return -EINVAL;
    return last->is_dotdot ? -ENOTEMPTY : -EBUSY;
}

static int remove_path(struct name *at, const char *path, bool want_dir) {
    struct lookup_last last;
    int error = vfs_lookup_parent(at, path, 0, &last);

    if (error)
        return error;
    if (last.is_plain)
        error = remove_last(&last, want_dir);
    else
        error = remove_not_plain(&last, want_dir);
    lookup_last_release(&last);
    return error;
}

int vfs_remove(struct name *at, const char *path) {
    return remove_path(at, path, false);
}

int vfs_remove_directory(struct name *at, const char *path) {
    return remove_path(at, path, true);
}
