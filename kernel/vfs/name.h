/* SPDX-License-Identifier: MIT */
/*
 * Names: the tree of paths that are in use.
 *
 * A name is a place in the tree of mounted file systems: a parent, a component, the vnode there.
 * It exists as long as somebody uses it (an open file, a working directory, a running image, a
 * name below it) and is found by (parent, component), so that two walks to one place give one
 * name. getcwd, /proc/PID/exe, /proc/PID/maps and mounts hang on names.
 *
 * Removing or renaming a file changes the names in use along with the directory: a removed one is
 * no longer found (`is_deleted`), a renamed one gets its new parent and component.
 *
 * Anonymous names (of pipes) have no parent and are never found by a walk.
 *
 * Locks: one spinlock, RANK_NAME, for the table and for parent, component and mounted of all
 * names. Names change only while the directory's vnode lock is held, too.
 */
#ifndef QUIRE_VFS_NAME_H
#define QUIRE_VFS_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/list.h"
#include "lib/refcount.h"
#include "vfs/vnode.h"

struct mount;

#define NAME_INLINE_BYTES 32

struct name {
    struct refcount refs;
    uint32_t hash;
    struct list_node link; /* in the table, or alone */
    struct name *parent;   /* a reference; NULL: root of a mount, or anonymous */
    struct vnode *vnode;   /* c: a reference */
    struct mount *mount;   /* the mount this name lies in; NULL: anonymous */
    struct mount *mounted; /* what is mounted on it, or NULL */
    char *text;            /* NUL-terminated; inline_text or kmalloc'd */
    uint16_t length;
    bool is_deleted;
    char inline_text[NAME_INLINE_BYTES];
};

/*
 * The name `c` under `parent`, with a reference, looked up in the directory where it is not in use
 * yet. No permission check, no mounts crossed, no "." or "..". May sleep.
 * Errors: -ENOENT, -ENOMEM, -ENAMETOOLONG, those of the file system.
 */
int name_lookup(struct name *parent, const struct component *c, struct name **out);

/* The same with parent->vnode->lock held by the caller. */
int name_lookup_locked(struct name *parent, const struct component *c, struct name **out);

/*
 * A name for an entry just made: takes over nothing, refs `vnode`. Directory lock held.
 * -ENOMEM only.
 */
int name_create_locked(struct name *parent, const struct component *c, struct vnode *vnode,
                       struct name **out);

/* The root name of a mount. Refs `vnode`. */
int name_create_root(struct mount *mount, struct vnode *vnode, struct name **out);

/* A name no walk finds, shown as `text`, for pipes and sockets `text:[ino]`. Refs `vnode`. */
int name_create_anonymous(const char *text, struct vnode *vnode, struct name **out);

/* A name in the directory that no walk finds and that reads as deleted: O_TMPFILE. Refs `vnode`. */
int name_create_unlisted(struct name *parent, struct vnode *vnode, struct name **out);

void name_ref(struct name *n);

/* May sleep (the vnode's last reference may go). NULL is allowed. */
void name_unref(struct name *n);

/* The file is no longer there; directory lock held. */
void name_mark_deleted(struct name *n);

/*
 * Room for a longer component must be prepared before a rename is done: 0 or -ENOMEM. Then
 * name_move cannot fail. name_exchange swaps the places of two.
 */
struct name_move {
    struct name *moved;
    struct name *to_parent;
    char *text; /* prepared; given back by name_move_cancel */
    uint16_t length;
};
int name_move_prepare(struct name_move *m, struct name *moved, struct name *to_parent,
                      const struct component *to);
void name_move_commit(struct name_move *m);
void name_move_cancel(struct name_move *m);
void name_exchange(struct name *a, struct name *b);

/*
 * The path from the root of all mounts, NUL-terminated, " (deleted)" added for what was removed.
 * Returns its length without NUL, or -ENAMETOOLONG. Does not sleep: /proc/PID/maps, exe, fd.
 */
int name_path(struct name *n, char *buf, size_t size);

/*
 * The path as seen from `root` (getcwd(2)): -ENOENT when it was removed, "(unreachable)" in front
 * when it does not lie under root.
 */
int name_path_from(struct name *n, struct name *root, char *buf, size_t size);

/* Whether `n` is `above` or lies below it, mounts crossed. */
bool name_is_within(struct name *n, struct name *above);

#endif
