/* SPDX-License-Identifier: MIT */
/*
 * The lock of an address space, which faults of several tasks get around.
 *
 * A call that changes a space (or wants all of it to hold still) has it alone: vm_space_lock. While
 * a space has one task, its faults do the same. When it gets more, each processor has a place to
 * say that a fault is under way, and faults go on together: they find the areas and the shape of
 * all trees and tables as they are, and change only what nobody else is at, one page each
 * (vm/fault.c). Who wants the space alone takes the lock first, and waits then for the faults that
 * are under way; a fault says that it is, and looks at the lock then. So one of the two sees the
 * other, and it is the fault that gives way.
 *
 * A fault that cannot do without more leaves, and takes the lock as anybody does.
 *
 * After per-CPU reader-writer locks ("big reader locks"), with Dekker's handshake.
 */
#ifndef QUIRE_VM_SPACE_LOCK_H
#define QUIRE_VM_SPACE_LOCK_H

#include "vm/space.h"

/* Where one processor says that a fault is under way: a cache line of its own. */
struct vm_fault_place {
    uint32_t under_way;
} __attribute__((aligned(64)));

/* At boot, once. */
void vm_space_lock_init(void);

/* What a free lock says; the second: whoever takes it has to wait for faults that are under way. */
#define VM_SPACE_FREE 0u
#define VM_SPACE_FREE_WITH_FAULTS 2u

/* vm_space_lock where the lock was not simply free, but what is said here. */
__attribute__((noinline)) void vm_space_lock_slowly(struct vm_space *space, uint32_t was);

static inline void vm_space_acquire(struct vm_space *space) {
    uint32_t was = __atomic_exchange_n(&space->lock.taken, 1, __ATOMIC_SEQ_CST);

    if (__builtin_expect(was != VM_SPACE_FREE, 0))
        vm_space_lock_slowly(space, was);
    spin_note_taken(&space->lock);
}

/* Has the space alone. Spins; ranked LOCK_RANK_VM_SPACE. */
static inline void vm_space_lock(struct vm_space *space) {
    spin_note_lock(&space->lock, false);
    vm_space_acquire(space);
}

static inline void vm_space_unlock(struct vm_space *space) {
    spin_note_unlock(&space->lock);
    __atomic_store_n(&space->lock.taken, space->when_free, __ATOMIC_RELEASE);
}

/* The same for two spaces; unlocked one by one. */
void vm_space_lock_pair(struct vm_space *a, struct vm_space *b);

/*
 * Lets faults go on together from now on, for a space that is about to have another task. Without
 * memory for it they go on one by one, as before.
 */
void vm_space_let_faults_together(struct vm_space *space);

/* Gives back what that took, when nobody uses the space any more. */
void vm_space_forget_faults(struct vm_space *space);

/* Whether they do: then between these two nobody has the space alone. Does not sleep. */
static inline bool vm_space_faults_together(const struct vm_space *space) {
    return __atomic_load_n(&space->fault_places, __ATOMIC_ACQUIRE) != NULL;
}
void vm_space_fault_begin(struct vm_space *space);
void vm_space_fault_end(struct vm_space *space);

#endif
