/* SPDX-License-Identifier: MIT */
/*
 * Wait queues; see wait.h.
 */
#include "sched/wait.h"

#include "core/clock.h"
#include "sched/timer.h"

void wait_queue_init(struct wait_queue *queue) {
    spin_init(&queue->lock, "wait_queue", LOCK_RANK_WAIT_QUEUE);
    list_init(&queue->entries);
}

void wait_entry_wake_thread(struct wait_entry *entry) {
    thread_wake(entry->thread);
}

void wait_entry_init(struct wait_entry *entry) {
    list_init(&entry->node);
    entry->wake = wait_entry_wake_thread;
    entry->thread = thread_current();
    entry->queue = NULL;
}

void wait_queue_add(struct wait_queue *queue, struct wait_entry *entry) {
    irq_flags_t flags = spin_lock_irq(&queue->lock);

    entry->queue = queue;
    list_push_back(&queue->entries, &entry->node);
    spin_unlock_irq(&queue->lock, flags);
    /* The caller looks at its condition now, and who changes that looks at the list afterwards. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void wait_queue_remove(struct wait_entry *entry) {
    struct wait_queue *queue = entry->queue;
    irq_flags_t flags;

    if (!queue)
        return;
    flags = spin_lock_irq(&queue->lock);
    list_remove(&entry->node);
    entry->queue = NULL;
    spin_unlock_irq(&queue->lock, flags);
}

void wait_queue_wake_one(struct wait_queue *queue) {
    irq_flags_t flags = spin_lock_irq(&queue->lock);
    struct list_node *first = list_first(&queue->entries);

    if (first) {
        struct wait_entry *entry = LIST_ENTRY(first, struct wait_entry, node);

        /* To the end, so that the next wake finds another one even if this one is slow to leave. */
        list_remove(first);
        list_push_back(&queue->entries, first);
        entry->wake(entry);
    }
    spin_unlock_irq(&queue->lock, flags);
}

void wait_queue_wake_all(struct wait_queue *queue) {
    irq_flags_t flags;
    struct wait_entry *entry;

    /* A waiter adds itself before it looks at the condition, so empty now means nobody missed it.
     */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (wait_queue_is_empty(queue))
        return;
    flags = spin_lock_irq(&queue->lock);
    LIST_FOR_EACH (&queue->entries, entry, node)
        entry->wake(entry);
    spin_unlock_irq(&queue->lock, flags);
}

bool wait_queue_is_empty(struct wait_queue *queue) {
    return __atomic_load_n(&queue->entries.next, __ATOMIC_RELAXED) == &queue->entries;
}

static void wake_sleeper(void *arg) {
    thread_wake(arg);
}

int wait_sleep(enum thread_state state, uint64_t deadline_ns) {
    struct thread *self = thread_current();
    struct timer timer;

    if (state == THREAD_INTERRUPTIBLE && thread_interrupted(self))
        return -EINTR;
    if (deadline_ns == WAIT_FOREVER) {
        thread_block();
    } else {
        if (clock_monotonic_ns() >= deadline_ns)
            return -ETIMEDOUT;
        timer_init(&timer, wake_sleeper, self);
        timer_start(&timer, deadline_ns);
        thread_block();
        timer_cancel(&timer);
        if (clock_monotonic_ns() >= deadline_ns)
            return -ETIMEDOUT;
    }
    return state == THREAD_INTERRUPTIBLE && thread_interrupted(self) ? -EINTR : 0;
}

int sleep_until(uint64_t deadline_ns) {
    int result = 0;

    while (result == 0) {
        thread_prepare_block(THREAD_INTERRUPTIBLE);
        result = wait_sleep(THREAD_INTERRUPTIBLE, deadline_ns);
    }
    thread_cancel_block();
    return result == -ETIMEDOUT ? 0 : result;
}
