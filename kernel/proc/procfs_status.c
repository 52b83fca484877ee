/* SPDX-License-Identifier: MIT */
/*
 * /proc/PID/status and limits: for people, and for programs that prefer names to positions.
 */
#include "abi/errno.h"
#include "core/cpu.h"
#include "lib/bits.h"
#include "machine/layout.h"
#include "mm/frame.h"
#include "proc/procfs_private.h"
#include "vfs/fdtable.h"
#include "vm/space.h"

typedef unsigned long long ull;

#define KIB_PER_PAGE (PAGE_SIZE / 1024)
#define CAPABILITIES_ALL 0x1ffffffffffull

static const char *state_text(char state) {
    switch (state) {
    case 'R':
        return "R (running)";
    case 'S':
        return "S (sleeping)";
    case 'D':
        return "D (disk sleep)";
    case 'T':
        return "T (stopped)";
    case 'Z':
        return "Z (zombie)";
    default:
        return "X (dead)";
    }
}

static void show_ids(struct seq *seq, const struct credentials *c) {
    seq_printf(seq, "Uid:\t%u\t%u\t%u\t%u\n", c->uid, c->euid, c->suid, c->fsuid);
    seq_printf(seq, "Gid:\t%u\t%u\t%u\t%u\n", c->gid, c->egid, c->sgid, c->fsgid);
}

static void show_files(struct seq *seq, const struct procfs_subject *subject) {
    struct fdtable *files = task_files_get(subject->process, subject->task);

    seq_printf(seq, "FDSize:\t%u\n", files ? files->capacity : 0);
    if (files)
        fdtable_drop(files);
}

static void show_groups(struct seq *seq, const struct group_list *groups) {
    seq_string(seq, "Groups:\t");
    for (unsigned i = 0; groups && i < groups->count; i++)
        seq_printf(seq, "%u ", groups->ids[i]);
    seq_string(seq, "\n");
}

static void line_kib(struct seq *seq, const char *name, uint64_t kib) {
    seq_printf(seq, "%s:\t%8llu kB\n", name, (ull)kib);
}

static void show_memory(struct seq *seq, struct process *process) {
    struct vm_space *space = process_space_get(process);
    struct vm_space_usage usage;

    if (!space)
        return;
    vm_space_usage(space, &usage);
    vm_space_unref(space);
    uint64_t code = procfs_code_bytes(process);
    uint64_t resident = usage.private_pages + usage.file_pages + usage.shmem_pages;
    line_kib(seq, "VmPeak", usage.peak_bytes / 1024);
    line_kib(seq, "VmSize", usage.mapped_bytes / 1024);
    line_kib(seq, "VmLck", usage.locked_bytes / 1024);
    line_kib(seq, "VmPin", 0);
    line_kib(seq, "VmHWM", usage.peak_pages * KIB_PER_PAGE);
    line_kib(seq, "VmRSS", resident * KIB_PER_PAGE);
    line_kib(seq, "RssAnon", usage.private_pages * KIB_PER_PAGE);
    line_kib(seq, "RssFile", usage.file_pages * KIB_PER_PAGE);
    line_kib(seq, "RssShmem", usage.shmem_pages * KIB_PER_PAGE);
    line_kib(seq, "VmData", usage.data_bytes / 1024);
    line_kib(seq, "VmStk", usage.stack_bytes / 1024);
    line_kib(seq, "VmExe", code / 1024);
    line_kib(seq, "VmLib", (usage.text_bytes - MIN(usage.text_bytes, code)) / 1024);
    line_kib(seq, "VmPTE", usage.table_pages * KIB_PER_PAGE);
    line_kib(seq, "VmSwap", 0);
    line_kib(seq, "HugetlbPages", 0);
    seq_string(seq, "CoreDumping:\t0\n");
}

static void line_set(struct seq *seq, const char *name, uint64_t set) {
    seq_printf(seq, "%s:\t%016llx\n", name, (ull)set);
}

static void show_signals(struct seq *seq, const struct procfs_subject *subject) {
    const struct process *process = subject->process;
    struct process_signal_sets sets;

    task_signal_sets(subject->process, subject->task, &sets);
    seq_printf(seq, "SigQ:\t%u/%llu\n", process->queued_count,
               (ull)process->rlimits[RLIMIT_SIGPENDING].rlim_cur);
    line_set(seq, "SigPnd", sets.pending_task);
    line_set(seq, "ShdPnd", sets.pending_process);
    line_set(seq, "SigBlk", sets.blocked);
    line_set(seq, "SigIgn", sets.ignored);
    line_set(seq, "SigCgt", sets.caught);
}

