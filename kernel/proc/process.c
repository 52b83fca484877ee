/* SPDX-License-Identifier: MIT */
/*
 * The table and the tree of processes: allocation, references, finding. See process.h.
 *
 * Only the structure lives here; how it comes to life is fork.c, how it dies exit.c.
 */
#include "proc/process.h"

#include <stdatomic.h>

#include "abi/errno.h"
#include "core/assert.h"
#include "core/clock.h"
#include "core/cpu.h"
#include "core/trace.h"
#include "drivers/tty.h"
#include "lib/string.h"
#include "mm/frame.h"
#include "mm/slab.h"
#include "proc/pid.h"
#include "proc/trace_process.h"
#include "proc/tree.h"
#include "vfs/fdtable.h"
#include "vfs/name.h"
#include "vm/space.h"

#define BUCKETS 1024 /* a power of two */
/* Linux's measure: the stacks of all threads may take an eighth of memory. */
#define FRAMES_PER_PROCESS 32
#define PROCESSES_MIN 64
#define PROCESSES_MAX (PID_MAX - 1024)

struct spinlock process_tree_lock = SPINLOCK_INIT("process_tree", LOCK_RANK_PROCESS_TABLE);
struct process *process_init_process;

static struct slab_cache cache;
static struct process *buckets[BUCKETS]; /* process_tree_lock */
static struct process_counts counts;     /* process_tree_lock */
static uint32_t limit;                   /* constant */

void process_table_init(void) {
    struct frame_stats stats;

    slab_cache_init(&cache, "process", sizeof(struct process), 0);
    frame_stats_get(&stats);
    limit = (uint32_t)MIN(stats.total / FRAMES_PER_PROCESS, (uint64_t)PROCESSES_MAX);
    limit = MAX(limit, (uint32_t)PROCESSES_MIN);
}

struct process *process_alloc(void) {
    struct process *process = slab_alloc(&cache);

    if (!process)
        return NULL;
    /* The big arrays at the end are copied from the parent anyway. */
    memset(process, 0, offsetof(struct process, rlimits));
    atomic_init(&process->holds, PROCESS_REFERENCE);
    list_init(&process->children);
    list_init(&process->sibling_node);
    list_init(&process->group_node);
    list_init(&process->tasks);
    list_init(&process->queue.infos);
    wait_queue_init(&process->child_wait);
    spin_init(&process->signal_lock, "signal", LOCK_RANK_SIGNAL);
    process->start_ns = clock_monotonic_ns();
    process->dumpable = 1;
    return process;
}

void process_hold(struct process *process, uint64_t hold) {
    atomic_fetch_add_explicit(&process->holds, hold, memory_order_relaxed);
}

void process_let_go(struct process *process, uint64_t hold) {
    if (atomic_fetch_sub_explicit(&process->holds, hold, memory_order_acq_rel) == hold)
        slab_free(&cache, process);
}

void process_ref(struct process *process) {
    process_hold(process, PROCESS_REFERENCE);
}

void process_put(struct process *process) {
    if (process)
        process_let_go(process, PROCESS_REFERENCE);
}

/* ---- the tree ---- */

static struct process **bucket_of(int pid) {
    return &buckets[(unsigned)pid % BUCKETS];
}

static void set_parent(struct process *process, struct process *parent) {
    process->parent = parent;
    process->parent_id = process->maker_tid = parent ? parent->pid : 0;
    if (parent)
        list_push_back(&parent->children, &process->sibling_node);
}

void process_link_locked(struct process *process, int pid, struct process *parent) {
    DEBUG_ASSERT(spin_held(&process_tree_lock));
    process->pid = pid;
    process->hash_next = *bucket_of(pid);
    *bucket_of(pid) = process;
    counts.tasks++;
    counts.forks++;
    set_parent(process, parent);
    if (trace_process_is_on())
        machine_call_rarely(process_tell, (uint64_t)process, 0);
}

void process_unlink_locked(struct process *process) {
    struct process **link = bucket_of(process->pid);

    DEBUG_ASSERT(spin_held(&process_tree_lock));
    DEBUG_ASSERT(process->state == PROCESS_ZOMBIE);
    trace_reaped((uint32_t)process->pid);
    while (*link != process)
        link = &(*link)->hash_next;
    *link = process->hash_next;
    process->state = PROCESS_REAPED;
    list_remove(&process->sibling_node);
    process->parent = NULL;
    group_leave_locked(process, &process->left);
    pid_drop_locked(process->pid);
    counts.tasks--;
}

void process_count_task(int change) {
    DEBUG_ASSERT(spin_held(&process_tree_lock));
    counts.tasks += (uint32_t)change;
    counts.forks += change > 0;
}

