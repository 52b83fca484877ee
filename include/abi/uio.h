/* SPDX-License-Identifier: MIT */
/* Ranges of readv(2) and writev(2). Compared with the host's headers by tests/host/abi_vfs.c. */
#ifndef QUIRE_ABI_UIO_H
#define QUIRE_ABI_UIO_H

#include <stdint.h>

#define UIO_MAXIOV 1024
#define MAX_RW_COUNT 0x7ffff000 /* the most one call moves: read(2) */

#define RWF_HIPRI 0x01
#define RWF_DSYNC 0x02
#define RWF_SYNC 0x04
#define RWF_NOWAIT 0x08
#define RWF_APPEND 0x10

struct linux_iovec {
    uint64_t iov_base;
    uint64_t iov_len;
};

#endif
