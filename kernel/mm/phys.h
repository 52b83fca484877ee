/* SPDX-License-Identifier: MIT */
/*
 * Physical addresses, and the direct map through which the kernel sees all of RAM.
 *
 * pfn: page frame number, a physical address divided by PAGE_SIZE. 32 bits of it reach 16 TiB.
 * Direct map: physical address p is at DIRECT_MAP_BASE + p, writable, never executable.
 */
#ifndef MM_PHYS_H
#define MM_PHYS_H

#include <stdint.h>

#include "machine/layout.h"

typedef uint64_t paddr_t;
typedef uint32_t pfn_t;

#define PADDR_NONE ((paddr_t)-1)

/* Bytes [start, end) of physical memory. */
struct phys_range {
    paddr_t start;
    paddr_t end;
};

/* The direct-map address of `paddr`, which is RAM. */
static inline void *phys_to_virt(paddr_t paddr) {
    return (void *)(DIRECT_MAP_BASE + paddr);
}

/* The physical address of `ptr`, which points into the direct map (not into the kernel's own
 * sections, nor to a kernel stack). */
static inline paddr_t virt_to_phys(const void *ptr) {
    return (paddr_t)(uintptr_t)ptr - DIRECT_MAP_BASE;
}

static inline pfn_t phys_to_pfn(paddr_t paddr) {
    return (pfn_t)(paddr >> PAGE_SHIFT);
}

static inline paddr_t pfn_to_phys(pfn_t pfn) {
    return (paddr_t)pfn << PAGE_SHIFT;
}

#endif
