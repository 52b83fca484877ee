/* SPDX-License-Identifier: MIT */
/*
 * The end of a task, and with the last one of its process: from exit(2), exit_group(2) or a deadly
 * signal to the zombie, and to nothing if the parent does not care.
 *
 * Each task goes three steps:
 *   leave    it takes no signals any more and is counted as gone. Who is the last to leave gives
 *            back what is the process's (space, program, terminal); the others hold the space for
 * as long as they need it. The program's words are written: robust locks, clear_child_tid. give its
 * files and directories, which may sleep or take time, while it is still a full member of its
 * process take out under one hold of process_tree_lock it is taken out. Who is the last to be taken
 * out (not always the last to leave) makes the zombie: children go to whoever looks after orphans,
 * groups that are orphaned by this are told, the parent hears of it. After that only the thread is
 * left, which the next one on its processor frees.
 */
#include "proc/exit.h"

#include "abi/errno.h"
#include "abi/wait.h"
#include "core/assert.h"
#include "core/trace.h"
#include "core/power.h"
#include "core/printk.h"
#include "drivers/trace_port.h"
#include "drivers/tty.h"
#include "drivers/tty_job.h"
#include "proc/futex.h"
#include "proc/group.h"
#include "proc/oom.h"
#include "proc/signal_core.h"
#include "proc/tree.h"
#include "vfs/file.h"
#include "vm/space.h"

