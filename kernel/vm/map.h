/* SPDX-License-Identifier: MIT */
/*
 * Changing what an address space maps: mmap, munmap, mprotect and brk beneath their system calls.
 *
 * Addresses and lengths are bytes. Every call decides first and performs then: one that fails has
 * changed nothing. All take the space's lock; none sleeps.
 *
 * Sources: mmap(2), munmap(2), mprotect(2), madvise(2), brk(2) of the Linux manual pages.
 */
#ifndef QUIRE_VM_MAP_H
#define QUIRE_VM_MAP_H

#include <stdint.h>

#include "vm/space.h"

/* What the area becomes: bits of vm_area.flags; and how it is placed: bits above those. */
#define VM_MAP_SHARED VM_AREA_SHARED
#define VM_MAP_GROWS_DOWN VM_AREA_GROWS_DOWN
#define VM_MAP_HEAP VM_AREA_HEAP             /* named [heap] */
#define VM_MAP_STACK VM_AREA_STACK           /* the first thread's stack: named [stack] */
#define VM_MAP_NO_RESERVE VM_AREA_NO_RESERVE /* not accounted, unless all has to be promised */
#define VM_MAP_FIXED (1u << 30)              /* exactly there; what overlaps is unmapped */
#define VM_MAP_NOREPLACE (1u << 31)          /* exactly there; -EEXIST if anything overlaps */
#define VM_MAP_PLACING (VM_MAP_FIXED | VM_MAP_NOREPLACE)

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
 * limit), -EEXIST, -EOVERFLOW (offset + length), -EPERM (below USER_MIN, fixed; shared and
 * writable where the object denies that).
 */
int vm_map(struct vm_space *space, const struct vm_map_request *request, uint64_t *address);

/* Unmaps whole pages of [address, address + length). 0, -EINVAL, -ENOMEM (a split, a cut tree). */
int vm_unmap(struct vm_space *space, uint64_t address, uint64_t length);

/*
 * Sets the rights of whole pages. 0; -EINVAL (alignment); -ENOMEM (a hole in the range: unlike
 * Linux nothing is changed then; or no memory); -EACCES (beyond max_prot).
 */
int vm_protect(struct vm_space *space, uint64_t address, uint64_t length, unsigned prot);

/*
 * Forgets the contents of whole pages, for madvise(2) MADV_DONTNEED: private memory reads as the
 * object below it, or zeroes, again; shared memory is only unmapped. 0; -EINVAL; -ENOMEM (a hole in
 * the range, or no memory to un-share what a fork shares): nothing has changed then.
 */
int vm_discard(struct vm_space *space, uint64_t address, uint64_t length);

/* Whether all of [address, address + length) is mapped, with whatever rights. 0, -EINVAL, -ENOMEM.
 */
int vm_is_mapped(struct vm_space *space, uint64_t address, uint64_t length);

/*
 * Moves the break to address if that can be; returns the break that stands afterwards, as the raw
 * system call does. Pages given up and grown again read zero.
 */
uint64_t vm_brk(struct vm_space *space, uint64_t address);

#endif
