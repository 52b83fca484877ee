/* SPDX-License-Identifier: MIT */
/*
 * Between check.c (one space) and sweep.c (all of memory). Nobody else's.
 */
#ifndef QUIRE_VM_CHECK_PRIVATE_H
#define QUIRE_VM_CHECK_PRIVATE_H

#include "lib/format.h"
#include "vm/check.h"

#define VIOLATION(report, ...) (format((report)->text, sizeof((report)->text), __VA_ARGS__), false)

/*
 * Checks of one space, whose lock is held; true, or false and a report. _shape: areas, gaps, sums
 * and users of shadows, in time linear in the areas; _pages: the pages of shadows; _pmap: entries
 * of the pmap, which it adds up in *entries.
 */
bool check_shape_locked(struct vm_space *space, struct vm_check_report *report);
bool check_pages_locked(struct vm_space *space, struct vm_check_report *report);
bool check_pmap_locked(struct vm_space *space, struct vm_check_report *report, uint64_t *entries);

#endif
