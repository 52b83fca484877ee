/* SPDX-License-Identifier: MIT */
/*
 * Waiting for one of many files: what poll(2), select(2) and their like have in common.
 */
#ifndef VFS_POLL_WAIT_H
#define VFS_POLL_WAIT_H

#include <stdint.h>

#include "vfs/file.h"

/* One file to look at. */
struct poll_item {
    struct file *file; /* the caller's reference; NULL: skipped, revents stays as it is */
    uint16_t events;   /* wanted, and no others count: POLL* of abi/poll.h */
    uint16_t revents;  /* found */
};

/*
 * Waits until some item has one of its events, or the monotonic time deadline_ns (0: do not wait,
 * WAIT_FOREVER: never). Items whose revents is not 0 at the start count as found.
 * Returns how many items have revents, -EINTR, or -ENOMEM. May sleep.
 */
long poll_wait_any(struct poll_item *items, unsigned count, uint64_t deadline_ns);

#endif
