/* SPDX-License-Identifier: MIT */
/*
 * Changing attributes. Sources: chmod(2), chown(2), utimensat(2), utime(2), futimesat(2),
 * truncate(2), fallocate(2); getxattr(2) and its like, for file systems that have none.
 */
#include "abi/fcntl.h"
#include "abi/stat.h"
#include "abi/time.h"
#include "core/uaccess.h"
#include "lib/string.h"
#include "syscall/calls.h"
#include "syscall/user_path.h"
#include "vfs/attr.h"
#include "vfs/fdtable.h"
#include "vfs/file.h"

#define NS_PER_SEC 1000000000ll
#define NS_PER_US 1000ll
#define SECONDS_MAX (INT64_MAX / NS_PER_SEC - 1)

/* ---- mode and owner ---- */

/* The name behind a descriptor, with a reference: -EBADF for none and for O_PATH. */
static int descriptor_name(int fd, struct name **out) {
    struct file *f = fd_get(fd);

    if (!f)
        return -EBADF;
    *out = f->name;
    name_ref(*out);
    file_unref(f);
    return 0;
}

long sys_fchmodat(int dir, const char *path, uint32_t mode) {
    struct name *n;
    long error = user_lookup(dir, path, LOOKUP_FOLLOW, &n);

    if (error)
        return error;
    error = vfs_set_mode(n, mode);
    name_unref(n);
    return error;
}

long sys_chmod(const char *path, uint32_t mode) {
    return sys_fchmodat(AT_FDCWD, path, mode);
}

long sys_fchmod(int fd, uint32_t mode) {
    struct name *n;
    long error = descriptor_name(fd, &n);

    if (error)
        return error;
    error = vfs_set_mode(n, mode);
    name_unref(n);
    return error;
}

long sys_fchownat(int dir, const char *path, uint32_t uid, uint32_t gid, int flags) {
    struct name *n;
    long error;

    if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
        return -EINVAL;
    error = user_lookup(dir, path, user_lookup_flags(flags), &n);
    if (error)
        return error;
    error = vfs_set_owner(n, uid, gid);
    name_unref(n);
    return error;
}

long sys_chown(const char *path, uint32_t uid, uint32_t gid) {
    return sys_fchownat(AT_FDCWD, path, uid, gid, 0);
}

long sys_lchown(const char *path, uint32_t uid, uint32_t gid) {
    return sys_fchownat(AT_FDCWD, path, uid, gid, AT_SYMLINK_NOFOLLOW);
}

long sys_fchown(int fd, uint32_t uid, uint32_t gid) {
    struct name *n;
    long error = descriptor_name(fd, &n);

    if (error)
        return error;
    error = vfs_set_owner(n, uid, gid);
    name_unref(n);
    return error;
}

/* ---- times ---- */

/* Seconds and a part below one second in ns, clamped to what a vnode can hold. */
static vnode_time_ns time_join(int64_t seconds, int64_t ns) {
    if (seconds > SECONDS_MAX)
        return INT64_MAX;
    if (seconds < -SECONDS_MAX)
        return INT64_MIN;
    return seconds * NS_PER_SEC + ns;
}

/* One time of the two: sets *mask and *time, or leaves them for UTIME_OMIT. */
static int time_decode(const struct linux_timespec *t, unsigned bit, unsigned *mask,
                       vnode_time_ns *time) {
    if (t->tv_nsec == UTIME_OMIT)
        return 0;
    *mask |= bit;
    if (t->tv_nsec == UTIME_NOW) {
        *time = vnode_now_ns();
        return 0;
    }
    if (t->tv_nsec < 0 || t->tv_nsec >= NS_PER_SEC)
        return -EINVAL;
    *time = time_join(t->tv_sec, t->tv_nsec);
    return 0;
}

static void times_set_now(struct vfs_times *times) {
    times->mask = VATTR_ATIME | VATTR_MTIME;
    times->now = true;
    times->atime_ns = times->mtime_ns = vnode_now_ns();
}

static int times_decode(const struct linux_timespec t[2], struct vfs_times *times) {
    int error = time_decode(&t[0], VATTR_ATIME, &times->mask, &times->atime_ns);

    if (!error)
        error = time_decode(&t[1], VATTR_MTIME, &times->mask, &times->mtime_ns);
    times->now = t[0].tv_nsec == UTIME_NOW && t[1].tv_nsec == UTIME_NOW;
    return error;
}

