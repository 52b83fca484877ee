/* SPDX-License-Identifier: MIT */
/*
 * eventfd(2): a counter as a file.
 */
#ifndef VFS_EVENTFD_H
#define VFS_EVENTFD_H

#include <stdbool.h>
#include <stdint.h>

struct file;

/* A new one that starts at `count`. semaphore: each read takes one. 0 with *out, or -ENOMEM. */
int eventfd_create(uint64_t count, bool semaphore, unsigned flags, struct file **out);

#endif
