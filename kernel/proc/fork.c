/* SPDX-License-Identifier: MIT */
/*
 * fork, vfork, clone: a process from a process, a task from a task; see fork.h.
 *
 * Everything that can fail is made first, piece by piece, each undone by its label. Then the child
 * is linked into the tree, which cannot fail but for want of a number, and starts.
 *
 * What a child process gets: the space (a copy, or the same with CLONE_VM), the files, the signal
 * actions and mask, limits, ids, group, and one task, like the caller. What it does not: pending
 * signals, timers, usage, children, the caller's siblings. Other tasks of the parent may run
 * meanwhile: what they change is copied under its lock.
 */
#include "proc/fork.h"

#include "abi/errno.h"
#include "abi/sched.h"
#include "core/assert.h"
#include "core/uaccess.h"
#include "lib/string.h"
#include "machine/trapframe.h"
#include "proc/pid.h"
#include "proc/signal_core.h"
#include "proc/tree.h"
#include "proc/usage.h"
#include "vfs/file.h"
#include "vm/space_lock.h"

/* The first code of every user task. */
static void task_main(void *arg) {
    struct task *task = arg;

    sched_finish_switch();
    irq_enable();
    /* Nobody waits for this write, so a bad address is the program's own loss, as on Linux. */
    if (task->set_child_tid != 0)
        (void)put_user_u32((uint32_t)task->thread.tid, (void *)task->set_child_tid);
    context_enter_user(task->thread.trapframe);
}

static int copy_space(struct process *child, struct process *parent, uint64_t flags) {
    if (!(flags & CLONE_VM))
        return vm_space_fork(parent->space, &child->space);
    if (!(flags & CLONE_VFORK))
        vm_space_let_faults_together(parent->space);
    vm_space_ref(parent->space);
    child->space = parent->space;
    return 0;
}

static void copy_actions(struct process *child, struct process *parent, uint64_t flags) {
    spin_lock_irq_on(&parent->signal_lock);
    for (uint64_t set = parent->set_actions; set != 0; set &= set - 1) {
        int index = __builtin_ctzll(set);

        if ((flags & CLONE_CLEAR_SIGHAND) && parent->actions[index].handler != SIG_IGN)
            continue;
        child->actions[index] = parent->actions[index];
        child->set_actions |= set & -set;
    }
    spin_unlock_irq_on(&parent->signal_lock);
}

/* Copies what execve alone changes, which does not run now, and single words. */
static void copy_plain(struct process *child, struct process *parent) {
    child->image = parent->image;
    child->dumpable = parent->dumpable;
    child->no_new_privs = parent->no_new_privs;
    child->oom_score_adj = parent->oom_score_adj;
    child->oom_score_adj_min = parent->oom_score_adj_min;
    child->personality = parent->personality;
    memcpy(child->name, thread_current()->name, sizeof(child->name));
    child->exe = parent->exe;
    if (child->exe)
        file_ref(child->exe);
}

/* The child's registers: the parent's, and what the request says. */
static void copy_task(struct task *child, const struct task *parent,
                      const struct fork_request *request) {
    struct thread *thread = &child->thread;

    *thread->trapframe = *parent->thread.trapframe;
    thread->trapframe->rax = 0;
    if (request->stack != 0)
        thread->trapframe->rsp = request->stack;
    thread->fs_base = request->flags & CLONE_SETTLS ? request->tls : parent->thread.fs_base;
    thread->gs_base = parent->thread.gs_base;
    thread->affinity = parent->thread.affinity;
    memcpy(thread->name, parent->thread.name, sizeof(thread->name));
    thread->space = thread->process->space;
    fpu_save(thread->fpu);
    child->blocked = parent->blocked;
    /* The alternate stack is in memory that both would use at the same time with CLONE_VM alone. */
    if (!(request->flags & CLONE_VM) || (request->flags & CLONE_VFORK))
        child->altstack = parent->altstack;
    if (request->flags & CLONE_CHILD_SETTID)
        child->set_child_tid = request->child_tid;
    if (request->flags & CLONE_CHILD_CLEARTID)
        child->clear_child_tid = request->child_tid;
}

/* Everything that can fail. 0 with *made, in no table yet. */
static int build(const struct fork_request *request, struct task **made) {
    struct process *parent = process_current();
    struct process *child = process_alloc();
    struct task *task;
    int error = -ENOMEM;

    if (!child)
        return -ENOMEM;
    task = task_create(child, task_main);
    if (!task)
        goto put_child;
    error = copy_space(child, parent, request->flags);
    if (error)
        goto destroy_task;
    error = vfs_context_fork(&child->vfs, vfs_context_current(), request->flags & CLONE_FS,
                             request->flags & CLONE_FILES);
    if (error)
        goto unref_space;
    copy_actions(child, parent, request->flags);
    copy_plain(child, parent);
    copy_task(task, task_current(), request);
    *made = task;
    return 0;

unref_space:
    vm_space_unref(child->space);
destroy_task:
    task_destroy_unstarted(task);
put_child:
    process_put(child);
    return error;
}

