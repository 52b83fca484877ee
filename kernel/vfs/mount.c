/* SPDX-License-Identifier: MIT */
/* Mounts and types of file systems; see mount.h. Sources: mount(2), umount(2). */
#include "vfs/mount.h"

#include "abi/errno.h"
#include "core/panic.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "vfs/context.h"
#include "vfs/fdtable_slots.h"
#include "vfs/file_private.h"
#include "vfs/lookup.h"
#include "vfs/name_table.h"
#include "vfs/pipe.h"

/* Files may fill much of memory, but who wants to clean up must have room to run. */
#define ROOT_OPTIONS "mode=755,size=75%"

static struct mutex mount_lock;
static struct list_node mounts = LIST_HEAD_INIT(mounts);
static struct list_node types = LIST_HEAD_INIT(types);
static struct name *root_name;

void filesystem_register(struct filesystem_type *type) {
    list_push_back(&types, &type->link);
}

void filesystem_for_each(void (*fn)(const struct filesystem_type *type, void *arg), void *arg) {
    struct filesystem_type *t;

    LIST_FOR_EACH (&types, t, link) {
        fn(t, arg);
    }
}

static struct filesystem_type *filesystem_find(const char *name) {
    struct filesystem_type *t;

    LIST_FOR_EACH (&types, t, link) {
        if (strcmp(t->name, name) == 0)
            return t;
    }
    return NULL;
}

static void filesystem_detach(struct filesystem *fs) {
    if (fs->ops->detach)
        fs->ops->detach(fs);
    else
        vnode_unref(fs->root);
    filesystem_unref(fs);
}

void mount_ref(struct mount *m) {
    refcount_inc(&m->users);
}

void mount_unref(struct mount *m) {
    if (!refcount_dec_and_test(&m->users))
        return;
    filesystem_detach(m->fs);
    kfree(m->source);
    kfree(m);
}

static char *string_duplicate(const char *s) {
    size_t size = strlen(s) + 1;
    char *copy = kmalloc(size);

    if (copy)
        memcpy(copy, s, size);
    return copy;
}

/* A mount of a fresh instance, not in the tree yet; takes over fs. Has one user: its root. */
static int mount_create(struct filesystem *fs, const char *source, unsigned flags,
                        struct mount **out) {
    struct mount *m = kzalloc(sizeof(*m));
    int error = -ENOMEM;

    if (!m)
        goto detach;
    m->fs = fs;
    m->flags = flags;
    list_init(&m->link);
    refcount_init(&m->users, 1);
    m->source = string_duplicate(source);
    if (!m->source)
        goto free_mount;
    error = name_create_root(m, fs->root, &m->root);
    if (error)
        goto free_source;
    mount_unref(m);
    *out = m;
    return 0;

free_source:
    kfree(m->source);
free_mount:
    kfree(m);
detach:
    filesystem_detach(fs);
    return error;
}

/*
 * Locks the directory that has the entry n, so that it is neither removed nor moved meanwhile. The
 * vnode, to be unlocked and given back, or NULL: the root of a mount is nobody's entry.
 */
static struct vnode *mount_lock_parent(struct name *n) {
    for (;;) {
        struct vnode *dir = NULL;
        bool is_still;

        spin_lock(&name_lock);
        if (n->parent) {
            dir = n->parent->vnode;
            vnode_ref(dir);
        }
        spin_unlock(&name_lock);
        if (!dir)
            return NULL;
        mutex_lock(&dir->lock);
        spin_lock(&name_lock);
        is_still = n->parent->vnode == dir;
        spin_unlock(&name_lock);
        if (is_still)
            return dir;
        mutex_unlock(&dir->lock);
        vnode_unref(dir);
    }
}

/* Hangs m over `on`, or over what is mounted there by now. mount_lock held. -ENOENT: removed. */
static int mount_attach(struct mount *m, struct name *on) {
    struct vnode *dir;
    int error = 0;

    name_ref(on);
    lookup_cross_mounts(&on);
    dir = mount_lock_parent(on);
    spin_lock(&name_lock);
    if (on->is_deleted) {
        error = -ENOENT;
    } else {
        m->covered = on;
        on->mounted = m;
        m->fs->mount = m;
    }
    spin_unlock(&name_lock);
    if (dir) {
        mutex_unlock(&dir->lock);
        vnode_unref(dir);
    }
    if (error)
        name_unref(on);
    else
        list_push_back(&mounts, &m->link);
    return error;
}

