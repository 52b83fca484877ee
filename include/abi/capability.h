/* SPDX-License-Identifier: MIT */
/* Structures of capget(2). */
#ifndef ABI_CAPABILITY_H
#define ABI_CAPABILITY_H

#include <stdint.h>

#define _LINUX_CAPABILITY_VERSION_1 0x19980330
#define _LINUX_CAPABILITY_VERSION_2 0x20071026
#define _LINUX_CAPABILITY_VERSION_3 0x20080522

struct linux_cap_header {
    uint32_t version;
    int32_t pid;
};

struct linux_cap_data {
    uint32_t effective, permitted, inheritable;
};

#endif
