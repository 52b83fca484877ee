/* SPDX-License-Identifier: MIT */
/*
 * Kernel stacks and device registers in kernel virtual addresses.
 *
 * The region [KVA_BASE, KVA_BASE + slots) is divided into slots of 20 KiB: a guard page that is
 * never mapped, then KSTACK_SIZE bytes of stack. The lowest free slot is used first, so that few
 * tables are needed. At the very top of each stack is a small record of its frames; what
 * kstack_alloc returns lies just below it.
 *
 * A few freed stacks stay mapped in a pool, their frames FRAME_SPARE.
 *
 * Locks: LOCK_RANK_KVA, taken inside, never held while mapping or allocating. Nothing sleeps.
 */
#ifndef MM_KVA_H
#define MM_KVA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "machine/layout.h"
#include "mm/phys.h"

#define KSTACK_PAGES 4u
#define KSTACK_SIZE (KSTACK_PAGES * PAGE_SIZE)
#define KSTACK_SLOTS_MAX 32768u

/* Where device registers are mapped, behind all the stacks. */
#define KVA_DEVICES (KVA_BASE + (1UL << 30))
#define KVA_DEVICES_END (KVA_DEVICES + (64UL << 20))

/* Bytes of the region that kernel addresses are given out from (VmallocTotal). */
static inline uint64_t kva_bytes(void) {
    return KVA_END - KVA_BASE;
}

/* Registers the pool with the frame allocator. Once, after frame_init. */
void kstack_init(void);

/* A stack; returns its top (the address the first push goes below), aligned to 64, contents
 * undefined. NULL: out of memory, or all slots in use. */
void *kstack_alloc(void) __attribute__((warn_unused_result));

/* Gives back the stack whose top is `top`; nobody runs on it any more. NULL is allowed. */
void kstack_free(void *top);

/* Maps device registers, uncached, for ever; where `start` is seen. NULL: no memory for tables, or
 * 64 MiB are in use. No lock is held. */
volatile void *kva_map_device(paddr_t start, size_t bytes);

/* Frames of the stacks that are handed out; those in the pool are spare. */
size_t kstack_frames(void);

/* Does `addr` lie in the guard page of any slot? Then a stack has overflowed. Any context. */
bool kstack_guard_hit(uintptr_t addr);

/* Does [addr, addr + size) lie within the stack with this top? For walking frames safely. */
bool kstack_contains(const void *top, uintptr_t addr, uintptr_t size);

#endif
