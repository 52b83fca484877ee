/* SPDX-License-Identifier: MIT */
/*
 * Physical memory for the host: a sparse memory file mapped at DIRECT_MAP_BASE.
 *
 * Physical address p is byte p of the file, so the same frame can be mapped a second time
 * elsewhere (mm/kmap.h's model does). What nobody touches takes no memory, so 16 GiB are fine.
 */
#ifndef SUPPORT_ARENA_H
#define SUPPORT_ARENA_H

#include <stdint.h>

#include "mm/frame.h"

/* Maps `bytes` of physical memory from address 0. Once a process. */
void arena_create(uint64_t bytes);

/* Maps the frame at `paddr` at `va` too. */
void arena_map_alias(uintptr_t va, paddr_t paddr);

/* arena_create, and a frame allocator and slabs over it: the first MiB reserved. */
void host_memory_init(uint64_t bytes);

/* The same, with bytes other than zero in as many bytes of what is allocated first: what is to be
 * zero has to be made so. Touching them takes time. */
void host_memory_init_soiled(uint64_t bytes, uint64_t soiled);

/* Frames in use, all but free and spare ones. */
uint64_t frames_in_use(void);

/* Fails the test unless the counts by use are what recounting the frame table gives. */
void frames_check(void);

#endif
