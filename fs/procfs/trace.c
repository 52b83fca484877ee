/* SPDX-License-Identifier: MIT */
/*
 * /proc/trace and /proc/trace_snapshot: the trace as a stream (docs/trace.md).
 *
 * Whoever opens /proc/trace for reading is the trace's reader until the file is released: there is
 * one at a time. A line that is written to it is told as a mark, whoever reads.
 * /proc/trace_snapshot has a snapshot of the moment when it was opened, and no more; what is
 * written to it puts one into the stream of whoever reads.
 *
 * Locks: each open file has a mutex (LOCK_RANK_PROCFS_FILE).
 */
#include "abi/errno.h"
#include "abi/poll.h"
#include "core/trace.h"
#include "fs/procfs/procfs_private.h"
#include "lib/bits.h"
#include "mm/slab.h"
#include "sched/mutex.h"
#include "sched/trace_reader.h"

#define BUFFER_BYTES (64u * 1024u)

_Static_assert(BUFFER_BYTES >= TRACE_READ_MIN, "the longest record fits");

struct stream {
    struct mutex lock;
    struct trace_pages *snapshot; /* const: only that; NULL: all that happens */
    char *header;                 /* (lock) to be read first; NULL: has been read */
    char *buffer;                 /* const: of BUFFER_BYTES */
    const char *at;               /* (lock) what is to be read next */
    size_t left;                  /* (lock) bytes there */
};

static void stream_free(struct stream *stream) {
    kfree(stream->header);
    kfree(stream->buffer);
    kfree(stream);
}

/* With its header ready to be read. NULL: no memory. */
static struct stream *stream_create(void) {
    struct stream *stream = kzalloc(sizeof(*stream));

    if (!stream)
        return NULL;
    mutex_init(&stream->lock, "procfs trace", LOCK_RANK_PROCFS_FILE);
    stream->buffer = kmalloc(BUFFER_BYTES);
    stream->header = trace_stream_header("", &stream->left);
    stream->at = stream->header;
    if (!stream->buffer || !stream->header) {
        stream_free(stream);
        return NULL;
    }
    return stream;
}

/* ---- reading ---- */

/* Gets more if all has been read. Whether there is anything. */
static bool stream_refill_locked(struct stream *stream) {
    if (stream->left > 0)
        return true;
    kfree(stream->header);
    stream->header = NULL;
    stream->at = stream->buffer;
    stream->left = stream->snapshot
                       ? trace_pages_read(stream->snapshot, stream->buffer, BUFFER_BYTES)
                       : trace_read(stream->buffer, BUFFER_BYTES);
    return stream->left > 0;
}

/* What there is now: 0 if there is nothing. */
static long stream_read_some(struct stream *stream, struct iobuf *b) {
    long copied = 0;

    mutex_lock(&stream->lock);
    if (stream_refill_locked(stream))
        copied = iobuf_copy_out(b, stream->at, MIN(b->left, stream->left));
    if (copied > 0) {
        stream->at += copied;
        stream->left -= (size_t)copied;
    }
    mutex_unlock(&stream->lock);
    return copied;
}

static long stream_read(struct file *f, struct iobuf *b, uint64_t *pos) {
    struct stream *stream = f->data;
    long result = 0;

    (void)pos;
    while (b->left > 0 && result == 0) {
        result = stream_read_some(stream, b);
        if (result != 0 || stream->snapshot)
            break;
        if (file_is_nonblocking(f))
            return -EAGAIN;
        result = trace_wait(WAIT_FOREVER);
    }
    return result;
}

static unsigned stream_poll(struct file *f, struct poll_table *t) {
    struct stream *stream = f->data;

    poll_on(t, &trace_waiters);
    if (stream->snapshot || __atomic_load_n(&stream->left, __ATOMIC_RELAXED) || trace_has_some())
        return POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM;
    return POLLOUT | POLLWRNORM;
}

/* ---- marks ---- */

static long mark_write(struct file *f, struct iobuf *b, uint64_t *pos) {
    char text[TRACE_STRING_MAX + 1];
    size_t size = b->left;
    size_t length = MIN(size, TRACE_STRING_MAX);
    long copied = iobuf_copy_in(b, text, length);

    (void)f, (void)pos;
    if (copied != (long)length)
        return copied < 0 ? copied : -EFAULT;
    if (length > 0 && text[length - 1] == '\n')
        length--;
    text[length] = 0;
    trace_mark(text);
    return (long)size;
}

static long snapshot_write(struct file *f, struct iobuf *b, uint64_t *pos) {
    int error = trace_snapshot(TRACE_SNAPSHOT_REASON_ASKED);

    (void)f, (void)pos;
    return error ? error : (long)b->left;
}

/* ---- opening ---- */

static void live_release(struct file *f) {
    trace_stop();
    stream_free(f->data);
}

static void snapshot_release(struct file *f) {
    struct stream *stream = f->data;

    trace_pages_free(stream->snapshot);
    stream_free(stream);
}

static const struct file_ops mark_ops = {.write = mark_write};
static const struct file_ops ask_ops = {.write = snapshot_write};

static const struct file_ops live_ops = {
    .read = stream_read,
    .write = mark_write,
    .poll = stream_poll,
    .release = live_release,
};

static const struct file_ops snapshot_ops = {
    .read = stream_read,
    .write = snapshot_write,
    .poll = stream_poll,
    .release = snapshot_release,
};

int procfs_open_trace(struct file *f) {
    struct stream *stream;
    int error;

    f->ops = &mark_ops;
    f->mode |= FILE_STREAM;
    if (!(f->mode & FILE_READ))
        return 0;
    stream = stream_create();
    if (!stream)
        return -ENOMEM;
    error = trace_start();
    if (error) {
        stream_free(stream);
        return error;
    }
    f->ops = &live_ops;
    f->data = stream;
    return 0;
}

int procfs_open_trace_snapshot(struct file *f) {
    struct stream *stream;
    int error;

    f->ops = &ask_ops;
    f->mode |= FILE_STREAM;
    if (!(f->mode & FILE_READ))
        return 0;
    stream = stream_create();
    if (!stream)
        return -ENOMEM;
    error = trace_pages_take(TRACE_SNAPSHOT_REASON_ASKED, &stream->snapshot);
    if (error) {
        stream_free(stream);
        return error;
    }
    f->ops = &snapshot_ops;
    f->data = stream;
    return 0;
}
