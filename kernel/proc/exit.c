/* SPDX-License-Identifier: MIT */
/*
 * The end of a process: from exit_group(2) or a deadly signal to the zombie, and to nothing if the
 * parent does not care.
 *
 * Order: first everything is given back that may sleep or take time (space, files), while the
 * process is still a full member of the tree; then, under one hold of process_tree_lock, children
 * go to whoever looks after orphans, groups that are orphaned by this are told, the process becomes
 * a zombie and the parent hears of it. After that only the task is left, which the next thread
 * frees.
 */
#include "proc/exit.h"

#include "abi/wait.h"
#include "core/assert.h"
#include "core/power.h"
#include "core/printk.h"
#include "drivers/tty_job.h"
#include "proc/futex.h"
#include "proc/group.h"
#include "proc/oom.h"
#include "proc/signal_core.h"
#include "proc/tree.h"
#include "vfs/file.h"
#include "vm/space.h"

void process_replace_space(struct vm_space *space) {
    struct task *task = task_current();
    struct process *process = task->thread.process;
    struct vm_space *old = process->space;
    irq_flags_t flags = spin_lock_irq(&process_tree_lock);

    process->space = space;
    if (process->vfork_borrowed) {
        process->vfork_borrowed = false;
        wait_queue_wake_all(&process->child_wait);
    }
    spin_unlock_irq(&process_tree_lock, flags);
    flags = irq_save();
    task->thread.space = space;
    vm_space_activate(space);
    irq_restore(flags);
    if (old)
        vm_space_unref(old);
}

/* Takes the files and directories away from the process, so that nobody finds them, and frees them.
 */
static void release_files(struct process *process) {
    struct file *exe = process->exe;
    struct vfs_context context;

    vfs_context_release_files(&process->vfs);
    spin_lock_irq_on(&process_tree_lock);
    context = process->vfs;
    process->vfs.dirs = NULL;
    process->vfs.files = NULL;
    process->vfs.credentials.groups = NULL;
    process->exe = NULL;
    spin_unlock_irq_on(&process_tree_lock);
    vfs_context_release(&context);
    if (exe)
        file_unref(exe);
}

/* The leader of a session takes its terminal with it. */
static void release_terminal(struct process *process) {
    const struct session *session;
    struct tty *terminal;

    spin_lock_irq_on(&process_tree_lock);
    session = process->group->session;
    terminal = session->sid == process->pid ? session->terminal : NULL;
    spin_unlock_irq_on(&process_tree_lock);
    if (terminal)
        tty_job_session_ended(terminal, process->pid, true);
}

/* ---- under process_tree_lock ---- */

static bool has_stopped_member(const struct process_group *group) {
    const struct process *member;

    LIST_FOR_EACH (&group->members, member, group_node) {
        if (member->stop_requested)
            return true;
    }
    return false;
}

static void send_group_locked(struct process_group *group, int signo) {
    struct pending_signal *none = NULL;
    struct process *member;

    LIST_FOR_EACH (&group->members, member, group_node) {
        spin_lock(&member->signal_lock);
        signal_post_locked(member, NULL, signo, NULL, &none);
        spin_unlock(&member->signal_lock);
    }
}

/*
 * The tie between `child` and `parent` is about to be cut because `leaver` exits. If it was what
 * kept the child's group from being orphaned, and somebody in it is stopped: SIGHUP and SIGCONT.
 */
static void check_orphans(struct process *child, const struct process *parent,
                          const struct process *leaver) {
    struct process_group *group = child->group;

    if (!parent || !parent->group || parent->group == group ||
        parent->group->session != group->session || !has_stopped_member(group) ||
        !group_is_orphaned_locked(group, leaver))
        return;
    send_group_locked(group, SIGHUP);
    send_group_locked(group, SIGCONT);
}

/* Who gets the children: the nearest ancestor that asked for it, or init. */
static struct process *find_reaper(const struct process *process) {
    struct process *ancestor;

    for (ancestor = process->parent; ancestor; ancestor = ancestor->parent) {
        if (ancestor->is_subreaper && !ancestor->is_exiting)
            return ancestor;
    }
    return process_init_process;
}

