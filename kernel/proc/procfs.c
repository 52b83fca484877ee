/* SPDX-License-Identifier: MIT */
/*
 * /proc/PID: which files there are, and how processes and threads are found by number.
 */
#include "proc/procfs.h"

#include "abi/errno.h"
#include "abi/stat.h"
#include "lib/bits.h"
#include "lib/format.h"
#include "lib/string.h"
#include "proc/procfs_private.h"
#include "proc/tree.h"
#include "sync/cpu_call.h"
#include "vfs/access.h"

/* ---- threads ---- */

/* A leader that has gone is shown as long as its process is there: as a zombie, as Linux does. */
static bool is_dead_leader_locked(const struct process *process, int tid) {
    return tid == process->pid && !process_leader(process) && process->state != PROCESS_REAPED;
}

/* The subject's task; NULL: it has gone. */
static struct task *task_find_of_locked(const struct process *process, int tid) {
    struct task *task = task_find_locked(tid);

    return task && task->thread.process == process ? task : NULL;
}

static long task_next(const struct procfs_subject *dir, uint32_t from) {
    const struct process *process = dir->process;
    irq_flags_t flags = spin_lock_irq(&process_tree_lock);
    struct task *task;
    long best = -ENOENT;

    if ((uint32_t)process->pid >= from && is_dead_leader_locked(process, process->pid))
        best = process->pid;
    LIST_FOR_EACH (&process->tasks, task, process_node) {
        long tid = task->thread.tid;
        if (tid >= (long)from && (best < 0 || tid < best))
            best = tid;
    }
    spin_unlock_irq(&process_tree_lock, flags);
    return best;
}

static int task_find(const struct procfs_subject *dir, uint32_t number,
                     struct procfs_subject *out) {
    struct process *process = dir->process;
    irq_flags_t flags = spin_lock_irq(&process_tree_lock);
    bool found = number <= PID_MAX && (task_find_of_locked(process, (int)number) ||
                                       is_dead_leader_locked(process, (int)number));

    spin_unlock_irq(&process_tree_lock, flags);
    if (!found)
        return -ENOENT;
    process_ref(process);
    *out = (struct procfs_subject){.process = process, .task = (int)number, .number = -1};
    return 0;
}

/* One task. -ESRCH: it has gone. */
static int runner_get_task_locked(const struct procfs_subject *subject,
                                  struct procfs_runner *runner) {
    const struct process *process = subject->process;
    const struct task *task = task_find_of_locked(process, subject->task);

    runner->id = subject->task;
    if (task) {
        runner->state = thread_state_char(&task->thread);
        string_copy(runner->name, task->thread.name, sizeof(runner->name));
        usage_of_task(task, &runner->usage);
        runner->affinity &= task->thread.affinity;
        return 0;
    }
    if (!is_dead_leader_locked(process, subject->task))
        return -ESRCH;
    runner->state = 'Z';
    string_copy(runner->name, process_name(process), sizeof(runner->name));
    runner->usage = (struct process_usage){0};
    return 0;
}

int procfs_runner_get(const struct procfs_subject *subject, struct procfs_runner *runner) {
    struct process *process = subject->process;
    irq_flags_t flags;
    int error = 0;

    runner->id = process->pid;
    runner->affinity = cpus_running();
    runner->state = process_state_char(process);
    flags = spin_lock_irq(&process_tree_lock);
    runner->tasks = process->task_count + is_dead_leader_locked(process, process->pid);
    if (subject->task) {
        error = runner_get_task_locked(subject, runner);
    } else {
        string_copy(runner->name, process_name(process), sizeof(runner->name));
        usage_of_process_locked(process, &runner->usage);
        if (process_leader(process))
            runner->affinity &= process_leader(process)->thread.affinity;
    }
    spin_unlock_irq(&process_tree_lock, flags);
    return error;
}

/* ---- processes ---- */

static long process_next_id(const struct procfs_subject *dir, uint32_t from) {
    struct process *process = from > PID_MAX ? NULL : process_next(MAX((int)from, 1));

    (void)dir;
    if (!process)
        return -ENOENT;
    long pid = process->pid;
    process_put(process);
    return pid;
}

