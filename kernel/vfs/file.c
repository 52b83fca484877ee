/* SPDX-License-Identifier: MIT */
/*
 * Open files: life, and the checks that reading, writing, seeking, polling and mapping share before
 * the file's own operation runs. Opening by path is in open.c.
 */
#include "vfs/epoll.h"
#include "vfs/file.h"

#include "abi/fcntl.h"
#include "abi/errno.h"
#include "abi/memfd.h"
#include "abi/mman.h"
#include "abi/poll.h"
#include "abi/signal.h"
#include "core/assert.h"
#include "core/uaccess.h"
#include "mm/slab.h"
#include "vfs/context.h"
#include "vfs/file_lock.h"
#include "vfs/file_private.h"
#include "vfs/mount.h"

#define F_ALL_SEALS                                                                                \
    (unsigned)(F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)

static struct slab_cache file_cache;

void file_init(void) {
    slab_cache_init(&file_cache, "file", sizeof(struct file), 0);
}

int file_create(struct name *name, const struct file_ops *ops, unsigned mode, unsigned flags,
                struct file **out) {
    struct file *f = slab_alloc_zeroed(&file_cache);

    if (!f)
        return -ENOMEM;
    refcount_init(&f->refs, 1);
    f->flags = flags;
    f->mode = mode;
    mutex_init(&f->pos_lock, "file position", LOCK_RANK_FILE_POSITION);
    f->ops = ops;
    f->name = name;
    f->vnode = name->vnode;
    vnode_ref(f->vnode);
    *out = f;
    return 0;
}

/* Gives back the memory and references of a file whose operations never saw it. */
void file_discard(struct file *f) {
    if (f->mode & FILE_HAS_WRITE)
        vnode_put_write(f->vnode);
    if (f->mode & FILE_DENIES_WRITE)
        vnode_allow_write(f->vnode);
    vnode_unref(f->vnode);
    name_unref(f->name);
    slab_free(&file_cache, f);
}

void file_ref(struct file *f) {
    DEBUG_ASSERT(refcount_get(&f->refs) > 0);
    refcount_inc(&f->refs);
}

void file_unref(struct file *f) {
    if (!f || !refcount_dec_and_test(&f->refs))
        return;
    if (f->mode & FILE_LOCKED)
        file_locks_drop_file(f);
    if (f->mode & FILE_WATCHED)
        epoll_file_gone(f);
    if (f->ops && f->ops->release)
        f->ops->release(f);
    file_discard(f);
}

int file_close(struct file *f, const void *owner) {
    int error = 0;

    if (f->ops && f->ops->flush)
        error = f->ops->flush(f);
    if (f->vnode->locks)
        file_locks_drop_owner(f->vnode, owner);
    file_unref(f);
    return error;
}

static bool iobuf_is_sane(const struct iobuf *b) {
    return !b->is_user || b->rest_count > 0 || user_range_ok(b->address, b->length);
}

static int file_check_read(const struct file *f, const struct iobuf *b) {
    if (!(f->mode & FILE_READ))
        return -EBADF;
    if (vnode_is_dir(f->vnode))
        return -EISDIR;
    if (!f->ops || !f->ops->read)
        return -EINVAL;
    return iobuf_is_sane(b) ? 0 : -EFAULT;
}

static int file_check_write(const struct file *f, const struct iobuf *b) {
    if (!(f->mode & FILE_WRITE))
        return -EBADF;
    if (!f->ops || !f->ops->write)
        return -EINVAL;
    return iobuf_is_sane(b) ? 0 : -EFAULT;
}

long file_read(struct file *f, struct iobuf *b) {
    long n = file_check_read(f, b);

    if (n)
        return n;
    if (f->mode & FILE_STREAM)
        return f->ops->read(f, b, &f->pos);
    mutex_lock(&f->pos_lock);
    n = f->ops->read(f, b, &f->pos);
    mutex_unlock(&f->pos_lock);
    return n;
}

long file_write(struct file *f, struct iobuf *b) {
    long n = file_check_write(f, b);

    if (n)
        return n;
    if (f->mode & FILE_STREAM)
        return f->ops->write(f, b, &f->pos);
    mutex_lock(&f->pos_lock);
    n = f->ops->write(f, b, &f->pos);
    mutex_unlock(&f->pos_lock);
    return n;
}

long file_read_at(struct file *f, struct iobuf *b, uint64_t pos) {
    int error;

    if (f->mode & FILE_STREAM)
        return -ESPIPE;
    error = file_check_read(f, b);
    return error ? error : f->ops->read(f, b, &pos);
}

