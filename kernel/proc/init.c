/* SPDX-License-Identifier: MIT */
/*
 * The start of kernel/proc: tables, hooks into the layers below, process 1.
 */
#include "abi/errno.h"
#include "core/panic.h"
#include "core/trap.h"
#include "core/cpu.h"
#include "lib/format.h"
#include "lib/string.h"
#include "proc/exec.h"
#include "proc/explain.h"
#include "proc/fault.h"
#include "proc/futex.h"
#include "proc/layout.h"
#include "proc/oom.h"
#include "proc/pid.h"
#include "proc/signal_core.h"
#include "proc/terminal.h"
#include "proc/tree.h"
#include "proc/usage.h"
#include "sched/trace_reader.h"

static void return_to_user(struct trapframe *tf) {
    if (cpu_self()->work & CPU_WORK_RESCHED)
        sched_yield();
    else if (cpu_self()->work & CPU_WORK_TRACE)
        trace_reader_hurry();
    else
        signal_deliver(tf);
}

static const struct trap_hooks trap_hooks_table = {
    .page_fault = fault_page,
    .exception = fault_exception,
    .timer_tick = sched_tick,
    .look = sched_look,
    .return_to_user = return_to_user,
};

static void signal_current(int signo) {
    struct linux_siginfo info;

    if (!process_current())
        return;
    signal_info_from_self(&info, signo, SI_USER);
    (void)signal_send_task(task_current(), signo, &info);
}

static uint32_t pid_current(void) {
    const struct process *self = process_current();

    return self ? (uint32_t)self->pid : 0;
}

static const struct vfs_hooks vfs_hooks_table = {
    .signal_current = signal_current,
    .pid_current = pid_current,
};

static void describe(char *buf, size_t size) {
    const struct thread *thread = cpu_self()->current;
    const struct process *process = thread ? thread->process : NULL;

    if (process)
        format(buf, size, "%s[%d]", process->name, process->pid);
    else
        format(buf, size, "%s", thread ? thread->name : "none");
}

void process_init(void) {
    process_table_init();
    task_init();
    pending_signal_init();
    futex_init();
    limits_init();
    layout_init();
    explain_init();
    oom_init();
    signal_frame_init();
    process_exec_init();
    panic_register_describe(describe);
    trap_hooks_register(&trap_hooks_table);
    vfs_hooks_register(&vfs_hooks_table);
    terminal_hooks_register();
}

/* ---- process 1 ---- */

/* Linux's defaults; what is not named is unlimited. */
static void set_default_limits(struct process *process) {
    for (int i = 0; i < RLIM_NLIMITS; i++)
        process->rlimits[i] = (struct linux_rlimit64){RLIM64_INFINITY, RLIM64_INFINITY};
    process->rlimits[RLIMIT_STACK].rlim_cur = 8ull << 20;
    process->rlimits[RLIMIT_CORE].rlim_cur = 0;
    process->rlimits[RLIMIT_NOFILE] = (struct linux_rlimit64){1024, 4096};
    process->rlimits[RLIMIT_MEMLOCK] = (struct linux_rlimit64){8ull << 20, 8ull << 20};
    process->rlimits[RLIMIT_SIGPENDING] = (struct linux_rlimit64){4096, 4096};
    process->rlimits[RLIMIT_MSGQUEUE] = (struct linux_rlimit64){819200, 819200};
    process->rlimits[RLIMIT_NICE] = (struct linux_rlimit64){0, 0};
    process->rlimits[RLIMIT_RTPRIO] = (struct linux_rlimit64){0, 0};
}

/* Process 1 in its own thread: becomes the program, or ends at once. */
static const char *init_path;
static const char *const *init_argv;
static const char *const *init_envp;
static int init_error;

static void init_main(void *arg) {
    struct task *task = arg;

    sched_finish_switch();
    irq_enable();
    init_error = process_exec_kernel(init_path, init_argv, init_envp);
    if (init_error)
        panic("cannot start %s: error %d", init_path, -init_error);
    context_enter_user(task->thread.trapframe);
}

/* A session and group of its own, first in the tree. */
static void link_init(struct process *process, struct task *task, struct group_spares *spares) {
    irq_flags_t flags = spin_lock_irq(&process_tree_lock);
    int pid = pid_alloc_locked();

    process_link_locked(process, pid, NULL);
    group_join_locked(process, session_found_locked(pid, spares));
    spin_lock(&process->signal_lock);
    task_link_locked(task, pid);
    spin_unlock(&process->signal_lock);
    process_init_process = process;
    spin_unlock_irq(&process_tree_lock, flags);
}

int process_start_init(const char *path, const char *const argv[], const char *const envp[]) {
    struct process *process = process_alloc();
    struct group_spares spares;
    struct task *task;
    int error = -ENOMEM;

    if (!process)
        return -ENOMEM;
    task = task_create(process, init_main);
    if (!task)
        goto put_process;
    fpu_init_state(task->thread.fpu);
    error = vfs_context_init(&process->vfs);
    if (error)
        goto destroy_task;
    error = group_spares_alloc(&spares, true);
    if (error)
        goto release_context;
    set_default_limits(process);
    process->exit_signal = SIGCHLD;
    process->is_protected = true;
    init_path = path;
    init_argv = argv;
    init_envp = envp;
    link_init(process, task, &spares);
    thread_start(&task->thread);
    return 0;

release_context:
    vfs_context_release(&process->vfs);
destroy_task:
    task_destroy_unstarted(task);
put_process:
    process_put(process);
    return error;
}
