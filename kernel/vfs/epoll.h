/* SPDX-License-Identifier: MIT */
/*
 * epoll(7): a set of watched files as a file, and a list of those that are ready.
 */
#ifndef VFS_EPOLL_H
#define VFS_EPOLL_H

#include <stdint.h>

#include "abi/epoll.h"
#include "vfs/file.h"

/* Prepares the lock. Once, at start. */
void epoll_init(void);

/* A new set as a file. 0 with *out, or -ENOMEM. */
int epoll_create(unsigned flags, struct file **out);

/*
 * epoll_ctl(2): op is EPOLL_CTL_*, fd the number `target` was found under; event NULL for DEL.
 * Errors: -EINVAL (set is no epoll, or target is set), -EEXIST, -ENOENT, -EPERM (target cannot be
 * polled), -ELOOP, -ENOMEM. May sleep.
 */
int epoll_control(struct file *set, int op, struct file *target, int fd,
                  const struct linux_epoll_event *event);

/*
 * Waits until a watched file is ready, or the monotonic time deadline_ns (0: do not wait), and
 * stores up to `max` events. Returns how many, -EINTR, or -EINVAL: set is no epoll. May sleep.
 */
long epoll_wait_events(struct file *set, struct linux_epoll_event *events, unsigned max,
                       uint64_t deadline_ns);

/* The last reference to a watched file is gone: nobody watches it any more. */
void epoll_file_gone(struct file *f);

#endif