static long times_set_path(int dir, const char *path, const struct vfs_times *times, int flags) {
    struct name *n;
    long error = user_lookup(dir, path, user_lookup_flags(flags), &n);

    if (error)
        return error;
    error = vfs_set_times(n, times);
    name_unref(n);
    return error;
}

long sys_utimensat(int dir, const char *path, const void *user_times, int flags) {
    struct vfs_times times = {.mask = 0};
    struct linux_timespec t[2];
    struct name *n;
    long error = 0;

    if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
        return -EINVAL;
    if (!user_times)
        times_set_now(&times);
    else if (copy_from_user(t, user_times, sizeof(t)))
        return -EFAULT;
    else
        error = times_decode(t, &times);
    if (error || !times.mask)
        return error;
    if (path || dir == AT_FDCWD)
        return times_set_path(dir, path, &times, flags);
    if (flags)
        return -EINVAL;
    error = descriptor_name(dir, &n);
    if (error)
        return error;
    error = vfs_set_times(n, &times);
    name_unref(n);
    return error;
}

long sys_futimesat(int dir, const char *path, const void *user_times) {
    struct vfs_times times = {.mask = VATTR_ATIME | VATTR_MTIME};
    struct linux_timeval t[2];
    struct name *n;
    long error;

    if (!user_times) {
        times_set_now(&times);
    } else {
        if (copy_from_user(t, user_times, sizeof(t)))
            return -EFAULT;
        if (t[0].tv_usec < 0 || t[0].tv_usec >= 1000000 || t[1].tv_usec < 0 ||
            t[1].tv_usec >= 1000000)
            return -EINVAL;
        times.atime_ns = time_join(t[0].tv_sec, t[0].tv_usec * NS_PER_US);
        times.mtime_ns = time_join(t[1].tv_sec, t[1].tv_usec * NS_PER_US);
    }
    if (path || dir == AT_FDCWD)
        return times_set_path(dir, path, &times, 0);
    error = descriptor_name(dir, &n);
    if (error)
        return error;
    error = vfs_set_times(n, &times);
    name_unref(n);
    return error;
}

long sys_utimes(const char *path, const void *user_times) {
    return sys_futimesat(AT_FDCWD, path, user_times);
}

long sys_utime(const char *path, const void *user_times) {
    struct vfs_times times = {.mask = VATTR_ATIME | VATTR_MTIME};
    int64_t t[2];

    if (!user_times) {
        times_set_now(&times);
    } else {
        if (copy_from_user(t, user_times, sizeof(t)))
            return -EFAULT;
        times.atime_ns = time_join(t[0], 0);
        times.mtime_ns = time_join(t[1], 0);
    }
    return times_set_path(AT_FDCWD, path, &times, 0);
}

/* ---- size ---- */

long sys_truncate(const char *path, int64_t size) {
    struct name *n;
    long error;

    if (size < 0)
        return -EINVAL;
    error = user_lookup(AT_FDCWD, path, LOOKUP_FOLLOW, &n);
    if (error)
        return error;
    error = vfs_truncate(n, (uint64_t)size);
    name_unref(n);
    return error;
}

long sys_ftruncate(int fd, int64_t size) {
    struct file *f;
    long error = -EINVAL;

    if (size < 0)
        return -EINVAL;
    f = fd_get(fd);
    if (!f)
        return -EBADF;
    if (f->mode & FILE_WRITE && vnode_is_regular(f->vnode))
        error = vnode_set_size(f->vnode, (uint64_t)size);
    file_unref(f);
    return error;
}

static int allocate_check(const struct file *f) {
    if (!(f->mode & FILE_WRITE))
        return -EBADF;
    if (vnode_type(f->vnode) == S_IFIFO)
        return -ESPIPE;
    if (vnode_is_dir(f->vnode))
        return -EISDIR;
    if (!vnode_is_regular(f->vnode))
        return -ENODEV;
    return f->ops && f->ops->allocate ? 0 : -EOPNOTSUPP;
}

