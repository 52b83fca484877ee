/* SPDX-License-Identifier: MIT */
/*
 * Tasks: the user threads of a process, and what they have used. See process.h.
 *
 * A task holds a reference on its process, given back when the scheduler frees it; so a process
 * structure outlives all of its tasks.
 */
#include "core/assert.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "proc/pid.h"
#include "proc/tree.h"
#include "vm/space.h"

static struct slab_cache cache;

static void release(struct thread *thread) {
    struct task *task = container_of(thread, struct task, thread);
    struct process *process = thread->process;

    DEBUG_ASSERT(list_is_empty(&task->queue.infos));
    slab_free(&cache, task);
    process_put(process);
}

struct task *task_create(struct process *process, void (*entry)(void *)) {
    struct task *task;

    if (cache.size == 0)
        slab_cache_init(&cache, "task", sizeof(struct task), 0);
    task = slab_alloc_zeroed(&cache);
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
    process_ref(process);
    return task;
}

void task_destroy_unstarted(struct task *task) {
    thread_destroy_unstarted(&task->thread);
    release(&task->thread);
}

void task_link_locked(struct task *task, int tid) {
    struct process *process = task->thread.process;

    DEBUG_ASSERT(spin_held(&process_tree_lock));
    task->thread.tid = tid;
    spin_lock(&process->signal_lock);
    list_push_back(&process->tasks, &task->process_node);
    spin_unlock(&process->signal_lock);
}

void task_unlink_locked(struct task *task) {
    struct process *process = task->thread.process;
    struct process_usage usage;

    usage_of_task(task, &usage);
    usage_add(&process->dead_tasks, &usage);
    spin_lock(&process->signal_lock);
    list_remove(&task->process_node);
    spin_unlock(&process->signal_lock);
}

struct task *process_first_task(const struct process *process) {
    struct list_node *node = list_first(&process->tasks);

    return node ? LIST_ENTRY(node, struct task, process_node) : NULL;
}

struct task *task_find_locked(int tid) {
    struct process *process = process_find_locked(tid);

    return process ? process_first_task(process) : NULL;
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
