/* SPDX-License-Identifier: MIT */
/*
 * Who sees a frame: for each, how many areas of all spaces do.
 *
 * An area sees a page of private memory if its shadow holds it, whether the pmap has an entry just
 * now or not: the shadow is the truth, and page trees that share nodes since a fork say nothing of
 * it by their counts alone. It sees a page of an object if the pmap leads there now. The frame of
 * zeroes and what is no RAM are not counted.
 *
 * So each page is seen at least once by whoever shares it out among those who see it: the sum of
 * all shares of all spaces is the number of pages that somebody sees.
 *
 * A census is taken on demand, walking all spaces: nothing is counted when pages come and go. It
 * tells of the moments when it came by; what has changed since, is not in it.
 */
#ifndef QUIRE_VM_CENSUS_H
#define QUIRE_VM_CENSUS_H

#include <stdbool.h>

#include "vm/space.h"
#include "vm/tally.h"

struct vm_census {
    struct vm_tally seen;
};

/* Counts. 0, or -ENOMEM and nothing to free. Takes each space's lock in turn; does not sleep. */
int vm_census_take(struct vm_census *census);
void vm_census_free(struct vm_census *census);

/* How many areas see a frame. */
uint32_t vm_census_count(const struct vm_census *census, const struct frame *frame);

/* Whether one of them sees it as part of a large page. */
bool vm_census_is_large(const struct vm_census *census, const struct frame *frame);

/* What all spaces together map now, each page once. */
struct vm_mapped {
    uint64_t object_pages; /* of files and shared memory */
    uint64_t large_pages;  /* of private memory, by large leaves, in pages of 4 KiB */
    uint64_t locked_pages; /* seen by areas that are locked */
};

/* Counts that, walking the page tables of all spaces. 0 or -ENOMEM. Locks as vm_census_take. */
int vm_mapped_get(struct vm_mapped *mapped);

/* What is seen in a range of addresses, in pages; and its shares, in bytes << VM_SHARE_SHIFT. */
struct vm_sums {
    uint64_t resident;                            /* pages seen */
    uint64_t anonymous;                           /* private memory of them */
    uint64_t large;                               /* mapped by large leaves */
    uint64_t shared;                              /* others see them, too */
    uint64_t share;                               /* of all */
    uint64_t share_locked;                        /* of locked areas */
    uint64_t share_anon, share_file, share_shmem; /* of each kind */
};
#define VM_SHARE_SHIFT 12

/* Adds what areas in [start, end) see. Takes the space's lock. */
void vm_space_sums(struct vm_space *space, struct vm_range range, const struct vm_census *census,
                   struct vm_sums *sums);

#endif
