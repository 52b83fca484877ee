/* SPDX-License-Identifier: MIT */
/*
 * Mutexes; see mutex.h.
 *
 * The owner word is the holder's thread, or 0; bit 0 says that there are waiters and is set only by
 * them, under the wait queue's lock. Free and without waiters to held is one compare-and-swap, and
 * so is the way back. With waiters the unlocker hands the mutex to the first of them.
 */
#include "sched/mutex.h"

#include <stdatomic.h>

#include "core/assert.h"
#include "core/clock.h"
#include "core/cpu.h"
#include "sync/contention.h"

#define WAITERS ((uintptr_t)1)

void mutex_init(struct mutex *mutex, const char *name, enum lock_rank rank) {
    atomic_init(&mutex->owner, 0);
    mutex->rank = rank;
    mutex->name = name;
    wait_queue_init(&mutex->waiters);
}

static void note_lock(struct mutex *mutex, bool same_rank) {
    struct lock_held held = {.lock = mutex, .name = mutex->name, .rank = mutex->rank};

    lock_stack_push(&thread_current()->mutexes, &held, same_rank);
}

static bool try_acquire(struct mutex *mutex) {
    uintptr_t free = 0;

    return atomic_compare_exchange_strong_explicit(&mutex->owner, &free,
                                                   (uintptr_t)thread_current(),
                                                   memory_order_acquire, memory_order_relaxed);
}

/* Marks the mutex as waited for, or takes it if it is free after all. Queue lock held. */
static bool mark_or_acquire(struct mutex *mutex) {
    uintptr_t owner = atomic_load_explicit(&mutex->owner, memory_order_relaxed);

    for (;;) {
        uintptr_t wanted = owner == 0 ? (uintptr_t)thread_current() : owner | WAITERS;

        if (atomic_compare_exchange_weak_explicit(&mutex->owner, &owner, wanted,
                                                  memory_order_acquire, memory_order_relaxed))
            return owner == 0;
    }
}

static bool is_owner(const struct mutex *mutex) {
    uintptr_t owner =
        atomic_load_explicit(&((struct mutex *)(uintptr_t)mutex)->owner, memory_order_acquire);

    return (owner & ~WAITERS) == (uintptr_t)thread_current();
}

static void wait_for(struct mutex *mutex) {
    struct wait_entry entry;
    irq_flags_t flags;

    wait_entry_init(&entry);
    flags = spin_lock_irq(&mutex->waiters.lock);
    if (mark_or_acquire(mutex)) {
        spin_unlock_irq(&mutex->waiters.lock, flags);
        return;
    }
    /* wait_queue_remove() is not needed: the unlocker takes the entry out. */
    list_push_back(&mutex->waiters.entries, &entry.node);
    spin_unlock_irq(&mutex->waiters.lock, flags);
    for (;;) {
        thread_prepare_block(THREAD_BLOCKED);
        if (is_owner(mutex))
            break;
        thread_block();
    }
    thread_cancel_block();
    /* The unlocker may still be waking us; once it lets go of the queue it needs neither of us. */
    flags = spin_lock_irq(&mutex->waiters.lock);
    spin_unlock_irq(&mutex->waiters.lock, flags);
}

static void wait_and_count(struct mutex *mutex) {
    uint64_t start = clock_monotonic_ns();

    wait_for(mutex);
    contention_note(mutex->name, clock_monotonic_ns() - start);
}

static void lock_ranked(struct mutex *mutex, bool same_rank) {
    DEBUG_ASSERT(cpu_may_sleep());
    note_lock(mutex, same_rank);
    if (!try_acquire(mutex))
        wait_and_count(mutex);
}

void mutex_lock(struct mutex *mutex) {
    lock_ranked(mutex, false);
}

bool mutex_trylock(struct mutex *mutex) {
    if (!try_acquire(mutex))
        return false;
    note_lock(mutex, false);
    return true;
}

/* Gives the mutex to the longest waiter. */
static void hand_over(struct mutex *mutex) {
    irq_flags_t flags = spin_lock_irq(&mutex->waiters.lock);
    struct list_node *node = list_pop_front(&mutex->waiters.entries);
    struct thread *next = LIST_ENTRY(node, struct wait_entry, node)->thread;
    uintptr_t more = list_is_empty(&mutex->waiters.entries) ? 0 : WAITERS;

    atomic_store_explicit(&mutex->owner, (uintptr_t)next | more, memory_order_release);
    thread_wake(next);
    spin_unlock_irq(&mutex->waiters.lock, flags);
}

void mutex_unlock(struct mutex *mutex) {
    uintptr_t owner = (uintptr_t)thread_current();

    DEBUG_ASSERT(is_owner(mutex));
    lock_stack_pop(&thread_current()->mutexes, mutex);
    if (!atomic_compare_exchange_strong_explicit(&mutex->owner, &owner, 0, memory_order_release,
                                                 memory_order_relaxed))
        hand_over(mutex);
}

void mutex_lock_pair(struct mutex *first, struct mutex *second) {
    struct mutex *low = first < second ? first : second;
    struct mutex *high = first < second ? second : first;

    mutex_lock(low);
    if (low != high)
        lock_ranked(high, true);
}

void mutex_unlock_pair(struct mutex *first, struct mutex *second) {
    mutex_unlock(first);
    if (first != second)
        mutex_unlock(second);
}

bool mutex_held(const struct mutex *mutex) {
    return is_owner(mutex);
}
