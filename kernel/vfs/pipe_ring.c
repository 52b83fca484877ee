/* SPDX-License-Identifier: MIT */
/* The ring of pages behind a pipe; see pipe_ring.h. */
#include "vfs/pipe_ring.h"

#include "abi/errno.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "mm/slab.h"

void pipe_ring_init(struct pipe_ring *r) {
    *r = (struct pipe_ring){.slots = PIPE_DEFAULT_SLOTS};
    r->pages = r->inline_pages;
}

size_t pipe_ring_size(const struct pipe_ring *r) {
    return r->slots * PAGE_SIZE;
}

size_t pipe_ring_room(const struct pipe_ring *r) {
    return pipe_ring_size(r) - pipe_ring_used(r) - (r->tail & (PAGE_SIZE - 1));
}

static struct frame **ring_slot(struct pipe_ring *r, uint64_t position) {
    return &r->pages[(position >> PAGE_SHIFT) & (r->slots - 1)];
}

/* The bytes of a slot have gone out. */
static void ring_vacate(struct pipe_ring *r, struct frame **slot) {
    struct frame *page = *slot;

    if (slot < r->pages + PIPE_KEPT_SLOTS)
        return;
    *slot = NULL;
    frame_unref(page);
}

void pipe_ring_fini(struct pipe_ring *r) {
    for (size_t i = 0; i < r->slots; i++) {
        if (r->pages[i])
            frame_unref(r->pages[i]);
    }
    if (r->pages != r->inline_pages)
        kfree(r->pages);
}

/* Bytes from `position` to the end of its page, at most n. */
static size_t ring_part(uint64_t position, size_t n) {
    return MIN(n, PAGE_SIZE - (position & (PAGE_SIZE - 1)));
}

static char *ring_bytes(struct frame *page, uint64_t position) {
    return (char *)frame_to_virt(page) + (position & (PAGE_SIZE - 1));
}

/* The whole of it may be partly done: then the bytes so far count, not the error. */
static long ring_result(size_t done, long status) {
    return done || status >= 0 ? (long)done : status;
}

long pipe_ring_fill(struct pipe_ring *r, struct iobuf *b, size_t n) {
    size_t done = 0;
    long moved = 0;

    while (done < n) {
        struct frame **slot = ring_slot(r, r->head);
        size_t part = ring_part(r->head, n - done);

        if (!*slot)
            *slot = frame_alloc(FRAME_KERNEL);
        if (!*slot)
            return ring_result(done, -ENOMEM);
        moved = iobuf_copy_in(b, ring_bytes(*slot, r->head), part);
        if (moved < 0)
            break;
        r->head += (size_t)moved;
        done += (size_t)moved;
        if ((size_t)moved < part)
            break;
    }
    return ring_result(done, moved);
}

/* The tail has moved inside a slot's page, or behind it. An empty ring starts again. */
static void ring_trim(struct pipe_ring *r, struct frame **slot) {
    bool empty = r->tail == r->head;

    if (empty || (r->tail & (PAGE_SIZE - 1)) == 0)
        ring_vacate(r, slot);
    if (empty)
        r->head = r->tail = 0;
}

long pipe_ring_drain(struct pipe_ring *r, struct iobuf *b, size_t n) {
    size_t done = 0;
    long moved = 0;

    while (done < n) {
        struct frame **slot = ring_slot(r, r->tail);
        size_t part = ring_part(r->tail, n - done);

        moved = iobuf_copy_out(b, ring_bytes(*slot, r->tail), part);
        if (moved < 0)
            break;
        r->tail += (size_t)moved;
        done += (size_t)moved;
        ring_trim(r, slot);
        if ((size_t)moved < part)
            break;
    }
    return ring_result(done, moved);
}

int pipe_ring_resize(struct pipe_ring *r, size_t slots) {
    uint64_t first = r->tail >> PAGE_SHIFT, offset = r->tail & (PAGE_SIZE - 1);
    size_t busy = div_round_up(offset + pipe_ring_used(r), PAGE_SIZE);
    struct frame **pages;

    if (busy > slots)
        return -EBUSY;
    pages = kcalloc(slots, sizeof(*pages));
    if (!pages)
        return -ENOMEM;
    for (size_t i = 0; i < busy; i++) {
        struct frame **slot = &r->pages[(first + i) & (r->slots - 1)];

        pages[i] = *slot;
        *slot = NULL;
    }
    pipe_ring_fini(r);
    r->pages = pages;
    r->slots = slots;
    r->head = offset + pipe_ring_used(r);
    r->tail = offset;
    return 0;
}
