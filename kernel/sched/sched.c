/* SPDX-License-Identifier: MIT */
/*
 * The scheduler of a processor: round robin, with slices of 10 ms. Which processor a thread runs on
 * is placement.c's.
 *
 * A thread that sleeps before its slice is over keeps the rest, and when woken goes before those
 * who wait for a new slice. So whoever sleeps much waits little, and threads that wake each other
 * in turn still use up their slices and let the others run.
 *
 * A processor's clock is programmed for the next event only: the first timer's deadline, or the end
 * of the slice while something other than the idle thread runs. An idle processor has no tick. The
 * tick is not moved at a switch (programming the hardware costs more than the switch); a slice is
 * between half and one and a half of its length.
 *
 * A thread that is woken preempts nobody but the idle thread, here or on another processor. The
 * kernel is not preempted: the slice's end is noticed on the way back to user mode.
 *
 * Locks: run_queue.lock, innermost but for the clock's; see run_queue.h for the switch.
 */
#include "abi/errno.h"
#include "core/assert.h"
#include "core/clock.h"
#include "core/cpu.h"
#include "core/printk.h"
#include "core/processors.h"
#include "core/trace.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "machine/trapframe.h"
#include "sched/loadavg.h"
#include "sched/placement.h"
#include "sched/run_queue.h"
#include "sched/stop_machine.h"
#include "sched/thread.h"
#include "sched/thread_private.h"
#include "vm/space.h"

static struct run_queue run_queues[CPU_MAX];
static struct thread idle_threads[CPU_MAX];

struct run_queue *run_queue_self(void) {
    return &run_queues[cpu_index()];
}

struct run_queue *run_queue_of(unsigned cpu) {
    return &run_queues[cpu];
}

void sched_init_self(void) {
    struct run_queue *rq = run_queue_self();
    struct thread *idle = &idle_threads[cpu_index()];

    spin_init(&rq->lock, "run_queue", LOCK_RANK_RUN_QUEUE);
    list_init(&rq->fresh);
    list_init(&rq->queue);
    list_init(&idle->queue_node);
    thread_set_name(idle, "idle");
    idle->state = THREAD_RUNNABLE;
    idle->cpu = cpu_index();
    idle->affinity = cpu_mask();
    idle->on_cpu = true;
    idle->switched_in_ns = rq->started_ns = clock_monotonic_ns();
    rq->idle = rq->current = idle;
    rq->tick_ns = rq->timer_ns = rq->programmed_ns = CLOCK_NO_EVENT;
    cpu_self()->current = idle;
    timers_init_self();
}

void sched_init(void) {
    sched_init_self();
    threads_init();
    stop_machine_init();
}

/* Programs the clock if the next event is not the one it waits for. rq->lock held, own processor.
 */
static void program_clock(struct run_queue *rq) {
    uint64_t next = rq->tick_ns < rq->timer_ns ? rq->tick_ns : rq->timer_ns;

    if (next == rq->programmed_ns)
        return;
    rq->programmed_ns = next;
    clock_set_next_event(next);
}

void run_queue_set_timer(uint64_t deadline_ns) {
    struct run_queue *rq = run_queue_self();
    irq_flags_t flags = spin_lock_irq(&rq->lock);

    rq->timer_ns = deadline_ns;
    program_clock(rq);
    spin_unlock_irq(&rq->lock, flags);
}

void run_queue_add_locked(struct run_queue *rq, struct thread *thread) {
    if (thread->slice_ns > 0) {
        list_push_back(&rq->fresh, &thread->queue_node);
    } else {
        thread->slice_ns = SCHED_SLICE_NS;
        list_push_back(&rq->queue, &thread->queue_node);
    }
    thread->queued = true;
    rq->queued++;
}

void run_queue_take_locked(struct run_queue *rq, struct thread *thread) {
    list_remove(&thread->queue_node);
    thread->queued = false;
    rq->queued--;
}

static struct thread *dequeue_first(struct run_queue *rq) {
    struct list_node *node = list_pop_front(&rq->fresh);
    struct thread *thread;

    if (!node)
        node = list_pop_front(&rq->queue);
    if (!node)
        return rq->idle;
    thread = LIST_ENTRY(node, struct thread, queue_node);
    thread->queued = false;
    rq->queued--;
    return thread;
}

