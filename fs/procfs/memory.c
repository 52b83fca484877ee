/* SPDX-License-Identifier: MIT */
/*
 * procfs: what the machine's memory is used for. Every number is counted, none estimated; the sum
 * of the nr_frames_* lines of vmstat is nr_frames_total, always.
 */
#include "fs/procfs/procfs_private.h"

#include "lib/bits.h"
#include "mm/frame.h"
#include "mm/slab.h"
#include "vm/commit.h"
#include "vm/fault.h"
#include "vm/pmap.h"

#define KIB_PER_PAGE (PAGE_SIZE / 1024)

static void line(struct seq *seq, const char *name, uint64_t pages) {
    size_t start = seq->length;

    seq_printf(seq, "%s:", name);
    seq_pad(seq, start, 16);
    seq_printf(seq, "%8llu kB\n", (unsigned long long)(pages * KIB_PER_PAGE));
}

/*
 * MemTotal is all of RAM. File pages are in memory only (there is no disk), so they are Cached and
 * Shmem and cannot be reclaimed: what is available is what is free.
 */
int procfs_show_meminfo(struct seq *seq, const struct procfs_subject *subject) {
    struct frame_stats s;

    (void)subject;
    frame_stats_get(&s);
    const struct {
        const char *name;
        uint64_t pages;
    } lines[] = {
        {"MemTotal", s.total},
        {"MemFree", s.free},
        {"MemAvailable", s.free},
        {"Buffers", 0},
        {"Cached", s.by_use[FRAME_FILE]},
        {"SwapCached", 0},
        {"Active", s.by_use[FRAME_ANON] + s.by_use[FRAME_FILE]},
        {"Inactive", 0},
        {"Unevictable", 0},
        {"Mlocked", 0},
        {"SwapTotal", 0},
        {"SwapFree", 0},
        {"Dirty", 0},
        {"Writeback", 0},
        {"AnonPages", s.by_use[FRAME_ANON]},
        {"Shmem", s.by_use[FRAME_FILE]},
        {"Slab", s.by_use[FRAME_SLAB]},
        {"SReclaimable", 0},
        {"SUnreclaim", s.by_use[FRAME_SLAB]},
        {"KernelStack", s.by_use[FRAME_STACK]},
        {"PageTables", s.by_use[FRAME_TABLE]},
        {"CommitLimit", vm_commit_limit()},
        {"Committed_AS", vm_commit_total()},
    };
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
        line(seq, lines[i].name, lines[i].pages);
    return 0;
}

static void show_frames(struct seq *seq) {
    struct frame_stats s;

    frame_stats_get(&s);
    seq_printf(seq, "nr_free_pages %llu\n", (unsigned long long)s.free);
    seq_printf(seq, "nr_anon_pages %llu\n", (unsigned long long)s.by_use[FRAME_ANON]);
    seq_printf(seq, "nr_file_pages %llu\n", (unsigned long long)s.by_use[FRAME_FILE]);
    seq_printf(seq, "nr_page_table_pages %llu\n", (unsigned long long)s.by_use[FRAME_TABLE]);
    seq_printf(seq, "nr_frames_total %llu\n", (unsigned long long)s.total);
    for (unsigned use = 0; use < FRAME_USE_COUNT; use++)
        if (use != FRAME_HOLE)
            seq_printf(seq, "nr_frames_%s %llu\n", frame_use_name((enum frame_use)use),
                       (unsigned long long)s.by_use[use]);
}

static void show_faults(struct seq *seq) {
    uint64_t counts[VM_FAULT_CASES], total = 0;

    vm_fault_counts(counts);
    for (unsigned i = 0; i < VM_FAULT_STACK_GROWN; i++)
        total += counts[i];
    seq_printf(seq, "pgfault %llu\n", (unsigned long long)total);
    seq_printf(seq, "pgmajfault %llu\n", (unsigned long long)counts[VM_FAULT_WAITED]);
    for (unsigned i = 0; i < VM_FAULT_CASES; i++) {
        size_t start = seq->length;
        seq_printf(seq, "fault_%s", vm_fault_case_name((enum vm_fault_case)i));
        for (size_t at = start; at < seq->length; at++)
            if (seq->text[at] == ' ' || seq->text[at] == '-')
                seq->text[at] = '_';
        seq_printf(seq, " %llu\n", (unsigned long long)counts[i]);
    }
}

/* Linux's names where they mean the same, then Quire's own. */
int procfs_show_vmstat(struct seq *seq, const struct procfs_subject *subject) {
    struct pmap_stats pmap;

    (void)subject;
    show_frames(seq);
    show_faults(seq);
    pmap_stats_get(&pmap);
    seq_printf(seq, "pmap_flush_page %llu\n", (unsigned long long)pmap.flush_page);
    seq_printf(seq, "pmap_flush_space %llu\n", (unsigned long long)pmap.flush_space);
    seq_printf(seq, "pmap_table_shared %llu\n", (unsigned long long)pmap.table_shared);
    seq_printf(seq, "pmap_table_unshared %llu\n", (unsigned long long)pmap.table_unshared);
    return 0;
}

int procfs_show_slabinfo(struct seq *seq, const struct procfs_subject *subject) {
    struct slab_stats s;

    (void)subject;
    seq_string(seq, "slabinfo - version: 2.1\n"
                    "# name            <active_objs> <num_objs> <objsize> <objperslab> "
                    "<pagesperslab> : tunables <limit> <batchcount> <sharedfactor> : slabdata "
                    "<active_slabs> <num_slabs> <sharedavail>\n");
    for (size_t i = 0; slab_stats_get(i, &s) == 0; i++)
        seq_printf(seq,
                   "%-17s %6llu %6llu %6u %4u %4u : tunables %4u %4u %4u : slabdata %6llu %6llu "
                   "%6u\n",
                   s.name, (unsigned long long)s.in_use, (unsigned long long)s.total, s.size,
                   s.per_slab, s.frames_per_slab, 0u, 0u, 0u, (unsigned long long)s.slabs,
                   (unsigned long long)s.slabs, 0u);
    return 0;
}

int procfs_show_swaps(struct seq *seq, const struct procfs_subject *subject) {
    (void)subject;
    seq_string(seq, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
    return 0;
}