static void unbuild(struct task *task) {
    struct process *child = task->thread.process;

    if (child->exe)
        file_unref(child->exe);
    vfs_context_release(&child->vfs);
    vm_space_unref(child->space);
    task_destroy_unstarted(task);
    process_put(child);
}

/*
 * A signal that the caller would take has come, whichever of the tasks was told of it.
 * process_tree_lock held.
 */
static bool has_signal_locked(struct task *task) {
    struct process *process = task->thread.process;

    spin_lock(&process->signal_lock);
    signal_update_locked(task);
    spin_unlock(&process->signal_lock);
    return thread_interrupted(&task->thread);
}

/*
 * Links the child into the tree. Its pid, or -EAGAIN: no number or no room. A signal that has come
 * meanwhile is dealt with first, and the call made again after it: sent to a whole group, it has
 * not reached the child.
 */
static int link_child(struct task *task, const struct fork_request *request) {
    struct process *parent = process_current();
    struct process *child = task->thread.process;
    int pid = 0;

    spin_lock_irq_on(&process_tree_lock);
    if (has_signal_locked(task_current())) {
        spin_unlock_irq_on(&process_tree_lock);
        return -ERESTARTNOINTR;
    }
    if (process_may_add_locked())
        pid = pid_alloc_locked();
    if (pid != 0) {
        /* A process chooses what it is sent itself, not what its parent is. */
        child->exit_signal =
            request->flags & CLONE_PARENT ? parent->exit_signal : request->exit_signal;
        child->vfork_borrowed = (request->flags & CLONE_VFORK) != 0;
        process_link_locked(child, pid, request->flags & CLONE_PARENT ? parent->parent : parent);
        if (!(request->flags & CLONE_PARENT))
            child->maker_tid = thread_current()->tid;
        group_join_locked(child, parent->group);
        child->nice = parent->nice;
        memcpy(child->rlimits, parent->rlimits, sizeof(child->rlimits));
        limit_copy_locked(child, &child->vfs);
        spin_lock(&child->signal_lock);
        task_link_locked(task, pid);
        spin_unlock(&child->signal_lock);
    }
    spin_unlock_irq_on(&process_tree_lock);
    return pid != 0 ? pid : -EAGAIN;
}

/* Sleeps until the child gives the space back; only death is quicker. */
static void wait_vfork(struct process *child) {
    WAIT_EVENT(&child->child_wait, !child->vfork_borrowed || task_must_exit());
}

int process_fork(const struct fork_request *request) {
    struct process *child;
    struct task *task = NULL;
    int pid;

    if (!process_may_add())
        return -EAGAIN;
    pid = build(request, &task);
    if (pid < 0)
        return pid;
    child = task->thread.process;
    pid = link_child(task, request);
    if (pid < 0) {
        unbuild(task);
        return pid;
    }
    if (request->flags & CLONE_PARENT_SETTID)
        (void)put_user_u32((uint32_t)pid, (void *)request->parent_tid);
    if (request->flags & CLONE_VFORK)
        process_ref(child);
    thread_start(&task->thread);
    if (request->flags & CLONE_VFORK) {
        wait_vfork(child);
        process_put(child);
    }
    return pid;
}

/* ---- tasks ---- */

/* Links the task into the running process. Its tid, or -EAGAIN: no number or room, or the end is
 * near. */
static int link_task(struct task *task) {
    struct process *process = task->thread.process;
    int tid = 0;

    spin_lock_irq_on(&process_tree_lock);
    spin_lock(&process->signal_lock);
    if (!task_must_exit() && process_may_add_locked())
        tid = pid_alloc_locked();
    if (tid != 0) {
        task_link_locked(task, tid);
        limit_copy_locked(process, &task->own_vfs);
        /* It may have to stop at once, or to take a signal that all others block. */
        signal_update_locked(task);
    }
    spin_unlock(&process->signal_lock);
    spin_unlock_irq_on(&process_tree_lock);
    return tid != 0 ? tid : -EAGAIN;
}

int task_clone(const struct fork_request *request) {
    struct task *task;
    int tid = -ENOMEM;

    if (!process_may_add())
        return -EAGAIN;
    task = task_create(process_current(), task_main);
    if (!task)
        return -ENOMEM;
    vm_space_let_faults_together(process_current()->space);
    tid = vfs_context_fork(&task->own_vfs, vfs_context_current(), request->flags & CLONE_FS,
                           request->flags & CLONE_FILES);
    if (tid < 0)
        goto destroy_task;
    task->thread.vfs = &task->own_vfs;
    copy_task(task, task_current(), request);
    tid = link_task(task);
    if (tid < 0)
        goto release_context;
    if (request->flags & CLONE_PARENT_SETTID)
        (void)put_user_u32((uint32_t)tid, (void *)request->parent_tid);
    thread_start(&task->thread);
    return tid;

release_context:
    vfs_context_release(&task->own_vfs);
destroy_task:
    task_destroy_unstarted(task);
    return tid;
}
