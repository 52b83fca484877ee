/* SPDX-License-Identifier: MIT */
/*
 * procfs: what the machine's memory is used for. Every number is counted, none estimated; the sum
 * of the nr_frames_* lines of vmstat is nr_frames_total, always.
 */
#include "fs/procfs/procfs_private.h"

#include "lib/bits.h"
#include "mm/frame.h"
#include "mm/kva.h"
#include "mm/slab.h"
#include "vm/census.h"
#include "vm/commit.h"
#include "vm/fault.h"
#include "vm/pmap.h"

#define KIB_PER_PAGE (PAGE_SIZE / 1024)

struct memory_line {
    const char *name;
    uint64_t pages;
};

static void line(struct seq *seq, const char *name, uint64_t pages) {
    size_t start = seq->length;

    seq_printf(seq, "%s:", name);
    seq_pad(seq, start, 16);
    seq_printf(seq, "%8llu kB\n", (unsigned long long)(pages * KIB_PER_PAGE));
}

static void show_lines(struct seq *seq, const struct memory_line *lines, size_t count) {
    for (size_t i = 0; i < count; i++)
        line(seq, lines[i].name, lines[i].pages);
}

/*
 * MemTotal is all of RAM. Pages of files and of shared memory: they are in memory only (there is no
 * disk), so they cannot be reclaimed, and what is available is what is free. As on a tmpfs of Linux
 * they are Cached, Shmem, and among what could only be swapped. There is no aging: all that is in
 * use is active.
 */
static uint64_t shared_frames(const struct frame_stats *s) {
    return s->by_use[FRAME_FILE] + s->by_use[FRAME_SHMEM];
}

static void show_use(struct seq *seq, const struct frame_stats *s) {
    const uint64_t active = s->by_use[FRAME_ANON] + shared_frames(s);

    line(seq, "MemTotal", s->total);
    line(seq, "MemFree", s->free);
    line(seq, "MemAvailable", s->free);
    line(seq, "Buffers", 0);
    line(seq, "Cached", shared_frames(s));
    line(seq, "SwapCached", 0);
    line(seq, "Active", active);
    line(seq, "Inactive", 0);
    line(seq, "Active(anon)", active);
    line(seq, "Inactive(anon)", 0);
    line(seq, "Active(file)", 0);
    line(seq, "Inactive(file)", 0);
}

static void show_pages(struct seq *seq, const struct frame_stats *s) {
    line(seq, "SwapTotal", 0);
    line(seq, "SwapFree", 0);
    line(seq, "Dirty", 0);
    line(seq, "Writeback", 0);
    line(seq, "AnonPages", s->by_use[FRAME_ANON]);
}

static void show_kernel_use(struct seq *seq, const struct frame_stats *s) {
    const struct memory_line lines[] = {
        {"Shmem", shared_frames(s)},
        {"KReclaimable", 0},
        {"Slab", s->by_use[FRAME_SLAB]},
        {"SReclaimable", 0},
        {"SUnreclaim", s->by_use[FRAME_SLAB]},
        {"KernelStack", s->by_use[FRAME_STACK]},
        {"PageTables", s->by_use[FRAME_TABLE]},
        {"NFS_Unstable", 0},
        {"Bounce", 0},
        {"WritebackTmp", 0},
        {"CommitLimit", vm_commit_limit()},
        {"Committed_AS", vm_commit_total()},
        {"VmallocTotal", kva_bytes() / PAGE_SIZE},
        {"VmallocUsed", s->by_use[FRAME_STACK]},
        {"VmallocChunk", 0},
    };

    show_lines(seq, lines, ARRAY_SIZE(lines));
}

static void show_huge(struct seq *seq) {
    line(seq, "ShmemHugePages", 0);
    line(seq, "ShmemPmdMapped", 0);
    line(seq, "FileHugePages", 0);
    line(seq, "FilePmdMapped", 0);
    seq_string(seq, "HugePages_Total:       0\nHugePages_Free:        0\n"
                    "HugePages_Rsvd:        0\nHugePages_Surp:        0\n");
    line(seq, "Hugepagesize", PMAP_LARGE_BYTES / PAGE_SIZE);
    line(seq, "Hugetlb", 0);
}

