/* SPDX-License-Identifier: MIT */
/*
 * Executable invariants of the VM.
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

#endif
