/* SPDX-License-Identifier: MIT */
/* What a snapshot of the trace says of processes, threads and processors. */
#include "core/cpu.h"
#include "core/trace_state.h"
#include "proc/process.h"
#include "proc/trace_process.h"
#include "proc/tree.h"
#include "vm/space.h"

static uint32_t root_of(const struct vm_space *space) {
    return space ? space->root : 0;
}

uint64_t process_tell(uint64_t address, uint64_t unused) {
    const struct process *process = (const struct process *)address;

    (void)unused;
    trace_put_process((uint32_t)process->pid, (uint32_t)process->parent_id, root_of(process->space),
                      process->name);
    return 0;
}

/* Nothing changes meanwhile, and no lock is held by anybody. */
static void tell_process(const struct process *process) {
    const struct task *task;

    process_tell((uint64_t)process, 0);
    if (!process->space && process->is_exiting)
        trace_put_exit((uint32_t)process->pid, (uint32_t)process->exit_status);
    LIST_FOR_EACH (&process->tasks, task, process_node)
        trace_put_thread((uint32_t)task->thread.tid, (uint32_t)process->pid);
}

static void tell_processes(uint64_t *seen) {
    struct process *process, *next;

    (void)seen;
    for (process = process_next(1); process; process = next) {
        next = process_next(process->pid + 1);
        tell_process(process);
        process_put(process);
    }
    for (unsigned i = 0; i < cpu_count(); i++) {
        const struct thread *thread = cpu_get(i)->current;

        trace_put_running(i, (uint32_t)thread->tid, root_of(thread->space));
    }
}

void process_trace_init(void) {
    trace_teller_add(tell_processes);
}
