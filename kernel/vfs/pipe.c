/* SPDX-License-Identifier: MIT */
/*
 * Pipes and fifos. Sources: pipe(7), pipe(2), fifo(7), open(2).
 *
 * A `pipe` is the state between readers and writers. It hangs on a vnode (vnode->fifo) while some
 * file of it is open: an anonymous one of our own pipefs, or a fifo of any file system.
 *
 * Locks: vnode->lock for vnode->fifo and pipe->files; then pipe->lock (LOCK_RANK_PIPE) for all
 * else. User memory is copied under pipe->lock, which no fault takes. Wakers wake after the lock is
 * dropped; who sleeps looks at counters without the lock and again under it.
 */
#include "vfs/pipe.h"

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/ioctl.h"
#include "abi/poll.h"
#include "abi/signal.h"
#include "abi/statfs.h"
#include "core/uaccess.h"
#include "lib/bits.h"
#include "mm/slab.h"
#include "sched/wait.h"
#include "vfs/access.h"
#include "vfs/context.h"
#include "vfs/pipe_ring.h"

#define PIPE_BUF 4096u

struct pipe {
    struct mutex lock;
    struct pipe_ring ring;
    unsigned readers;           /* [lock] files open for reading */
    unsigned writers;           /* [lock] */
    unsigned reader_opens;      /* [lock] how often it was opened for reading, for waiting opens */
    unsigned writer_opens;      /* [lock] */
    unsigned files;             /* [vnode->lock] open files, and opens under way */
    struct wait_queue readable; /* bytes came, or the last writer went, or one came */
    struct wait_queue writable; /* room came, or the last reader went, or one came */
};

static const struct file_ops pipe_file_ops;
static struct slab_cache pipe_cache, pipe_vnode_cache;
static struct filesystem pipefs;
static _Atomic uint64_t next_ino = 1;

/* ---- life ---- */

static void pipe_vnode_release(struct vnode *v) {
    vnode_fini(v);
    slab_free(&pipe_vnode_cache, v);
}

static int pipefs_statfs(struct filesystem *fs, struct statfs_info *out) {
    (void)fs;
    *out = (struct statfs_info){.magic = PIPEFS_MAGIC, .block_bytes = PAGE_SIZE};
    return 0;
}

static const struct vnode_ops pipe_vnode_ops = {.release = pipe_vnode_release};
static const struct filesystem_ops pipefs_ops = {.statfs = pipefs_statfs};

void pipe_init(void) {
    slab_cache_init(&pipe_cache, "pipe", sizeof(struct pipe), 0);
    slab_cache_init(&pipe_vnode_cache, "pipe_vnode", sizeof(struct vnode), 0);
    filesystem_init(&pipefs, "pipefs", &pipefs_ops);
}

/* The pipe of v, made if there is none, with `count` files more on it; NULL without memory. */
static struct pipe *pipe_attach(struct vnode *v, unsigned count) {
    struct pipe *p;

    mutex_lock(&v->lock);
    p = v->fifo;
    if (!p && (p = slab_alloc_zeroed(&pipe_cache))) {
        mutex_init(&p->lock, "pipe", LOCK_RANK_PIPE);
        pipe_ring_init(&p->ring);
        wait_queue_init(&p->readable);
        wait_queue_init(&p->writable);
        v->fifo = p;
    }
    if (p)
        p->files += count;
    mutex_unlock(&v->lock);
    return p;
}

static void pipe_detach(struct vnode *v, struct pipe *p, unsigned count) {
    bool last;

    mutex_lock(&v->lock);
    p->files -= count;
    last = p->files == 0;
    if (last)
        v->fifo = NULL;
    mutex_unlock(&v->lock);
    if (!last)
        return;
    pipe_ring_fini(&p->ring);
    slab_free(&pipe_cache, p);
}

static void pipe_wake(struct wait_queue *q) {
    if (!wait_queue_is_empty(q))
        wait_queue_wake_all(q);
}

/* What a file found when it was added to a pipe. */
struct pipe_others {
    unsigned readers, writers;
    unsigned reader_opens, writer_opens;
};

/* Adds a file's ends; *found is what there was at that moment, the file included. */
static void pipe_add_ends(struct pipe *p, unsigned mode, struct pipe_others *found) {
    mutex_lock(&p->lock);
    if (mode & FILE_READ) {
        p->readers++;
        p->reader_opens++;
    }
    if (mode & FILE_WRITE) {
        p->writers++;
        p->writer_opens++;
    }
    *found = (struct pipe_others){p->readers, p->writers, p->reader_opens, p->writer_opens};
    mutex_unlock(&p->lock);
    pipe_wake(&p->readable);
    pipe_wake(&p->writable);
}

