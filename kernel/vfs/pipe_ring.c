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

/* Gives up a page, keeping one. */
static void ring_drop_page(struct pipe_ring *r, struct frame **slot) {
    struct frame *page = *slot;

    *slot = NULL;
    if (!page)
        return;
    if (r->spare)
        frame_unref(page);
    else
        r->spare = page;
}

static struct frame *ring_take_page(struct pipe_ring *r) {
    struct frame *page = r->spare;

    r->spare = NULL;
    return page ? page : frame_alloc(FRAME_KERNEL);
}

void pipe_ring_fini(struct pipe_ring *r) {
    for (size_t i = 0; i < r->slots; i++) {
        if (r->pages[i])
            frame_unref(r->pages[i]);
    }
    if (r->spare)
        frame_unref(r->spare);
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
            *slot = ring_take_page(r);
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

/* What the tail has left behind is given up; an empty ring starts again at its first byte. */
static void ring_trim(struct pipe_ring *r, uint64_t old_tail) {
    if (r->tail == r->head) {
        ring_drop_page(r, ring_slot(r, old_tail));
        r->head = r->tail = 0;
    } else if (r->tail >> PAGE_SHIFT != old_tail >> PAGE_SHIFT) {
        ring_drop_page(r, ring_slot(r, old_tail));
    }
}

long pipe_ring_drain(struct pipe_ring *r, struct iobuf *b, size_t n) {
    size_t done = 0;
    long moved = 0;

    while (done < n) {
        uint64_t tail = r->tail;
        size_t part = ring_part(tail, n - done);

        moved = iobuf_copy_out(b, ring_bytes(*ring_slot(r, tail), tail), part);
        if (moved < 0)
            break;
        r->tail += (size_t)moved;
        done += (size_t)moved;
        ring_trim(r, tail);
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
    for (size_t i = 0; i < r->slots; i++)
        ring_drop_page(r, &r->pages[i]);
    if (r->pages != r->inline_pages)
        kfree(r->pages);
    r->pages = pages;
    r->slots = slots;
    r->head = offset + pipe_ring_used(r);
    r->tail = offset;
    return 0;
}
