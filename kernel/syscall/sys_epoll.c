/* SPDX-License-Identifier: MIT */
/*
 * epoll and eventfd. Source: epoll_create(2), epoll_ctl(2), epoll_wait(2), eventfd(2).
 */
#include "abi/epoll.h"
#include "abi/errno.h"
#include "core/uaccess.h"
#include "lib/bits.h"
#include "proc/signal_mask.h"
#include "syscall/calls.h"
#include "syscall/user_time.h"
#include "vfs/epoll.h"
#include "vfs/eventfd.h"
#include "vfs/fdtable.h"

#define NS_PER_MS 1000000ull
#define SIGSET_BYTES 8

/* Linux's limit: what fits an int in bytes. */
#define EVENTS_MAX (INT32_MAX / (int)sizeof(struct linux_epoll_event))

/* Events collected in one go, on the stack; more come with the next call. */
#define BATCH_EVENTS 32u

long sys_epoll_create1(int flags) {
    struct file *f;

    if (flags & ~EPOLL_CLOEXEC)
        return -EINVAL;
    int error = epoll_create(0, &f);
    return error ? error : fd_alloc(f, (flags & EPOLL_CLOEXEC) != 0);
}

long sys_epoll_create(int size) {
    return size > 0 ? sys_epoll_create1(0) : -EINVAL;
}

long sys_epoll_ctl(int epoll, int op, int fd, void *event) {
    struct linux_epoll_event copy = {0};

    if (op != EPOLL_CTL_DEL && copy_from_user(&copy, event, sizeof(copy)))
        return -EFAULT;

    long result = -EBADF;
    struct file *set = fd_get(epoll);
    struct file *target = fd_get(fd);
    if (set && target)
        result = epoll_control(set, op, target, fd, &copy);
    file_unref(target);
    file_unref(set);
    return result;
}

static long do_wait(int epoll, void *user, int max, uint64_t deadline_ns) {
    struct linux_epoll_event events[BATCH_EVENTS];

    if (max <= 0 || max > EVENTS_MAX)
        return -EINVAL;
    if (!user_range_ok(user, (size_t)max * sizeof(*events)))
        return -EFAULT;
    struct file *set = fd_get(epoll);
    if (!set)
        return -EBADF;
    long count = epoll_wait_events(set, events, MIN((unsigned)max, BATCH_EVENTS), deadline_ns);
    file_unref(set);
    if (count > 0 && copy_to_user(user, events, (size_t)count * sizeof(*events)))
        return -EFAULT;
    return count;
}

static uint64_t deadline_after_ms(int timeout_ms) {
    return timeout_ms < 0 ? WAIT_FOREVER : poll_deadline_in((uint64_t)timeout_ms * NS_PER_MS);
}

long sys_epoll_wait(int epoll, void *events, int max, int timeout_ms) {
    return do_wait(epoll, events, max, deadline_after_ms(timeout_ms));
}

static long wait_with_mask(int epoll, void *events, int max, uint64_t deadline_ns,
                           const uint64_t *mask) {
    if (!mask)
        return do_wait(epoll, events, max, deadline_ns);
    signal_mask_replace(*mask);
    long result = do_wait(epoll, events, max, deadline_ns);
    signal_mask_restore(result == -EINTR);
    return result;
}

/* Reads the mask. 0, -EINVAL, -EFAULT. */
static int get_mask(const void *user, size_t size, uint64_t *mask) {
    if (!user)
        return 0;
    if (size != SIGSET_BYTES)
        return -EINVAL;
    return get_user_u64(mask, user);
}

long sys_epoll_pwait(int epoll, void *events, int max, int timeout_ms, const void *mask,
                     size_t mask_size) {
    uint64_t bits;
    int error = get_mask(mask, mask_size, &bits);

    if (error)
        return error;
    return wait_with_mask(epoll, events, max, deadline_after_ms(timeout_ms), mask ? &bits : NULL);
}

long sys_epoll_pwait2(int epoll, void *events, int max, const void *timeout, const void *mask,
                      size_t mask_size) {
    uint64_t deadline_ns, bits;
    int error = user_timespec_deadline(timeout, &deadline_ns);

    if (!error)
        error = get_mask(mask, mask_size, &bits);
    if (error)
        return error;
    return wait_with_mask(epoll, events, max, deadline_ns, mask ? &bits : NULL);
}

long sys_eventfd2(uint32_t count, int flags) {
    struct file *f;

    if (flags & ~(EFD_SEMAPHORE | EFD_CLOEXEC | EFD_NONBLOCK))
        return -EINVAL;
    int error =
        eventfd_create(count, (flags & EFD_SEMAPHORE) != 0, (unsigned)flags & EFD_NONBLOCK, &f);
    return error ? error : fd_alloc(f, (flags & EFD_CLOEXEC) != 0);
}

long sys_eventfd(uint32_t count) {
    return sys_eventfd2(count, 0);
}