static void pipe_drop_ends(struct pipe *p, unsigned mode) {
    mutex_lock(&p->lock);
    if (mode & FILE_READ)
        p->readers--;
    if (mode & FILE_WRITE)
        p->writers--;
    mutex_unlock(&p->lock);
    pipe_wake(&p->readable);
    pipe_wake(&p->writable);
}

static void pipe_release(struct file *f) {
    struct pipe *p = f->data;

    pipe_drop_ends(p, f->mode);
    pipe_detach(f->vnode, p, 1);
}

/* ---- reading and writing ---- */

static bool pipe_can_read(struct pipe *p) {
    return pipe_ring_used(&p->ring) > 0 || p->writers == 0;
}

/* Room for `need` bytes, or nobody to read them. */
static bool pipe_can_write(struct pipe *p, size_t need) {
    return pipe_ring_room(&p->ring) >= need || p->readers == 0;
}

/* Waits until there is something to read: 0 with the lock held; 1 at the end of file; errors. */
static long pipe_lock_readable(struct file *f, struct pipe *p) {
    for (;;) {
        int error;

        if (pipe_can_read(p)) {
            bool is_over;

            mutex_lock(&p->lock);
            if (pipe_ring_used(&p->ring) > 0)
                return 0;
            is_over = p->writers == 0;
            mutex_unlock(&p->lock);
            if (is_over)
                return 1;
            continue;
        }
        if (file_is_nonblocking(f))
            return -EAGAIN;
        error = WAIT_EVENT_INTERRUPTIBLE(&p->readable, pipe_can_read(p));
        if (error)
            return error;
    }
}

static long pipe_read(struct file *f, struct iobuf *b, uint64_t *pos) {
    struct pipe *p = f->data;
    long n;

    (void)pos;
    if (b->left == 0)
        return 0;
    n = pipe_lock_readable(f, p);
    if (n)
        return n == 1 ? 0 : n;
    n = pipe_ring_drain(&p->ring, b, MIN(b->left, pipe_ring_used(&p->ring)));
    mutex_unlock(&p->lock);
    pipe_wake(&p->writable);
    return n;
}

/* Up to PIPE_BUF bytes go in at one go or not at all. */
static size_t pipe_needed_room(size_t total) {
    return total <= PIPE_BUF ? total : 1;
}

/* Puts in what there is room for. -EAGAIN: none; -EPIPE: no reader. */
static long pipe_write_some(struct pipe *p, struct iobuf *b, size_t need) {
    long n;

    mutex_lock(&p->lock);
    if (p->readers == 0)
        n = -EPIPE;
    else if (pipe_ring_room(&p->ring) < need)
        n = -EAGAIN;
    else
        n = pipe_ring_fill(&p->ring, b, MIN(b->left, pipe_ring_room(&p->ring)));
    mutex_unlock(&p->lock);
    if (n > 0)
        pipe_wake(&p->readable);
    return n;
}

static long pipe_write(struct file *f, struct iobuf *b, uint64_t *pos) {
    struct pipe *p = f->data;
    size_t total = b->left, need = pipe_needed_room(total);
    long n = 0;

    (void)pos;
    while (b->left > 0) {
        n = pipe_write_some(p, b, need);
        if (n == -EAGAIN && !file_is_nonblocking(f))
            n = WAIT_EVENT_INTERRUPTIBLE(&p->writable, pipe_can_write(p, need));
        if (n < 0)
            break;
    }
    if (n == -EPIPE)
        vfs_signal_current(SIGPIPE);
    return b->left < total ? (long)(total - b->left) : n;
}

static unsigned pipe_poll(struct file *f, struct poll_table *t) {
    struct pipe *p = f->data;
    unsigned events = 0;

    if (f->mode & FILE_READ)
        poll_on(t, &p->readable);
    if (f->mode & FILE_WRITE)
        poll_on(t, &p->writable);
    mutex_lock(&p->lock);
    if (f->mode & FILE_READ) {
        if (pipe_ring_used(&p->ring) > 0)
            events |= POLLIN | POLLRDNORM;
        if (p->writers == 0 && p->writer_opens != f->pos)
            events |= POLLHUP;
    }
    if (f->mode & FILE_WRITE) {
        if (pipe_ring_room(&p->ring) >= PIPE_BUF)
            events |= POLLOUT | POLLWRNORM;
        if (p->readers == 0)
            events |= POLLERR;
    }
    mutex_unlock(&p->lock);
    return events;
}

static long pipe_ioctl(struct file *f, unsigned command, uint64_t argument) {
    struct pipe *p = f->data;
    uint32_t used;

    if (command != FIONREAD)
        return -ENOTTY;
    mutex_lock(&p->lock);
    used = (uint32_t)pipe_ring_used(&p->ring);
    mutex_unlock(&p->lock);
    return put_user_u32(used, (void *)(uintptr_t)argument);
}

