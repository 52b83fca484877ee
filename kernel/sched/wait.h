/* SPDX-License-Identifier: MIT */
/*
 * Wait queues: sleeping until a condition holds.
 *
 *     WAIT_EVENT(&q, ready);                      the other side: ready = true;
 * wait_queue_wake_all(&q); error = WAIT_EVENT_INTERRUPTIBLE(&q, ready); error =
 * WAIT_EVENT_TIMEOUT(&q, ready, deadline_ns);
 *
 * The condition is evaluated again and again by the sleeper, with no lock of ours held and its
 * state already set to sleeping, so it should be cheap and must not sleep; it may take spinlocks.
 * Wakers may be anywhere, interrupt handlers too. Spurious wake-ups are normal.
 *
 * poll(2) and the like put their own entries with their own wake function into several queues.
 *
 * Locks: the queue's spinlock (interrupts off) guards its list; wake functions run under it and may
 * only wake threads or set flags.
 */
#ifndef SCHED_WAIT_H
#define SCHED_WAIT_H

#include "abi/errno.h"
#include "lib/list.h"
#include "sched/thread.h"
#include "sync/spinlock.h"

#define WAIT_FOREVER UINT64_MAX

struct wait_queue {
    struct spinlock lock;
    struct list_node entries; /* (lock) */
};

struct wait_entry {
    struct list_node node;             /* (queue's lock) */
    void (*wake)(struct wait_entry *); /* called under the queue's lock, interrupts off */
    struct thread *thread;             /* for wait_entry_wake_thread; free for others */
    struct wait_queue *queue;          /* NULL: in none */
};

void wait_queue_init(struct wait_queue *queue);

/* The wake function that wakes entry->thread. */
void wait_entry_wake_thread(struct wait_entry *entry);

/* Makes an entry that wakes the calling thread; in no queue yet. */
void wait_entry_init(struct wait_entry *entry);

/* Appends an entry. The entry stays the caller's, who removes it before its memory goes. */
void wait_queue_add(struct wait_queue *queue, struct wait_entry *entry);

/* Takes an entry out of the queue it is in, if any. On return its wake function no longer runs. */
void wait_queue_remove(struct wait_entry *entry);

/* Wakes the longest waiting entry, or all. Entries stay in the queue. Any context. */
void wait_queue_wake_one(struct wait_queue *queue);
void wait_queue_wake_all(struct wait_queue *queue);

/* Is nobody waiting? A hint unless the caller's own lock keeps waiters away. */
bool wait_queue_is_empty(struct wait_queue *queue);

/*
 * One sleep of the macros below: returns 0 after a wake, -EINTR if `state` is INTERRUPTIBLE and a
 * signal wants attention, -ETIMEDOUT once the monotonic clock has reached deadline_ns.
 */
int wait_sleep(enum thread_state state, uint64_t deadline_ns);

#define WAIT_COMMON(queue, condition, state, deadline)                                             \
    ({                                                                                             \
        int wait_result = 0;                                                                       \
        if (!(condition)) {                                                                        \
            struct wait_entry wait_entry;                                                          \
            wait_entry_init(&wait_entry);                                                          \
            wait_queue_add((queue), &wait_entry);                                                  \
            for (;;) {                                                                             \
                thread_prepare_block(state);                                                       \
                if (condition) {                                                                   \
                    wait_result = 0;                                                               \
                    break;                                                                         \
                }                                                                                  \
                if (wait_result != 0)                                                              \
                    break;                                                                         \
                wait_result = wait_sleep((state), (deadline));                                     \
            }                                                                                      \
            thread_cancel_block();                                                                 \
            wait_queue_remove(&wait_entry);                                                        \
        }                                                                                          \
        wait_result;                                                                               \
    })

/* Sleeps until the condition holds; signals wait. */
#define WAIT_EVENT(queue, condition)                                                               \
    ((void)WAIT_COMMON(queue, condition, THREAD_BLOCKED, WAIT_FOREVER))

/* 0 once the condition holds, or -EINTR. The system-call layer turns that into a restart or not. */
#define WAIT_EVENT_INTERRUPTIBLE(queue, condition)                                                 \
    WAIT_COMMON(queue, condition, THREAD_INTERRUPTIBLE, WAIT_FOREVER)

/* Same, and -ETIMEDOUT at the monotonic time deadline_ns (WAIT_FOREVER: never). */
#define WAIT_EVENT_TIMEOUT(queue, condition, deadline_ns)                                          \
    WAIT_COMMON(queue, condition, THREAD_INTERRUPTIBLE, deadline_ns)

#endif
