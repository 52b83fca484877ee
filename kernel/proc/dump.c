/* SPDX-License-Identifier: MIT */
/*
 * What there is of processes, in lines for a person; for gdb: `call process_dump_all()`.
 *
 * Takes no locks, so that it works in a stopped or dying kernel; not to be called while it runs.
 */
#include "core/printk.h"
#include "proc/dump.h"
#include "proc/tree.h"

static void dump_task(const struct task *task) {
    const struct thread *thread = &task->thread;

    printk("    task %d %p: thread state %d%s%s, pending %#lx, blocked %#lx\n", thread->tid,
           (const void *)task, thread->state, thread->on_cpu ? ", running" : "",
           thread->interrupted ? ", interrupted" : "", task->queue.pending, task->blocked);
}

void process_dump(const struct process *process) {
    static const char *const states[] = {"alive", "zombie", "reaped"};
    const struct task *task;

    printk("process %d \"%s\" %p: %s%s%s, parent %d, group %d, session %d, %u references, "
           "%u tasks\n",
           process->pid, process->name, (const void *)process, states[process->state],
           process->is_exiting ? ", exiting" : "", process->stop_requested ? ", stopped" : "",
           process->parent_id, process->group ? process->group->pgid : 0,
           process->group ? process->group->session->sid : 0, (unsigned)process->holds,
           (unsigned)(process->holds / PROCESS_TASK));
    printk("    space %p, status %#x, pending %#lx\n", (const void *)process->space,
           (unsigned)process->exit_status, process->queue.pending);
    LIST_FOR_EACH (&process->tasks, task, process_node)
        dump_task(task);
}

/* Depth first, so that children follow their parent. */
void process_dump_all(void) {
    const struct process *process = process_init_process;

    while (process) {
        process_dump(process);
        if (!list_is_empty(&process->children)) {
            process = LIST_ENTRY(process->children.next, struct process, sibling_node);
            continue;
        }
        while (process->parent && process->sibling_node.next == &process->parent->children)
            process = process->parent;
        if (!process->parent)
            return;
        process = LIST_ENTRY(process->sibling_node.next, struct process, sibling_node);
    }
}
