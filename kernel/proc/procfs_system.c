/* SPDX-License-Identifier: MIT */
/*
 * Files of /proc itself that count processes. /proc/sys is in procfs_sys.c.
 */
#include "core/clock.h"
#include "core/cpu.h"
#include "lib/bits.h"
#include "proc/procfs_private.h"
#include "proc/uts.h"

typedef unsigned long long ull;

#define NS_PER_TICK (NS_PER_SECOND / USER_HZ)
#define LOAD_ONE (1u << 16)

/* ---- /proc ---- */

/* 16 bits behind the point, shown with two digits. */
static void show_load(struct seq *seq, uint64_t load) {
    load += LOAD_ONE / 200;
    seq_printf(seq, "%llu.%02llu ", (ull)(load / LOAD_ONE),
               (ull)(load % LOAD_ONE * 100 / LOAD_ONE));
}

int procfs_show_loadavg(struct seq *seq, const struct procfs_subject *subject) {
    struct sched_stats sched;
    struct process_counts counts;

    (void)subject;
    sched_stats_get(&sched);
    process_counts_get(&counts);
    for (int i = 0; i < 3; i++)
        show_load(seq, sched.load[i]);
    seq_printf(seq, "%u/%u %d\n", sched.runnable, counts.tasks, counts.last_pid);
    return 0;
}

static void show_cpu_times(struct seq *seq, const struct sched_stats *sched) {
    seq_printf(seq, " %llu 0 %llu %llu 0 0 0 0 0 0\n", (ull)(sched->user_ns / NS_PER_TICK),
               (ull)(sched->system_ns / NS_PER_TICK), (ull)(sched->idle_ns / NS_PER_TICK));
}

int procfs_show_system_stat(struct seq *seq, const struct procfs_subject *subject) {
    struct sched_stats sched;
    struct process_counts counts;

    (void)subject;
    sched_stats_get(&sched);
    process_counts_get(&counts);
    seq_string(seq, "cpu ");
    show_cpu_times(seq, &sched);
    for (unsigned i = 0; i < cpu_count(); i++) {
        struct sched_stats one;

        sched_cpu_stats_get(i, &one);
        seq_printf(seq, "cpu%u", i);
        show_cpu_times(seq, &one);
    }
    seq_string(seq, "intr 0\n");
    seq_printf(seq, "ctxt %llu\n", (ull)sched.switches);
    seq_printf(seq, "btime %llu\n",
               (ull)((clock_realtime_ns() - clock_monotonic_ns()) / NS_PER_SECOND));
    seq_printf(seq, "processes %llu\n", (ull)counts.forks);
    seq_printf(seq, "procs_running %u\n", MAX(sched.runnable, 1u));
    seq_string(seq, "procs_blocked 0\n");
    return 0;
}

int procfs_show_version(struct seq *seq, const struct procfs_subject *subject) {
    struct linux_utsname names;

    (void)subject;
    uts_get(&names);
    seq_printf(seq, "%s version %s (quire) (%s) %s\n", names.sysname, names.release, __VERSION__,
               names.version);
    return 0;
}
