/* SPDX-License-Identifier: MIT */
/*
 * Spinlocks: for short sections that never sleep. Ranked (sync/lock_rank.h), checked in debug
 * builds.
 *
 * A lock that an interrupt handler takes is taken with spin_lock_irq() everywhere; one that none
 * takes may be held with interrupts on. The kernel is not preempted, so holding a lock needs no
 * further care.
 */
#ifndef SYNC_SPINLOCK_H
#define SYNC_SPINLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "core/cpu.h"
#include "machine/cpu.h"
#include "sync/lock_rank.h"

struct spinlock {
    uint32_t taken;
    enum lock_rank rank;
    const char *name;
#if QUIRE_DEBUG
    unsigned holder; /* the processor that took it last */
#endif
};

#define SPINLOCK_INIT(lock_name, lock_rank)                                                        \
    { .taken = 0, .rank = (lock_rank), .name = (lock_name) }

static inline void spin_init(struct spinlock *l, const char *name, enum lock_rank rank) {
    *l = (struct spinlock)SPINLOCK_INIT(name, rank);
}

#if QUIRE_DEBUG
void spin_note_lock(struct spinlock *l, bool same_rank);
void spin_note_unlock(struct spinlock *l);

static inline void spin_note_taken(struct spinlock *l) {
    __atomic_store_n(&l->holder, cpu_index(), __ATOMIC_RELAXED);
}
#else
static inline void spin_note_taken(struct spinlock *l) {
    (void)l;
}

static inline void spin_note_lock(struct spinlock *l, bool same_rank) {
    (void)l, (void)same_rank;
}

static inline void spin_note_unlock(struct spinlock *l) {
    (void)l;
}
#endif

/* Waits for a lock that was taken, and takes it. */
__attribute__((noinline)) void spin_wait(struct spinlock *l);

static inline void spin_acquire(struct spinlock *l) {
    if (__builtin_expect(__atomic_exchange_n(&l->taken, 1, __ATOMIC_ACQUIRE) != 0, 0))
        spin_wait(l);
    spin_note_taken(l);
}

/* Takes l. The caller holds only locks of smaller rank. */
static inline void spin_lock(struct spinlock *l) {
    spin_note_lock(l, false);
    spin_acquire(l);
}

/* Takes l if it is free; true when it was. */
static inline bool spin_try_lock(struct spinlock *l) {
    if (__atomic_exchange_n(&l->taken, 1, __ATOMIC_ACQUIRE))
        return false;
    spin_note_taken(l);
    spin_note_lock(l, false);
    return true;
}

static inline void spin_unlock(struct spinlock *l) {
    spin_note_unlock(l);
    __atomic_store_n(&l->taken, 0, __ATOMIC_RELEASE);
}

/* Turns interrupts off and takes l. Returns what spin_unlock_irq() needs to put them back. */
static inline irq_flags_t spin_lock_irq(struct spinlock *l) {
    irq_flags_t flags = irq_save();

    spin_lock(l);
    return flags;
}

static inline void spin_unlock_irq(struct spinlock *l, irq_flags_t flags) {
    spin_unlock(l);
    irq_restore(flags);
}

/*
 * The same where interrupts are known to be on, and are on again afterwards: in a thread's own
 * work, with no other lock of this kind held.
 */
static inline void spin_lock_irq_on(struct spinlock *l) {
    DEBUG_ASSERT(irq_is_enabled());
    irq_disable();
    spin_lock(l);
}

static inline void spin_unlock_irq_on(struct spinlock *l) {
    spin_unlock(l);
    irq_enable();
}

/* Takes two different locks of the same rank, the one at the lower address first. */
void spin_lock_pair(struct spinlock *a, struct spinlock *b);

/* True when this processor holds l, and in builds that do not know. For DEBUG_ASSERT only. */
static inline bool spin_held(const struct spinlock *l) {
    return lock_stack_holds(&cpu_self()->spin_locks, l);
}

#endif
