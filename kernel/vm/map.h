/* SPDX-License-Identifier: MIT */
/*
 * Changing what an address space maps: mmap, munmap, mprotect and brk beneath their system calls.
 * mremap is vm/remap.h, madvise and mincore vm/advise.h, mlock and its family vm/lock.h.
 *
 * Addresses and lengths are bytes. Every call decides first and performs then: one that fails has
 * changed nothing, unless its contract says how far it went. All take the space's lock; none
 * sleeps.
 *
 * Sources: mmap(2), munmap(2), mprotect(2), msync(2), brk(2) of the Linux manual pages.
 */
#ifndef QUIRE_VM_MAP_H
#define QUIRE_VM_MAP_H

#include <stdbool.h>
#include <stdint.h>

#include "vm/space.h"

/* What the area becomes: bits of vm_area.flags; and how it is placed: bits above those. */
#define VM_MAP_SHARED VM_AREA_SHARED
#define VM_MAP_GROWS_DOWN VM_AREA_GROWS_DOWN
#define VM_MAP_HEAP VM_AREA_HEAP             /* named [heap] */
#define VM_MAP_STACK VM_AREA_STACK           /* the first thread's stack: named [stack] */
#define VM_MAP_LOCKED VM_AREA_LOCKED         /* the caller populates it (vm/lock.h) */
#define VM_MAP_NO_RESERVE VM_AREA_NO_RESERVE /* not accounted, unless all has to be promised */
#define VM_MAP_LOW (1u << 29)                /* a place below 2 GiB (MAP_32BIT) */
#define VM_MAP_FIXED (1u << 30)              /* exactly there; what overlaps is unmapped */
#define VM_MAP_NOREPLACE (1u << 31)          /* exactly there; -EEXIST if anything overlaps */
#define VM_MAP_EXACT (VM_MAP_FIXED | VM_MAP_NOREPLACE)
#define VM_MAP_PLACING (VM_MAP_LOW | VM_MAP_EXACT)

struct vm_map_request {
    uint64_t address;  /* wish, or with FIXED and NOREPLACE the place; page-aligned for these */
    uint64_t length;   /* bytes, rounded up to pages; 0 is -EINVAL */
    unsigned prot;     /* VM_READ | VM_WRITE | VM_EXEC */
    unsigned max_prot; /* what mprotect may widen it to; 0 stands for all */
    unsigned flags;    /* VM_MAP_* */
    struct vm_object *object; /* a reference is taken; NULL: zeroes. SHARED needs an object */
    uint64_t offset;          /* bytes in the object, page-aligned */
};

/*
 * Maps. 0 with *address set; -EINVAL (length 0, alignment, wrap), -ENOMEM (no room, no memory, a
 * limit, vm_areas_max), -EEXIST, -EOVERFLOW (offset + length), -EPERM (below USER_MIN, fixed;
 * shared and writable where the object denies that; LOCKED, and the limit of locked memory is 0),
 * -EAGAIN (locked, by LOCKED or vm_lock_all, and beyond that limit).
 */
int vm_map(struct vm_space *space, const struct vm_map_request *request, uint64_t *address);

/* Unmaps whole pages of [address, address + length). 0, -EINVAL, -ENOMEM (a split, a cut tree). */
int vm_unmap(struct vm_space *space, uint64_t address, uint64_t length);

/*
 * Unmaps what is left of a mapping that began at address with the first page of an object of the
 * kind `ops` (shmdt(2)), whatever it was split into. 0, -EINVAL: there is none.
 */
int vm_detach(struct vm_space *space, uint64_t address, const struct vm_object_ops *ops);

/* Beside the rights, for vm_protect: from the start of the area, which has to grow down. */
#define VM_PROTECT_GROWS_DOWN 256u

/*
 * Sets the rights of whole pages, as Linux does: from the start up to what is in the way. 0;
 * -EINVAL (alignment, GROWS_DOWN and the area does not); -ENOMEM (a hole) and -EACCES (an area
 * whose max_prot lacks a right): what lies before has changed; -ENOMEM (no memory, vm_areas_max):
 * nothing has changed.
 */
int vm_protect(struct vm_space *space, uint64_t address, uint64_t length, unsigned prot);

/*
 * For msync(2): whether all of [address, address + length) is mapped, with whatever rights. 0;
 * -EINVAL (alignment); -EBUSY (no_locked, and an area in the range is locked); -ENOMEM (a hole).
 */
int vm_is_mapped(struct vm_space *space, uint64_t address, uint64_t length, bool no_locked);

/*
 * Moves the break to address if that can be; returns the break that stands afterwards, as the raw
 * system call does. Pages given up and grown again read zero.
 */
uint64_t vm_brk(struct vm_space *space, uint64_t address);

#endif