int vfs_mount(const char *type, const char *source, struct name *on, unsigned flags,
              const char *options) {
    struct filesystem_type *t = filesystem_find(type);
    struct filesystem *fs;
    struct mount *m;
    int error;

    if (!t)
        return -ENODEV;
    if (!vnode_is_dir(on->vnode))
        return -ENOTDIR;
    if (on->is_deleted)
        return -ENOENT;
    error = t->create(source, options, &fs);
    if (error)
        return error;
    error = mount_create(fs, source, flags, &m);
    if (error)
        return error;
    mutex_lock(&mount_lock);
    error = mount_attach(m, on);
    mutex_unlock(&mount_lock);
    if (error)
        name_unref(m->root);
    return error;
}

/* Whether nobody but the mount itself uses it; `held` references to root are the caller's. */
static bool mount_is_idle_locked(const struct mount *m, unsigned held) {
    return refcount_get(&m->users) == 1 && refcount_get(&m->root->refs) == 1 + held;
}

static int mount_detach(struct mount *m, bool lazy) {
    int error = 0;

    spin_lock(&name_lock);
    if (!m->covered || m->root->mounted || (!lazy && !mount_is_idle_locked(m, 1))) {
        error = -EBUSY;
    } else {
        m->covered->mounted = NULL;
        m->fs->mount = NULL;
    }
    spin_unlock(&name_lock);
    return error;
}

int vfs_unmount(struct name *root, bool lazy) {
    struct mount *m = root->mount;
    struct name *covered;
    int error = -EINVAL;

    mutex_lock(&mount_lock);
    if (!m || root != m->root || list_is_empty(&m->link))
        goto unlock;
    error = m->root == root_name ? -EBUSY : mount_detach(m, lazy);
    if (error)
        goto unlock;
    list_remove(&m->link);
    spin_lock(&name_lock);
    covered = m->covered;
    m->covered = NULL;
    spin_unlock(&name_lock);
    mutex_unlock(&mount_lock);
    name_unref(covered);
    name_unref(m->root);
    return 0;
unlock:
    mutex_unlock(&mount_lock);
    return error;
}

int vfs_remount(struct name *root, unsigned flags) {
    struct mount *m = root->mount;

    if (!m || root != m->root)
        return -EINVAL;
    mutex_lock(&mount_lock);
    m->flags = flags;
    mutex_unlock(&mount_lock);
    return 0;
}

int mount_for_each(int (*fn)(const struct mount *m, void *arg), void *arg) {
    struct mount *m;
    int result = 0;

    mutex_lock(&mount_lock);
    LIST_FOR_EACH (&mounts, m, link) {
        result = fn(m, arg);
        if (result)
            break;
    }
    mutex_unlock(&mount_lock);
    return result;
}

int mount_check_write(const struct name *n) {
    return n->mount && n->mount->flags & MOUNT_READ_ONLY ? -EROFS : 0;
}

/* The root name of the mount fs is at, with a reference, or NULL. */
static struct name *mount_root_name(struct filesystem *fs) {
    struct name *n = NULL;

    spin_lock(&name_lock);
    if (fs->mount && refcount_inc_unless_zero(&fs->mount->root->refs))
        n = fs->mount->root;
    spin_unlock(&name_lock);
    return n;
}

int mount_path(struct filesystem *fs, char *buf, size_t size) {
    struct name *n = mount_root_name(fs);
    int length = n ? name_path(n, buf, size) : -ENOENT;

    name_unref(n);
    if (length == 1)
        buf[--length] = '\0';
    return length;
}

struct name *vfs_root_name(void) {
    return root_name;
}

static int mount_root(void) {
    struct filesystem_type *t = filesystem_find("tmpfs");
    struct filesystem *fs;
    struct mount *m;
    int error;

    if (!t)
        return -ENODEV;
    error = t->create("tmpfs", ROOT_OPTIONS, &fs);
    if (!error)
        error = mount_create(fs, "tmpfs", 0, &m);
    if (error)
        return error;
    list_push_back(&mounts, &m->link);
    fs->mount = m;
    root_name = m->root;
    return 0;
}

void vfs_init(void) {
    mutex_init(&mount_lock, "mount", LOCK_RANK_VFS_MOUNT);
    name_init();
    file_init();
    fdtable_init();
    pipe_init();
    if (mount_root())
        panic("vfs: no root file system");
    vfs_context_set_boot_root(root_name);
}
