/* SPDX-License-Identifier: MIT */
/* The pages of struct chunk_list (exec_args.h); private to exec_args.c and exec_stack.c. */
#ifndef PROC_CHUNK_H
#define PROC_CHUNK_H

#include <stdint.h>

#include "machine/layout.h"

#define CHUNK_BYTES (4096 - 16)

struct chunk {
    struct chunk *next;
    uint64_t used;
    char data[CHUNK_BYTES];
};

_Static_assert(CHUNK_BYTES % sizeof(uint64_t) == 0, "offsets are not split");
_Static_assert(sizeof(struct chunk) == PAGE_SIZE, "one page each");

#endif
