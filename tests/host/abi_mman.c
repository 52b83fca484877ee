/* SPDX-License-Identifier: MIT */
/*
 * Compares abi/mman.h with the host's kernel headers. Compiling this file is the test;
 * include/abi/README tells how it works.
 */
#include "abi/mman.h"

/* clang-format off */
#define MMAN_LIST(X) \
    X(PROT_NONE) X(PROT_READ) X(PROT_WRITE) X(PROT_EXEC) X(PROT_SEM) X(MAP_SHARED) \
    X(MAP_PRIVATE) X(MAP_SHARED_VALIDATE) X(MAP_TYPE) X(MAP_FIXED) X(MAP_ANONYMOUS) X(MAP_32BIT) \
    X(MAP_GROWSDOWN) X(MAP_DENYWRITE) X(MAP_EXECUTABLE) X(MAP_LOCKED) X(MAP_NORESERVE) \
    X(MAP_POPULATE) X(MAP_NONBLOCK) X(MAP_STACK) X(MAP_HUGETLB) X(MAP_SYNC) \
    X(MAP_FIXED_NOREPLACE) X(MADV_NORMAL) X(MADV_RANDOM) X(MADV_SEQUENTIAL) X(MADV_WILLNEED) \
    X(MADV_DONTNEED) X(MS_ASYNC) X(MS_INVALIDATE) X(MS_SYNC)
/* clang-format on */

#define SAVE(name) quire_##name = name,
enum { MMAN_LIST(SAVE) };

#include <asm/mman.h>

#define SAME(name) _Static_assert(quire_##name == name, #name);
MMAN_LIST(SAME)
