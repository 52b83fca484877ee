/* SPDX-License-Identifier: MIT */
/*
 * Open, close, read, write and their like. Sources: open(2), close(2), read(2), write(2), pread(2),
 * readv(2), lseek(2).
 */
#include "abi/fcntl.h"
#include "abi/uio.h"
#include "core/uaccess.h"
#include "lib/bits.h"
#include "syscall/calls.h"
#include "syscall/user_path.h"
#include "syscall/user_vector.h"
#include "vfs/fdtable.h"

/* ---- opening and closing ---- */

static long open_path(const struct user_path *p, unsigned flags, uint32_t mode) {
    struct file *f;
    int fd = fd_reserve(0, flags & O_CLOEXEC), error;

    if (fd < 0)
        return fd;
    error = vfs_open(p->at, p->text, flags | O_LARGEFILE, mode, &f);
    if (error)
        fd_cancel(fd);
    else
        fd_install(fd, f);
    return error ? sys_restartable(error) : fd;
}

long sys_openat(int dir, const char *path, int flags, uint32_t mode) {
    struct user_path p;
    long result = user_path_get(&p, dir, path);

    if (result)
        return result;
    result = open_path(&p, (unsigned)flags, mode);
    user_path_put(&p);
    return result;
}

long sys_open(const char *path, int flags, uint32_t mode) {
    return sys_openat(AT_FDCWD, path, flags, mode);
}

long sys_creat(const char *path, uint32_t mode) {
    return sys_openat(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

long sys_close(int fd) {
    return fd_close(fd);
}

/* ---- one buffer ---- */

long sys_read(int fd, void *buf, size_t count) {
    struct file *f = fd_get(fd);
    struct iobuf b;
    long n;

    if (!f)
        return -EBADF;
    iobuf_init_user(&b, buf, MIN(count, (size_t)MAX_RW_COUNT));
    n = file_read(f, &b);
    file_unref(f);
    return sys_restartable(n);
}

long sys_write(int fd, const void *buf, size_t count) {
    struct file *f = fd_get(fd);
    struct iobuf b;
    long n;

    if (!f)
        return -EBADF;
    iobuf_init_user(&b, (void *)(uintptr_t)buf, MIN(count, (size_t)MAX_RW_COUNT));
    n = file_write(f, &b);
    file_unref(f);
    return sys_restartable(n);
}

long sys_pread64(int fd, void *buf, size_t count, int64_t offset) {
    struct file *f;
    struct iobuf b;
    long n;

    if (offset < 0)
        return -EINVAL;
    f = fd_get(fd);
    if (!f)
        return -EBADF;
    iobuf_init_user(&b, buf, MIN(count, (size_t)MAX_RW_COUNT));
    n = file_read_at(f, &b, (uint64_t)offset);
    file_unref(f);
    return sys_restartable(n);
}

long sys_pwrite64(int fd, const void *buf, size_t count, int64_t offset) {
    struct file *f;
    struct iobuf b;
    long n;

    if (offset < 0)
        return -EINVAL;
    f = fd_get(fd);
    if (!f)
        return -EBADF;
    iobuf_init_user(&b, (void *)(uintptr_t)buf, MIN(count, (size_t)MAX_RW_COUNT));
    n = file_write_at(f, &b, (uint64_t)offset);
    file_unref(f);
    return sys_restartable(n);
}

/* ---- many buffers ---- */

enum vector_direction {
    VECTOR_READ,
    VECTOR_WRITE,
};

/* At `offset`, or at the file's position where that is negative. */
static long vector_move(struct file *f, struct iobuf *b, int64_t offset,
                        enum vector_direction direction) {
    if (offset < 0)
        return direction == VECTOR_READ ? file_read(f, b) : file_write(f, b);
    if (direction == VECTOR_READ)
        return file_read_at(f, b, (uint64_t)offset);
    return file_write_at(f, b, (uint64_t)offset);
}

static long vector_call(int fd, const void *ranges, uint64_t count, int64_t offset,
                        enum vector_direction direction) {
    struct file *f = fd_get(fd);
    struct user_vector v;
    long n;

    if (!f)
        return -EBADF;
    n = user_vector_get(&v, ranges, count);
    if (!n) {
        n = vector_move(f, &v.b, offset, direction);
        user_vector_put(&v);
    }
    file_unref(f);
    return sys_restartable(n);
}

long sys_readv(int fd, const void *ranges, uint64_t count) {
    return vector_call(fd, ranges, count, -1, VECTOR_READ);
}

long sys_writev(int fd, const void *ranges, uint64_t count) {
    return vector_call(fd, ranges, count, -1, VECTOR_WRITE);
}

long sys_preadv(int fd, const void *ranges, uint64_t count, int64_t offset) {
    return offset < 0 ? -EINVAL : vector_call(fd, ranges, count, offset, VECTOR_READ);
}

long sys_pwritev(int fd, const void *ranges, uint64_t count, int64_t offset) {
    return offset < 0 ? -EINVAL : vector_call(fd, ranges, count, offset, VECTOR_WRITE);
}

/* RWF_ flags that only ask for what is so anyway; the others would be a promise not kept. */
#define RWF_HARMLESS (RWF_HIPRI | RWF_DSYNC | RWF_SYNC)

long sys_preadv2(int fd, const void *ranges, uint64_t count, int64_t offset, uint64_t high,
                 int flags) {
    (void)high;
    if (flags & ~RWF_HARMLESS)
        return -EOPNOTSUPP;
    return offset < -1 ? -EINVAL : vector_call(fd, ranges, count, offset, VECTOR_READ);
}

long sys_pwritev2(int fd, const void *ranges, uint64_t count, int64_t offset, uint64_t high,
                  int flags) {
    (void)high;
    if (flags & ~RWF_HARMLESS)
        return -EOPNOTSUPP;
    return offset < -1 ? -EINVAL : vector_call(fd, ranges, count, offset, VECTOR_WRITE);
}

/* ---- position ---- */

long sys_lseek(int fd, int64_t offset, uint32_t whence) {
    struct file *f = fd_get(fd);
    long pos = -EINVAL;

    if (!f)
        return -EBADF;
    if (whence <= SEEK_HOLE)
        pos = file_seek(f, offset, (int)whence);
    file_unref(f);
    return pos;
}
