/* SPDX-License-Identifier: MIT */
/*
 * What a call has taken out of the map while entries of the table may still lead to it: areas with
 * all that is theirs, or shadows alone. It is given back when the table has been narrowed
 * (vm/narrow.h), without the space's lock: freeing the pages is most of the work.
 *
 * Areas stay in the lists of their objects meanwhile, so that who cuts an object comes by.
 */
#ifndef QUIRE_VM_LEAVING_H
#define QUIRE_VM_LEAVING_H

#include "vm/area.h"

struct vm_leaving {
    struct vm_area *areas;     /* linked by next; in no set, their shadows used by these only */
    struct vm_shadow *shadows; /* linked by next; used by nobody */
};

/*
 * Takes the part of an area out of its set. False: there is no memory for that; then *area is the
 * one that the part is in now, at an end or all of it, and to be taken from in another way. Locked.
 */
bool vm_leaving_take_area(struct vm_leaving *leaving, struct vm_area **area, struct vm_range part);

/* Takes the pages [start, end), by index, from an area's shadow. False: no memory, as they were. */
bool vm_leaving_take_pages(struct vm_leaving *leaving, struct vm_area *area, uint64_t start,
                           uint64_t end);

/* Gives all of it back, when no entry leads there any more. Not locked. */
void vm_leaving_give_back_all(struct vm_leaving *leaving);

static inline void vm_leaving_give_back(struct vm_leaving *leaving) {
    if (leaving->areas || leaving->shadows)
        vm_leaving_give_back_all(leaving);
}

#endif
