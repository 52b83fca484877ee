/* SPDX-License-Identifier: MIT */
/*
 * /proc/sys: the settings of the kernel, in tables, a line each; proc(5) and Linux's
 * Documentation/admin-guide/sysctl tell what they mean.
 *
 * A setting is a variable of type uint64_t, in the file that it steers, and a line here:
 *     PROCFS_NUMBER("max_map_count", &vm_max_map_count, 0, INT32_MAX),
 * PROCFS_NUMBER_SET has a function that stores it, PROCFS_NUMBERS is for an array, PROCFS_CHOICE
 * for words, PROCFS_CONSTANT for what never changes (fs/procfs/procfs.h).
 */
#include "abi/errno.h"
#include "abi/stat.h"
#include "core/random.h"
#include "ipc/shm.h"
#include "lib/bits.h"
#include "machine/layout.h"
#include "mm/alloc_fail.h"
#include "proc/explain.h"
#include "proc/layout.h"
#include "proc/oom.h"
#include "proc/procfs_private.h"
#include "proc/uts.h"
#include "vfs/access.h"
#include "vfs/fdtable.h"
#include "vfs/pipe.h"
#include "sched/stop_machine.h"
#include "sched/trace_reader.h"
#include "vm/check.h"
#include "vm/commit.h"

/* ---- names, random numbers ---- */

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

/* ---- a check of all memory ---- */

static void show_totals(struct seq *seq, const struct vm_check_totals *t) {
    seq_printf(seq, "ok: %lu spaces, %lu areas, %lu entries, %lu objects, %lu nodes; ", t->spaces,
               t->areas, t->entries, t->objects, t->nodes);
    seq_printf(seq, "%lu frames:", t->frames.total);
    for (enum frame_use use = 0; use < FRAME_HOLE; use++)
        seq_printf(seq, " %lu %s", t->frames.by_use[use], frame_use_name(use));
    seq_string(seq, "\n");
}

/* "ok" with what was counted, or what is wrong. */
static int show_check(struct seq *seq, const struct procfs_subject *subject) {
    struct vm_check_report report;
    struct vm_check_totals totals;
    int error;

    (void)subject;
    stop_machine_begin();
    error = vm_check_all(&totals, &report);
    stop_machine_end();
    if (error == -EUCLEAN)
        seq_printf(seq, "violation: %s\n", report.text);
    else if (!error)
        show_totals(seq, &totals);
    return error == -EUCLEAN ? 0 : error;
}

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
    PROCFS_CONSTANT("entropy_avail", 256),
    TEXT("uuid", show_new_uuid),
};
TABLE(random_dir, random_entries);

static const struct procfs_entry kernel_entries[] = {
    PROCFS_CONSTANT("cap_last_cap", 40),
    SETTING("domainname", show_domainname, write_domainname),
    SETTING("hostname", show_nodename, write_nodename),
    PROCFS_CONSTANT("ngroups_max", VFS_GROUPS_MAX),
    TEXT("osrelease", show_release),
    TEXT("ostype", show_sysname),
    PROCFS_CONSTANT("pid_max", PID_MAX),
    DIR("random", &random_dir),
    PROCFS_NUMBER("randomize_va_space", &layout_randomize, 0, 2),
    PROCFS_NUMBER("shmall", &shm_limits.total_pages, 0, UINT64_MAX),
    PROCFS_NUMBER("shmmax", &shm_limits.segment_bytes, 0, UINT64_MAX),
    PROCFS_NUMBER("shmmni", &shm_limits.segments, 0, SHM_INDEXES),
    PROCFS_NUMBER("trace_groups", &trace_groups, 0, (1u << TRACE_GROUPS) - 1),
    PROCFS_NUMBER("trace_ring_kib", &trace_ring_kib, TRACE_RING_KIB_MIN, TRACE_RING_KIB_MAX),
    PROCFS_CONSTANT("threads-max", PID_MAX),
    TEXT("version", show_version),
};
TABLE(kernel_dir, kernel_entries);

static const struct procfs_entry vm_entries[] = {
    PROCFS_NUMBER("admin_reserve_kbytes", &vm_commit_settings.admin_reserve_kib, 0, UINT64_MAX),
    {.name = "check", .mode = S_IFREG | 0400, .show = show_check},
    PROCFS_NUMBER("check_entries", &vm_check_entries, 0, UINT32_MAX),
    PROCFS_NUMBER("explain", &explain_kills, 0, 1),
    PROCFS_NUMBER_SET("fail_nth", &alloc_fail_left, 0, QUIRE_DEBUG ? UINT32_MAX : 0,
                      alloc_fail_set),
    PROCFS_NUMBER("legacy_va_layout", &layout_is_legacy, 0, 1),
    PROCFS_NUMBER("max_map_count", &vm_areas_max, 0, INT32_MAX),
    PROCFS_NUMBER("mmap_min_addr", &vm_mmap_min_addr, 0, USER_END),
    PROCFS_NUMBER("oom_dump_tasks", &oom_dumps_tasks, 0, 1),
    PROCFS_NUMBER("oom_kill_allocating_task", &oom_kills_allocating, 0, 1),
    PROCFS_NUMBER_SET("overcommit_kbytes", &vm_commit_settings.limit_kib, 0, UINT64_MAX,
                      vm_commit_set_limit),
    PROCFS_NUMBER("overcommit_memory", &vm_commit_settings.mode, 0, VM_COMMIT_NEVER),
    PROCFS_NUMBER_SET("overcommit_ratio", &vm_commit_settings.ratio_percent, 0, INT32_MAX,
                      vm_commit_set_ratio),
    PROCFS_NUMBER("panic_on_oom", &oom_panics, 0, 2),
    PROCFS_NUMBER("user_reserve_kbytes", &vm_commit_settings.user_reserve_kib, 0, UINT64_MAX),
};
TABLE(vm_dir, vm_entries);

static const struct procfs_entry fs_entries[] = {
    PROCFS_CONSTANT("file-max", FD_LIMIT_MAX),
    PROCFS_CONSTANT("nr_open", FD_LIMIT_MAX),
    PROCFS_CONSTANT("pipe-max-size", PIPE_MAX_BYTES),
};
TABLE(fs_dir, fs_entries);

static const struct procfs_entry sys_entries[] = {
    DIR("fs", &fs_dir),
    DIR("kernel", &kernel_dir),
    DIR("vm", &vm_dir),
};
const struct procfs_dir procfs_sys_dir = {.entries = sys_entries, .count = ARRAY_SIZE(sys_entries)};
