/* SPDX-License-Identifier: MIT */
/*
 * Compares abi/memfd.h with the host's kernel headers. Compiling this file is the test;
 * include/abi/README tells how it works.
 */
#include "abi/memfd.h"

/* clang-format off */
#define IPC_LIST(X) \
    X(MFD_CLOEXEC) X(MFD_ALLOW_SEALING) X(MFD_HUGETLB) X(MFD_HUGE_SHIFT) X(MFD_HUGE_MASK) \
    X(F_SEAL_SEAL) X(F_SEAL_SHRINK) X(F_SEAL_GROW) X(F_SEAL_WRITE) X(F_SEAL_FUTURE_WRITE)
/* clang-format on */

#define SAVE(name) quire_##name = name,
enum { IPC_LIST(SAVE) };

#undef MFD_HUGE_SHIFT
#undef MFD_HUGE_MASK
#include <linux/fcntl.h>
#include <linux/memfd.h>

#define SAME(name) _Static_assert(quire_##name == name, #name);
IPC_LIST(SAME)