/* Closes the account of the thread that leaves and opens that of the one that comes. */
static void account_switch(struct run_queue *rq, struct thread *from, struct thread *to) {
    uint64_t now = clock_monotonic_ns();
    uint64_t ran = now - from->switched_in_ns;

    from->run_ns += ran;
    /* One that is queued again begins a new slice. */
    if (!from->queued)
        from->slice_ns -= MIN(ran, from->slice_ns);
    to->switched_in_ns = now;
    rq->switches++;
    if (to != rq->idle && rq->tick_ns == CLOCK_NO_EVENT) {
        rq->tick_ns = now + SCHED_SLICE_NS;
        program_clock(rq);
    }
}

/* Loads what belongs to the processor rather than to the stack. Interrupts off. */
static void load_thread(struct thread *to) {
    struct cpu *cpu = cpu_self();
    uint32_t work = thread_interrupted(to) ? CPU_WORK_SIGNAL : 0;

    if (!(to->affinity & cpu->mask))
        work |= CPU_WORK_RESCHED;
    cpu->current = to;
    __atomic_store_n(&cpu->work, work, __ATOMIC_RELAXED);
    if (!to->fpu)
        return;
    context_set_kernel_stack(to->kstack_top);
    context_set_user_bases(to->fs_base, to->gs_base);
    if (!to->fpu_detached)
        fpu_restore(to->fpu);
    vm_space_activate(to->space);
}

/* For machine_call_rarely(). */
static uint64_t tell_switch(uint64_t from, uint64_t to_address) {
    const struct thread *to = (const struct thread *)to_address;

    trace_put_switch((uint32_t)((const struct thread *)from)->tid, (uint32_t)to->tid,
                     to->space ? to->space->root : 0);
    return 0;
}

/*
 * Goes on with the first of the queue. rq->lock is held on entry and free on return; interrupts
 * stay off. The running thread has been queued already if it is to run again by itself.
 */
static void switch_to_next(struct run_queue *rq) {
    struct thread *from = rq->current;
    struct thread *to = dequeue_first(rq);

    if (to == from) {
        cpu_work_clear(CPU_WORK_RESCHED);
        spin_unlock(&rq->lock);
        return;
    }
    rq->current = to;
    to->on_cpu = true;
    account_switch(rq, from, to);
    spin_unlock(&rq->lock);
    if (from->fpu && !from->fpu_detached && from->state != THREAD_DEAD)
        fpu_save(from->fpu);
    load_thread(to);
    if (trace_switch_is_on())
        machine_call_rarely(tell_switch, (uint64_t)from, (uint64_t)to);
    rq->previous = from;
    context_switch(&from->context, &to->context);
    sched_finish_switch();
}

void sched_finish_switch(void) {
    struct run_queue *rq = run_queue_self();
    struct thread *previous = rq->previous;
    /* Once on_cpu is false another processor may run it, to its end even. */
    bool is_dead = previous->state == THREAD_DEAD;

    rq->previous = NULL;
    __atomic_store_n(&previous->on_cpu, false, __ATOMIC_RELEASE);
    if (rq->leaves) {
        rq->leaves = false;
        spin_lock(&rq->lock);
        placement_queue(rq, previous);
    } else if (is_dead) {
        thread_reap(previous);
    }
}

void thread_prepare_block(enum thread_state state) {
    __atomic_store_n(&thread_current()->state, (int)state, __ATOMIC_SEQ_CST);
}

void thread_cancel_block(void) {
    __atomic_store_n(&thread_current()->state, (int)THREAD_RUNNABLE, __ATOMIC_RELAXED);
}

void thread_block(void) {
    struct thread *self = thread_current();
    irq_flags_t flags = irq_save();
    struct run_queue *rq = run_queue_self();

    DEBUG_ASSERT(cpu_may_sleep());
    spin_lock(&rq->lock);
    if (self->state == THREAD_RUNNABLE) {
        spin_unlock(&rq->lock);
    } else {
        self->voluntary_switches++;
        switch_to_next(rq);
    }
    irq_restore(flags);
}

void sched_yield(void) {
    irq_flags_t flags = irq_save();
    struct run_queue *rq = run_queue_self();
    struct thread *self = rq->current;

    DEBUG_ASSERT(cpu_may_sleep());
    if (stop_machine_wanted())
        stop_machine_stand();
    spin_lock(&rq->lock);
    rq->leaves = !(self->affinity & cpu_mask());
    if (rq->queued == 0 && !rq->leaves) {
        cpu_work_clear(CPU_WORK_RESCHED);
        spin_unlock(&rq->lock);
    } else {
        self->slice_ns = 0;
        if (self != rq->idle && !rq->leaves)
            run_queue_add_locked(rq, self);
        self->forced_switches++;
        switch_to_next(rq);
    }
    irq_restore(flags);
}

