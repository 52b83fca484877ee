/* SPDX-License-Identifier: MIT */
/*
 * Vnodes and file systems: life, times, writers. See vnode.h for words and locks.
 */
#include "vfs/vnode.h"

#include "abi/errno.h"
#include "core/assert.h"
#include "core/clock.h"
#include "vfs/file_lock.h"

#define NS_PER_DAY (86400ll * 1000000000ll)

static _Atomic uint32_t next_minor = 16;

void filesystem_init(struct filesystem *fs, const char *type, const struct filesystem_ops *ops) {
    fs->type = type;
    fs->dev = dev_make(0, atomic_fetch_add(&next_minor, 1));
    refcount_init(&fs->refs, 1);
    mutex_init(&fs->rename_lock, "rename", LOCK_RANK_VFS_RENAME);
    fs->root = NULL;
    fs->mount = NULL;
    fs->ops = ops;
    fs->data = NULL;
}

void filesystem_ref(struct filesystem *fs) {
    refcount_inc(&fs->refs);
}

void filesystem_unref(struct filesystem *fs) {
    if (refcount_dec_and_test(&fs->refs))
        fs->ops->destroy(fs);
}

void vnode_init(struct vnode *v, struct filesystem *fs, const struct vnode_ops *ops,
                uint32_t mode) {
    bool is_dir = (mode & S_IFMT) == S_IFDIR;

    *v = (struct vnode){.mode = mode, .nlink = 1, .ops = ops, .fs = fs};
    refcount_init(&v->refs, 1);
    mutex_init(&v->lock, "vnode", is_dir ? LOCK_RANK_VNODE_PARENT : LOCK_RANK_VNODE);
    v->atime_ns = v->mtime_ns = v->ctime_ns = v->btime_ns = vnode_now_ns();
    if (fs)
        filesystem_ref(fs);
}

void vnode_fini(struct vnode *v) {
    file_locks_free(v);
    if (v->fs)
        filesystem_unref(v->fs);
}

void vnode_ref(struct vnode *v) {
    DEBUG_ASSERT(refcount_get(&v->refs) > 0);
    refcount_inc(&v->refs);
}

void vnode_unref(struct vnode *v) {
    if (v && refcount_dec_and_test(&v->refs))
        v->ops->release(v);
}

vnode_time_ns vnode_now_ns(void) {
    return (vnode_time_ns)clock_realtime_ns();
}

uint32_t vnode_mode_without_set_id(uint32_t mode) {
    if (mode & S_IXGRP)
        mode &= ~(uint32_t)S_ISGID;
    return mode & ~(uint32_t)S_ISUID;
}

void vnode_attr_apply(struct vnode *v, const struct vnode_attr *attr) {
    if (attr->mask & VATTR_MODE)
        v->mode = (v->mode & S_IFMT) | (attr->mode & ~(uint32_t)S_IFMT);
    if (attr->mask & VATTR_NO_SET_ID)
        v->mode = vnode_mode_without_set_id(v->mode);
    if (attr->mask & VATTR_UID)
        v->uid = attr->uid;
    if (attr->mask & VATTR_GID)
        v->gid = attr->gid;
    if (attr->mask & VATTR_ATIME)
        v->atime_ns = attr->atime_ns;
    if (attr->mask & VATTR_MTIME)
        v->mtime_ns = attr->mtime_ns;
    v->ctime_ns = vnode_now_ns();
}

void vnode_touch_modified(struct vnode *v) {
    v->mtime_ns = v->ctime_ns = vnode_now_ns();
}

/* relatime: when it was not read since it last changed, or not for a day. */
void vnode_touch_accessed(struct vnode *v) {
    vnode_time_ns now;

    now = vnode_now_ns();
    if (v->atime_ns <= v->mtime_ns || v->atime_ns <= v->ctime_ns || now - v->atime_ns >= NS_PER_DAY)
        v->atime_ns = now;
}

/* Adds step (1 or -1) to v->writers unless it has the other sign. */
static int writers_add(struct vnode *v, int step) {
    int32_t n = __atomic_load_n(&v->writers, __ATOMIC_RELAXED);

    do {
        if (step > 0 ? n < 0 : n > 0)
            return -ETXTBSY;
    } while (!__atomic_compare_exchange_n(&v->writers, &n, n + step, true, __ATOMIC_ACQ_REL,
                                          __ATOMIC_RELAXED));
    return 0;
}

int vnode_deny_write(struct vnode *v) {
    return writers_add(v, -1);
}

void vnode_allow_write(struct vnode *v) {
    __atomic_fetch_add(&v->writers, 1, __ATOMIC_ACQ_REL);
}

int vnode_get_write(struct vnode *v) {
    return writers_add(v, 1);
}

void vnode_put_write(struct vnode *v) {
    __atomic_fetch_sub(&v->writers, 1, __ATOMIC_ACQ_REL);
}
