/* SPDX-License-Identifier: MIT */
/*
 * Which processor a thread runs on.
 *
 * A thread goes where it ran last; but while that one is busy and another, where it may run, is
 * idle, there. A processor that has nothing to do looks for threads that wait for others, and then
 * sleeps. So no processor sleeps while a thread waits that it may run: it says that it is idle
 * before it looks, and whoever queues a thread looks for idle ones afterwards.
 *
 * A thread whose registers are not saved yet (on_cpu) stays where it is.
 *
 * Locks: one run queue's at a time; thread->cpu changes under the lock of the queue it belonged to,
 * while it is in none. The set of idle ones is atomic, and a hint only.
 */
#include "sched/placement.h"

#include <stdatomic.h>

#include "abi/errno.h"
#include "core/processors.h"
#include "sched/run_queue.h"
#include "sched/thread.h"
#include "sync/cpu_call.h"

_Atomic uint64_t placement_idle_cpus;

void placement_idle_begin(void) {
    cpu_self()->pmap_is_left_over = true;
    atomic_fetch_or(&placement_idle_cpus, cpu_mask());
}

void placement_idle_end(void) {
    cpu_self()->pmap_is_left_over = false;
    atomic_fetch_and(&placement_idle_cpus, ~cpu_mask());
}

/* Where a thread that is in no queue goes, of the processors that it may run on. */
static unsigned choose(const struct run_queue *rq, const struct thread *thread) {
    uint64_t allowed = thread->affinity & cpus_running();
    bool may_stay = allowed >> thread->cpu & 1;
    uint64_t idle = atomic_load(&placement_idle_cpus) & allowed;

    if (thread->on_cpu || allowed == 0)
        return thread->cpu;
    if (may_stay && rq->current == rq->idle)
        return thread->cpu;
    if (idle)
        return (unsigned)__builtin_ctzll(idle);
    return may_stay ? thread->cpu : (unsigned)__builtin_ctzll(allowed);
}

/*
 * One that is told is not taken for idle again before it has looked. Whoever goes to sleep says so
 * first and looks at the queues then; here the queue comes first. So one of the two sees the other.
 */
void placement_tell(unsigned cpu, uint64_t affinity) {
    uint64_t idle;

    atomic_thread_fence(memory_order_seq_cst);
    idle = atomic_load(&placement_idle_cpus);
    if (!(idle >> cpu & 1)) {
        idle &= affinity;
        if (!idle)
            return;
        cpu = (unsigned)__builtin_ctzll(idle);
    }
    atomic_fetch_and(&placement_idle_cpus, ~(1ull << cpu));
    if (cpu != cpu_index()) /* an interrupt of this one's own leaves its idle loop by itself */
        processor_look(cpu);
}

void placement_queue(struct run_queue *rq, struct thread *thread) {
    unsigned cpu = choose(rq, thread);
    uint64_t affinity = thread->affinity;

    if (cpu != thread->cpu) {
        /* It is in no queue and runnable: nobody else touches it meanwhile. */
        __atomic_store_n(&thread->cpu, cpu, __ATOMIC_RELAXED);
        spin_unlock(&rq->lock);
        rq = run_queue_of(cpu);
        spin_lock(&rq->lock);
    }
    run_queue_add_locked(rq, thread);
    spin_unlock(&rq->lock);
    placement_tell(cpu, affinity);
}

/* The first thread of a list that may come here; NULL: none. Its queue is locked. */
static struct thread *first_to_come(struct list_node *list) {
    struct thread *thread;

    LIST_FOR_EACH (list, thread, queue_node) {
        if (!thread->on_cpu && (thread->affinity & cpu_mask()))
            return thread;
    }
    return NULL;
}

/* Takes a thread out of another processor's queue. NULL: none may come. */
static struct thread *take_from(struct run_queue *rq) {
    struct thread *thread;

    if (__atomic_load_n(&rq->queued, __ATOMIC_RELAXED) == 0)
        return NULL;
    spin_lock(&rq->lock);
    thread = first_to_come(&rq->fresh);
    if (!thread)
        thread = first_to_come(&rq->queue);
    if (thread) {
        run_queue_take_locked(rq, thread);
        __atomic_store_n(&thread->cpu, cpu_index(), __ATOMIC_RELAXED);
    }
    spin_unlock(&rq->lock);
    return thread;
}

bool placement_steal(void) {
    struct run_queue *own = run_queue_self();
    unsigned count = cpu_count();

    for (unsigned i = 1; i < count; i++) {
        struct thread *thread = take_from(run_queue_of((cpu_index() + i) % count));

        if (!thread)
            continue;
        spin_lock(&own->lock);
        run_queue_add_locked(own, thread);
        spin_unlock(&own->lock);
        return true;
    }
    return false;
}

int thread_set_affinity(struct thread *thread, uint64_t cpus) {
    irq_flags_t flags = irq_save();
    struct run_queue *rq;
    unsigned cpu;

    if (!(cpus & cpus_running())) {
        irq_restore(flags);
        return -EINVAL;
    }
    rq = run_queue_lock_of(thread);
    thread->affinity = cpus;
    cpu = thread->cpu;
    if (thread_may_run_on(thread, cpu)) {
        spin_unlock(&rq->lock);
    } else if (thread->queued && !thread->on_cpu) {
        run_queue_take_locked(rq, thread);
        placement_queue(rq, thread);
    } else {
        bool runs = rq->current == thread;

        spin_unlock(&rq->lock);
        if (runs && cpu != cpu_index())
            processor_look(cpu);
        else if (runs)
            cpu_work_set(CPU_WORK_RESCHED);
    }
    irq_restore(flags);
    return 0;
}