long sys_fallocate(int fd, int mode, int64_t offset, int64_t length) {
    struct file *f;
    int64_t end;
    long error;

    if (offset < 0 || length <= 0)
        return -EINVAL;
    f = fd_get(fd);
    if (!f)
        return -EBADF;
    error = allocate_check(f);
    if (!error && __builtin_add_overflow(offset, length, &end))
        error = -EFBIG;
    if (!error)
        error = f->ops->allocate(f, mode, (uint64_t)offset, (uint64_t)length);
    file_unref(f);
    return error;
}

/* ---- extended attributes: nothing here has any ---- */

#define XATTR_NAME_MAX 255
#define XATTR_SIZE_MAX 65536

/* What reading an attribute of this name gives: security and trusted ones could be, others not. */
static long xattr_missing(const char *user_name) {
    char name[XATTR_NAME_MAX + 1];
    long length = copy_string_from_user(name, user_name, sizeof(name));

    if (length == -ENAMETOOLONG || length == 0)
        return -ERANGE;
    if (length < 0)
        return length;
    if (strncmp(name, "security.", 9) == 0 || strncmp(name, "trusted.", 8) == 0)
        return -ENODATA;
    return -EOPNOTSUPP;
}

/* `found` is what the walk to the file gave; the name was only looked at, not kept. */
static int xattr_path(const char *path, unsigned flags) {
    struct name *n;
    int error = user_lookup(AT_FDCWD, path, flags, &n);

    if (!error)
        name_unref(n);
    return error;
}

static int xattr_descriptor(int fd) {
    struct file *f = fd_get(fd);

    if (!f)
        return -EBADF;
    file_unref(f);
    return 0;
}

static long xattr_set(int found, const char *name, size_t size, int flags) {
    long missing;

    if (flags & ~(XATTR_CREATE | XATTR_REPLACE))
        return -EINVAL;
    if (found)
        return found;
    missing = xattr_missing(name);
    if (missing != -ENODATA && missing != -EOPNOTSUPP)
        return missing;
    return size > XATTR_SIZE_MAX ? -E2BIG : -EOPNOTSUPP;
}

long sys_setxattr(const char *path, const char *name, const void *value, size_t size, int flags) {
    (void)value;
    return xattr_set(xattr_path(path, LOOKUP_FOLLOW), name, size, flags);
}

long sys_lsetxattr(const char *path, const char *name, const void *value, size_t size, int flags) {
    (void)value;
    return xattr_set(xattr_path(path, 0), name, size, flags);
}

long sys_fsetxattr(int fd, const char *name, const void *value, size_t size, int flags) {
    (void)value;
    return xattr_set(xattr_descriptor(fd), name, size, flags);
}

long sys_getxattr(const char *path, const char *name, void *value, size_t size) {
    int found = xattr_path(path, LOOKUP_FOLLOW);

    (void)value, (void)size;
    return found ? found : xattr_missing(name);
}

long sys_lgetxattr(const char *path, const char *name, void *value, size_t size) {
    int found = xattr_path(path, 0);

    (void)value, (void)size;
    return found ? found : xattr_missing(name);
}

long sys_fgetxattr(int fd, const char *name, void *value, size_t size) {
    int found = xattr_descriptor(fd);

    (void)value, (void)size;
    return found ? found : xattr_missing(name);
}

long sys_listxattr(const char *path, char *list, size_t size) {
    (void)list, (void)size;
    return xattr_path(path, LOOKUP_FOLLOW);
}

long sys_llistxattr(const char *path, char *list, size_t size) {
    (void)list, (void)size;
    return xattr_path(path, 0);
}

long sys_flistxattr(int fd, char *list, size_t size) {
    (void)list, (void)size;
    return xattr_descriptor(fd);
}

long sys_removexattr(const char *path, const char *name) {
    int found = xattr_path(path, LOOKUP_FOLLOW);

    return found ? found : xattr_missing(name);
}

long sys_lremovexattr(const char *path, const char *name) {
    int found = xattr_path(path, 0);

    return found ? found : xattr_missing(name);
}

long sys_fremovexattr(int fd, const char *name) {
    int found = xattr_descriptor(fd);

    return found ? found : xattr_missing(name);
}