/* A thread's id leads to it, too: Linux hides it from listings only. */
static int process_find(const struct procfs_subject *dir, uint32_t number,
                        struct procfs_subject *out) {
    struct process *process = number > PID_MAX ? NULL : process_get((int)number);

    (void)dir;
    if (!process)
        return -ENOENT;
    *out = (struct procfs_subject){.process = process, .number = -1};
    if ((int)number != process->pid)
        out->task = (int)number;
    return 0;
}

static bool is_gone(const struct process *process) {
    return process->state == PROCESS_REAPED;
}

/* A process that may not be looked into (set-user-id) is root's. */
static void owner(const struct process *process, uint32_t *uid, uint32_t *gid) {
    *uid = process->dumpable ? process->vfs.credentials.euid : 0;
    *gid = process->dumpable ? process->vfs.credentials.egid : 0;
}

bool procfs_may_look(const struct process *process) {
    const struct credentials *mine = &vfs_context_current()->credentials;
    const struct credentials *its = &process->vfs.credentials;

    if (process == process_current() || mine->fsuid == 0)
        return true;
    return process->dumpable && mine->fsuid == its->uid && mine->fsuid == its->euid &&
           mine->fsuid == its->suid && mine->fsgid == its->gid && mine->fsgid == its->egid &&
           mine->fsgid == its->sgid;
}

/* ---- small files and links ---- */

/* Where in the kernel it sleeps: not told, as by a Linux that does not want to. */
static int show_wchan(struct seq *seq, const struct procfs_subject *subject) {
    (void)subject;
    seq_string(seq, "0");
    return 0;
}

static int show_personality(struct seq *seq, const struct procfs_subject *subject) {
    seq_printf(seq, "%08x\n", subject->process->personality);
    return 0;
}

static long read_self(const struct procfs_subject *subject, char *buf, size_t size) {
    struct process *self = process_current();
    char text[16];

    (void)subject;
    if (!self)
        return -ENOENT;
    long length = MIN((long)format(text, sizeof(text), "%d", self->pid), (long)size);
    memcpy(buf, text, (size_t)length);
    return length;
}

static long read_thread_self(const struct procfs_subject *subject, char *buf, size_t size) {
    struct process *self = process_current();
    char text[40];

    (void)subject;
    if (!self)
        return -ENOENT;
    int tid = task_current()->thread.tid;
    long length = MIN((long)format(text, sizeof(text), "%d/task/%d", self->pid, tid), (long)size);
    memcpy(buf, text, (size_t)length);
    return length;
}

static long read_mounts_link(const struct procfs_subject *subject, char *buf, size_t size) {
    static const char target[] = "self/mounts";
    size_t length = MIN(sizeof(target) - 1, size);

    (void)subject;
    memcpy(buf, target, length);
    return (long)length;
}

/* ---- the tables ---- */

#define TEXT(text_name, text_mode, function)                                                       \
    { .name = (text_name), .mode = S_IFREG | (text_mode), .show = (function) }
#define SETTING(text_name, show_function, write_function)                                          \
    {                                                                                              \
        .name = (text_name), .mode = S_IFREG | 0644, .show = (show_function),                      \
        .write = (write_function)                                                                  \
    }
#define PRIVATE_TEXT(text_name, text_mode, function)                                               \
    { .name = (text_name), .mode = S_IFREG | (text_mode), .is_private = true, .show = (function) }
#define PRIVATE_BYTES(file_name, function)                                                         \
    { .name = (file_name), .mode = S_IFREG | 0400, .is_private = true, .read = (function) }
#define LINK(link_name, function)                                                                  \
    { .name = (link_name), .mode = S_IFLNK | 0777, .is_private = true, .follow = (function) }
#define DIR(dir_name, dir_mode, table)                                                             \
    { .name = (dir_name), .mode = S_IFDIR | (dir_mode), .dir = (table) }

#define MEM_ENTRY                                                                                  \
    {                                                                                              \
        .name = "mem", .mode = S_IFREG | 0600, .is_private = true, .read = procfs_read_mem,        \
        .write_bytes = procfs_write_mem                                                            \
    }

