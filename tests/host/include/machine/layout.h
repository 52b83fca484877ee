/* SPDX-License-Identifier: MIT */
/*
 * The host's machine/layout.h: the kernel's regions put where a Linux process has room.
 *
 * The direct map is an arena that tests/host/arena.c maps at DIRECT_MAP_BASE; user addresses are
 * those of the real machine, since nothing on the host dereferences them.
 */
#ifndef MACHINE_LAYOUT_H
#define MACHINE_LAYOUT_H

#define PAGE_SHIFT 12
#define PAGE_SIZE 4096ul

#define DIRECT_MAP_BASE 0x500000000000ul
#define KVA_BASE 0x580000000000ul
#define KVA_END 0x590000000000ul

#define USER_MIN 0x1000ul
#define USER_END 0x00007ffffffff000ul

#endif
