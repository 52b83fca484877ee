/* SPDX-License-Identifier: MIT */
/*
 * Executable invariants of the VM: of one space (check.c), and of all memory at once (sweep.c).
 */
#ifndef QUIRE_VM_CHECK_H
#define QUIRE_VM_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vm/space.h"

/* The first violation found, in words. */
struct vm_check_report {
    char text[160];
};

/*
 * Checks one space: areas sorted, disjoint, aligned, joined where they can be; gaps and sums right;
 * shadows' counts; no entry of the pmap that leads anywhere but where the truth says, or with more
 * rights; no writable entry to a page that others see. Takes the space's lock. False: report says
 * what is wrong.
 */
bool vm_check_space(struct vm_space *space, struct vm_check_report *report);

/* How many times vm_check_passes is asked before it looks once; 0: never. /proc/sys/vm/check_every.
 */
extern uint64_t vm_check_every;

/*
 * The same for DEBUG_ASSERT at places that every process comes through (fork, the end of a space):
 * says in the log what is wrong. Spaces with very many areas pass unseen, for the time it takes.
 */
bool vm_check_passes(struct vm_space *space);

/* What a sweep counted. */
struct vm_check_totals {
    uint64_t spaces, areas, objects, nodes; /* nodes of page trees */
    uint64_t entries;                       /* of page tables, shared ones once for each space */
    struct frame_stats frames;              /* recounted from the frame table */
};

/*
 * Checks everything: every space as vm_check_space does; the references of all nodes of page trees,
 * pages and page tables recounted from scratch, and each table's own rules; every frame of memory
 * by its record, and that each in use is what somebody has. 0; -EUCLEAN: report says what is wrong,
 * the first thing found; -ENOMEM: no memory to count with. Locks: all spaces and objects in turn;
 * call with none held. Does not sleep; while it runs nothing else may change memory: on one
 * processor nothing does, several would have to be stopped.
 */
int vm_check_all(struct vm_check_totals *totals, struct vm_check_report *report);

#endif