void process_replace_space(struct vm_space *space, const char *program) {
    struct task *task = task_current();
    struct process *process = task->thread.process;
    struct vm_space *old = process->space;
    irq_flags_t flags = spin_lock_irq(&process_tree_lock);

    if (space)
        trace_exec((uint32_t)process->pid, space->root, program);
    else
        trace_exit((uint32_t)process->pid, (uint32_t)process->exit_status);
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

/*
 * Takes files and directories away from the task, and the program from its process if it is the
 * last, so that nobody finds them, and frees them.
 */
static void release_files(struct task *task, bool is_last) {
    struct process *process = task->thread.process;
    struct vfs_context *mine = task->thread.vfs;
    struct file *exe = NULL;
    struct vfs_context context;

    spin_lock_irq_on(&process_tree_lock);
    context = *mine;
    mine->dirs = NULL;
    mine->files = NULL;
    mine->credentials.groups = NULL;
    if (is_last) {
        exe = process->exe;
        process->exe = NULL;
    }
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
    if (terminal && !tty_hold(terminal))
        terminal = NULL;
    spin_unlock_irq_on(&process_tree_lock);
    if (terminal)
        tty_job_session_ended(terminal, process->pid, true);
    tty_drop(terminal);
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

/* PR_SET_PDEATHSIG: the task that made the child has gone. */
static void send_death_signal(struct process *child) {
    struct pending_signal *none = NULL;

    if (child->parent_death_signal == 0)
        return;
    spin_lock(&child->signal_lock);
    signal_post_locked(child, NULL, child->parent_death_signal, NULL, &none);
    spin_unlock(&child->signal_lock);
}

static void give_child(struct process *child, struct process *reaper, struct list_node *dead) {
    struct pending_signal *none = NULL;
    struct process *parent = child->parent;

    process_move_locked(child, reaper);
    check_orphans(child, parent, parent);
    send_death_signal(child);
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

/* Children that a task has made go to one of its siblings, and hear that their maker has gone. */
static void give_to_sibling(struct process *process, const struct task *task) {
    int tid = process_first_task(process)->thread.tid;
    struct process *child;

    LIST_FOR_EACH (&process->children, child, sibling_node) {
        if (child->maker_tid != task->thread.tid)
            continue;
        child->maker_tid = tid;
        send_death_signal(child);
    }
}

static void bury_all(struct list_node *dead) {
    struct list_node *node;

    while ((node = list_pop_front(dead)) != NULL)
        process_bury(LIST_ENTRY(node, struct process, sibling_node));
}

static void become_zombie(struct process *process, struct list_node *dead,
                          struct pending_signal **spare) {
    give_children(process, dead);
    check_orphans(process, process->parent, process);
    process->state = PROCESS_ZOMBIE;
    if (announce_zombie(process, spare))
        list_push_back(dead, &process->sibling_node);
}

/* ---- the steps ---- */

/* The first step, which may end the others too; true: the last task of the process. */
static bool leave(struct task *task, int status, bool with_others) {
    struct process *process = task->thread.process;
    bool is_last, is_awaited;

    spin_lock_irq_on(&process->signal_lock);
    /* Who was told to go already, by execve or for the end of all, has no say any more. */
    with_others = with_others && !task->must_exit;
    task->is_leaving = task->must_exit = true;
    is_last = --process->live_tasks == 0;
    if ((is_last || with_others) && !process->is_exiting) {
        process->is_exiting = true;
        process->exit_status = status;
        signal_exit_others_locked(process, task);
    }
    is_awaited = !is_last && process->stop_requested;
    if (is_awaited && task->stopped_round == process->stop_round)
        process->stopped_tasks--;
    if (!is_last) {
        signal_pass_on_locked(process, ~task->blocked | task->awaited);
        vm_space_ref(process->space);
    }
    spin_unlock_irq_on(&process->signal_lock);
    if (is_awaited)
        signal_stop_without(process);
    return is_last;
}

/* A task whose siblings may still run lets go of their space. */
static void leave_space(struct task *task) {
    struct vm_space *space = task->thread.space;
    irq_flags_t flags = irq_save();

    task->thread.space = NULL;
    vm_space_activate(NULL);
    irq_restore(flags);
    vm_space_unref(space);
}

/* The last step. True: the process is a zombie, or gone. */
static bool take_out(struct task *task) {
    struct process *process = task->thread.process;
    struct pending_signal *spare = pending_signal_alloc();
    struct list_node dead = LIST_HEAD_INIT(dead);
    bool is_over;

    spin_lock_irq_on(&process_tree_lock);
    task_unlink_locked(task);
    is_over = process->task_count == 0;
    if (is_over)
        become_zombie(process, &dead, &spare);
    else
        give_to_sibling(process, task);
    spin_unlock_irq_on(&process_tree_lock);
    if (is_over)
        signal_queue_destroy(&process->queue);
    else
        wait_queue_wake_all(&process->child_wait); /* somebody may wait to be alone */
    signal_queue_destroy(&task->queue);
    bury_all(&dead);
    pending_signal_free(spare);
    return is_over;
}

static _Noreturn void end_of_init(const struct process *init) {
    printk("quire: %s[%d]: init has ended with status %#x; the system goes down\n", init->name,
           init->pid, (unsigned)init->exit_status);
    trace_port_finish();
    power_off();
}

static _Noreturn void end(int status, bool with_others) {
    struct task *task = task_current();
    struct process *process = task->thread.process;
    bool is_last = leave(task, status, with_others);

    if (is_last && process == process_init_process)
        end_of_init(process);
    futex_task_exits(task);
    if (is_last) {
        timer_cancel(&process->real_timer);
        process_replace_space(NULL, NULL);
    } else {
        leave_space(task);
    }
    release_files(task, is_last);
    if (is_last)
        release_terminal(process);
    if (take_out(task))
        oom_process_ended(process);
    thread_exit();
}

void task_exit(int status) {
    end(status, false);
}

void process_exit_task(void) {
    end(process_current()->exit_status, false);
}

void process_exit(int status) {
    end(status, true);
}

/* ---- the end of all others ---- */

/* Tells all others to exit. False: this task has been told so itself. */
static bool end_others(struct task *self) {
    struct process *process = self->thread.process;
    bool may_stay;

    spin_lock_irq_on(&process->signal_lock);
    may_stay = !self->must_exit;
    if (may_stay)
        signal_exit_others_locked(process, self);
    spin_unlock_irq_on(&process->signal_lock);
    return may_stay;
}

static void become_leader(struct task *self) {
    struct process *process = self->thread.process;
    struct process *child;

    spin_lock_irq_on(&process_tree_lock);
    if (self->thread.tid != process->pid)
        task_lead_locked(self);
    LIST_FOR_EACH (&process->children, child, sibling_node)
        child->maker_tid = process->pid;
    spin_unlock_irq_on(&process_tree_lock);
}

int task_stay_alone(void) {
    struct task *self = task_current();
    struct process *process = self->thread.process;

    if (__atomic_load_n(&process->task_count, __ATOMIC_ACQUIRE) == 1 &&
        self->thread.tid == process->pid)
        return 0;
    if (!end_others(self))
        return -EAGAIN;
    WAIT_EVENT(&process->child_wait,
               __atomic_load_n(&process->task_count, __ATOMIC_ACQUIRE) == 1 || task_must_exit());
    if (task_must_exit())
        return -EAGAIN;
    become_leader(self);
    return 0;
}
