/* SPDX-License-Identifier: MIT */
/*
 * Path walks; see lookup.h. Source: path_resolution(7), symlink(7).
 *
 * The state of a walk is struct lookup_last: where it is (dir), what is left of the path (rest).
 * A symbolic link's text, a slash and the rest make a new path in a buffer of the walk's own.
 */
#include "vfs/lookup.h"

#include "abi/errno.h"
#include "core/assert.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "vfs/access.h"
#include "vfs/context.h"
#include "vfs/mount.h"
#include "vfs/name_table.h"

#define LINK_TEXT_SMALL 256

/* Replaces *slot's reference by one that the caller hands over. */
static void name_replace(struct name **slot, struct name *n) {
    name_unref(*slot);
    *slot = n;
}

static struct name *mount_root_of(struct name *n) {
    struct name *root = NULL;

    spin_lock(&name_lock);
    if (n->mounted) {
        root = n->mounted->root;
        name_ref(root);
    }
    spin_unlock(&name_lock);
    return root;
}

void lookup_cross_mounts(struct name **n) {
    while (__atomic_load_n(&(*n)->mounted, __ATOMIC_RELAXED)) {
        struct name *root = mount_root_of(*n);

        if (!root)
            return;
        name_replace(n, root);
    }
}

/* The name above n, with a reference; n itself (referenced) at `root` or at the very top. */
static struct name *name_above(struct name *n, struct name *root) {
    struct name *up = n;

    spin_lock(&name_lock);
    while (up != root && !up->parent && up->mount && up->mount->covered)
        up = up->mount->covered;
    if (up != root && up->parent)
        up = up->parent;
    name_ref(up);
    spin_unlock(&name_lock);
    return up;
}

static void walk_up(struct lookup_last *w) {
    name_replace(&w->dir, name_above(w->dir, w->root));
    lookup_cross_mounts(&w->dir);
}

void lookup_last_release(struct lookup_last *w) {
    name_unref(w->dir);
    name_unref(w->root);
    kfree(w->buffer);
    w->dir = w->root = NULL;
    w->buffer = NULL;
}

static int walk_start(struct lookup_last *w, struct name *at, const char *path, unsigned flags) {
    struct vfs_context *context = vfs_context_current();

    if (*path == '\0' && !(flags & LOOKUP_EMPTY))
        return -ENOENT;
    *w = (struct lookup_last){.rest = path, .flags = flags};
    w->root = vfs_context_root(context);
    if (*path == '/') {
        w->dir = w->root;
        name_ref(w->dir);
    } else if (at) {
        w->dir = at;
        name_ref(at);
    } else {
        w->dir = vfs_context_cwd(context);
    }
    return 0;
}

static int walk_check_search(struct lookup_last *w) {
    struct vnode *v = w->dir->vnode;

    if (!vnode_is_dir(v))
        return -ENOTDIR;
    if (w->flags & LOOKUP_REAL_IDS)
        return vfs_access_real(v, ACCESS_EXEC);
    return vfs_access(v, ACCESS_EXEC);
}

/* Cuts the next component off w->rest; true when more follows it. */
static bool walk_next_component(struct lookup_last *w) {
    uint32_t hash = COMPONENT_HASH_START;
    const char *p = w->rest;

    while (*p == '/')
        p++;
    w->c.text = p;
    for (; *p && *p != '/'; p++)
        hash = component_hash_byte(hash, *p);
    w->c.hash = hash;
    w->c.length = (size_t)(p - w->c.text);
    w->is_dot = w->c.length == 1 && w->c.text[0] == '.';
    w->is_dotdot = w->c.length == 2 && w->c.text[0] == '.' && w->c.text[1] == '.';
    w->is_plain = w->c.length > 0 && !w->is_dot && !w->is_dotdot;
    w->rest = p;
    while (*p == '/')
        p++;
    if (*p == '\0' && *w->rest == '/' && w->c.length > 0)
        w->has_trailing_slash = true;
    return *p != '\0';
}

/* The new path: text, a slash where something follows, the rest. Takes the old buffer's place. */
static int walk_splice(struct lookup_last *w, const char *text, size_t length) {
    size_t rest_length = strlen(w->rest);
    char *buffer = kmalloc(length + rest_length + 1);

    if (!buffer)
        return -ENOMEM;
    memcpy(buffer, text, length);
    memcpy(buffer + length, w->rest, rest_length + 1);
    kfree(w->buffer);
    w->buffer = buffer;
    w->rest = buffer;
    return 0;
}

