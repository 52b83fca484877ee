/* SPDX-License-Identifier: MIT */
/*
 * Snapshots of the trace, and the memory that they lie in.
 *
 * Nothing can be allocated while the processors stand still, and how much is needed is known only
 * when all was told: so it is told again, with more memory, until it fits. Most often that is once,
 * since what was counted first, and something more, is enough.
 */
#include "abi/errno.h"
#include "core/trace_state.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "mm/frame.h"
#include "mm/slab.h"
#include "sched/stop_machine.h"
#include "sched/trace_pages_private.h"

#define FIRST_BYTES (64u * 1024u)

/* A page of it. */
struct leaf {
    struct leaf *next;
    char bytes[PAGE_SIZE - sizeof(struct leaf *)];
};

_Static_assert(sizeof(struct leaf) == PAGE_SIZE, "a leaf is a page");

struct trace_pages {
    struct trace_sink sink;
    struct leaf *first;
    uint64_t capacity; /* bytes in all leaves */
    uint64_t told;     /* bytes that were told, whether they fitted or not */
    struct leaf *at;   /* where the next byte goes to, or comes from */
    size_t offset;     /* in it */
    uint64_t begin;    /* the first record's stamp */
};

/* ---- memory ---- */

static void leaves_free(struct trace_pages *pages) {
    struct leaf *leaf = pages->first;

    pages->first = NULL;
    pages->capacity = 0;
    while (leaf) {
        struct leaf *next = leaf->next;

        frame_unref(virt_to_frame(leaf));
        leaf = next;
    }
}

/* Makes room for so many bytes. 0 or -ENOMEM, with as much as there was memory for. */
static int leaves_grow(struct trace_pages *pages, uint64_t bytes) {
    while (pages->capacity < bytes) {
        struct frame *frame = frame_alloc(FRAME_KERNEL);
        struct leaf *leaf;

        if (!frame)
            return -ENOMEM;
        leaf = frame_to_virt(frame);
        leaf->next = pages->first;
        pages->first = leaf;
        pages->capacity += sizeof(leaf->bytes);
    }
    return 0;
}

void trace_pages_free(struct trace_pages *pages) {
    leaves_free(pages);
    kfree(pages);
}

/* ---- telling ---- */

static void rewind(struct trace_pages *pages) {
    pages->at = pages->first;
    pages->offset = 0;
}

/* Copies at most to the end of the leaf. */
static size_t put_some(struct trace_pages *pages, const char *bytes, size_t size) {
    size_t room = sizeof(pages->at->bytes) - pages->offset;
    size_t some = MIN(size, room);

    memcpy(pages->at->bytes + pages->offset, bytes, some);
    pages->offset += some;
    if (some == room) {
        pages->at = pages->at->next;
        pages->offset = 0;
    }
    return some;
}

static void put(struct trace_sink *sink, const void *bytes, size_t size) {
    struct trace_pages *pages = (struct trace_pages *)sink;
    size_t done = 0;

    pages->told += size;
    while (done < size && pages->at)
        done += put_some(pages, (const char *)bytes + done, size - done);
}

/* One try. False: it did not fit, and told says how much there is. */
static bool tell(struct trace_pages *pages, uint64_t *seen, enum trace_snapshot_reason reason) {
    rewind(pages);
    pages->told = 0;
    memset(seen, 0, trace_seen_bytes());
    trace_state_tell(&pages->sink, seen, reason);
    pages->begin = pages->sink.first_stamp;
    rewind(pages);
    return pages->told <= pages->capacity;
}

static bool tell_standing(struct trace_pages *pages, uint64_t *seen,
                          enum trace_snapshot_reason reason, void (*then)(void)) {
    bool fits;

    stop_machine_begin();
    fits = tell(pages, seen, reason);
    if (fits && then)
        then();
    stop_machine_end();
    return fits;
}

int trace_pages_take_and(enum trace_snapshot_reason reason, struct trace_pages **out,
                         void (*then)(void)) {
    struct trace_pages *pages = kzalloc(sizeof(*pages));
    uint64_t *seen = kmalloc(trace_seen_bytes());
    int error = -ENOMEM;

    if (!pages || !seen)
        goto free_seen;
    pages->sink.put = put;
    error = leaves_grow(pages, FIRST_BYTES);
    while (!error && !tell_standing(pages, seen, reason, then))
        error = leaves_grow(pages, pages->told + pages->told / 8 + FIRST_BYTES);

free_seen:
    kfree(seen);
    if (error) {
        if (pages)
            trace_pages_free(pages);
        return error;
    }
    *out = pages;
    return 0;
}

int trace_pages_take(enum trace_snapshot_reason reason, struct trace_pages **out) {
    return trace_pages_take_and(reason, out, NULL);
}

/* ---- reading ---- */

uint64_t trace_pages_begin(const struct trace_pages *pages) {
    return pages->begin;
}

uint64_t trace_pages_left(const struct trace_pages *pages) {
    return pages->told;
}

size_t trace_pages_read(struct trace_pages *pages, void *buffer, size_t bytes) {
    size_t total = 0;

    bytes = MIN(bytes, pages->told);
    while (total < bytes) {
        size_t some = MIN(bytes - total, sizeof(pages->at->bytes) - pages->offset);

        memcpy((char *)buffer + total, pages->at->bytes + pages->offset, some);
        total += some;
        pages->offset += some;
        if (pages->offset == sizeof(pages->at->bytes)) {
            pages->at = pages->at->next;
            pages->offset = 0;
        }
    }
    pages->told -= total;
    return total;
}
