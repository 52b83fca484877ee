/* SPDX-License-Identifier: MIT */
/*
 * The tree: making, removing and renaming entries, reading directories, the working directory.
 * Sources: mkdir(2), mknod(2), link(2), symlink(2), unlink(2), rmdir(2), rename(2), getdents(2),
 * getcwd(2), chdir(2), chroot(2).
 */
#include "abi/dirent.h"
#include "abi/fcntl.h"
#include "core/uaccess.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "syscall/calls.h"
#include "syscall/user_path.h"
#include "vfs/access.h"
#include "vfs/change.h"
#include "vfs/context.h"
#include "vfs/fdtable.h"

/* ---- making ---- */

static long make_node(int dir, const char *path, uint32_t mode, uint64_t rdev) {
    struct user_path p;
    long error = user_path_get(&p, dir, path);

    if (error)
        return error;
    error = vfs_make_node(p.at, p.text, mode, rdev);
    user_path_put(&p);
    return error;
}

long sys_mkdirat(int dir, const char *path, uint32_t mode) {
    return make_node(dir, path, S_IFDIR | (mode & 01777), 0);
}

long sys_mkdir(const char *path, uint32_t mode) {
    return sys_mkdirat(AT_FDCWD, path, mode);
}

long sys_mknodat(int dir, const char *path, uint32_t mode, uint32_t dev) {
    uint32_t type = mode & S_IFMT;

    switch (type) {
    case 0:
        type = S_IFREG; /* fall through */
    case S_IFREG:
    case S_IFIFO:
    case S_IFSOCK:
        return make_node(dir, path, type | (mode & 07777), 0);
    case S_IFCHR:
    case S_IFBLK:
        return make_node(dir, path, type | (mode & 07777), dev);
    case S_IFDIR:
        return -EPERM;
    default:
        return -EINVAL;
    }
}

long sys_mknod(const char *path, uint32_t mode, uint32_t dev) {
    return sys_mknodat(AT_FDCWD, path, mode, dev);
}

long sys_symlinkat(const char *target, int dir, const char *path) {
    struct user_path p;
    char *text;
    long error = user_string_get(&text, target);

    if (error || !text)
        return error ? error : -EFAULT;
    error = user_path_get(&p, dir, path);
    if (!error) {
        error = vfs_make_symlink(p.at, p.text, text);
        user_path_put(&p);
    }
    kfree(text);
    return error;
}

long sys_symlink(const char *target, const char *path) {
    return sys_symlinkat(target, AT_FDCWD, path);
}

long sys_linkat(int old_dir, const char *old_path, int new_dir, const char *new_path, int flags) {
    unsigned lookup = flags & AT_SYMLINK_FOLLOW ? LOOKUP_FOLLOW : 0;
    struct user_path p;
    struct name *existing;
    long error;

    if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
        return -EINVAL;
    if (flags & AT_EMPTY_PATH) {
        if (!vfs_is_root())
            return -ENOENT;
        lookup |= LOOKUP_EMPTY;
    }
    error = user_lookup(old_dir, old_path, lookup, &existing);
    if (error)
        return error;
    error = user_path_get(&p, new_dir, new_path);
    if (!error) {
        error = vfs_make_link(existing, p.at, p.text);
        user_path_put(&p);
    }
    name_unref(existing);
    return error;
}

long sys_link(const char *old_path, const char *new_path) {
    return sys_linkat(AT_FDCWD, old_path, AT_FDCWD, new_path, 0);
}

/* ---- removing and renaming ---- */

long sys_unlinkat(int dir, const char *path, int flags) {
    struct user_path p;
    long error;

    if (flags & ~AT_REMOVEDIR)
        return -EINVAL;
    error = user_path_get(&p, dir, path);
    if (error)
        return error;
    if (flags & AT_REMOVEDIR)
        error = vfs_remove_directory(p.at, p.text);
    else
        error = vfs_remove(p.at, p.text);
    user_path_put(&p);
    return error;
}

long sys_unlink(const char *path) {
    return sys_unlinkat(AT_FDCWD, path, 0);
}

