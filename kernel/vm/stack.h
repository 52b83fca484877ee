/* SPDX-License-Identifier: MIT */
/*
 * Areas that grow down by a fault below them: stacks (MAP_GROWSDOWN of mmap(2)).
 */
#ifndef QUIRE_VM_STACK_H
#define QUIRE_VM_STACK_H

#include "vm/space.h"

/*
 * Grows the stack above va (below USER_END, in no area) down to it: within RLIMIT_STACK, RLIMIT_AS
 * and what may be locked and promised, at its distance from what lies below. The stack, or NULL if
 * there is none to grow. Locked.
 */
struct vm_area *vm_stack_grow(struct vm_space *space, uint64_t va);

#endif
