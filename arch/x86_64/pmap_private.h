/* SPDX-License-Identifier: MIT */
/*
 * What the files of the pmap share: the map itself. See vm/pmap.h for the contract.
 */
#ifndef X86_PMAP_PRIVATE_H
#define X86_PMAP_PRIVATE_H

#include "mm/frame.h"
#include "vm/pmap.h"

struct pmap {
    struct frame *top; /* const: the top-level table; its entries [the space's lock] */
};

/* Since boot; only statistics: a lost count on another processor does no harm. */
extern struct pmap_stats pmap_counters;

#endif