void thread_exit(void) {
    struct run_queue *rq;

    irq_disable();
    rq = run_queue_self();
    spin_lock(&rq->lock);
    rq->current->state = THREAD_DEAD;
    switch_to_next(rq);
    __builtin_unreachable();
}

static inline __attribute__((always_inline)) struct run_queue *
lock_queue_of(const struct thread *thread) {
    for (;;) {
        unsigned cpu = __atomic_load_n(&thread->cpu, __ATOMIC_RELAXED);
        struct run_queue *rq = run_queue_of(cpu);

        spin_lock(&rq->lock);
        if (thread->cpu == cpu)
            return rq;
        spin_unlock(&rq->lock);
    }
}

struct run_queue *run_queue_lock_of(const struct thread *thread) {
    return lock_queue_of(thread);
}

/* Queues a thread that has just become runnable. rq is its queue, locked; free on return. */
static void queue_woken(struct run_queue *rq, struct thread *thread) {
    uint64_t affinity = thread->affinity;
    unsigned cpu = thread->cpu;

    if (placement_others_are_idle() || !thread_may_run_on(thread, cpu)) {
        placement_queue(rq, thread);
        return;
    }
    run_queue_add_locked(rq, thread);
    spin_unlock(&rq->lock); /* from here on the thread may be gone */
    /* Before a processor sleeps it says that it is idle, then looks at the queues. */
    atomic_thread_fence(memory_order_seq_cst);
    if (placement_others_are_idle())
        placement_tell(cpu, affinity);
}

/* Wakes a thread whose state is one of `states` (bits by enum thread_state). */
static void wake_from(struct thread *thread, unsigned states) {
    irq_flags_t flags = irq_save();
    struct run_queue *rq = lock_queue_of(thread);
    bool placed = true;

    if (states & (1u << thread->state)) {
        thread->state = THREAD_RUNNABLE;
        placed = thread == rq->current || thread->queued;
    }
    if (placed)
        spin_unlock(&rq->lock);
    else
        queue_woken(rq, thread);
    irq_restore(flags);
}

void thread_wake(struct thread *thread) {
    wake_from(thread, 1u << THREAD_BLOCKED | 1u << THREAD_INTERRUPTIBLE | 1u << THREAD_STOPPED);
}

void thread_start(struct thread *thread) {
    wake_from(thread, 1u << THREAD_NEW);
}

void thread_interrupt(struct thread *thread) {
    wake_from(thread, 1u << THREAD_INTERRUPTIBLE);
}

void thread_notify(struct thread *thread) {
    irq_flags_t flags;
    struct run_queue *rq;

    if (thread == thread_current()) {
        cpu_work_set(CPU_WORK_SIGNAL);
        return;
    }
    if (cpu_count() == 1)
        return;
    /* Under the lock either it has been switched to, or the switch will see what we noted. */
    flags = irq_save();
    rq = run_queue_lock_of(thread);
    if (rq->current == thread)
        processor_look(thread->cpu);
    spin_unlock_irq(&rq->lock, flags);
}

void sched_look(void) {
    struct thread *current = thread_current();

    if (thread_interrupted(current))
        cpu_work_set(CPU_WORK_SIGNAL);
    if (!(current->affinity & cpu_mask()) || stop_machine_wanted())
        cpu_work_set(CPU_WORK_RESCHED);
}

/* Threads that run or would, on all processors: a moment's value of each. */
static uint32_t runnable_everywhere(void) {
    uint32_t runnable = 0;

    for (unsigned i = 0; i < cpu_count(); i++) {
        const struct run_queue *rq = run_queue_of(i);

        runnable += __atomic_load_n(&rq->queued, __ATOMIC_RELAXED);
        runnable += __atomic_load_n(&rq->current, __ATOMIC_RELAXED) != rq->idle;
    }
    return runnable;
}

/* Charges a tick to the running thread and sees whether its slice is over. rq->lock held. */
static void charge_tick(struct run_queue *rq, uint64_t now_ns) {
    struct thread *thread = rq->current;

    if (trapframe_is_user(cpu_self()->irq_frame)) {
        thread->user_ticks++;
        rq->user_ticks++;
    } else {
        thread->system_ticks++;
        rq->system_ticks++;
    }
    if (rq->queued > 0 && now_ns - thread->switched_in_ns + SCHED_SLICE_NS / 2 >= thread->slice_ns)
        cpu_work_set(CPU_WORK_RESCHED);
}

