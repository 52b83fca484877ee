/* SPDX-License-Identifier: MIT */
/*
 * The layout of the host's machine/layout.h, at addresses that the thread sanitizer leaves free.
 */
#ifndef MACHINE_LAYOUT_H
#define MACHINE_LAYOUT_H

#define PAGE_SHIFT 12
#define PAGE_SIZE 4096ul

#define DIRECT_MAP_BASE 0x560000000000ul
#define KVA_BASE 0x564000000000ul
#define KVA_END 0x565000000000ul

#define USER_MIN 0x1000ul
#define USER_END 0x00007ffffffff000ul

#endif
