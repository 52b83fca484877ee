/* SPDX-License-Identifier: MIT */
/*
 * Renaming. Source: rename(2); the order of the checks is Linux's.
 *
 * Locks: fs->rename_lock when a directory may move to another parent, so that no two renames
 * make a circle and the way up from a directory stands still; then both directories.
 */
#include "abi/errno.h"
#include "abi/fcntl.h"
#include "vfs/access.h"
#include "vfs/change.h"
#include "vfs/mount.h"

struct rename_state {
    struct lookup_last from;
    struct lookup_last to;
    struct name *moved;
    struct name *replaced; /* or NULL */
    unsigned flags;
};

static int rename_check_flags(unsigned flags) {
    if (flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE))
        return -EINVAL;
    return flags == (RENAME_NOREPLACE | RENAME_EXCHANGE) ? -EINVAL : 0;
}

static int rename_walk(const struct vfs_rename *r, struct rename_state *s) {
    int error = vfs_lookup_parent(r->from_at, r->from, 0, &s->from);

    if (error)
        return error;
    error = vfs_lookup_parent(r->to_at, r->to, 0, &s->to);
    if (error)
        goto release_from;
    error = -EXDEV;
    if (s->from.dir->mount != s->to.dir->mount || !s->from.dir->mount)
        goto release_to;
    error = -EBUSY;
    if (!s->from.is_plain)
        goto release_to;
    if (!s->to.is_plain) {
        error = s->flags & RENAME_NOREPLACE ? -EEXIST : -EBUSY;
        goto release_to;
    }
    return 0;

release_to:
    lookup_last_release(&s->to);
release_from:
    lookup_last_release(&s->from);
    return error;
}

static void rename_lock(struct rename_state *s) {
    struct vnode *a = s->from.dir->vnode, *b = s->to.dir->vnode;

    if (a != b)
        mutex_lock(&a->fs->rename_lock);
    mutex_lock_pair(&a->lock, &b->lock);
}

static void rename_unlock(struct rename_state *s) {
    struct vnode *a = s->from.dir->vnode, *b = s->to.dir->vnode;

    mutex_unlock_pair(&a->lock, &b->lock);
    if (a != b)
        mutex_unlock(&a->fs->rename_lock);
}

/* Looks both entries up, as far as they are there, and compares that with what was asked. */
static int rename_find(struct rename_state *s) {
    int error = name_lookup_locked(s->from.dir, &s->from.c, &s->moved);

    if (error)
        return error;
    error = name_lookup_locked(s->to.dir, &s->to.c, &s->replaced);
    if (error && error != -ENOENT)
        return error;
    if (s->replaced && s->flags & RENAME_NOREPLACE)
        return -EEXIST;
    if (!s->replaced && s->flags & RENAME_EXCHANGE)
        return -ENOENT;
    return 0;
}

/* A trailing slash wants a directory; none may go below itself or over one above it. */
static int rename_check_shape(const struct rename_state *s) {
    bool exchange = s->flags & RENAME_EXCHANGE;

    if (!vnode_is_dir(s->moved->vnode)) {
        if (s->from.has_trailing_slash)
            return -ENOTDIR;
        if (!exchange && s->to.has_trailing_slash)
            return -ENOTDIR;
    }
    if (exchange && s->to.has_trailing_slash && !vnode_is_dir(s->replaced->vnode))
        return -ENOTDIR;
    if (name_is_within(s->to.dir, s->moved))
        return -EINVAL;
    if (s->replaced && name_is_within(s->from.dir, s->replaced))
        return exchange ? -EINVAL : -ENOTEMPTY;
    return 0;
}

static int rename_check_types(const struct rename_state *s) {
    bool moved_is_dir = vnode_is_dir(s->moved->vnode);

    if (!s->replaced || s->flags & RENAME_EXCHANGE)
        return 0;
    if (moved_is_dir && !vnode_is_dir(s->replaced->vnode))
        return -ENOTDIR;
    if (!moved_is_dir && vnode_is_dir(s->replaced->vnode))
        return -EISDIR;
    return 0;
}

/* A directory that gets another parent has its ".." changed: that takes the right to write it. */
static int rename_check_parent_change(const struct rename_state *s, struct name *n) {
    if (s->from.dir == s->to.dir || !n || !vnode_is_dir(n->vnode))
        return 0;
    return vfs_access(n->vnode, ACCESS_WRITE);
}

static int rename_check_rights(const struct rename_state *s) {
    int error = mount_check_write(s->from.dir);

    if (!error)
        error = vfs_access_remove(s->from.dir->vnode, s->moved->vnode);
    if (!error && s->replaced)
        error = vfs_access_remove(s->to.dir->vnode, s->replaced->vnode);
    else if (!error)
        error = vfs_access(s->to.dir->vnode, ACCESS_WRITE | ACCESS_EXEC);
    if (!error)
        error = rename_check_types(s);
    if (!error)
        error = rename_check_parent_change(s, s->moved);
    if (!error && s->flags & RENAME_EXCHANGE)
        error = rename_check_parent_change(s, s->replaced);
    if (error)
        return error;
    if (s->moved->mounted || (s->replaced && s->replaced->mounted))
        return -EBUSY;
    return s->from.dir->vnode->ops->rename ? 0 : -EPERM;
}

static void rename_names(struct rename_state *s, struct name_move *move) {
    if (s->flags & RENAME_EXCHANGE) {
        name_exchange(s->moved, s->replaced);
        return;
    }
    if (s->replaced)
        name_mark_deleted(s->replaced);
    name_move_commit(move);
}

static int rename_commit(struct rename_state *s) {
    struct vnode_rename r = {
        .from_dir = s->from.dir->vnode,
        .from = &s->from.c,
        .moved = s->moved->vnode,
        .to_dir = s->to.dir->vnode,
        .to = &s->to.c,
        .replaced = s->replaced ? s->replaced->vnode : NULL,
        .exchange = s->flags & RENAME_EXCHANGE,
    };
    struct name_move move;
    int error;

    if (r.moved == r.replaced)
        return 0;
    error = name_move_prepare(&move, s->moved, s->to.dir, &s->to.c);
    if (error)
        return error;
    error = r.from_dir->ops->rename(&r);
    if (!error)
        rename_names(s, &move);
    name_move_cancel(&move);
    return error;
}

int vfs_rename(const struct vfs_rename *r) {
    struct rename_state s = {.flags = r->flags};
    int error = rename_check_flags(r->flags);

    if (!error)
        error = rename_walk(r, &s);
    if (error)
        return error;
    rename_lock(&s);
    error = rename_find(&s);
    if (!error)
        error = rename_check_shape(&s);
    if (!error && (!s.replaced || s.moved->vnode != s.replaced->vnode))
        error = rename_check_rights(&s);
    if (!error)
        error = rename_commit(&s);
    rename_unlock(&s);
    name_unref(s.moved);
    name_unref(s.replaced);
    lookup_last_release(&s.to);
    lookup_last_release(&s.from);
    return error;
}