static const struct file_ops pipe_file_ops = {
    .read = pipe_read,
    .write = pipe_write,
    .poll = pipe_poll,
    .ioctl = pipe_ioctl,
    .release = pipe_release,
};

/* ---- making and opening ---- */

static int pipe_make_name(struct name **out) {
    struct vfs_context *context = vfs_context_current();
    struct vnode *v = slab_alloc(&pipe_vnode_cache);
    int error;

    if (!v)
        return -ENOMEM;
    vnode_init(v, &pipefs, &pipe_vnode_ops, S_IFIFO | S_IRUSR | S_IWUSR);
    v->uid = context->credentials.fsuid;
    v->gid = context->credentials.fsgid;
    v->ino = atomic_fetch_add(&next_ino, 1);
    error = name_create_anonymous("pipe", v, out);
    vnode_unref(v);
    return error;
}

/* One end: a file of `name`, which gets a reference more. p is attached already. */
static int pipe_make_end(struct name *name, struct pipe *p, unsigned mode, unsigned flags,
                         struct file **out) {
    unsigned access = mode & FILE_READ ? O_RDONLY : O_WRONLY;
    struct pipe_others found;
    int error;

    name_ref(name);
    error = file_create(name, &pipe_file_ops, mode | FILE_STREAM, flags | access, out);
    if (error) {
        name_unref(name);
        return error;
    }
    (*out)->data = p;
    pipe_add_ends(p, mode, &found);
    return 0;
}

int pipe_create(unsigned flags, struct file **read_end, struct file **write_end) {
    struct name *name;
    struct pipe *p;
    int error = pipe_make_name(&name);

    if (error)
        return error;
    error = -ENOMEM;
    p = pipe_attach(name->vnode, 2);
    if (!p)
        goto drop_name;
    error = pipe_make_end(name, p, FILE_READ, flags, read_end);
    if (error)
        goto detach_both;
    error = pipe_make_end(name, p, FILE_WRITE, flags, write_end);
    if (error)
        goto close_read_end;
    name_unref(name);
    return 0;

close_read_end:
    file_unref(*read_end);
    pipe_detach(name->vnode, p, 1);
    goto drop_name;
detach_both:
    pipe_detach(name->vnode, p, 2);
drop_name:
    name_unref(name);
    return error;
}

/*
 * Opening for one direction waits until somebody has the other open, or has had it since: those who
 * come and go while we get here count.
 */
static int fifo_wait_other(struct pipe *p, struct file *f, const struct pipe_others *found) {
    if (f->mode & FILE_WRITE) {
        if (found->readers > 0)
            return 0;
        return WAIT_EVENT_INTERRUPTIBLE(&p->writable, p->reader_opens != found->reader_opens);
    }
    if (found->writers > 0)
        return 0;
    return WAIT_EVENT_INTERRUPTIBLE(&p->readable, p->writer_opens != found->writer_opens);
}

/* An anonymous pipe opened by way of /proc/PID/fd waits for nobody: it may be at its end. */
static int fifo_meet(struct pipe *p, struct file *f, const struct pipe_others *found) {
    unsigned mode = f->mode & (FILE_READ | FILE_WRITE);

    if (f->vnode->fs == &pipefs || mode == (FILE_READ | FILE_WRITE))
        return 0;
    f->pos = found->writers ? 0 : found->writer_opens;
    if (!file_is_nonblocking(f))
        return fifo_wait_other(p, f, found);
    return mode == FILE_WRITE && found->readers == 0 ? -ENXIO : 0;
}

int fifo_open(struct vnode *v, struct file *f) {
    struct pipe *p = pipe_attach(v, 1);
    struct pipe_others found;
    int error;

    if (!p)
        return -ENOMEM;
    f->ops = &pipe_file_ops;
    f->data = p;
    f->mode |= FILE_STREAM;
    pipe_add_ends(p, f->mode, &found);
    error = fifo_meet(p, f, &found);
    if (error)
        pipe_release(f);
    return error;
}

/* ---- size ---- */

static struct pipe *pipe_of_file(struct file *f) {
    return f->ops == &pipe_file_ops ? f->data : NULL;
}

long pipe_get_size(struct file *f) {
    struct pipe *p = pipe_of_file(f);

    return p ? (long)pipe_ring_size(&p->ring) : -EBADF;
}

long pipe_set_size(struct file *f, uint64_t bytes) {
    struct pipe *p = pipe_of_file(f);
    size_t slots = 1;
    int error;

    if (!p)
        return -EBADF;
    if (bytes > PIPE_MAX_BYTES)
        return vfs_is_root() ? -EINVAL : -EPERM;
    while (slots * PAGE_SIZE < bytes)
        slots *= 2;
    mutex_lock(&p->lock);
    error = pipe_ring_resize(&p->ring, slots);
    mutex_unlock(&p->lock);
    pipe_wake(&p->writable);
    return error ? error : (long)(slots * PAGE_SIZE);
}
