/* SPDX-License-Identifier: MIT */
/*
 * Looking at attributes. Sources: stat(2), statx(2), access(2), readlink(2), statfs(2).
 */
#include "abi/fcntl.h"
#include "abi/stat.h"
#include "abi/statfs.h"
#include "core/uaccess.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "syscall/calls.h"
#include "syscall/user_path.h"
#include "vfs/access.h"
#include "vfs/fdtable.h"
#include "vfs/mount.h"

#define NS_PER_SEC 1000000000ll
#define BLOCK_BYTES 4096

struct split_time {
    int64_t seconds;
    uint32_t ns;
};

/* Times before 1970 have negative seconds and nanoseconds that still count forward. */
static struct split_time split_time(vnode_time_ns time) {
    int64_t seconds = time / NS_PER_SEC, ns = time % NS_PER_SEC;

    if (ns < 0) {
        ns += NS_PER_SEC;
        seconds--;
    }
    return (struct split_time){seconds, (uint32_t)ns};
}

static uint64_t vnode_blocks(struct vnode *v) {
    return v->ops->blocks ? v->ops->blocks(v) : 0;
}

static uint64_t vnode_dev(const struct vnode *v) {
    return v->fs ? v->fs->dev : 0;
}

/* ---- stat ---- */

static void fill_stat(struct vnode *v, struct linux_stat *st) {
    struct split_time a = split_time(v->atime_ns), m = split_time(v->mtime_ns);
    struct split_time c = split_time(v->ctime_ns);

    *st = (struct linux_stat){
        .st_dev = vnode_dev(v),
        .st_ino = v->ino,
        .st_nlink = v->nlink,
        .st_mode = v->mode,
        .st_uid = v->uid,
        .st_gid = v->gid,
        .st_rdev = v->rdev,
        .st_size = (int64_t)v->size,
        .st_blksize = BLOCK_BYTES,
        .st_blocks = (int64_t)vnode_blocks(v),
        .st_atime_sec = (uint64_t)a.seconds,
        .st_atime_nsec = a.ns,
        .st_mtime_sec = (uint64_t)m.seconds,
        .st_mtime_nsec = m.ns,
        .st_ctime_sec = (uint64_t)c.seconds,
        .st_ctime_nsec = c.ns,
    };
}

static long stat_vnode(struct vnode *v, void *buf) {
    struct linux_stat st;

    if (v->ops->refresh)
        v->ops->refresh(v);
    fill_stat(v, &st);
    return copy_to_user(buf, &st, sizeof(st));
}

long sys_fstat(int fd, void *buf) {
    struct file *f = fd_get_any(fd);
    long error;

    if (!f)
        return -EBADF;
    error = stat_vnode(f->vnode, buf);
    file_unref(f);
    return error;
}

long sys_newfstatat(int dir, const char *path, void *buf, int flags) {
    struct name *n;
    long error;

    if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_SYNC_TYPE))
        return -EINVAL;
    error = user_lookup(dir, path, user_lookup_flags(flags), &n);
    if (error)
        return error;
    error = stat_vnode(n->vnode, buf);
    name_unref(n);
    return error;
}

long sys_stat(const char *path, void *buf) {
    return sys_newfstatat(AT_FDCWD, path, buf, 0);
}

long sys_lstat(const char *path, void *buf) {
    return sys_newfstatat(AT_FDCWD, path, buf, AT_SYMLINK_NOFOLLOW);
}

/* ---- statx ---- */

static struct linux_statx_timestamp statx_time(vnode_time_ns time) {
    struct split_time t = split_time(time);

    return (struct linux_statx_timestamp){.tv_sec = t.seconds, .tv_nsec = t.ns};
}

static void fill_statx(struct name *n, struct linux_statx *st) {
    struct vnode *v = n->vnode;

    *st = (struct linux_statx){
        .stx_mask = STATX_BASIC_STATS | STATX_BTIME,
        .stx_blksize = BLOCK_BYTES,
        .stx_attributes = n->mount && !n->parent ? STATX_ATTR_MOUNT_ROOT : 0,
        .stx_attributes_mask = STATX_ATTR_MOUNT_ROOT,
        .stx_nlink = v->nlink,
        .stx_uid = v->uid,
        .stx_gid = v->gid,
        .stx_mode = (uint16_t)v->mode,
        .stx_ino = v->ino,
        .stx_size = v->size,
        .stx_blocks = vnode_blocks(v),
        .stx_atime = statx_time(v->atime_ns),
        .stx_btime = statx_time(v->btime_ns),
        .stx_ctime = statx_time(v->ctime_ns),
        .stx_mtime = statx_time(v->mtime_ns),
        .stx_rdev_major = dev_major(v->rdev),
        .stx_rdev_minor = dev_minor(v->rdev),
        .stx_dev_major = dev_major(vnode_dev(v)),
        .stx_dev_minor = dev_minor(vnode_dev(v)),
    };
}

