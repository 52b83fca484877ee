/* SPDX-License-Identifier: MIT */
/*
 * The order in which locks are taken: one list for the whole kernel, outer locks first. A lock
 * may be taken only when its rank is greater than that of every lock held; debug builds check
 * each acquisition and panic with the two names.
 *
 * Words: sleeping locks (mutexes) belong to a thread, spinlocks to a processor, so each has its
 * own stack of what is held. All sleeping ranks are below all spinning ones. A lock that an
 * interrupt takes comes after every lock that is held with interrupts on: the interrupt can come
 * while any of those is held. An interrupt that finds locks held is checked like any other code.
 *
 * To add a lock: add a line, in a gap. docs/locking.md tells what each one guards.
 */
#ifndef SYNC_LOCK_RANK_H
#define SYNC_LOCK_RANK_H

#include <stddef.h>

#include "core/assert.h"

enum lock_rank {
    LOCK_RANK_NONE = 0,

    /* sleeping */
    LOCK_RANK_FILE_POSITION = 80,
    LOCK_RANK_PROCFS_FILE = 85,
    LOCK_RANK_TRACE = 90,
    LOCK_RANK_VFS_MOUNT = 100,
    LOCK_RANK_VFS_RENAME = 110,
    LOCK_RANK_EPOLL = 115,
    LOCK_RANK_VNODE_PARENT = 130,
    LOCK_RANK_VNODE = 140,
    LOCK_RANK_PIPE = 160,
    LOCK_RANK_STOP_MACHINE = 380,
    LOCK_RANK_OOM = 390, /* inside all others: a fault comes to it */

    /* spinning, with interrupts on */
    LOCK_RANK_FDTABLE = 410,
    LOCK_RANK_NAME_TREE = 420,
    LOCK_RANK_VNODE_STATE = 430,
    LOCK_RANK_UTS = 440,
    LOCK_RANK_VM_SWEEP = 490,
    LOCK_RANK_VM_SPACE = 500,
    LOCK_RANK_SHM = 505,
    LOCK_RANK_VM_LISTS = 510,
    LOCK_RANK_VM_OBJECT = 520,
    LOCK_RANK_COLLECT = 570,
    LOCK_RANK_KVA = 580,
    LOCK_RANK_SLAB = 600,
    LOCK_RANK_KMAP = 615,
    LOCK_RANK_FRAME = 620,
    LOCK_RANK_PCI = 640,
    LOCK_RANK_CPU_CALL = 690, /* no lock: who waits for other processors holds none beyond */

    /* spinning, with interrupts off: taken by interrupts too */
    LOCK_RANK_INTERRUPT = 700, /* the first of those */
    LOCK_RANK_TTY = 710,
    LOCK_RANK_ITIMER = 735,
    LOCK_RANK_PROCESS_TABLE = 740,
    LOCK_RANK_SIGNAL = 760,
    LOCK_RANK_FUTEX = 770,
    LOCK_RANK_TIMER = 800,
    LOCK_RANK_WAIT_QUEUE = 820,
    LOCK_RANK_EPOLL_WAIT = 821, /* and one more for each epoll inside: up to 825 */
    LOCK_RANK_EPOLL_READY = 830,
    LOCK_RANK_RUN_QUEUE = 860,
    LOCK_RANK_LOADAVG = 870,
    LOCK_RANK_RANDOM = 890,
    LOCK_RANK_KLOG = 990,
};

#define LOCK_STACK_MAX 16

struct lock_held {
    const void *lock;
    const char *name;
    enum lock_rank rank;
};

/* What one thread or processor holds, in the order taken. All zero is empty. */
struct lock_stack {
    unsigned depth;
#if QUIRE_DEBUG
    struct lock_held held[LOCK_STACK_MAX];
#endif
};

#if QUIRE_DEBUG
/*
 * Notes that `lock` is about to be taken; panics when a lock of the same or a greater rank is
 * held (`same` allows the same rank: the second of a pair, in address order).
 */
void lock_stack_push(struct lock_stack *s, const struct lock_held *lock, _Bool same);

/* Notes that `lock` was released; panics when it was not held. Any order will do. */
void lock_stack_pop(struct lock_stack *s, const void *lock);

/* True when `lock` is in s. */
_Bool lock_stack_holds(const struct lock_stack *s, const void *lock);
#else
static inline void lock_stack_push(struct lock_stack *s, const struct lock_held *lock, _Bool same) {
    (void)s, (void)lock, (void)same;
}

static inline void lock_stack_pop(struct lock_stack *s, const void *lock) {
    (void)s, (void)lock;
}

static inline _Bool lock_stack_holds(const struct lock_stack *s, const void *lock) {
    (void)s, (void)lock;
    return 1;
}
#endif

#endif