/* To ask is to write, and changes nothing: who may look, may ask. */
#define EXPLAIN_ENTRY                                                                              \
    {                                                                                              \
        .name = "explain", .mode = S_IFREG | 0666, .is_private = true,                             \
        .answer = procfs_answer_explain                                                            \
    }

/* What processes and their threads both have. */
#define COMMON_ENTRIES                                                                             \
    DIR("fd", 0500, &procfs_fd_dir), DIR("fdinfo", 0500, &procfs_fdinfo_dir),                      \
        PRIVATE_TEXT("environ", 0400, procfs_show_environ),                                        \
        PRIVATE_TEXT("auxv", 0400, procfs_show_auxv), TEXT("status", 0444, procfs_show_status),    \
        TEXT("personality", 0400, show_personality), TEXT("limits", 0444, procfs_show_limits),     \
        {.name = "comm",                                                                           \
         .mode = S_IFREG | 0644,                                                                   \
         .show = procfs_show_comm,                                                                 \
         .write = procfs_write_comm},                                                              \
        TEXT("cmdline", 0444, procfs_show_cmdline), TEXT("stat", 0444, procfs_show_stat),          \
        TEXT("statm", 0444, procfs_show_statm), PRIVATE_TEXT("maps", 0444, procfs_show_maps),      \
        PRIVATE_TEXT("smaps", 0444, procfs_show_smaps),                                            \
        PRIVATE_TEXT("smaps_rollup", 0444, procfs_show_smaps_rollup), MEM_ENTRY,                   \
        LINK("cwd", procfs_follow_cwd), LINK("root", procfs_follow_root),                          \
        LINK("exe", procfs_follow_exe), TEXT("mounts", 0444, procfs_show_mounts),                  \
        TEXT("mountinfo", 0444, procfs_show_mountinfo), EXPLAIN_ENTRY,                             \
        PRIVATE_BYTES("pagemap", procfs_read_pagemap),                                             \
        PRIVATE_TEXT("pagetable", 0400, procfs_show_pagetable), TEXT("wchan", 0444, show_wchan),   \
        TEXT("schedstat", 0444, procfs_show_schedstat),                                            \
        TEXT("oom_score", 0444, procfs_show_oom_score),                                            \
        SETTING("oom_score_adj", procfs_show_oom_score_adj, procfs_write_oom_score_adj),           \
        SETTING("oom_adj", procfs_show_oom_adj, procfs_write_oom_adj)

static const struct procfs_entry task_entries[] = {COMMON_ENTRIES};
static const struct procfs_dir task_dir = {task_entries, ARRAY_SIZE(task_entries), 0, 0, 0};

static const struct procfs_entry task_entry = DIR("", 0555, &task_dir);
static const struct procfs_dir tasks_dir = {
    .member = &task_entry, .next = task_next, .find = task_find};

static const struct procfs_entry process_entries[] = {
    DIR("task", 0555, &tasks_dir),
    COMMON_ENTRIES,
};
static const struct procfs_dir process_dir = {process_entries, ARRAY_SIZE(process_entries), 0, 0,
                                              0};
static const struct procfs_entry process_entry = DIR("", 0555, &process_dir);

static const struct procfs_entry root_entries[] = {
    TEXT("loadavg", 0444, procfs_show_loadavg),
    TEXT("stat", 0444, procfs_show_system_stat),
    TEXT("version", 0444, procfs_show_version),
    {.name = "mounts", .mode = S_IFLNK | 0777, .readlink = read_mounts_link},
    {.name = "self", .mode = S_IFLNK | 0777, .readlink = read_self},
    {.name = "thread-self", .mode = S_IFLNK | 0777, .readlink = read_thread_self},
    DIR("sys", 0555, &procfs_sys_dir),
    DIR("sysvipc", 0555, &procfs_sysvipc_dir),
};

static const struct procfs_dir root_dir = {
    .entries = root_entries,
    .count = ARRAY_SIZE(root_entries),
    .member = &process_entry,
    .next = process_next_id,
    .find = process_find,
};

static const struct procfs_processes processes = {
    .root = &root_dir,
    .get = process_ref,
    .put = process_put,
    .is_gone = is_gone,
    .may_look = procfs_may_look,
    .owner = owner,
};

void procfs_processes_init(void) {
    procfs_register_processes(&processes);
}
