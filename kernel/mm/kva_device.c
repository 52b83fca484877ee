/* SPDX-License-Identifier: MIT */
/*
 * Device registers in kernel virtual addresses. Contract: mm/kva.h.
 *
 * Drivers map them once and keep them, so addresses are given out one after the other.
 */
#include <stdatomic.h>

#include "lib/bits.h"
#include "mm/kmap.h"
#include "mm/kva.h"

_Static_assert(KSTACK_SLOTS_MAX *(KSTACK_SIZE + PAGE_SIZE) <= KVA_DEVICES - KVA_BASE,
               "the stacks end before");

static _Atomic uintptr_t next_address = KVA_DEVICES;

volatile void *kva_map_device(paddr_t start, size_t bytes) {
    paddr_t first = align_down(start, PAGE_SIZE);
    size_t length = align_up(start + bytes, PAGE_SIZE) - first;
    uintptr_t at;

    if (length > KVA_DEVICES_END - KVA_DEVICES)
        return NULL;
    at = atomic_fetch_add(&next_address, length);
    if (at > KVA_DEVICES_END - length)
        return NULL;
    for (size_t done = 0; done < length; done += PAGE_SIZE) {
        if (kmap_enter(at + done, first + done, KMAP_WRITE | KMAP_UNCACHED) == 0)
            continue;
        if (done > 0)
            kmap_remove(at, done / PAGE_SIZE);
        return NULL;
    }
    return (volatile char *)at + (start - first);
}
