/* SPDX-License-Identifier: MIT */
/*
 * procfs: the machine's own files, and the table that names them all. What counts processes
 * (loadavg, stat, sys) is in kernel/proc/procfs_system.c.
 */
#include "fs/procfs/procfs_private.h"

#include "abi/stat.h"
#include "core/clock.h"
#include "core/cmdline.h"
#include "core/cpu.h"
#include "core/cpu_info.h"
#include "lib/bits.h"
#include "sched/thread.h"
#include "vfs/device.h"
#include "vfs/mount.h"

#define NS_PER_HUNDREDTH (NS_PER_SECOND / 100)

static int show_cmdline(struct seq *seq, const struct procfs_subject *subject) {
    (void)subject;
    seq_printf(seq, "%s\n", cmdline());
    return 0;
}

static void show_seconds(struct seq *seq, uint64_t ns, char after) {
    seq_printf(seq, "%llu.%02llu%c", (unsigned long long)(ns / NS_PER_SECOND),
               (unsigned long long)(ns / NS_PER_HUNDREDTH % 100), after);
}

static int show_uptime(struct seq *seq, const struct procfs_subject *subject) {
    struct sched_stats stats;

    (void)subject;
    sched_stats_get(&stats);
    show_seconds(seq, clock_monotonic_ns(), ' ');
    show_seconds(seq, stats.idle_ns, '\n');
    return 0;
}

static void show_filesystem(const struct filesystem_type *type, void *arg) {
    seq_printf(arg, "nodev\t%s\n", type->name);
}

static int show_filesystems(struct seq *seq, const struct procfs_subject *subject) {
    (void)subject;
    filesystem_for_each(show_filesystem, seq);
    return 0;
}

static void show_devices_of(struct seq *seq, uint32_t type) {
    uint32_t last = UINT32_MAX;

    for (struct device *d = device_next(NULL); d; d = device_next(d)) {
        if (d->type != type || dev_major(d->dev) == last)
            continue;
        last = dev_major(d->dev);
        seq_printf(seq, "%3u %s\n", last, d->name);
    }
}

static int show_devices(struct seq *seq, const struct procfs_subject *subject) {
    (void)subject;
    seq_string(seq, "Character devices:\n");
    show_devices_of(seq, S_IFCHR);
    seq_string(seq, "\nBlock devices:\n");
    show_devices_of(seq, S_IFBLK);
    return 0;
}

static int show_partitions(struct seq *seq, const struct procfs_subject *subject) {
    (void)subject;
    seq_string(seq, "major minor  #blocks  name\n\n");
    return 0;
}

static void show_flag(void *seq, const char *name) {
    seq_string(seq, name);
}

static int show_cpuinfo(struct seq *seq, const struct procfs_subject *subject) {
    struct cpu_info info;

    (void)subject;
    cpu_info_get(&info);
    for (unsigned i = 0; i < cpu_count(); i++) {
        seq_printf(seq, "processor\t: %u\n", i);
        seq_printf(seq, "vendor_id\t: %s\n", info.vendor);
        seq_printf(seq, "cpu family\t: %u\n", info.family);
        seq_printf(seq, "model\t\t: %u\n", info.model);
        seq_printf(seq, "model name\t: %s\n", info.name);
        seq_printf(seq, "stepping\t: %u\n", info.stepping);
        seq_printf(seq, "cpu MHz\t\t: %llu.%03llu\n", (unsigned long long)(info.clock_hz / 1000000),
                   (unsigned long long)(info.clock_hz / 1000 % 1000));
        seq_string(seq, "flags\t\t:");
        cpu_info_for_each_flag(show_flag, seq);
        seq_printf(seq, "\naddress sizes\t: %u bits physical, %u bits virtual\n\n",
                   info.physical_bits, info.virtual_bits);
    }
    return 0;
}

/* ---- the table ---- */

#define TEXT(text_name, text_mode, function)                                                       \
    { .name = (text_name), .mode = S_IFREG | (text_mode), .show = (function) }

static const struct procfs_entry entries[] = {
    TEXT("cmdline", 0444, show_cmdline),
    TEXT("cpuinfo", 0444, show_cpuinfo),
    TEXT("devices", 0444, show_devices),
    TEXT("filesystems", 0444, show_filesystems),
    {.name = "kpagecount", .mode = S_IFREG | 0400, .read = procfs_read_kpagecount},
    {.name = "kpageflags", .mode = S_IFREG | 0400, .read = procfs_read_kpageflags},
    {.name = "lock_stat",
     .mode = S_IFREG | 0600,
     .show = procfs_show_lock_stat,
     .write = procfs_write_lock_stat},
    TEXT("meminfo", 0444, procfs_show_meminfo),
    TEXT("partitions", 0444, show_partitions),
    TEXT("slabinfo", 0400, procfs_show_slabinfo),
    TEXT("swaps", 0444, procfs_show_swaps),
    {.name = "trace", .mode = S_IFREG | 0600, .open = procfs_open_trace},
    {.name = "trace_snapshot", .mode = S_IFREG | 0600, .open = procfs_open_trace_snapshot},
    TEXT("uptime", 0444, show_uptime),
    TEXT("vmstat", 0444, procfs_show_vmstat),
};

const struct procfs_dir procfs_machine_dir = {.entries = entries, .count = ARRAY_SIZE(entries)};
