/* SPDX-License-Identifier: MIT */
/*
 * Mounting, and flushing what needs no flushing in memory. Sources: mount(2), umount(2), sync(2),
 * fsync(2), posix_fadvise(2), readahead(2), sync_file_range(2).
 */
#include "abi/fcntl.h"
#include "abi/mount.h"
#include "core/uaccess.h"
#include "mm/slab.h"
#include "syscall/calls.h"
#include "syscall/user_path.h"
#include "vfs/access.h"
#include "vfs/fdtable.h"
#include "vfs/mount.h"

#define MS_PROPAGATION (MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE)
#define FADVISE_LAST 5
#define SYNC_FILE_RANGE_ALL 7u

static unsigned mount_flags(uint64_t flags) {
    unsigned result = 0;

    if (flags & MS_RDONLY)
        result |= MOUNT_READ_ONLY;
    if (flags & MS_NOSUID)
        result |= MOUNT_NO_SUID;
    if (flags & MS_NODEV)
        result |= MOUNT_NO_DEV;
    if (flags & MS_NOEXEC)
        result |= MOUNT_NO_EXEC;
    if (flags & MS_NOATIME)
        result |= MOUNT_NO_ATIME;
    return result;
}

/* The strings of a mount call, taken in together. */
struct mount_strings {
    char *source;
    char *type;
    char *options;
};

static void mount_strings_put(struct mount_strings *s) {
    kfree(s->source);
    kfree(s->type);
    kfree(s->options);
}

static int mount_strings_get(struct mount_strings *s, const char *source, const char *type,
                             const void *options) {
    int error;

    *s = (struct mount_strings){.source = NULL};
    error = user_string_get(&s->source, source);
    if (!error)
        error = user_string_get(&s->type, type);
    if (!error)
        error = user_string_get(&s->options, options);
    if (error)
        mount_strings_put(s);
    return error == -ENAMETOOLONG ? -EINVAL : error;
}

static int mount_new(const struct mount_strings *s, struct name *target, uint64_t flags) {
    if (!s->type)
        return -EINVAL;
    return vfs_mount(s->type, s->source ? s->source : "none", target, mount_flags(flags),
                     s->options);
}

/* Chooses among what mount(2) can be asked to do. Propagation has nobody to propagate to. */
static int mount_perform(const struct mount_strings *s, struct name *target, uint64_t flags) {
    if (flags & MS_REMOUNT)
        return vfs_remount(target, mount_flags(flags));
    if (flags & MS_PROPAGATION)
        return target->mount && !target->parent ? 0 : -EINVAL;
    if (flags & (MS_BIND | MS_MOVE))
        return -EINVAL;
    return mount_new(s, target, flags);
}

long sys_mount(const char *source, const char *target, const char *type, uint64_t flags,
               const void *options) {
    struct mount_strings s;
    struct name *n;
    long error;

    if ((flags & MS_MGC_MSK) == MS_MGC_VAL)
        flags &= ~(uint64_t)MS_MGC_MSK;
    error = mount_strings_get(&s, source, type, options);
    if (error)
        return error;
    error = user_lookup(AT_FDCWD, target, LOOKUP_FOLLOW, &n);
    if (!error) {
        error = vfs_is_root() ? mount_perform(&s, n, flags) : -EPERM;
        name_unref(n);
    }
    mount_strings_put(&s);
    return error;
}

long sys_umount2(const char *target, int flags) {
    struct name *n;
    long error;

    if (flags & ~(MNT_FORCE | MNT_DETACH | UMOUNT_NOFOLLOW))
        return -EINVAL;
    if (!vfs_is_root())
        return -EPERM;
    error = user_lookup(AT_FDCWD, target, flags & UMOUNT_NOFOLLOW ? 0 : LOOKUP_FOLLOW, &n);
    if (error)
        return error;
    error = vfs_unmount(n, flags & MNT_DETACH);
    name_unref(n);
    return error;
}

/* ---- flushing ---- */

long sys_sync(void) {
    return 0;
}

long sys_fsync(int fd) {
    struct file *f = fd_get(fd);
    uint32_t type;
    long error = 0;

    if (!f)
        return -EBADF;
    type = vnode_type(f->vnode);
    if (f->ops && f->ops->sync)
        error = f->ops->sync(f);
    else if (type == S_IFIFO || type == S_IFSOCK || type == S_IFCHR)
        error = -EINVAL;
    file_unref(f);
    return error;
}

long sys_fdatasync(int fd) {
    return sys_fsync(fd);
}

long sys_syncfs(int fd) {
    struct file *f = fd_get(fd);

    if (!f)
        return -EBADF;
    file_unref(f);
    return 0;
}

/* Advice on a file whose pages are always there: checked, then done. */
static long advise(int fd) {
    struct file *f = fd_get(fd);
    long error = 0;

    if (!f)
        return -EBADF;
    if (vnode_type(f->vnode) == S_IFIFO)
        error = -ESPIPE;
    file_unref(f);
    return error;
}

long sys_fadvise64(int fd, int64_t offset, int64_t length, int advice) {
    long error = advise(fd);

    (void)offset;
    if (error)
        return error;
    return length < 0 || advice < 0 || advice > FADVISE_LAST ? -EINVAL : 0;
}

long sys_readahead(int fd, int64_t offset, size_t count) {
    struct file *f = fd_get(fd);
    long error = -EINVAL;

    (void)offset, (void)count;
    if (!f || !(f->mode & FILE_READ))
        error = -EBADF;
    else if (vnode_is_regular(f->vnode))
        error = 0;
    file_unref(f);
    return error;
}

long sys_sync_file_range(int fd, int64_t offset, int64_t length, uint32_t flags) {
    if (offset < 0 || length < 0 || flags & ~SYNC_FILE_RANGE_ALL)
        return -EINVAL;
    return advise(fd);
}
