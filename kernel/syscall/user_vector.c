/* SPDX-License-Identifier: MIT */
/* The user's lists of ranges; see user_vector.h. */
#include "syscall/user_vector.h"

#include "abi/errno.h"
#include "core/uaccess.h"
#include "lib/bits.h"
#include "mm/slab.h"

/* Copies the ranges; no length is beyond 2^63. */
static int vector_copy(struct user_vector *v, const void *ranges, uint64_t count) {
    size_t bytes = count * sizeof(struct linux_iovec);
    int error;

    if (count > UIO_MAXIOV)
        return -EINVAL;
    v->count = (unsigned)count;
    v->ranges = count <= USER_VECTOR_SMALL ? v->small : kmalloc(bytes);
    if (!v->ranges)
        return -ENOMEM;
    error = copy_from_user(v->ranges, ranges, bytes);
    for (unsigned i = 0; i < v->count && !error; i++)
        error = (int64_t)v->ranges[i].iov_len < 0 ? -EINVAL : 0;
    if (error)
        user_vector_put(v);
    return error;
}

int user_vector_get(struct user_vector *v, const void *ranges, uint64_t count) {
    size_t total = 0;
    int error = vector_copy(v, ranges, count);

    for (unsigned i = 0; i < count && !error; i++) {
        struct linux_iovec *range = &v->ranges[i];

        if (!user_range_ok((void *)(uintptr_t)range->iov_base, range->iov_len)) {
            user_vector_put(v);
            return -EFAULT;
        }
        range->iov_len = MIN(range->iov_len, (uint64_t)MAX_RW_COUNT - total);
        total += range->iov_len;
    }
    if (!error)
        iobuf_init_vector(&v->b, v->ranges, v->count, total);
    return error;
}

int user_vector_get_foreign(struct user_vector *v, const void *ranges, uint64_t count) {
    return vector_copy(v, ranges, count);
}

void user_vector_put(struct user_vector *v) {
    if (v->ranges != v->small)
        kfree(v->ranges);
}