long file_write_at(struct file *f, struct iobuf *b, uint64_t pos) {
    int error;

    if (f->mode & FILE_STREAM)
        return -ESPIPE;
    error = file_check_write(f, b);
    return error ? error : f->ops->write(f, b, &pos);
}

long file_read_kernel(struct file *f, uint64_t offset, void *buf, size_t n) {
    size_t done = 0;

    while (done < n) {
        struct iobuf b;
        long got;

        iobuf_init_kernel(&b, (char *)buf + done, n - done);
        got = file_read_at(f, &b, offset + done);
        if (got < 0)
            return done ? (long)done : got;
        if (got == 0)
            break;
        done += (size_t)got;
    }
    return (long)done;
}

int file_add_seals(struct file *f, unsigned seals) {
    int error;

    if (!(f->mode & FILE_WRITE))
        return -EPERM;
    if (seals & ~F_ALL_SEALS || !f->vnode->ops->add_seals)
        return -EINVAL;
    mutex_lock(&f->vnode->lock);
    error = f->vnode->ops->add_seals(f->vnode, seals);
    mutex_unlock(&f->vnode->lock);
    return error;
}

int file_get_seals(struct file *f) {
    return f->vnode->ops->get_seals ? f->vnode->ops->get_seals(f->vnode) : -EINVAL;
}

int file_limit_write(struct file *f, uint64_t pos, struct iobuf *b) {
    uint64_t limit = vfs_context_current()->file_size_limit;

    if (!vnode_is_regular(f->vnode) || b->left == 0)
        return 0;
    if (pos >= limit) {
        vfs_signal_current(SIGXFSZ);
        return -EFBIG;
    }
    if (pos >= FILE_SIZE_MAX)
        return -EFBIG;
    iobuf_limit(b, limit - pos);
    iobuf_limit(b, FILE_SIZE_MAX - pos);
    return 0;
}

/* Where an offset is counted from, or a negative errno. */
static int64_t seek_base(struct file *f, int whence) {
    switch (whence) {
    case SEEK_SET:
        return 0;
    case SEEK_CUR:
        return (int64_t)f->pos;
    case SEEK_END:
        if (f->vnode->ops->refresh)
            f->vnode->ops->refresh(f->vnode);
        return (int64_t)f->vnode->size;
    default:
        return -EINVAL;
    }
}

int64_t file_seek_default(struct file *f, int64_t offset, int whence) {
    int64_t base = seek_base(f, whence), pos;

    if (base < 0)
        return base;
    if (__builtin_add_overflow(base, offset, &pos) || pos < 0)
        return -EINVAL;
    f->pos = (uint64_t)pos;
    return pos;
}

int64_t file_seek(struct file *f, int64_t offset, int whence) {
    int64_t pos;

    if (f->mode & FILE_STREAM)
        return -ESPIPE;
    mutex_lock(&f->pos_lock);
    if (f->ops && f->ops->seek)
        pos = f->ops->seek(f, offset, whence);
    else
        pos = file_seek_default(f, offset, whence);
    mutex_unlock(&f->pos_lock);
    return pos;
}

int file_getdents(struct file *f, struct dirent_sink *sink) {
    int error;

    if (!f->ops || !f->ops->getdents)
        return -ENOTDIR;
    mutex_lock(&f->pos_lock);
    error = f->ops->getdents(f, sink);
    mutex_unlock(&f->pos_lock);
    return error;
}

unsigned file_poll(struct file *f, struct poll_table *t) {
    if (f->ops && f->ops->poll)
        return f->ops->poll(f, t);
    return POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;
}

int file_mmap(struct file *f, struct file_mmap *m) {
    m->max_prot = PROT_READ | PROT_WRITE | PROT_EXEC;
    if (m->is_shared && !(f->mode & FILE_WRITE))
        m->max_prot &= ~(unsigned)PROT_WRITE;
    if (f->name->mount && f->name->mount->flags & MOUNT_NO_EXEC)
        m->max_prot &= ~(unsigned)PROT_EXEC;
    if (!(f->mode & FILE_READ) || m->prot & PROT_WRITE & ~m->max_prot)
        return -EACCES;
    if (m->prot & PROT_EXEC & ~m->max_prot)
        return -EPERM;
    return f->ops && f->ops->mmap ? f->ops->mmap(f, m) : -ENODEV;
}