unsigned task_total_locked(void) {
    DEBUG_ASSERT(spin_held(&process_tree_lock));
    return counts.tasks;
}

void process_bury(struct process *process) {
    group_spares_free(&process->left);
    process_put(process);
}

void process_move_locked(struct process *process, struct process *parent) {
    list_remove(&process->sibling_node);
    set_parent(process, parent);
    trace_process_parent((uint32_t)process->pid, (uint32_t)process->parent_id);
}

struct process *process_find_locked(int pid) {
    struct process *process = *bucket_of(pid);

    DEBUG_ASSERT(spin_held(&process_tree_lock));
    while (process && process->pid != pid)
        process = process->hash_next;
    return process;
}

struct process *process_get(int id) {
    irq_flags_t flags = spin_lock_irq(&process_tree_lock);
    struct process *process = process_find_any_locked(id);

    if (process)
        process_ref(process);
    spin_unlock_irq(&process_tree_lock, flags);
    return process;
}

struct process *process_next(int pid) {
    irq_flags_t flags = spin_lock_irq(&process_tree_lock);
    struct process *process = NULL;

    for (int id = pid_next_locked(MAX(pid, 1)); id < PID_MAX && !process;
         id = pid_next_locked(id + 1))
        process = process_find_locked(id);
    if (process)
        process_ref(process);
    spin_unlock_irq(&process_tree_lock, flags);
    return process;
}

static bool has_dirs(const struct process *process, const struct vfs_dirs *dirs) {
    const struct task *task;

    LIST_FOR_EACH (&process->tasks, task, process_node) {
        if (task->thread.vfs->dirs == dirs)
            return true;
    }
    return false;
}

bool process_others_have_dirs_locked(const struct process *process, const struct vfs_dirs *dirs) {
    DEBUG_ASSERT(spin_held(&process_tree_lock));
    for (unsigned i = 0; i < BUCKETS; i++) {
        for (const struct process *p = buckets[i]; p; p = p->hash_next) {
            if (p != process && has_dirs(p, dirs))
                return true;
        }
    }
    return false;
}

/*
 * How many tasks the user has, zombies counted as one. Walks all processes; the caller has a finite
 * RLIMIT_NPROC.
 */
static uint64_t count_of_user_locked(uint32_t uid) {
    uint64_t count = 0;

    for (unsigned i = 0; i < BUCKETS; i++) {
        for (struct process *p = buckets[i]; p; p = p->hash_next)
            count += p->vfs.credentials.uid == uid ? MAX(p->task_count, 1u) : 0;
    }
    return count;
}

static uint64_t tasks_allowed(void) {
    return credentials_current()->uid == 0 ? RLIM64_INFINITY
                                           : process_current()->rlimits[RLIMIT_NPROC].rlim_cur;
}

bool process_may_add_locked(void) {
    uint64_t allowed = tasks_allowed();

    DEBUG_ASSERT(spin_held(&process_tree_lock));
    return counts.tasks < limit && (allowed == RLIM64_INFINITY ||
                                    count_of_user_locked(credentials_current()->uid) < allowed);
}

bool process_may_add(void) {
    irq_flags_t flags;
    bool may;

    if (tasks_allowed() == RLIM64_INFINITY)
        return __atomic_load_n(&counts.tasks, __ATOMIC_RELAXED) < limit;
    flags = spin_lock_irq(&process_tree_lock);
    may = process_may_add_locked();
    spin_unlock_irq(&process_tree_lock, flags);
    return may;
}

/* ---- what others want to know ---- */

int process_parent_id(const struct process *process) {
    return __atomic_load_n(&process->parent_id, __ATOMIC_RELAXED);
}

int process_group_id(const struct process *process) {
    irq_flags_t flags = spin_lock_irq(&process_tree_lock);
    int id = process->group ? process->group->pgid : 0;

    spin_unlock_irq(&process_tree_lock, flags);
    return id;
}

int process_session_id(const struct process *process) {
    irq_flags_t flags = spin_lock_irq(&process_tree_lock);
    int id = process->group ? process->group->session->sid : 0;

    spin_unlock_irq(&process_tree_lock, flags);
    return id;
}

char thread_state_char(const struct thread *thread) {
    static const char letters[] = {
        [THREAD_RUNNABLE] = 'R', [THREAD_BLOCKED] = 'D', [THREAD_INTERRUPTIBLE] = 'S',
        [THREAD_STOPPED] = 'T',  [THREAD_DEAD] = 'X',    [THREAD_NEW] = 'R',
    };

    return letters[thread->state];
}