static int walk_follow_text(struct lookup_last *w, const char *text, long length) {
    int error;

    if (length < 0)
        return (int)length;
    if (length == 0)
        return -ENOENT;
    error = walk_splice(w, text, (size_t)length);
    if (!error && *w->rest == '/') {
        name_ref(w->root);
        name_replace(&w->dir, w->root);
    }
    return error;
}

static int walk_follow_long_text(struct lookup_last *w, struct vnode *link) {
    char *text = kmalloc(VFS_PATH_MAX);
    int error;

    if (!text)
        return -ENOMEM;
    error = walk_follow_text(w, text, link->ops->readlink(link, text, VFS_PATH_MAX));
    kfree(text);
    return error;
}

/* Goes on where the link `n` in w->dir leads. */
static int walk_follow(struct lookup_last *w, struct name *n) {
    struct vnode *link = n->vnode;
    char text[LINK_TEXT_SMALL];
    struct name *target;
    long length;
    int error;

    if (++w->links > VFS_SYMLINK_LIMIT)
        return -ELOOP;
    if (link->ops->follow) {
        error = link->ops->follow(link, &target);
        if (!error)
            name_replace(&w->dir, target);
        return error;
    }
    length = link->ops->readlink(link, text, sizeof(text));
    if (length == sizeof(text))
        return walk_follow_long_text(w, link);
    return walk_follow_text(w, text, length);
}

/* Steps through a component that is not the last one. */
static int walk_through(struct lookup_last *w) {
    struct name *n;
    int error;

    if (w->is_dot)
        return 0;
    if (w->is_dotdot) {
        walk_up(w);
        return 0;
    }
    error = name_lookup(w->dir, &w->c, &n);
    if (error)
        return error;
    lookup_cross_mounts(&n);
    if (!vnode_is_symlink(n->vnode)) {
        name_replace(&w->dir, n);
        return 0;
    }
    error = walk_follow(w, n);
    name_unref(n);
    return error;
}

/* Walks until only the last component is left in w->c, in a directory that may be searched. */
static int walk_to_last(struct lookup_last *w) {
    bool more;
    int error;

    do {
        more = walk_next_component(w);
        if (w->c.length == 0)
            return 0;
        error = walk_check_search(w);
        if (!error && more)
            error = walk_through(w);
    } while (!error && more);
    return error;
}

int vfs_lookup_parent(struct name *at, const char *path, unsigned flags, struct lookup_last *last) {
    int error = walk_start(last, at, path, flags);

    if (error)
        return error;
    error = walk_to_last(last);
    if (error)
        lookup_last_release(last);
    return error;
}

int lookup_last_follow(struct lookup_last *last, struct name *link) {
    int error = walk_follow(last, link);

    if (!error)
        error = walk_to_last(last);
    if (error)
        lookup_last_release(last);
    return error;
}

/*
 * Takes the last step into w->dir. 1: done; 0: it was a link, w->c is a new last component.
 */
static int walk_last_step(struct lookup_last *w) {
    struct name *n;
    int error;

    if (w->is_dotdot)
        walk_up(w);
    if (!w->is_plain)
        return 1;
    error = name_lookup(w->dir, &w->c, &n);
    if (error)
        return error;
    lookup_cross_mounts(&n);
    if (!vnode_is_symlink(n->vnode) || !(w->flags & LOOKUP_FOLLOW || w->has_trailing_slash)) {
        name_replace(&w->dir, n);
        return 1;
    }
    error = walk_follow(w, n);
    name_unref(n);
    return error ? error : walk_to_last(w);
}

int vfs_lookup(struct name *at, const char *path, unsigned flags, struct name **out) {
    struct lookup_last w;
    int status = vfs_lookup_parent(at, path, flags, &w);

    if (status)
        return status;
    do
        status = walk_last_step(&w);
    while (status == 0);
    if (status > 0 && (w.has_trailing_slash || flags & LOOKUP_DIRECTORY) &&
        !vnode_is_dir(w.dir->vnode))
        status = -ENOTDIR;
    if (status > 0) {
        *out = w.dir;
        name_ref(w.dir);
        status = 0;
    }
    lookup_last_release(&w);
    return status;
}
