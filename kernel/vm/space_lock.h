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
 * Whoever would hold the lock for long lets go of it between two steps, if somebody waits, and
 * takes it again when all who waited have got in (vm_space_let_in). Where the page table does not
 * follow the map yet, in a range that is being narrowed (vm/narrow.h), the lock says so when it is
 * free: faults come in, and calls that have nothing to do with the range; the others wait until it
 * is over. The word says it, so that nobody looks where nothing is being narrowed.
 *
 * After per-CPU reader-writer locks ("big reader locks"), with Dekker's handshake. What must be
 * true of it in every order of steps: docs/models/space_lock.pml.
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

/*
 * What a free lock says: nothing, or bits: whoever takes it has to wait for faults that are under
 * way; there are ranges that are being narrowed.
 */
#define VM_SPACE_FREE 0u
#define VM_SPACE_TAKEN 1u
#define VM_SPACE_WITH_FAULTS 2u
#define VM_SPACE_NARROWING 4u

/* For vm_space_lock_beside: whatever is being narrowed is no hindrance. */
#define VM_RANGE_NONE ((struct vm_range){0, 0})

/* The same, unless a range is that no area is in any more: it counts as free, but is not yet. */
#define VM_RANGE_VACANT ((struct vm_range){USER_END, 0})

/* Everything. */
#define VM_RANGE_WHOLE ((struct vm_range){0, USER_END})

/* What the lock said and a range, to the next 2 MiB outwards, in one word. */
#define VM_LOCK_SHIFT 21u
static inline uint64_t vm_lock_need(uint32_t was, struct vm_range range) {
    uint64_t first = (range.start < USER_END ? range.start : USER_END) >> VM_LOCK_SHIFT;
    uint64_t end = (range.end < USER_END ? range.end : USER_END) + (1u << VM_LOCK_SHIFT) - 1;

    return was | first << 3 | (end >> VM_LOCK_SHIFT) << 32;
}

/*
 * vm_space_lock_beside where the lock was not simply free, by vm_lock_need; called so that callers
 * need not save registers for it.
 */
uint64_t vm_space_lock_slowly(uint64_t space, uint64_t need);

static inline void vm_space_acquire(struct vm_space *space, struct vm_range range) {
    uint32_t was = __atomic_exchange_n(&space->lock.taken, VM_SPACE_TAKEN, __ATOMIC_SEQ_CST);

    if (__builtin_expect(was != VM_SPACE_FREE, 0))
        (void)machine_call_rarely(vm_space_lock_slowly, (uint64_t)(uintptr_t)space,
                                  vm_lock_need(was, range));
    spin_note_taken(&space->lock);
}

/*
 * Has the space alone, and in the range the table says no more than the map; elsewhere it may, in
 * what other calls are narrowing. Spins; ranked LOCK_RANK_VM_SPACE.
 */
static inline void vm_space_lock_beside(struct vm_space *space, struct vm_range range) {
    spin_note_lock(&space->lock, false);
    vm_space_acquire(space, range);
}

/* Has the space alone, with nothing being narrowed. */
static inline void vm_space_lock(struct vm_space *space) {
    vm_space_lock_beside(space, VM_RANGE_WHOLE);
}

static inline void vm_space_unlock(struct vm_space *space) {
    spin_note_unlock(&space->lock);
    __atomic_store_n(&space->lock.taken, space->when_free, __ATOMIC_RELEASE);
}

/* The same for two spaces; unlocked one by one. */
void vm_space_lock_pair(struct vm_space *a, struct vm_space *b);

/*
 * Between two steps of somebody who has the space alone: if others wait for that, lets them in, and
 * has it again when each of them has got in. What is being narrowed meanwhile, by others too, is no
 * hindrance. So the caller holds on to nothing of the space, but for what vm/narrow.h keeps.
 */
void vm_space_let_in(struct vm_space *space);

/*
 * The area behind one that a reader of the whole space has looked at; whoever waits is let in
 * first, and what that changed is found as it is.
 */
static inline struct vm_area *vm_area_next_letting_in(struct vm_space *space,
                                                      const struct vm_area *area) {
    uint64_t end = area->end;

    if (__atomic_load_n(&space->waiting, __ATOMIC_RELAXED) == 0)
        return area->next;
    vm_space_let_in(space);
    return vm_area_find_from(&space->areas, end);
}

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
