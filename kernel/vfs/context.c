/* SPDX-License-Identifier: MIT */
/*
 * The process's side of the file system: directories, credentials' groups, hooks. See context.h.
 */
#include "vfs/context.h"

#include "abi/errno.h"
#include "core/assert.h"
#include "mm/slab.h"
#include "vfs/fdtable.h"
#include "vfs/mount.h"
#include "vfs/name.h"

#define DESCRIPTORS_DEFAULT 1024
#define UMASK_DEFAULT 022

static struct vfs_hooks vfs_hooks;

/* Before there are processes, and for kernel threads: made by the first that asks. */
static struct vfs_dirs boot_dirs = {
    .refs = REFCOUNT_INIT(1),
    .lock = SPINLOCK_INIT("dirs", LOCK_RANK_FDTABLE),
};
struct vfs_context vfs_boot_context = {
    .dirs = &boot_dirs,
    .file_size_limit = UINT64_MAX,
};

void vfs_hooks_register(const struct vfs_hooks *hooks) {
    vfs_hooks = *hooks;
}

void vfs_signal_current(int signal) {
    if (vfs_hooks.signal_current)
        vfs_hooks.signal_current(signal);
}

uint32_t vfs_pid_current(void) {
    return vfs_hooks.pid_current ? vfs_hooks.pid_current() : 0;
}

/* Called by vfs_init once the root is mounted. */
void vfs_context_set_boot_root(struct name *root) {
    name_ref(root);
    name_ref(root);
    boot_dirs.root = root;
    boot_dirs.cwd = root;
}

struct vfs_dirs *vfs_dirs_copy(struct vfs_dirs *from) {
    struct vfs_dirs *dirs = kmalloc(sizeof(*dirs));

    if (!dirs)
        return NULL;
    refcount_init(&dirs->refs, 1);
    spin_init(&dirs->lock, "dirs", LOCK_RANK_FDTABLE);
    spin_lock(&from->lock);
    dirs->root = from->root;
    dirs->cwd = from->cwd;
    dirs->umask = from->umask;
    name_ref(dirs->root);
    name_ref(dirs->cwd);
    spin_unlock(&from->lock);
    return dirs;
}

void vfs_dirs_unref(struct vfs_dirs *dirs) {
    if (!dirs || !refcount_dec_and_test(&dirs->refs))
        return;
    name_unref(dirs->root);
    name_unref(dirs->cwd);
    kfree(dirs);
}

int vfs_context_init(struct vfs_context *c) {
    *c = (struct vfs_context){
        .descriptor_limit = DESCRIPTORS_DEFAULT,
        .file_size_limit = UINT64_MAX,
    };
    c->dirs = vfs_dirs_copy(&boot_dirs);
    if (!c->dirs)
        return -ENOMEM;
    c->dirs->umask = UMASK_DEFAULT;
    c->files = fdtable_create();
    if (!c->files) {
        vfs_dirs_unref(c->dirs);
        c->dirs = NULL;
        return -ENOMEM;
    }
    return 0;
}

static struct vfs_dirs *vfs_dirs_share(struct vfs_dirs *dirs) {
    refcount_inc(&dirs->refs);
    return dirs;
}

static struct fdtable *fdtable_share(struct fdtable *t) {
    fdtable_ref(t);
    return t;
}

int vfs_context_fork(struct vfs_context *child, const struct vfs_context *parent, bool share_dirs,
                     bool share_files) {
    struct vfs_context c = *parent;

    c.dirs = share_dirs ? vfs_dirs_share(parent->dirs) : vfs_dirs_copy(parent->dirs);
    if (!c.dirs)
        return -ENOMEM;
    c.files = share_files ? fdtable_share(parent->files) : fdtable_fork(parent->files);
    if (!c.files)
        goto drop_dirs;
    if (c.credentials.groups)
        group_list_ref(c.credentials.groups);
    *child = c;
    return 0;

drop_dirs:
    vfs_dirs_unref(c.dirs);
    return -ENOMEM;
}

void vfs_context_release(struct vfs_context *c) {
    struct fdtable *files = c->files;
    struct vfs_dirs *dirs = c->dirs;

    c->files = NULL;
    c->dirs = NULL;
    fdtable_unref(files);
    vfs_dirs_unref(dirs);
    group_list_unref(c->credentials.groups);
    c->credentials.groups = NULL;
}

struct name *vfs_context_root(struct vfs_context *c) {
    struct name *n;

    spin_lock(&c->dirs->lock);
    n = c->dirs->root;
    name_ref(n);
    spin_unlock(&c->dirs->lock);
    return n;
}

struct name *vfs_context_cwd(struct vfs_context *c) {
    struct name *n;

    spin_lock(&c->dirs->lock);
    n = c->dirs->cwd;
    name_ref(n);
    spin_unlock(&c->dirs->lock);
    return n;
}

/* Puts n into *slot, one of dirs' two; n's reference is handed over. */
static void vfs_dirs_set(struct vfs_dirs *dirs, struct name **slot, struct name *n) {
    struct name *old;

    spin_lock(&dirs->lock);
    old = *slot;
    *slot = n;
    spin_unlock(&dirs->lock);
    name_unref(old);
}

void vfs_context_set_root(struct vfs_context *c, struct name *n) {
    vfs_dirs_set(c->dirs, &c->dirs->root, n);
}

void vfs_context_set_cwd(struct vfs_context *c, struct name *n) {
    vfs_dirs_set(c->dirs, &c->dirs->cwd, n);
}

uint32_t vfs_context_set_umask(struct vfs_context *c, uint32_t mask) {
    uint32_t old;

    spin_lock(&c->dirs->lock);
    old = c->dirs->umask;
    c->dirs->umask = mask & 0777;
    spin_unlock(&c->dirs->lock);
    return old;
}

void group_list_ref(struct group_list *g) {
    refcount_inc(&g->refs);
}

void group_list_unref(struct group_list *g) {
    if (g && refcount_dec_and_test(&g->refs))
        kfree(g);
}

bool credentials_in_group(const struct credentials *c, uint32_t gid) {
    if (c->fsgid == gid)
        return true;
    for (unsigned i = 0; c->groups && i < c->groups->count; i++) {
        if (c->groups->ids[i] == gid)
            return true;
    }
    return false;
}
