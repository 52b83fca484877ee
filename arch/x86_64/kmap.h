/* SPDX-License-Identifier: MIT */
/*
 * The kernel half of the address space, for the rest of arch/x86_64. mm/kmap.h is what the layers
 * above see of it.
 */
#ifndef X86_KMAP_H
#define X86_KMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/boot.h"

/*
 * Builds the final kernel page tables from a table of regions and loads them. Once, at boot;
 * panics when there is no memory for them. Adds the frames used to boot_info.kernel.
 */
void kmap_init(void);

/*
 * Physical address of the kernel's top-level table. Its upper half is copied into each pmap: the
 * entries never change.
 */
uint64_t kmap_root(void);

/* Where device registers at a physical address lie, of those kmap.c maps (uncached). */
volatile void *kmap_device(uint64_t phys);

/*
 * Where physical memory of the firmware's can be read, until the next call; NULL: too much at once
 * (60 KiB at most), or beyond 4 GiB. At boot, on one processor, after kmap_init().
 */
const void *kmap_firmware(uint64_t phys, size_t bytes);

/*
 * Looks at every entry of the kernel half: none is the user's, none is both writable and
 * executable. Prints the first that breaks this and returns false. Costs one look per entry.
 */
bool kmap_check(void);

#endif
