/* SPDX-License-Identifier: MIT */
/*
 * eventfd: a counter as a file. Reading waits until it is not 0, writing while it would overflow.
 *
 * Locks: event->lock for the count. Source: eventfd(2).
 */
#include "vfs/eventfd.h"

#include "abi/errno.h"
#include "abi/poll.h"
#include "mm/slab.h"
#include "vfs/anon_file.h"

#define COUNT_MAX (UINT64_MAX - 1)

struct event {
    struct spinlock lock;
    uint64_t count; /* (lock) */
    bool semaphore; /* constant */
    struct wait_queue wait;
};

/* Takes what a read takes. 0 when there is nothing. */
static uint64_t event_take(struct event *event) {
    spin_lock(&event->lock);
    uint64_t value = event->semaphore && event->count > 0 ? 1 : event->count;
    event->count -= value;
    spin_unlock(&event->lock);
    return value;
}

static bool event_add(struct event *event, uint64_t value) {
    spin_lock(&event->lock);
    bool fits = value <= COUNT_MAX - event->count;
    if (fits)
        event->count += value;
    spin_unlock(&event->lock);
    return fits;
}

static long event_read(struct file *f, struct iobuf *b, uint64_t *pos) {
    struct event *event = f->data;
    uint64_t value;
    int error = 0;

    (void)pos;
    if (b->left < sizeof(value))
        return -EINVAL;
    value = event_take(event);
    if (value == 0 && file_is_nonblocking(f))
        return -EAGAIN;
    if (value == 0)
        error = WAIT_EVENT_INTERRUPTIBLE(&event->wait, (value = event_take(event)) != 0);
    if (error)
        return error;
    wait_queue_wake_all(&event->wait);
    return iobuf_copy_out(b, &value, sizeof(value));
}

static long event_write(struct file *f, struct iobuf *b, uint64_t *pos) {
    struct event *event = f->data;
    uint64_t value;
    int error = 0;

    (void)pos;
    if (b->left < sizeof(value))
        return -EINVAL;
    if (iobuf_copy_in(b, &value, sizeof(value)) != sizeof(value))
        return -EFAULT;
    if (value > COUNT_MAX)
        return -EINVAL;
    bool added = event_add(event, value);
    if (!added && file_is_nonblocking(f))
        return -EAGAIN;
    if (!added)
        error = WAIT_EVENT_INTERRUPTIBLE(&event->wait, event_add(event, value));
    if (error)
        return error;
    wait_queue_wake_all(&event->wait);
    return sizeof(value);
}

static unsigned event_poll(struct file *f, struct poll_table *t) {
    struct event *event = f->data;

    poll_on(t, &event->wait);
    uint64_t count = __atomic_load_n(&event->count, __ATOMIC_RELAXED);
    return (count > 0 ? POLLIN | POLLRDNORM : 0) | (count < COUNT_MAX ? POLLOUT | POLLWRNORM : 0);
}

static void event_release(struct file *f) {
    kfree(f->data);
}

static const struct file_ops event_ops = {
    .read = event_read,
    .write = event_write,
    .poll = event_poll,
    .release = event_release,
};

int eventfd_create(uint64_t count, bool semaphore, unsigned flags, struct file **out) {
    struct event *event = kzalloc(sizeof(*event));

    if (!event)
        return -ENOMEM;
    spin_init(&event->lock, "eventfd", LOCK_RANK_VNODE_STATE);
    event->count = count;
    event->semaphore = semaphore;
    wait_queue_init(&event->wait);
    int error = anon_file_create("anon_inode:[eventfd]", &event_ops, event, flags, out);
    if (error)
        kfree(event);
    return error;
}
