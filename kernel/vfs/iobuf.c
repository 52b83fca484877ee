/* SPDX-License-Identifier: MIT */
/* I/O buffers: moving bytes range by range. See iobuf.h. */
#include "vfs/iobuf.h"

#include "abi/errno.h"
#include "core/uaccess.h"
#include "lib/bits.h"
#include "lib/string.h"

void iobuf_init_vector(struct iobuf *b, const struct linux_iovec *iov, unsigned count,
                       size_t total) {
    *b = (struct iobuf){.left = total, .rest = iov, .rest_count = count, .is_user = true};
}

void iobuf_limit(struct iobuf *b, size_t n) {
    b->left = MIN(b->left, n);
}

/* Makes the current range one with bytes in it; its length, cut to what is left. */
static size_t iobuf_range(struct iobuf *b) {
    while (b->length == 0 && b->rest_count > 0) {
        b->address = (char *)(uintptr_t)b->rest->iov_base;
        b->length = b->rest->iov_len;
        b->rest++;
        b->rest_count--;
    }
    return MIN(b->length, b->left);
}

static void iobuf_advance(struct iobuf *b, size_t n) {
    b->address += n;
    b->length -= n;
    b->left -= n;
}

/* Each moves n bytes at b's current range and returns how many were not moved. */
static size_t move_out(struct iobuf *b, void *data, size_t n) {
    if (b->is_user)
        return copy_to_user_partial(b->address, data, n);
    memcpy(b->address, data, n);
    return 0;
}

static size_t move_in(struct iobuf *b, void *data, size_t n) {
    if (b->is_user)
        return copy_from_user_partial(data, b->address, n);
    memcpy(data, b->address, n);
    return 0;
}

typedef size_t (*iobuf_mover)(struct iobuf *b, void *data, size_t n);

/* Over as many ranges as it takes. */
static __attribute__((noinline)) long iobuf_move_ranges(struct iobuf *b, char *data, size_t n,
                                                        iobuf_mover move) {
    size_t done = 0;

    while (done < n) {
        size_t part = MIN(iobuf_range(b), n - done);
        size_t missed = move(b, data + done, part);

        iobuf_advance(b, part - missed);
        done += part - missed;
        if (missed)
            return done ? (long)done : -EFAULT;
    }
    return (long)done;
}

/* A user page was not there: all but the last bytes of n have been moved. */
static __attribute__((noinline)) long iobuf_moved_part(struct iobuf *b, size_t n, size_t missed) {
    iobuf_advance(b, n - missed);
    return missed == n ? -EFAULT : (long)(n - missed);
}

/* Inlined into both directions: most copies lie within one range, and move all of it. */
static inline __attribute__((always_inline)) long iobuf_move(struct iobuf *b, void *data, size_t n,
                                                             iobuf_mover move) {
    size_t missed;

    n = MIN(n, b->left);
    if (n > b->length)
        return iobuf_move_ranges(b, data, n, move);
    missed = move(b, data, n);
    if (missed)
        return iobuf_moved_part(b, n, missed);
    iobuf_advance(b, n);
    return (long)n;
}

long iobuf_copy_out(struct iobuf *b, const void *src, size_t n) {
    return iobuf_move(b, (void *)(uintptr_t)src, n, move_out);
}

long iobuf_copy_in(struct iobuf *b, void *dst, size_t n) {
    return iobuf_move(b, dst, n, move_in);
}

static const char zeroes[512];

long iobuf_zero_out(struct iobuf *b, size_t n) {
    size_t done = 0;

    n = MIN(n, b->left);
    while (done < n) {
        size_t part = MIN(n - done, sizeof(zeroes));
        long moved = iobuf_copy_out(b, zeroes, part);

        if (moved < 0)
            return done ? (long)done : moved;
        done += (size_t)moved;
        if ((size_t)moved < part)
            break;
    }
    return (long)done;
}
