/* SPDX-License-Identifier: MIT */
/*
 * Areas that grow down by a fault below them: stacks (MAP_GROWSDOWN of mmap(2)).
 */
#ifndef QUIRE_VM_STACK_H
#define QUIRE_VM_STACK_H

#include "vm/space.h"

/* What keeps a stack from growing down to an address. */
enum vm_stack_answer {
    VM_STACK_GROWS,
    VM_STACK_NONE,      /* what lies above is no stack, or nothing does */
    VM_STACK_TOO_LOW,   /* below what may be mapped at all */
    VM_STACK_NEIGHBOUR, /* it would come too close to what lies below */
    VM_STACK_INDEXES,   /* it was moved up, and has no indexes left */
    VM_STACK_LIMIT,     /* RLIMIT_STACK */
    VM_STACK_SPACE,     /* RLIMIT_AS */
    VM_STACK_LOCKED,    /* RLIMIT_MEMLOCK */
};

/* Whether the stack above va (below USER_END, in no area) may grow down to it, promises left out.
 * Changes nothing. Locked. */
enum vm_stack_answer vm_stack_may_grow(struct vm_space *space, uint64_t va);

/*
 * Grows the stack above va (below USER_END, in no area) down to it: within RLIMIT_STACK, RLIMIT_AS
 * and what may be locked and promised, at its distance from what lies below. The stack, or NULL if
 * there is none to grow. Locked.
 */
struct vm_area *vm_stack_grow(struct vm_space *space, uint64_t va);

#endif
