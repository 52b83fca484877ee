/* SPDX-License-Identifier: MIT */
/*
 * Tasks: the user threads of a process, their table, and what they have used. See process.h.
 *
 * A task holds its process until the scheduler frees it; so a process structure outlives all of its
 * tasks. A leader is found through its process; the other tasks are
 * in a table of their own, so that processes of one task pay nothing for it.
 */
#include <stdatomic.h>

#include "core/assert.h"
#include "core/trace.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "proc/pid.h"
#include "proc/signal_core.h"
#include "proc/tree.h"
#include "vm/space.h"

#define BUCKETS 1024 /* a power of two */

static struct slab_cache cache;
static struct task *buckets[BUCKETS]; /* process_tree_lock */

static void release(struct thread *thread) {
    struct task *task = container_of(thread, struct task, thread);
    struct process *process = thread->process;

    DEBUG_ASSERT(list_is_empty(&task->queue.infos));
    slab_free(&cache, task);
    process_let_go(process, PROCESS_TASK);
}

void process_await_tasks_freed(const struct process *process) {
    while (atomic_load_explicit(&((struct process *)(uintptr_t)process)->holds,
                                memory_order_acquire) >= PROCESS_TASK)
        cpu_relax();
}

void task_init(void) {
    slab_cache_init(&cache, "task", sizeof(struct task), 0);
}

struct task *task_create(struct process *process, void (*entry)(void *)) {
    struct task *task = slab_alloc_zeroed(&cache);

    if (!task)
        return NULL;
    if (thread_init_user(&task->thread, entry, task) != 0) {
        slab_free(&cache, task);
        return NULL;
    }
    list_init(&task->process_node);
    list_init(&task->queue.infos);
    task->altstack.ss_flags = SS_DISABLE;
    task->thread.release = release;
    task->thread.process = process;
    task->thread.vfs = &process->vfs;
    process_hold(process, PROCESS_TASK);
    return task;
}

void task_destroy_unstarted(struct task *task) {
    thread_destroy_unstarted(&task->thread);
    release(&task->thread);
}

static struct task **bucket_of(int tid) {
    return &buckets[(unsigned)tid % BUCKETS];
}

static void hash(struct task *task) {
    struct task **bucket = bucket_of(task->thread.tid);

    task->hash_next = *bucket;
    *bucket = task;
    process_count_task(1);
}

/* The task gives its id back, which is not its process's. */
static void unhash(struct task *task) {
    struct task **link = bucket_of(task->thread.tid);

    while (*link != task)
        link = &(*link)->hash_next;
    *link = task->hash_next;
    pid_drop_locked(task->thread.tid);
    process_count_task(-1);
}

void task_link_locked(struct task *task, int tid) {
    struct process *process = task->thread.process;

    DEBUG_ASSERT(spin_held(&process_tree_lock));
    DEBUG_ASSERT(spin_held(&process->signal_lock));
    task->thread.tid = tid;
    list_push_back(&process->tasks, &task->process_node);
    process->task_count++;
    process->live_tasks++;
    trace_thread((uint32_t)tid, (uint32_t)process->pid);
    if (tid != process->pid)
        hash(task);
}

void task_unlink_locked(struct task *task) {
    struct process *process = task->thread.process;
    struct process_usage usage;

    trace_thread_exit((uint32_t)task->thread.tid);
    usage_of_task(task, &usage);
    usage_add(&process->dead_tasks, &usage);
    spin_lock(&process->signal_lock);
    list_remove(&task->process_node);
    process->task_count--;
    process->queued_count -= signal_queue_length_locked(&task->queue);
    spin_unlock(&process->signal_lock);
    if (task->thread.tid != process->pid)
        unhash(task);
}

void task_lead_locked(struct task *task) {
    struct process *process = task->thread.process;

    DEBUG_ASSERT(spin_held(&process_tree_lock));
    DEBUG_ASSERT(process->task_count == 1 && task->thread.tid != process->pid);
    trace_thread_exit((uint32_t)task->thread.tid);
    unhash(task);
    task->thread.tid = process->pid;
    trace_thread((uint32_t)process->pid, (uint32_t)process->pid);
    process->vfs = task->own_vfs;
    task->thread.vfs = &process->vfs;
}

struct task *process_first_task(const struct process *process) {
    struct list_node *node = list_first(&process->tasks);

    return node ? LIST_ENTRY(node, struct task, process_node) : NULL;
}

struct task *process_leader(const struct process *process) {
    struct task *first = process_first_task(process);

    return first && first->thread.tid == process->pid ? first : NULL;
}

struct task *task_find_locked(int tid) {
    struct process *process = process_find_locked(tid);
    struct task *task;

    DEBUG_ASSERT(spin_held(&process_tree_lock));
    if (process)
        return process_leader(process);
    for (task = *bucket_of(tid); task && task->thread.tid != tid;)
        task = task->hash_next;
    return task;
}

struct process *process_find_any_locked(int id) {
    struct process *process = process_find_locked(id);
    const struct task *task = process ? NULL : task_find_locked(id);

    return task ? task->thread.process : process;
}

/* ---- usage ---- */

void usage_add(struct process_usage *sum, const struct process_usage *more) {
    sum->user_ns += more->user_ns;
    sum->system_ns += more->system_ns;
    sum->minor_faults += more->minor_faults;
    sum->major_faults += more->major_faults;
    sum->voluntary_switches += more->voluntary_switches;
    sum->forced_switches += more->forced_switches;
    sum->max_resident_pages = MAX(sum->max_resident_pages, more->max_resident_pages);
}

void usage_of_task(const struct task *task, struct process_usage *usage) {
    struct thread_times times;

    thread_times(&task->thread, &times);
    *usage = (struct process_usage){
        .user_ns = times.user_ns,
        .system_ns = times.system_ns,
        .minor_faults = task->minor_faults,
        .major_faults = task->major_faults,
        .voluntary_switches = task->thread.voluntary_switches,
        .forced_switches = task->thread.forced_switches,
    };
}

void usage_of_process_locked(const struct process *process, struct process_usage *usage) {
    const struct task *task;
    struct process_usage one;

    *usage = process->dead_tasks;
    LIST_FOR_EACH (&process->tasks, task, process_node) {
        usage_of_task(task, &one);
        usage_add(usage, &one);
    }
}

void process_times(struct process *process, struct process_usage *usage) {
    irq_flags_t flags = spin_lock_irq(&process_tree_lock);

    usage_of_process_locked(process, usage);
    spin_unlock_irq(&process_tree_lock, flags);
}
