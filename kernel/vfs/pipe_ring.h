/* SPDX-License-Identifier: MIT */
/*
 * The bytes in a pipe: a ring over page frames that are there only while they hold bytes.
 *
 * Positions count up; byte p lies in slot (p / page) % slots. Page frames are taken when bytes come
 * in and given back when they have gone out, but for those of the first few slots, which stay: a
 * ring that has run empty starts there again, so a pipe in steady use allocates little, and one of
 * short messages nothing. Private to this folder. Locks: the pipe's.
 */
#ifndef QUIRE_VFS_PIPE_RING_H
#define QUIRE_VFS_PIPE_RING_H

#include <stddef.h>
#include <stdint.h>

#include "mm/frame.h"
#include "vfs/iobuf.h"

#define PIPE_DEFAULT_SLOTS 16
#define PIPE_KEPT_SLOTS 4 /* the first ones: so many frames an empty pipe holds on to at most */

struct pipe_ring {
    uint64_t head; /* where bytes come in */
    uint64_t tail; /* where they go out; head - tail are held */
    size_t slots;  /* a power of two */
    struct frame **pages;
    struct frame *inline_pages[PIPE_DEFAULT_SLOTS];
};

void pipe_ring_init(struct pipe_ring *r);
void pipe_ring_fini(struct pipe_ring *r);

static inline size_t pipe_ring_used(const struct pipe_ring *r) {
    return r->head - r->tail;
}

size_t pipe_ring_size(const struct pipe_ring *r);

/* Bytes that can come in now. What has gone out of the page at the tail does not count until the
 * whole page has: so no page holds bytes of both ends. */
size_t pipe_ring_room(const struct pipe_ring *r);

/* Moves up to n bytes in or out: how many, -EFAULT or -ENOMEM when none. May sleep (faults). */
long pipe_ring_fill(struct pipe_ring *r, struct iobuf *b, size_t n);
long pipe_ring_drain(struct pipe_ring *r, struct iobuf *b, size_t n);

/* Another number of slots, a power of two. -EBUSY: does not hold what is inside; -ENOMEM. */
int pipe_ring_resize(struct pipe_ring *r, size_t slots);

#endif