/* What it takes memory to count is left out when there is none. */
int procfs_show_meminfo(struct seq *seq, const struct procfs_subject *subject) {
    struct frame_stats s;
    struct vm_mapped mapped;
    bool is_counted;

    (void)subject;
    frame_stats_get(&s);
    is_counted = vm_mapped_get(&mapped) == 0;
    show_use(seq, &s);
    if (is_counted) {
        line(seq, "Unevictable", mapped.locked_pages);
        line(seq, "Mlocked", mapped.locked_pages);
    }
    show_pages(seq, &s);
    if (is_counted)
        line(seq, "Mapped", mapped.object_pages);
    show_kernel_use(seq, &s);
    if (is_counted)
        line(seq, "AnonHugePages", mapped.large_pages);
    show_huge(seq);
    return 0;
}

static void number(struct seq *seq, const char *name, uint64_t value) {
    seq_printf(seq, "%s %lu\n", name, value);
}

/* Linux's names where they mean the same, then all uses of frames. */
static void show_frames(struct seq *seq) {
    struct frame_stats s;
    struct vm_mapped mapped;

    frame_stats_get(&s);
    number(seq, "nr_free_pages", s.free);
    number(seq, "nr_inactive_anon", 0);
    number(seq, "nr_active_anon", s.by_use[FRAME_ANON] + shared_frames(&s));
    number(seq, "nr_inactive_file", 0);
    number(seq, "nr_active_file", 0);
    number(seq, "nr_slab_reclaimable", 0);
    number(seq, "nr_slab_unreclaimable", s.by_use[FRAME_SLAB]);
    number(seq, "nr_anon_pages", s.by_use[FRAME_ANON]);
    if (vm_mapped_get(&mapped) == 0) {
        number(seq, "nr_unevictable", mapped.locked_pages);
        number(seq, "nr_mlock", mapped.locked_pages);
        number(seq, "nr_mapped", mapped.object_pages);
        number(seq, "nr_anon_transparent_hugepages",
               mapped.large_pages / (PMAP_LARGE_BYTES / PAGE_SIZE));
    }
    number(seq, "nr_file_pages", shared_frames(&s));
    number(seq, "nr_dirty", 0);
    number(seq, "nr_writeback", 0);
    number(seq, "nr_shmem", shared_frames(&s));
    number(seq, "nr_kernel_stack", s.by_use[FRAME_STACK] * KIB_PER_PAGE);
    number(seq, "nr_page_table_pages", s.by_use[FRAME_TABLE]);
    number(seq, "nr_frames_total", s.total);
    for (unsigned use = 0; use < FRAME_USE_COUNT; use++)
        if (use != FRAME_HOLE)
            seq_printf(seq, "nr_frames_%s %lu\n", frame_use_name((enum frame_use)use),
                       s.by_use[use]);
    number(seq, "pgpgin", 0);
    number(seq, "pgpgout", 0);
    number(seq, "pswpin", 0);
    number(seq, "pswpout", 0);
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

/* Local flushes are those that nobody else told the processor to make. */
static void show_flushes(struct seq *seq) {
    struct pmap_stats pmap;

    pmap_stats_get(&pmap);
    number(seq, "nr_tlb_remote_flush", pmap.flush_told);
    number(seq, "nr_tlb_remote_flush_received", pmap.flush_received);
    number(seq, "nr_tlb_local_flush_all", pmap.flush_space - pmap.space_received);
    number(seq, "nr_tlb_local_flush_one", pmap.flush_page - pmap.page_received);
    number(seq, "pmap_flush_sent", pmap.flush_sent);
    number(seq, "pmap_flush_page", pmap.flush_page);
    number(seq, "pmap_flush_space", pmap.flush_space);
    number(seq, "pmap_table_shared", pmap.table_shared);
    number(seq, "pmap_table_unshared", pmap.table_unshared);
}

/* Linux's names where they mean the same, then Quire's own. */
int procfs_show_vmstat(struct seq *seq, const struct procfs_subject *subject) {
    (void)subject;
    show_frames(seq);
    show_faults(seq);
    show_flushes(seq);
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