char process_state_char(struct process *process) {
    irq_flags_t flags = spin_lock_irq(&process_tree_lock);
    struct task *first = process_first_task(process);
    char letter = 'X';

    if (process->state == PROCESS_ZOMBIE)
        letter = 'Z';
    else if (process->state == PROCESS_ALIVE && first)
        letter = first->thread.tid == process->pid ? thread_state_char(&first->thread) : 'Z';
    spin_unlock_irq(&process_tree_lock, flags);
    return letter;
}

const char *process_name(const struct process *process) {
    return process->name;
}

int task_set_name(struct process *process, int tid, const char *name) {
    irq_flags_t flags = spin_lock_irq(&process_tree_lock);
    struct task *task = task_find_locked(tid == 0 ? process->pid : tid);
    bool is_there = task && task->thread.process == process;

    if (is_there)
        thread_set_name(&task->thread, name);
    if (is_there && task->thread.tid == process->pid) {
        memcpy(process->name, task->thread.name, sizeof(process->name));
        trace_process_name((uint32_t)process->pid, process->name);
    }
    spin_unlock_irq(&process_tree_lock, flags);
    return is_there ? 0 : -ESRCH;
}

void process_set_name(const char *name) {
    const struct task *task = task_current();

    (void)task_set_name(task->thread.process, task->thread.tid, name);
}

void process_counts_get(struct process_counts *result) {
    irq_flags_t flags = spin_lock_irq(&process_tree_lock);

    *result = counts;
    result->last_pid = pid_last();
    spin_unlock_irq(&process_tree_lock, flags);
}

/* The context of one of its tasks; NULL: it has gone. process_tree_lock held. */
static struct vfs_context *context_of(struct process *process, int tid) {
    const struct task *task = NULL;

    if (tid == 0 || tid == process->pid)
        return &process->vfs;
    task = task_find_locked(tid);
    return task && task->thread.process == process ? task->thread.vfs : NULL;
}

struct fdtable *task_files_get(struct process *process, int tid) {
    irq_flags_t flags = spin_lock_irq(&process_tree_lock);
    const struct vfs_context *context = context_of(process, tid);
    struct fdtable *files = context ? context->files : NULL;

    if (files)
        fdtable_hold(files);
    spin_unlock_irq(&process_tree_lock, flags);
    return files;
}

struct vm_space *process_space_get(struct process *process) {
    irq_flags_t flags = spin_lock_irq(&process_tree_lock);
    struct vm_space *space = process->space;

    if (space)
        vm_space_ref(space);
    spin_unlock_irq(&process_tree_lock, flags);
    return space;
}

struct name *process_exe_get(struct process *process) {
    irq_flags_t flags = spin_lock_irq(&process_tree_lock);
    struct name *name = process->exe ? process->exe->name : NULL;

    if (name)
        name_ref(name);
    spin_unlock_irq(&process_tree_lock, flags);
    return name;
}

/* A reference that keeps the directories while they are asked without process_tree_lock. */
static struct vfs_dirs *dirs_get(struct process *process, int tid) {
    irq_flags_t flags = spin_lock_irq(&process_tree_lock);
    const struct vfs_context *context = context_of(process, tid);
    struct vfs_dirs *dirs = context ? context->dirs : NULL;

    if (dirs)
        refcount_inc(&dirs->refs);
    spin_unlock_irq(&process_tree_lock, flags);
    return dirs;
}

/* Asks a borrowed context, and gives the borrowed directories back. */
static struct name *ask_dirs(struct process *process, int tid,
                             struct name *(*ask)(struct vfs_context *)) {
    struct vfs_context context = {.dirs = dirs_get(process, tid)};
    struct name *name;

    if (!context.dirs)
        return NULL;
    name = ask(&context);
    vfs_context_release(&context);
    return name;
}

struct name *task_cwd_get(struct process *process, int tid) {
    return ask_dirs(process, tid, vfs_context_cwd);
}

struct name *task_root_get(struct process *process, int tid) {
    return ask_dirs(process, tid, vfs_context_root);
}

bool task_ids_get(struct process *process, int tid, struct task_ids *ids) {
    irq_flags_t flags = spin_lock_irq(&process_tree_lock);
    const struct vfs_context *context = context_of(process, tid);

    if (context) {
        ids->credentials = context->credentials;
        ids->umask = context->dirs ? context->dirs->umask : 0;
        if (ids->credentials.groups)
            group_list_ref(ids->credentials.groups);
    }
    spin_unlock_irq(&process_tree_lock, flags);
    return context != NULL;
}

struct tty *process_terminal(struct process *process) {
    irq_flags_t flags = spin_lock_irq(&process_tree_lock);
    struct tty *terminal = process->group ? process->group->session->terminal : NULL;

    if (terminal && !tty_hold(terminal))
        terminal = NULL;
    spin_unlock_irq(&process_tree_lock, flags);
    return terminal;
}
