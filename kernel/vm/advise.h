/* SPDX-License-Identifier: MIT */
/*
 * madvise and mincore on one address space.
 *
 * Sources: madvise(2), mincore(2) of the Linux manual pages. MADV_POPULATE_READ and _WRITE are
 * vm_populate (vm/lock.h).
 */
#ifndef QUIRE_VM_ADVISE_H
#define QUIRE_VM_ADVISE_H

#include <stddef.h>
#include <stdint.h>

#include "vm/space.h"

/*
 * Advice, and which areas refuse it. Kept as a flag of the area (VM_AREA_*) unless it says
 * otherwise.
 */
enum vm_advice {
    VM_ADVICE_NORMAL,           /* undoes RANDOM and SEQUENTIAL; no effect here */
    VM_ADVICE_RANDOM,           /* no effect here */
    VM_ADVICE_SEQUENTIAL,       /* no effect here */
    VM_ADVICE_WILL_NEED,        /* nothing to do: no page lies on a device */
    VM_ADVICE_DONT_NEED,        /* contents are forgotten at once. -EINVAL: locked, device */
    VM_ADVICE_DONT_NEED_LOCKED, /* the same, of locked areas too. -EINVAL: device */
    VM_ADVICE_FREE,             /* as DONT_NEED. -EINVAL: locked, or not private anonymous */
    VM_ADVICE_COLD,             /* nothing to do. -EINVAL: locked, device */
    VM_ADVICE_PAGE_OUT,         /* nothing to do: no swap. -EINVAL: locked, device */
    VM_ADVICE_REMOVE,           /* a hole in the object. -EINVAL: locked, no object; -EACCES: not
                                 * shared, or may never be written */
    VM_ADVICE_DONT_FORK,        /* a child does not get the area */
    VM_ADVICE_DO_FORK,          /* -EINVAL: device */
    VM_ADVICE_WIPE_ON_FORK,     /* a child finds zeroes. -EINVAL: not private anonymous */
    VM_ADVICE_KEEP_ON_FORK,
    VM_ADVICE_DONT_DUMP,
    VM_ADVICE_DO_DUMP, /* -EINVAL: device */
    VM_ADVICE_HUGE,    /* VM_AREA_HUGE, not NO_HUGE. -EINVAL: device */
    VM_ADVICE_NO_HUGE, /* VM_AREA_NO_HUGE, not HUGE. -EINVAL: device */
    VM_ADVICE_COUNT,
};

/*
 * Gives advice about the whole pages of [address, address + length), as Linux does: area by area,
 * up to the first that refuses it, passing over holes. 0; -EINVAL (alignment, wrap, an area that
 * refuses: those before it have taken it); -EACCES (REMOVE); -ENOMEM: a hole somewhere, all that is
 * mapped has taken it; -EAGAIN: no memory to forget in or to split areas, or vm_areas_max: nothing
 * has changed (but what REMOVE has done before, which says -ENOMEM for it).
 * Takes the space's lock; REMOVE may sleep for a file's.
 */
int vm_advise(struct vm_space *space, uint64_t address, uint64_t length, enum vm_advice advice);

/*
 * mincore: sets vector[i] to 1 if page i of `pages` pages from address is in memory: for private
 * changes and anonymous memory, if there is a page; for files, if the page cache has it; the frame
 * of zeroes counts where it is mapped. Otherwise 0. 0; -EINVAL (alignment); -ENOMEM (a hole, or
 * beyond the user's addresses).
 */
int vm_resident(struct vm_space *space, uint64_t address, size_t pages, uint8_t *vector);

#endif
