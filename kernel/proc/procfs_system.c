/* SPDX-License-Identifier: MIT */
/*
 * Files of /proc itself that count processes, and /proc/sys.
 */
#include "abi/errno.h"
#include "abi/stat.h"
#include "core/clock.h"
#include "core/cpu.h"
#include "core/random.h"
#include "lib/bits.h"
#include "machine/layout.h"
#include "proc/procfs_private.h"
#include "proc/uts.h"
#include "vfs/access.h"
#include "vfs/fdtable.h"
#include "vfs/pipe.h"

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
    seq_printf(seq, "%u/%u %d\n", sched.runnable, counts.processes, counts.last_pid);
    return 0;
}

static void show_cpu_line(struct seq *seq, const char *name, const struct sched_stats *sched) {
    seq_printf(seq, "%s %llu 0 %llu %llu 0 0 0 0 0 0\n", name, (ull)(sched->user_ns / NS_PER_TICK),
               (ull)(sched->system_ns / NS_PER_TICK), (ull)(sched->idle_ns / NS_PER_TICK));
}

int procfs_show_system_stat(struct seq *seq, const struct procfs_subject *subject) {
    struct sched_stats sched;
    struct process_counts counts;

    (void)subject;
    sched_stats_get(&sched);
    process_counts_get(&counts);
    show_cpu_line(seq, "cpu ", &sched);
    show_cpu_line(seq, "cpu0", &sched);
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

/* ---- /proc/sys/kernel ---- */

#define NAME_FILE(field)                                                                           \
    static int show_##field(struct seq *seq, const struct procfs_subject *subject) {               \
        struct linux_utsname names;                                                                \
                                                                                                   \
        (void)subject;                                                                             \
        uts_get(&names);                                                                           \
        seq_printf(seq, "%s\n", names.field);                                                      \
        return 0;                                                                                  \
    }

NAME_FILE(sysname)
NAME_FILE(release)
NAME_FILE(version)
NAME_FILE(nodename)
NAME_FILE(domainname)

static int write_nodename(const struct procfs_subject *subject, const char *text, size_t length) {
    (void)subject;
    return vfs_is_root() ? uts_set_host(text, length) : -EPERM;
}

static int write_domainname(const struct procfs_subject *subject, const char *text, size_t length) {
    (void)subject;
    return vfs_is_root() ? uts_set_domain(text, length) : -EPERM;
}

/* A random UUID, version 4. */
static void show_uuid(struct seq *seq, const uint8_t bytes[16]) {
    for (unsigned i = 0; i < 16; i++) {
        uint8_t byte = i == 6   ? (bytes[i] & 0x0f) | 0x40
                       : i == 8 ? (bytes[i] & 0x3f) | 0x80
                                : bytes[i];
        seq_printf(seq, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", byte);
    }
    seq_string(seq, "\n");
}

static int show_new_uuid(struct seq *seq, const struct procfs_subject *subject) {
    uint8_t bytes[16];

    (void)subject;
    random_bytes(bytes, sizeof(bytes));
    show_uuid(seq, bytes);
    return 0;
}

static int show_boot_id(struct seq *seq, const struct procfs_subject *subject) {
    static uint8_t boot_id[16];
    static _Atomic bool made;

    (void)subject;
    if (!made) {
        random_bytes(boot_id, sizeof(boot_id));
        made = true;
    }
    show_uuid(seq, boot_id);
    return 0;
}

/* ---- constants ---- */

/* Files that show one fixed number, for programs that look before they ask for something. */
#define NUMBER_FILE(name, value)                                                                   \
    static int show_##name(struct seq *seq, const struct procfs_subject *subject) {                \
        (void)subject;                                                                             \
        seq_printf(seq, "%llu\n", (ull)(value));                                                   \
        return 0;                                                                                  \
    }

NUMBER_FILE(pid_max, PID_MAX)
NUMBER_FILE(threads_max, PID_MAX)
NUMBER_FILE(ngroups_max, VFS_GROUPS_MAX)
NUMBER_FILE(cap_last_cap, 40)
NUMBER_FILE(entropy_avail, 256)
NUMBER_FILE(overcommit_memory, 1)
NUMBER_FILE(mmap_min_addr, USER_MIN)
NUMBER_FILE(file_max, FD_LIMIT_MAX)
NUMBER_FILE(pipe_max_size, PIPE_MAX_BYTES)

/* ---- the tables ---- */

#define TEXT(text_name, function)                                                                  \
    { .name = (text_name), .mode = S_IFREG | 0444, .show = (function) }
#define SETTING(text_name, show_function, write_function)                                          \
    {                                                                                              \
        .name = (text_name), .mode = S_IFREG | 0644, .show = (show_function),                      \
        .write = (write_function)                                                                  \
    }
#define DIR(dir_name, table)                                                                       \
    { .name = (dir_name), .mode = S_IFDIR | 0555, .dir = (table) }
#define TABLE(table_name, entries)                                                                 \
    static const struct procfs_dir table_name = {entries, ARRAY_SIZE(entries), NULL, NULL, NULL}

static const struct procfs_entry random_entries[] = {
    TEXT("boot_id", show_boot_id),
    TEXT("entropy_avail", show_entropy_avail),
    TEXT("uuid", show_new_uuid),
};
TABLE(random_dir, random_entries);

static const struct procfs_entry kernel_entries[] = {
    TEXT("cap_last_cap", show_cap_last_cap),
    SETTING("domainname", show_domainname, write_domainname),
    SETTING("hostname", show_nodename, write_nodename),
    TEXT("ngroups_max", show_ngroups_max),
    TEXT("osrelease", show_release),
    TEXT("ostype", show_sysname),
    TEXT("pid_max", show_pid_max),
    DIR("random", &random_dir),
    TEXT("threads-max", show_threads_max),
    TEXT("version", show_version),
};
TABLE(kernel_dir, kernel_entries);

static const struct procfs_entry vm_entries[] = {
    TEXT("mmap_min_addr", show_mmap_min_addr),
    TEXT("overcommit_memory", show_overcommit_memory),
};
TABLE(vm_dir, vm_entries);

static const struct procfs_entry fs_entries[] = {
    TEXT("file-max", show_file_max),
    TEXT("nr_open", show_file_max),
    TEXT("pipe-max-size", show_pipe_max_size),
};
TABLE(fs_dir, fs_entries);

static const struct procfs_entry sys_entries[] = {
    DIR("fs", &fs_dir),
    DIR("kernel", &kernel_dir),
    DIR("vm", &vm_dir),
};
const struct procfs_dir procfs_sys_dir = {.entries = sys_entries, .count = ARRAY_SIZE(sys_entries)};
