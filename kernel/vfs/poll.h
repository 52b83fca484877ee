/* SPDX-License-Identifier: MIT */
/*
 * Polling: a file's poll operation says which events are true now (POLLIN and so on of abi/poll.h)
 * and, when given a table, names the wait queues that are woken when that may change.
 */
#ifndef QUIRE_VFS_POLL_H
#define QUIRE_VFS_POLL_H

#include "sched/wait.h"

/* Made by the caller of poll; `queue` hangs an entry of its own into q. */
struct poll_table {
    void (*queue)(struct poll_table *t, struct wait_queue *q);
};

static inline void poll_on(struct poll_table *t, struct wait_queue *q) {
    if (t)
        t->queue(t, q);
}

#endif
