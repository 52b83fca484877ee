/* SPDX-License-Identifier: MIT */
/*
 * /sys: the few places of it where programs look, told by the same tables as /proc; no devices, no
 * links. Linux's Documentation/ABI tells the formats.
 */
#include "abi/stat.h"
#include "core/cpu.h"
#include "fs/procfs/procfs_private.h"
#include "lib/bits.h"
#include "vm/huge.h"

/* ---- processors ---- */

static int show_cpus(struct seq *seq, const struct procfs_subject *subject) {
    unsigned last = cpu_count() - 1;

    (void)subject;
    seq_printf(seq, last ? "0-%u\n" : "%u\n", last);
    return 0;
}

/* The time stamp counter is what arch's clock counts. */
static int show_clocksource(struct seq *seq, const struct procfs_subject *subject) {
    (void)subject;
    seq_string(seq, "tsc\n");
    return 0;
}

/* ---- huge pages ---- */

static const char *const huge_policies[] = {
    [VM_HUGE_ALWAYS] = "always",
    [VM_HUGE_MADVISE] = "madvise",
    [VM_HUGE_NEVER] = "never",
};

/* ---- the tables ---- */

#define TEXT(text_name, function)                                                                  \
    { .name = (text_name), .mode = S_IFREG | 0444, .show = (function) }
#define DIR(dir_name, table)                                                                       \
    { .name = (dir_name), .mode = S_IFDIR | 0555, .dir = (table) }
#define TABLE(table_name, ...)                                                                     \
    static const struct procfs_entry table_name##_entries[] = {__VA_ARGS__};                       \
    static const struct procfs_dir table_name = {.entries = table_name##_entries,                  \
                                                 .count = ARRAY_SIZE(table_name##_entries)}

TABLE(cpu_dir, PROCFS_CONSTANT("kernel_max", CPU_MAX - 1), TEXT("online", show_cpus),
      TEXT("possible", show_cpus), TEXT("present", show_cpus));
TABLE(clocksource0_dir, TEXT("available_clocksource", show_clocksource),
      TEXT("current_clocksource", show_clocksource));
TABLE(clocksource_dir, DIR("clocksource0", &clocksource0_dir));
TABLE(system_dir, DIR("clocksource", &clocksource_dir), DIR("cpu", &cpu_dir));
TABLE(devices_dir, DIR("system", &system_dir));

TABLE(huge_dir, PROCFS_CHOICE("enabled", &vm_huge_policy, huge_policies),
      PROCFS_CONSTANT("hpage_pmd_size", PMAP_LARGE_BYTES));
TABLE(mm_dir, DIR("transparent_hugepage", &huge_dir));
TABLE(kernel_dir, DIR("mm", &mm_dir));

TABLE(root_dir, DIR("devices", &devices_dir), DIR("kernel", &kernel_dir));

const struct procfs_entry procfs_sysfs_root = DIR("", &root_dir);
