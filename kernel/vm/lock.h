/* SPDX-License-Identifier: MIT */
/*
 * Locked memory, and bringing pages in before they are touched: mlock, mlock2, munlock, mlockall,
 * munlockall, MAP_POPULATE and MADV_POPULATE beneath their system calls.
 *
 * No page is ever taken away from a process here, so locking means: populated, and accounted for
 * (vm_limits.locked_bytes). The lock is a flag of areas: VM_AREA_LOCKED, and VM_AREA_LOCK_ON_FAULT
 * with it where nothing is to be brought in. It is not inherited by fork and gone with exec.
 *
 * All take the space's lock; only vm_populate may sleep. Sources: mlock(2), madvise(2), mmap(2).
 */
#ifndef QUIRE_VM_LOCK_H
#define QUIRE_VM_LOCK_H

#include <stdint.h>

#include "vm/space.h"

#define VM_LOCK_ON_FAULT 1u /* pages are locked as they come */
#define VM_LOCK_CURRENT 2u  /* vm_lock_all: what is mapped now */
#define VM_LOCK_FUTURE 4u   /* vm_lock_all: what will be mapped, the break and stacks that grow */

/*
 * Locks the pages that [address, address + length) touches: address is rounded down, the end up.
 * Where there is a hole, what lies before it is locked all the same and the answer is -ENOMEM.
 * Devices' areas are passed over. flags: 0 or VM_LOCK_ON_FAULT. 0; -EINVAL (wraps); -EPERM (the
 * limit is 0); -ENOMEM (a hole; beyond the limit or no memory, and nothing has changed). The caller
 * populates the range afterwards.
 */
int vm_lock(struct vm_space *space, uint64_t address, uint64_t length, unsigned flags);

/* Unlocks in the same way. 0, -EINVAL, -ENOMEM (a hole; no memory, and nothing has changed). */
int vm_unlock(struct vm_space *space, uint64_t address, uint64_t length);

/*
 * Locks all of the space, now, in future, or both; FUTURE is off afterwards unless it is asked for.
 * 0; -EINVAL (none or unknown flags, ON_FAULT alone); -EPERM (the limit is 0); -ENOMEM (CURRENT
 * with more mapped than the limit): nothing has changed then. The caller populates after CURRENT.
 */
int vm_lock_all(struct vm_space *space, unsigned flags);

/* Unlocks all of the space, and what will be mapped. */
void vm_unlock_all(struct vm_space *space);

/* What vm_populate brings in. */
enum vm_populate_mode {
    VM_POPULATE_AREA, /* MAP_POPULATE: private and writable memory for writing, else for reading */
    VM_POPULATE_LOCKED, /* as AREA, but only what is locked and not ON_FAULT */
    VM_POPULATE_READ,   /* madvise: for reading, contents made present */
    VM_POPULATE_WRITE,  /* madvise: for writing, pages made writable */
};

/* Pages still to be brought in. */
struct vm_populate {
    uint64_t at, end; /* bytes, whole pages; at moves on as pages come in */
    enum vm_populate_mode mode;
};

/*
 * Brings in some of the range and returns: 1, there is more to do (the caller looks whether it is
 * to stop); 0, done; or what stopped it, with at where it stopped:
 * -ENOMEM: no memory, or a hole at at (READ and WRITE; the others pass over holes);
 * -EINVAL: the area there lacks the right or is a device's (READ and WRITE);
 * -EFAULT: beyond the end of the object, a failed device, or (AREA, LOCKED) no right at all.
 * After an error of AREA or LOCKED the caller may go on with vm_populate_skip.
 */
int vm_populate(struct vm_space *space, struct vm_populate *populate);

/* Passes over the rest of the area at at. */
void vm_populate_skip(struct vm_space *space, struct vm_populate *populate);

#endif
