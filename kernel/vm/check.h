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

/* The same for DEBUG_ASSERT, at fork and at the end of a space: says in the log what is wrong. */
bool vm_check_passes(struct vm_space *space);

/*
 * The same for DEBUG_ASSERT as the last thing under a space's lock: after every page fault, and
 * after every call that may have changed the space, whether it failed or not.
 *
 * Always looked at are the areas and the users of shadows (where there are very many areas, those
 * next to the change), and the entries in the range that was changed (of a large one, those at both
 * ends). All of a space is looked at after each fault while it has no more than vm_check_entries
 * areas and entries, after each call while it has no more than 16 times as many; a larger one in
 * turn, so that on average vm_check_entries of them are looked at each time. 0: never all. It is
 * vm_check=N on the kernel's command line, and /proc/sys/vm/check_entries.
 */
extern uint64_t vm_check_entries; /* atomic */
bool vm_check_passes_fault_locked(struct vm_space *space, uint64_t va);

/* The same after a fault that went on with others, now and then: to look, the space is had alone.
 */
bool vm_check_passes_fault(struct vm_space *space, uint64_t va);

bool vm_check_passes_call_locked(struct vm_space *space, struct vm_range range);

/* For calls that may change all of a space. */
#define VM_RANGE_ALL ((struct vm_range){USER_MIN, USER_END})

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
