/* SPDX-License-Identifier: MIT */
/*
 * I/O buffers: what a read or write moves bytes to or from: kernel or user memory, one range or
 * many (readv, writev). An iobuf is a cursor: copies advance it.
 *
 * "out" is from the kernel's data into the buffer (read), "in" is from the buffer (write).
 * User copies may fault: no lock that a fault takes may be held.
 */
#ifndef QUIRE_VFS_IOBUF_H
#define QUIRE_VFS_IOBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/uio.h"

struct iobuf {
    char *address;                  /* what is left of the current range */
    size_t length;                  /* bytes there */
    size_t left;                    /* bytes in all ranges */
    const struct linux_iovec *rest; /* ranges after the current one (kernel copy of them) */
    unsigned rest_count;
    bool is_user;
};

static inline void iobuf_init_user(struct iobuf *b, void *address, size_t length) {
    *b = (struct iobuf){.address = address, .length = length, .left = length, .is_user = true};
}

static inline void iobuf_init_kernel(struct iobuf *b, void *address, size_t length) {
    *b = (struct iobuf){.address = address, .length = length, .left = length};
}

/* Over `count` user ranges; `total` is the sum of their lengths. */
void iobuf_init_vector(struct iobuf *b, const struct linux_iovec *iov, unsigned count,
                       size_t total);

/*
 * Copy up to n bytes (at most b->left) and advance. Returns the bytes copied, fewer only where a
 * user page is not there; -EFAULT when none could be.
 */
long iobuf_copy_out(struct iobuf *b, const void *src, size_t n);
long iobuf_copy_in(struct iobuf *b, void *dst, size_t n);

/* The same with zeroes for source. */
long iobuf_zero_out(struct iobuf *b, size_t n);

/* Cut what is left to n bytes. */
void iobuf_limit(struct iobuf *b, size_t n);

#endif