long sys_statx(int dir, const char *path, int flags, uint32_t mask, void *buf) {
    struct linux_statx st;
    struct name *n;
    long error;

    if (mask & STATX_RESERVED)
        return -EINVAL;
    if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_SYNC_TYPE) ||
        (flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE)
        return -EINVAL;
    error = user_lookup(dir, path, user_lookup_flags(flags), &n);
    if (error)
        return error;
    if (n->vnode->ops->refresh)
        n->vnode->ops->refresh(n->vnode);
    fill_statx(n, &st);
    name_unref(n);
    return copy_to_user(buf, &st, sizeof(st));
}

/* ---- access ---- */

static int check_access(struct name *n, unsigned mode, bool effective) {
    int error;

    if (mode & W_OK && (vnode_is_regular(n->vnode) || vnode_is_dir(n->vnode))) {
        error = mount_check_write(n);
        if (error)
            return error;
    }
    if (mode & X_OK && vnode_is_regular(n->vnode) && n->mount && n->mount->flags & MOUNT_NO_EXEC)
        return -EACCES;
    return effective ? vfs_access(n->vnode, mode) : vfs_access_real(n->vnode, mode);
}

long sys_faccessat2(int dir, const char *path, int mode, int flags) {
    bool effective = flags & AT_EACCESS;
    unsigned lookup = user_lookup_flags(flags) | (effective ? 0 : LOOKUP_REAL_IDS);
    struct name *n;
    long error;

    if (mode & ~(R_OK | W_OK | X_OK) || flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
        return -EINVAL;
    error = user_lookup(dir, path, lookup, &n);
    if (error)
        return error;
    error = check_access(n, (unsigned)mode, effective);
    name_unref(n);
    return error;
}

long sys_faccessat(int dir, const char *path, int mode) {
    return sys_faccessat2(dir, path, mode, 0);
}

long sys_access(const char *path, int mode) {
    return sys_faccessat2(AT_FDCWD, path, mode, 0);
}

/* ---- readlink ---- */

static long read_link(struct vnode *v, char *buf, size_t size) {
    char *text;
    long length;

    if (!v->ops->readlink)
        return -EINVAL;
    text = kmalloc(VFS_PATH_MAX);
    if (!text)
        return -ENOMEM;
    length = v->ops->readlink(v, text, size < VFS_PATH_MAX ? size : VFS_PATH_MAX);
    if (length > 0 && copy_to_user(buf, text, (size_t)length))
        length = -EFAULT;
    kfree(text);
    return length;
}

long sys_readlinkat(int dir, const char *path, char *buf, int size) {
    struct user_path p;
    struct name *n;
    long result;

    if (size <= 0)
        return -EINVAL;
    result = user_path_get(&p, dir, path);
    if (result)
        return result;
    result = vfs_lookup(p.at, p.text, LOOKUP_EMPTY, &n);
    if (!result) {
        result = read_link(n->vnode, buf, (size_t)size);
        name_unref(n);
        if (result == -EINVAL && p.text[0] == '\0')
            result = -ENOENT;
    }
    user_path_put(&p);
    return result;
}

long sys_readlink(const char *path, char *buf, int size) {
    return sys_readlinkat(AT_FDCWD, path, buf, size);
}

/* ---- statfs ---- */

static int64_t statfs_flags(const struct mount *m) {
    int64_t flags = ST_VALID | ST_RELATIME;

    if (!m)
        return flags;
    if (m->flags & MOUNT_READ_ONLY)
        flags |= ST_RDONLY;
    if (m->flags & MOUNT_NO_SUID)
        flags |= ST_NOSUID;
    if (m->flags & MOUNT_NO_DEV)
        flags |= ST_NODEV;
    if (m->flags & MOUNT_NO_EXEC)
        flags |= ST_NOEXEC;
    return flags;
}

static long statfs_name(const struct name *n, void *buf) {
    struct filesystem *fs = n->vnode->fs;
    struct statfs_info info = {.block_bytes = BLOCK_BYTES};
    struct linux_statfs st;
    int error = fs && fs->ops->statfs ? fs->ops->statfs(fs, &info) : 0;

    if (error)
        return error;
    st = (struct linux_statfs){
        .f_type = (int64_t)info.magic,
        .f_bsize = (int64_t)info.block_bytes,
        .f_blocks = info.blocks,
        .f_bfree = info.blocks_free,
        .f_bavail = info.blocks_free,
        .f_files = info.files,
        .f_ffree = info.files_free,
        .f_fsid = {(int32_t)(fs ? fs->dev : 0), 0},
        .f_namelen = VFS_NAME_MAX,
        .f_frsize = (int64_t)info.block_bytes,
        .f_flags = statfs_flags(n->mount),
    };
    return copy_to_user(buf, &st, sizeof(st));
}

long sys_statfs(const char *path, void *buf) {
    struct name *n;
    long error = user_lookup(AT_FDCWD, path, LOOKUP_FOLLOW, &n);

    if (error)
        return error;
    error = statfs_name(n, buf);
    name_unref(n);
    return error;
}

long sys_fstatfs(int fd, void *buf) {
    struct file *f = fd_get_any(fd);
    long error;

    if (!f)
        return -EBADF;
    error = statfs_name(f->name, buf);
    file_unref(f);
    return error;
}
