/* SPDX-License-Identifier: MIT */
/*
 * /proc/PID/stat and statm: the numbers that ps and top read, in the order of proc(5).
 */
#include "abi/errno.h"
#include "core/clock.h"
#include "drivers/tty.h"
#include "drivers/tty_job.h"
#include "lib/bits.h"
#include "machine/layout.h"
#include "mm/frame.h"
#include "proc/procfs_private.h"
#include "vm/space.h"

#define NS_PER_TICK (NS_PER_SECOND / USER_HZ)

typedef unsigned long long ull;

/* Memory of the process; zeroes if it has none any more. */
static void memory_get(struct process *process, struct vm_space_usage *usage, uint64_t *brk_start) {
    struct vm_space *space = process_space_get(process);

    *usage = (struct vm_space_usage){0};
    *brk_start = 0;
    if (!space)
        return;
    vm_space_usage(space, usage);
    *brk_start = space->brk_start;
    vm_space_unref(space);
}

static uint64_t resident_pages(const struct vm_space_usage *usage) {
    return usage->private_pages + usage->file_pages + usage->shmem_pages;
}

/* Fields 4 to 8: relatives and terminal. */
static void show_relatives(struct seq *seq, struct process *process) {
    struct tty *tty = process_terminal(process);
    struct tty_job_state terminal;

    tty_job_state_get(tty, process_session_id(process), &terminal);
    tty_drop(tty);
    seq_printf(seq, "%d %d %d %u %d ", process_parent_id(process), process_group_id(process),
               process_session_id(process), terminal.number, terminal.group);
}

/* Fields 9 to 22: flags, faults, times, priorities. */
static void show_usage(struct seq *seq, const struct process *process,
                       const struct procfs_runner *runner) {
    const struct process_usage *own = &runner->usage, *children = &process->children_usage;

    seq_printf(seq, "%u %llu %llu %llu %llu ", process->has_execed ? 0x400000u : 0x400040u,
               (ull)own->minor_faults, (ull)children->minor_faults, (ull)own->major_faults,
               (ull)children->major_faults);
    seq_printf(seq, "%llu %llu %llu %llu ", (ull)(own->user_ns / NS_PER_TICK),
               (ull)(own->system_ns / NS_PER_TICK), (ull)(children->user_ns / NS_PER_TICK),
               (ull)(children->system_ns / NS_PER_TICK));
    seq_printf(seq, "%d %d %u 0 %llu ", 20 + process->nice, process->nice, runner->tasks,
               (ull)(process->start_ns / NS_PER_TICK));
}

/* Fields 23 to 30: memory. Registers (29, 30) are not told. */
static void show_memory(struct seq *seq, const struct process *process,
                        const struct vm_space_usage *usage) {
    const struct process_image *image = &process->image;

    seq_printf(seq, "%llu %llu %llu ", (ull)usage->mapped_bytes, (ull)resident_pages(usage),
               (ull)process->rlimits[RLIMIT_RSS].rlim_cur);
    seq_printf(seq, "%llu %llu %llu 0 0 ", (ull)image->code_start, (ull)image->code_end,
               (ull)image->stack_start);
}

/* Threads other than the leader send none. */
static int exit_signal_of(const struct procfs_subject *subject) {
    const struct process *process = subject->process;
    bool is_leader = subject->task == 0 || subject->task == process->pid;

    return is_leader ? process->exit_signal : -1;
}

/* Fields 31 to 44. Signal sets here are the old 32-bit ones in decimal. */
static void show_signals(struct seq *seq, const struct procfs_subject *subject) {
    struct process_signal_sets sets;

    task_signal_sets(subject->process, subject->task, &sets);
    seq_printf(seq, "%llu %llu %llu %llu ", (ull)(sets.pending_task & 0x7fffffff),
               (ull)(sets.blocked & 0x7fffffff), (ull)(sets.ignored & 0x7fffffff),
               (ull)(sets.caught & 0x7fffffff));
    seq_printf(seq, "0 0 0 %d 0 0 0 0 0 0 ", exit_signal_of(subject));
}

/* Fields 45 to 52. */
static void show_image(struct seq *seq, const struct process *process, uint64_t brk_start) {
    const struct process_image *image = &process->image;

    seq_printf(seq, "%llu %llu %llu ", (ull)image->data_start, (ull)image->data_end,
               (ull)brk_start);
    seq_printf(seq, "%llu %llu %llu %llu %d\n", (ull)image->args_start, (ull)image->args_end,
               (ull)image->env_start, (ull)image->env_end,
               process->state == PROCESS_ZOMBIE ? process->exit_status : 0);
}

int procfs_show_stat(struct seq *seq, const struct procfs_subject *subject) {
    struct process *process = subject->process;
    struct procfs_runner runner;
    struct vm_space_usage usage;
    uint64_t brk_start;
    int error = procfs_runner_get(subject, &runner);

    if (error)
        return error;
    memory_get(process, &usage, &brk_start);
    seq_printf(seq, "%d (%s) %c ", runner.id, runner.name, runner.state);
    show_relatives(seq, process);
    show_usage(seq, process, &runner);
    show_memory(seq, process, &usage);
    show_signals(seq, subject);
    show_image(seq, process, brk_start);
    return 0;
}

uint64_t procfs_code_bytes(const struct process *process) {
    const struct process_image *image = &process->image;

    return align_up(image->code_end, PAGE_SIZE) - align_down(image->code_start, PAGE_SIZE);
}

int procfs_show_statm(struct seq *seq, const struct procfs_subject *subject) {
    struct vm_space_usage usage;
    uint64_t brk_start;

    memory_get(subject->process, &usage, &brk_start);
    seq_printf(seq, "%llu %llu %llu %llu 0 %llu 0\n", (ull)(usage.mapped_bytes / PAGE_SIZE),
               (ull)resident_pages(&usage), (ull)(usage.file_pages + usage.shmem_pages),
               (ull)(usage.mapped_bytes ? procfs_code_bytes(subject->process) / PAGE_SIZE : 0),
               (ull)((usage.data_bytes + usage.stack_bytes) / PAGE_SIZE));
    return 0;
}

/* Time on a processor, time waiting for one (not measured), turns taken. */
int procfs_show_schedstat(struct seq *seq, const struct procfs_subject *subject) {
    struct procfs_runner runner;
    int error = procfs_runner_get(subject, &runner);

    if (error)
        return error;
    seq_printf(seq, "%llu 0 %llu\n", (ull)(runner.usage.user_ns + runner.usage.system_ns),
               (ull)(runner.usage.voluntary_switches + runner.usage.forced_switches));
    return 0;
}
