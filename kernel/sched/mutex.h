/* SPDX-License-Identifier: MIT */
/*
 * Mutexes: locks whose holder may sleep.
 *
 * First come, first served: unlocking hands the mutex to the longest waiter. Not recursive. Not for
 * interrupt handlers. A spinlock may be taken under a mutex, never the other way round.
 *
 * Ranks order mutexes among themselves (outer = smaller); debug builds check them on each
 * acquisition by a stack kept in the thread, since the holder may sleep.
 */
#ifndef SCHED_MUTEX_H
#define SCHED_MUTEX_H

#include "sched/wait.h"
#include "sync/lock_rank.h"

struct mutex {
    _Atomic uintptr_t owner; /* struct thread * of the holder; bit 0: somebody waits */
    enum lock_rank rank;
    const char *name;
    struct wait_queue waiters;
};

void mutex_init(struct mutex *mutex, const char *name, enum lock_rank rank);

/* Takes the mutex, sleeping while another thread has it. No spinlock may be held. */
void mutex_lock(struct mutex *mutex);

/* Takes it if it is free now; does not sleep. */
bool mutex_trylock(struct mutex *mutex);

/*
 * Takes two mutexes of the same rank, in the order of their addresses (they may be the same one).
 * mutex_unlock_pair() undoes it. The only way to hold two of one rank.
 */
void mutex_lock_pair(struct mutex *first, struct mutex *second);
void mutex_unlock_pair(struct mutex *first, struct mutex *second);

/* Gives it up. The caller holds it. */
void mutex_unlock(struct mutex *mutex);

/* True if the calling thread holds it. */
bool mutex_held(const struct mutex *mutex);

#endif
