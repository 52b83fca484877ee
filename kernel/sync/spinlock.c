/* SPDX-License-Identifier: MIT */
/*
 * The parts of spinlocks that are not inline: pairs, and what debug builds note.
 *
 * A lock is noted with interrupts off, since an interrupt uses the same stack of locks held.
 *
 * Whoever waits answers the calls of other processors: the one that holds the lock may be waiting
 * for just that, and with interrupts off nothing else would bring it about.
 */
#include "sync/spinlock.h"

#include "core/clock.h"
#include "core/panic.h"
#include "sync/contention.h"
#include "sync/patience.h"

#if QUIRE_DEBUG

/* A lock is of the kind that interrupts take, or of the other; it must be treated as its kind. */
static void spin_check_kind(const struct spinlock *l, bool irq_on) {
    if (l->rank >= LOCK_RANK_INTERRUPT && irq_on)
        panic("lock '%s' is taken with interrupts on, and an interrupt may take it", l->name);
    if (l->rank < LOCK_RANK_INTERRUPT && cpu_in_interrupt())
        panic("lock '%s' is taken in an interrupt, and others hold it with interrupts on", l->name);
}

void spin_note_lock(struct spinlock *l, bool same_rank) {
    struct lock_held note = {l, l->name, l->rank};
    irq_flags_t flags = irq_save();
    struct cpu *cpu = cpu_self();

    spin_check_kind(l, flags & IRQ_FLAG_ENABLED);
    lock_stack_push(&cpu->spin_locks, &note, same_rank);
    cpu->spin_depth++;
    irq_restore(flags);
}

void spin_note_unlock(struct spinlock *l) {
    irq_flags_t flags = irq_save();
    struct cpu *cpu = cpu_self();

    lock_stack_pop(&cpu->spin_locks, l);
    cpu->spin_depth--;
    irq_restore(flags);
}

#endif

#if QUIRE_DEBUG
static _Noreturn void held_too_long(const struct spinlock *l) {
    panic_everywhere("lock '%s' is held too long by processor %u", l->name,
                     __atomic_load_n(&l->holder, __ATOMIC_RELAXED));
}
#else
static void held_too_long(const struct spinlock *l) {
    (void)l;
}
#endif

void spin_wait(struct spinlock *l) {
    uint64_t begin = contention_begin();
    struct patience patience = {0};

    do {
        while (__atomic_load_n(&l->taken, __ATOMIC_RELAXED)) {
            machine_answer_calls();
            cpu_relax();
            if (patience_is_over(&patience))
                held_too_long(l);
        }
    } while (__atomic_exchange_n(&l->taken, 1, __ATOMIC_ACQUIRE));
    contention_end(l->name, begin);
}

void spin_lock_pair(struct spinlock *a, struct spinlock *b) {
    struct spinlock *first = a < b ? a : b;
    struct spinlock *second = a < b ? b : a;

    ASSERT(a != b && a->rank == b->rank);
    spin_lock(first);
    spin_note_lock(second, true);
    spin_acquire(second);
}
