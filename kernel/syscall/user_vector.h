/* SPDX-License-Identifier: MIT */
/*
 * The user's lists of ranges (struct iovec) in the kernel: readv(2), process_vm_readv(2).
 */
#ifndef SYSCALL_USER_VECTOR_H
#define SYSCALL_USER_VECTOR_H

#include "abi/uio.h"
#include "vfs/iobuf.h"

#define USER_VECTOR_SMALL 8

struct user_vector {
    struct linux_iovec small[USER_VECTOR_SMALL];
    struct linux_iovec *ranges;
    unsigned count;
    struct iobuf b; /* over all of them; user_vector_get only */
};

/*
 * Copies `count` ranges and checks them. The lengths are cut so that their sum stays within
 * MAX_RW_COUNT. 0, then user_vector_put; -EINVAL (too many, a length beyond 2^63), -EFAULT,
 * -ENOMEM.
 */
int user_vector_get(struct user_vector *v, const void *ranges, uint64_t count);

/* The same for ranges of another address space: what they say of it is not looked at, nor cut. */
int user_vector_get_foreign(struct user_vector *v, const void *ranges, uint64_t count);

void user_vector_put(struct user_vector *v);

#endif
