/* SPDX-License-Identifier: MIT */
/*
 * Copying from file to file inside the kernel, through a buffer of a few pages. Sources:
 * sendfile(2), copy_file_range(2).
 */
#include "abi/fcntl.h"
#include "abi/uio.h"
#include "core/uaccess.h"
#include "lib/bits.h"
#include "mm/slab.h"
#include "syscall/calls.h"
#include "syscall/user_path.h"
#include "vfs/fdtable.h"

#define TRANSFER_BYTES 16384u

struct transfer {
    struct file *in;
    struct file *out;
    uint64_t in_pos;
    uint64_t out_pos;
    bool out_at_position; /* the output's own position is used and moved */
    char *buffer;
};

static long transfer_write(struct transfer *t, size_t n) {
    struct iobuf b;

    iobuf_init_kernel(&b, t->buffer, n);
    return t->out_at_position ? file_write(t->out, &b) : file_write_at(t->out, &b, t->out_pos);
}

/* One buffer's worth: bytes that went all the way, 0 at the end of the input. */
static long transfer_step(struct transfer *t, size_t n) {
    struct iobuf b;
    long got, put;

    iobuf_init_kernel(&b, t->buffer, MIN(n, (size_t)TRANSFER_BYTES));
    got = file_read_at(t->in, &b, t->in_pos);
    if (got <= 0)
        return got;
    put = transfer_write(t, (size_t)got);
    if (put > 0) {
        t->in_pos += (uint64_t)put;
        t->out_pos += (uint64_t)put;
    }
    return put;
}

static long transfer(struct transfer *t, size_t count) {
    size_t done = 0;
    long n = 0;

    t->buffer = kmalloc(TRANSFER_BYTES);
    if (!t->buffer)
        return -ENOMEM;
    while (done < count) {
        n = transfer_step(t, count - done);
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    kfree(t->buffer);
    return done ? (long)done : n;
}

/* Where to start: the user's offset, or the file's position when there is none. */
static int transfer_start(struct file *f, const void *user_offset, uint64_t *pos) {
    if (!user_offset) {
        *pos = f->pos;
        return 0;
    }
    if (get_user_u64(pos, user_offset))
        return -EFAULT;
    return (int64_t)*pos < 0 ? -EINVAL : 0;
}

static int transfer_finish(struct file *f, void *user_offset, uint64_t pos) {
    if (user_offset)
        return put_user_u64(pos, user_offset);
    f->pos = pos;
    return 0;
}

/* ---- sendfile ---- */

static int sendfile_check(const struct file *in, const struct file *out) {
    if (!(in->mode & FILE_READ) || !(out->mode & FILE_WRITE))
        return -EBADF;
    if (in->mode & FILE_STREAM || !vnode_is_regular(in->vnode))
        return -EINVAL;
    return out->flags & O_APPEND ? -EINVAL : 0;
}

static long sendfile_files(struct transfer *t, void *user_offset, size_t count) {
    long n = sendfile_check(t->in, t->out);
    int error;

    if (!n)
        n = transfer_start(t->in, user_offset, &t->in_pos);
    if (n)
        return n;
    n = transfer(t, MIN(count, (size_t)MAX_RW_COUNT));
    error = transfer_finish(t->in, user_offset, t->in_pos);
    return error ? error : n;
}

long sys_sendfile(int out_fd, int in_fd, void *offset, size_t count) {
    struct transfer t = {.in = fd_get(in_fd), .out_at_position = true};
    long n = -EBADF;

    if (!t.in)
        return -EBADF;
    t.out = fd_get(out_fd);
    if (t.out)
        n = sendfile_files(&t, offset, count);
    file_unref(t.out);
    file_unref(t.in);
    return sys_restartable(n);
}

/* ---- copy_file_range ---- */

static int copy_check(const struct file *in, const struct file *out) {
    if (vnode_is_dir(in->vnode) || vnode_is_dir(out->vnode))
        return -EISDIR;
    if (!vnode_is_regular(in->vnode) || !vnode_is_regular(out->vnode))
        return -EINVAL;
    if (!(in->mode & FILE_READ) || !(out->mode & FILE_WRITE) || out->flags & O_APPEND)
        return -EBADF;
    return 0;
}

/* Ranges of one file must not overlap. */
static int copy_check_ranges(const struct transfer *t, size_t count) {
    if (t->in_pos + count < t->in_pos || t->out_pos + count < t->out_pos)
        return -EOVERFLOW;
    if (t->in->vnode == t->out->vnode && t->in_pos < t->out_pos + count &&
        t->out_pos < t->in_pos + count)
        return -EINVAL;
    return 0;
}

static long copy_files(struct transfer *t, void *in_offset, void *out_offset, size_t count) {
    long n = copy_check(t->in, t->out);
    int error;

    if (!n)
        n = transfer_start(t->in, in_offset, &t->in_pos);
    if (!n)
        n = transfer_start(t->out, out_offset, &t->out_pos);
    if (!n)
        n = copy_check_ranges(t, count);
    if (n)
        return n;
    n = transfer(t, MIN(count, (size_t)MAX_RW_COUNT));
    error = transfer_finish(t->in, in_offset, t->in_pos);
    if (!error)
        error = transfer_finish(t->out, out_offset, t->out_pos);
    return error ? error : n;
}

long sys_copy_file_range(int in_fd, void *in_offset, int out_fd, void *out_offset, size_t count,
                         uint32_t flags) {
    struct transfer t = {.in = fd_get(in_fd)};
    long n = -EBADF;

    if (!t.in)
        return -EBADF;
    t.out = fd_get(out_fd);
    if (t.out)
        n = flags ? -EINVAL : copy_files(&t, in_offset, out_offset, count);
    file_unref(t.out);
    file_unref(t.in);
    return n;
}