/* Root has every capability and others none: there is nothing in between yet. */
static void show_capabilities(struct seq *seq, const struct process *process,
                              const struct credentials *c) {
    uint64_t set = c->euid == 0 ? CAPABILITIES_ALL : 0;

    line_set(seq, "CapInh", 0);
    line_set(seq, "CapPrm", set);
    line_set(seq, "CapEff", set);
    line_set(seq, "CapBnd", CAPABILITIES_ALL);
    line_set(seq, "CapAmb", 0);
    seq_printf(seq, "NoNewPrivs:\t%d\n", process->no_new_privs);
    seq_string(seq, "Seccomp:\t0\n");
}

/* A set of processors as Linux lists them: "0-2,5". */
static void show_cpu_list(struct seq *seq, uint64_t cpus) {
    const char *before = "";

    while (cpus) {
        unsigned first = (unsigned)__builtin_ctzll(cpus);
        uint64_t rest = ~(cpus >> first);
        unsigned count = rest ? (unsigned)__builtin_ctzll(rest) : 64;

        seq_printf(seq, "%s%u", before, first);
        if (count > 1)
            seq_printf(seq, "-%u", first + count - 1);
        cpus = first + count < 64 ? cpus >> (first + count) << (first + count) : 0;
        before = ",";
    }
}

static void show_scheduling(struct seq *seq, const struct procfs_runner *runner) {
    seq_printf(seq, "Cpus_allowed:\t%llx\nCpus_allowed_list:\t", (ull)runner->affinity);
    show_cpu_list(seq, runner->affinity);
    seq_string(seq, "\nMems_allowed:\t1\nMems_allowed_list:\t0\n");
    seq_printf(seq, "voluntary_ctxt_switches:\t%llu\n", (ull)runner->usage.voluntary_switches);
    seq_printf(seq, "nonvoluntary_ctxt_switches:\t%llu\n", (ull)runner->usage.forced_switches);
}

int procfs_show_status(struct seq *seq, const struct procfs_subject *subject) {
    struct process *process = subject->process;
    struct procfs_runner runner;
    struct task_ids ids;
    int error = procfs_runner_get(subject, &runner);

    if (error == 0 && !task_ids_get(process, subject->task, &ids))
        error = -ESRCH;
    if (error)
        return error;
    seq_string(seq, "Name:\t");
    seq_escaped(seq, runner.name, "\n\\");
    seq_printf(seq, "\nUmask:\t%04o\n", ids.umask);
    seq_printf(seq, "State:\t%s\n", state_text(runner.state));
    seq_printf(seq, "Tgid:\t%d\nNgid:\t0\nPid:\t%d\n", process->pid, runner.id);
    seq_printf(seq, "PPid:\t%d\nTracerPid:\t0\n", process_parent_id(process));
    show_ids(seq, &ids.credentials);
    show_files(seq, subject);
    show_groups(seq, ids.credentials.groups);
    show_memory(seq, process);
    seq_printf(seq, "Threads:\t%u\n", runner.tasks);
    show_signals(seq, subject);
    show_capabilities(seq, process, &ids.credentials);
    show_scheduling(seq, &runner);
    group_list_unref(ids.credentials.groups);
    return 0;
}

/* ---- limits ---- */

static const struct {
    int resource;
    const char *name, *unit;
} limits[] = {
    {RLIMIT_CPU, "Max cpu time", "seconds"},
    {RLIMIT_FSIZE, "Max file size", "bytes"},
    {RLIMIT_DATA, "Max data size", "bytes"},
    {RLIMIT_STACK, "Max stack size", "bytes"},
    {RLIMIT_CORE, "Max core file size", "bytes"},
    {RLIMIT_RSS, "Max resident set", "bytes"},
    {RLIMIT_NPROC, "Max processes", "processes"},
    {RLIMIT_NOFILE, "Max open files", "files"},
    {RLIMIT_MEMLOCK, "Max locked memory", "bytes"},
    {RLIMIT_AS, "Max address space", "bytes"},
    {RLIMIT_LOCKS, "Max file locks", "locks"},
    {RLIMIT_SIGPENDING, "Max pending signals", "signals"},
    {RLIMIT_MSGQUEUE, "Max msgqueue size", "bytes"},
    {RLIMIT_NICE, "Max nice priority", ""},
    {RLIMIT_RTPRIO, "Max realtime priority", ""},
    {RLIMIT_RTTIME, "Max realtime timeout", "us"},
};

static void show_limit(struct seq *seq, uint64_t value) {
    size_t start = seq->length;

    if (value == RLIM64_INFINITY)
        seq_string(seq, "unlimited");
    else
        seq_printf(seq, "%llu", (ull)value);
    seq_pad(seq, start, 21);
}

int procfs_show_limits(struct seq *seq, const struct procfs_subject *subject) {
    seq_printf(seq, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
    for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
        const struct linux_rlimit64 *limit = &subject->process->rlimits[limits[i].resource];
        seq_printf(seq, "%-25s ", limits[i].name);
        show_limit(seq, limit->rlim_cur);
        show_limit(seq, limit->rlim_max);
        if (limits[i].unit[0])
            seq_printf(seq, "%-10s", limits[i].unit);
        seq_string(seq, "\n");
    }
    return 0;
}