long sys_rmdir(const char *path) {
    return sys_unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

long sys_renameat2(int old_dir, const char *old_path, int new_dir, const char *new_path,
                   uint32_t flags) {
    struct user_path from, to;
    struct vfs_rename r = {.flags = flags};
    long error;

    if (flags & ~(uint32_t)(RENAME_NOREPLACE | RENAME_EXCHANGE))
        return -EINVAL;
    error = user_path_get(&from, old_dir, old_path);
    if (error)
        return error;
    error = user_path_get(&to, new_dir, new_path);
    if (!error) {
        r.from_at = from.at;
        r.from = from.text;
        r.to_at = to.at;
        r.to = to.text;
        error = vfs_rename(&r);
        user_path_put(&to);
    }
    user_path_put(&from);
    return error;
}

long sys_renameat(int old_dir, const char *old_path, int new_dir, const char *new_path) {
    return sys_renameat2(old_dir, old_path, new_dir, new_path, 0);
}

long sys_rename(const char *old_path, const char *new_path) {
    return sys_renameat2(AT_FDCWD, old_path, AT_FDCWD, new_path, 0);
}

/* ---- reading directories ---- */

/* The user's buffer being filled with records of one of the two formats. */
struct user_dirents {
    struct dirent_sink sink;
    char *at;
    size_t left;
    size_t written;
    bool is_old;
    int error; /* why it ended early */
};

#define DIRENT_RECORD_MAX 288 /* head, 255 bytes of name, NUL, type, rounded up */

/* The bytes of a record in front of its name, written to head. */
static size_t dirent_head(const struct user_dirents *d, struct linux_dirent64 *head,
                          unsigned type) {
    if (d->is_old)
        return offsetof(struct linux_dirent, d_name);
    head->d_type = (uint8_t)type;
    return offsetof(struct linux_dirent64, d_name);
}

/* Both formats begin alike: d_ino, d_off, d_reclen. */
static bool dirent_emit(struct dirent_sink *sink, const struct component *c, uint64_t ino,
                        unsigned type, uint64_t next_cookie) {
    struct user_dirents *d = container_of(sink, struct user_dirents, sink);
    char record[DIRENT_RECORD_MAX] __attribute__((aligned(8)));
    struct linux_dirent64 *head = (struct linux_dirent64 *)record;
    size_t name_at, size;

    memset(record, 0, sizeof(record));
    name_at = dirent_head(d, head, type);
    size = align_up(name_at + c->length + 1 + d->is_old, 8);
    if (size > d->left) {
        d->error = d->written ? 0 : -EINVAL;
        return false;
    }
    head->d_ino = ino;
    head->d_off = (int64_t)next_cookie;
    head->d_reclen = (uint16_t)size;
    memcpy(record + name_at, c->text, c->length);
    if (d->is_old)
        record[size - 1] = (char)type;
    d->error = copy_to_user(d->at, record, size);
    if (d->error)
        return false;
    d->at += size;
    d->left -= size;
    d->written += size;
    return true;
}

static long read_directory(int fd, void *buf, uint32_t size, bool is_old) {
    struct user_dirents d = {
        .sink = {.emit = dirent_emit}, .at = buf, .left = size, .is_old = is_old};
    struct file *f = fd_get(fd);
    int error;

    if (!f)
        return -EBADF;
    error = file_getdents(f, &d.sink);
    file_unref(f);
    if (!error)
        error = d.error;
    return d.written ? (long)d.written : error;
}

long sys_getdents(int fd, void *buf, uint32_t size) {
    return read_directory(fd, buf, size, true);
}

long sys_getdents64(int fd, void *buf, uint32_t size) {
    return read_directory(fd, buf, size, false);
}

/* ---- where the process is ---- */

long sys_getcwd(char *buf, size_t size) {
    struct vfs_context *context = vfs_context_current();
    struct name *root, *cwd;
    char *text = kmalloc(VFS_PATH_MAX);
    long length;

    if (!text)
        return -ENOMEM;
    root = vfs_context_root(context);
    cwd = vfs_context_cwd(context);
    length = name_path_from(cwd, root, text, VFS_PATH_MAX);
    name_unref(cwd);
    name_unref(root);
    if (length >= 0 && (size_t)length + 1 > size)
        length = -ERANGE;
    if (length >= 0)
        length = copy_to_user(buf, text, (size_t)length + 1) ? -EFAULT : length + 1;
    kfree(text);
    return length;
}

static long change_directory(struct name *n) {
    int error = vnode_is_dir(n->vnode) ? vfs_access(n->vnode, ACCESS_EXEC) : -ENOTDIR;

    if (error) {
        name_unref(n);
        return error;
    }
    vfs_context_set_cwd(vfs_context_current(), n);
    return 0;
}

long sys_chdir(const char *path) {
    struct name *n;
    int error = user_lookup(AT_FDCWD, path, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &n);

    return error ? error : change_directory(n);
}

long sys_fchdir(int fd) {
    struct file *f = fd_get_any(fd);
    struct name *n;

    if (!f)
        return -EBADF;
    n = f->name;
    name_ref(n);
    file_unref(f);
    return change_directory(n);
}

long sys_chroot(const char *path) {
    struct name *n;
    int error = user_lookup(AT_FDCWD, path, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &n);

    if (error)
        return error;
    error = vfs_access(n->vnode, ACCESS_EXEC);
    if (!error && !vfs_is_root())
        error = -EPERM;
    if (error) {
        name_unref(n);
        return error;
    }
    vfs_context_set_root(vfs_context_current(), n);
    return 0;
}

long sys_umask(uint32_t mask) {
    return vfs_context_set_umask(vfs_context_current(), mask);
}