static bool parent_ignores_children(const struct process *parent) {
    const struct linux_sigaction *action = signal_action(parent, SIGCHLD);

    return action->handler == SIG_IGN || (action->flags & SA_NOCLDWAIT);
}

/*
 * Tells the parent of a zombie. True if the parent does not want to wait for it: it has been taken
 * out and is to be buried.
 */
static bool announce_zombie(struct process *process, struct pending_signal **spare) {
    const struct process *parent = process->parent;
    int status = process->exit_status;
    bool killed = (status & 0x7f) != 0;
    /* clone(2) takes numbers that are no signals; they send nothing. */
    int signo = process->exit_signal <= SIGNAL_COUNT ? process->exit_signal : 0;
    bool unwanted = signo == SIGCHLD && parent_ignores_children(parent);

    if (unwanted && signal_action(parent, SIGCHLD)->handler == SIG_IGN)
        signo = 0;
    if (unwanted) {
        struct process *told = process->parent;

        signal_tell_parent_locked(process, signo, killed ? CLD_KILLED : CLD_EXITED,
                                  killed ? status & 0x7f : status >> 8 & 0xff, spare);
        process_unlink_locked(process);
        wait_queue_wake_all(&told->child_wait);
        return true;
    }
    /* To the front, where wait4 looks first. */
    list_remove(&process->sibling_node);
    list_push_front(&process->parent->children, &process->sibling_node);
    signal_tell_parent_locked(process, signo, killed ? CLD_KILLED : CLD_EXITED,
                              killed ? status & 0x7f : status >> 8 & 0xff, spare);
    return false;
}

static void give_child(struct process *child, struct process *reaper, struct list_node *dead) {
    struct pending_signal *none = NULL;
    struct process *parent = child->parent;

    process_move_locked(child, reaper);
    check_orphans(child, parent, parent);
    if (child->parent_death_signal != 0) {
        spin_lock(&child->signal_lock);
        signal_post_locked(child, NULL, child->parent_death_signal, NULL, &none);
        spin_unlock(&child->signal_lock);
    }
    child->exit_signal = SIGCHLD;
    if (child->state == PROCESS_ZOMBIE && announce_zombie(child, &none))
        list_push_back(dead, &child->sibling_node);
}

static void give_children(struct process *process, struct list_node *dead) {
    struct process *reaper = find_reaper(process);
    struct process *child, *next;

    LIST_FOR_EACH_SAFE (&process->children, child, next, sibling_node)
        give_child(child, reaper, dead);
}

static void bury_all(struct list_node *dead) {
    struct list_node *node;

    while ((node = list_pop_front(dead)) != NULL)
        process_bury(LIST_ENTRY(node, struct process, sibling_node));
}

/* The last task turns the process into a zombie. */
static void become_zombie(struct process *process, struct task *task) {
    struct pending_signal *spare = pending_signal_alloc();
    struct list_node dead = LIST_HEAD_INIT(dead);

    spin_lock_irq_on(&process_tree_lock);
    give_children(process, &dead);
    check_orphans(process, process->parent, process);
    task_unlink_locked(task);
    process->state = PROCESS_ZOMBIE;
    if (announce_zombie(process, &spare))
        list_push_back(&dead, &process->sibling_node);
    spin_unlock_irq_on(&process_tree_lock);
    signal_queue_destroy(&process->queue);
    signal_queue_destroy(&task->queue);
    bury_all(&dead);
    pending_signal_free(spare);
}

static _Noreturn void end_of_init(const struct process *init) {
    printk("quire: %s[%d]: init has ended with status %#x; the system goes down\n", init->name,
           init->pid, (unsigned)init->exit_status);
    power_off();
}

void process_exit_task(void) {
    struct task *task = task_current();
    struct process *process = task->thread.process;

    if (process == process_init_process)
        end_of_init(process);
    timer_cancel(&process->real_timer);
    futex_task_exits(task);
    process_replace_space(NULL);
    release_files(process);
    release_terminal(process);
    become_zombie(process, task);
    oom_process_ended(process);
    thread_exit();
}

void process_exit(int status) {
    struct process *process = process_current();
    irq_flags_t flags = spin_lock_irq(&process->signal_lock);

    signal_exit_all_locked(process, status);
    spin_unlock_irq(&process->signal_lock, flags);
    process_exit_task();
}