void sched_tick(void) {
    uint64_t now_ns = clock_monotonic_ns();
    struct run_queue *rq = run_queue_self();
    uint64_t timer_ns = timers_run(now_ns);

    spin_lock(&rq->lock);
    rq->programmed_ns = CLOCK_NO_EVENT;
    rq->timer_ns = timer_ns;
    if (rq->current == rq->idle) {
        rq->tick_ns = CLOCK_NO_EVENT;
    } else if (rq->tick_ns <= now_ns) {
        charge_tick(rq, now_ns);
        loadavg_update(now_ns, runnable_everywhere());
        rq->tick_ns = now_ns + SCHED_SLICE_NS;
    }
    program_clock(rq);
    spin_unlock(&rq->lock);
}

void sched_idle(void) {
    struct run_queue *rq = run_queue_self();

    for (;;) {
        irq_disable();
        if (stop_machine_wanted())
            stop_machine_stand();
        placement_idle_begin();
        if (__atomic_load_n(&rq->queued, __ATOMIC_RELAXED) == 0 && !placement_steal()) {
            cpu_idle_wait();
        } else {
            placement_idle_end();
            irq_enable();
            sched_yield();
        }
    }
}

void run_queue_dump(unsigned cpu) {
    const struct run_queue *rq = run_queue_of(cpu);
    const struct thread *thread;

    printk("cpu %u: runs \"%s\" (%d), %u queued, tick %lu, timer %lu, clock set to %lu\n", cpu,
           rq->current->name, rq->current->tid, rq->queued, rq->tick_ns, rq->timer_ns,
           rq->programmed_ns);
    LIST_FOR_EACH (&rq->fresh, thread, queue_node)
        printk("    \"%s\" (%d), %lu ns left\n", thread->name, thread->tid, thread->slice_ns);
    LIST_FOR_EACH (&rq->queue, thread, queue_node)
        printk("    \"%s\" (%d)\n", thread->name, thread->tid);
}

/* Under the lock of its queue all counts are of one moment, and none runs ahead of the others. */
void thread_times(const struct thread *thread, struct thread_times *times) {
    irq_flags_t flags = irq_save();
    struct run_queue *rq = run_queue_lock_of(thread);
    uint64_t ticks = thread->user_ticks + thread->system_ticks;
    uint64_t total = thread->run_ns, now;

    if (rq->current == thread) {
        now = clock_monotonic_ns();
        total += now - MIN(now, thread->switched_in_ns);
    }
    times->user_ns = ticks == 0 ? total : total / ticks * thread->user_ticks;
    times->system_ns = total - times->user_ns;
    spin_unlock_irq(&rq->lock, flags);
}

/* Adds what one processor has done. */
static void add_stats(struct sched_stats *stats, unsigned cpu) {
    struct run_queue *rq = run_queue_of(cpu);
    irq_flags_t flags = spin_lock_irq(&rq->lock);
    uint64_t now = clock_monotonic_ns();
    uint64_t ticks = rq->user_ticks + rq->system_ticks;
    uint64_t idle = rq->idle->run_ns;
    uint64_t up = now - rq->started_ns;
    uint64_t busy, user;

    if (rq->current == rq->idle)
        idle += now - MIN(now, rq->idle->switched_in_ns);
    busy = up > idle ? up - idle : 0;
    user = ticks == 0 ? 0 : busy / ticks * rq->user_ticks;
    stats->idle_ns += idle;
    stats->user_ns += user;
    stats->system_ns += busy - user;
    stats->switches += rq->switches;
    spin_unlock_irq(&rq->lock, flags);
}

void sched_cpu_stats_get(unsigned cpu, struct sched_stats *stats) {
    memset(stats, 0, sizeof(*stats));
    add_stats(stats, cpu);
}

void sched_stats_get(struct sched_stats *stats) {
    memset(stats, 0, sizeof(*stats));
    for (unsigned i = 0; i < cpu_count(); i++)
        add_stats(stats, i);
    stats->runnable = runnable_everywhere();
    loadavg_update(clock_monotonic_ns(), stats->runnable);
    loadavg_get(stats->load);
}
