/* SPDX-License-Identifier: MIT */
/*
 * /proc/PID/maps, smaps and smaps_rollup: the areas of an address space, and what each one costs.
 *
 * The cursor of maps and smaps is the address where the next area is looked for, so that a space
 * that changes while it is read shows each area at most once and never one that has gone.
 *
 * Who shares a page with whom is told by a census (vm/census.h), taken when smaps begins and kept
 * until its end: all its areas are measured by the same one.
 *
 * Clean and dirty: a page of which there is no copy anywhere else is dirty. That is each private
 * page, and each of a file in memory, as on a tmpfs of Linux: there are no others.
 */
#include "abi/errno.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "machine/layout.h"
#include "mm/slab.h"
#include "proc/procfs_private.h"
#include "vm/census.h"
#include "vm/space.h"

typedef unsigned long long ull;

#define KIB_PER_PAGE (PAGE_SIZE / 1024)
#define NAME_COLUMN 72u
#define VALUE_COLUMN 16u

/* What is shown of one address space, and how far. */
struct listing {
    struct seq *seq;
    struct process *process;
    struct vm_space *space;
    struct vm_area_info info; /* the area at the cursor */
};

/* ---- walking ---- */

/* Calls show for each area from the cursor on, until a piece is full. */
static void show_areas(struct listing *l, void (*show)(struct listing *)) {
    struct seq *seq = l->seq;

    while (!seq->more && vm_space_area_info(l->space, seq->cursor, &l->info)) {
        show(l);
        seq->cursor = l->info.end;
        seq->more = seq->length >= SEQ_PIECE_BYTES;
    }
}

/* Runs body on a listing of the subject. A process that has no memory any more shows nothing. */
static int list_space(struct seq *seq, const struct procfs_subject *subject,
                      int (*body)(struct listing *)) {
    struct vm_space *space = process_space_get(subject->process);
    struct listing *l = space ? kmalloc(sizeof(*l)) : NULL;
    int error = space && !l ? -ENOMEM : 0;

    if (l) {
        l->seq = seq;
        l->process = subject->process;
        l->space = space;
        error = body(l);
    }
    kfree(l);
    if (space)
        vm_space_unref(space);
    return error;
}

/* ---- maps ---- */

/* As on Linux, the stack is the area where the first thread's began, not what was cut off it. */
static const char *area_name(const struct process *process, const struct vm_area_info *info) {
    uint64_t stack = process->image.stack_start;

    if (info->identity.name[0])
        return info->identity.name;
    if (info->flags & VM_AREA_HEAP)
        return "[heap]";
    if ((info->flags & VM_AREA_STACK) && info->start <= stack && stack <= info->end)
        return "[stack]";
    return "";
}

static void show_name(struct seq *seq, size_t start, const char *name) {
    if (name[0]) {
        seq_pad(seq, start, NAME_COLUMN);
        seq_string(seq, " ");
        seq_escaped(seq, name, "\n");
    }
    seq_string(seq, "\n");
}

void procfs_show_area(struct seq *seq, const struct process *process,
                      const struct vm_area_info *info) {
    size_t start = seq->length;

    seq_printf(seq, "%08llx-%08llx %c%c%c%c %08llx %02x:%02x %llu ", (ull)info->start,
               (ull)info->end, info->prot & VM_READ ? 'r' : '-', info->prot & VM_WRITE ? 'w' : '-',
               info->prot & VM_EXEC ? 'x' : '-', info->flags & VM_AREA_SHARED ? 's' : 'p',
               (ull)info->offset_bytes, info->identity.device_major, info->identity.device_minor,
               (ull)info->identity.inode);
    show_name(seq, start, area_name(process, info));
}

static void show_line(struct listing *l) {
    procfs_show_area(l->seq, l->process, &l->info);
}

static int maps_body(struct listing *l) {
    show_areas(l, show_line);
    return 0;
}

int procfs_show_maps(struct seq *seq, const struct procfs_subject *subject) {
    return list_space(seq, subject, maps_body);
}

/* ---- smaps ---- */

static void census_give_back(void *kept) {
    vm_census_free(kept);
    kfree(kept);
}

/* Takes a census if the text begins here. 0 or -ENOMEM. */
static int census_keep(struct seq *seq) {
    struct vm_census *census;

    if (seq->kept)
        return 0;
    census = kmalloc(sizeof(*census));
    if (!census)
        return -ENOMEM;
    if (vm_census_take(census) < 0) {
        kfree(census);
        return -ENOMEM;
    }
    seq->kept = census;
    seq->kept_free = census_give_back;
    return 0;
}

static void line_kib(struct seq *seq, const char *name, uint64_t kib) {
    size_t start = seq->length;

    seq_printf(seq, "%s:", name);
    seq_pad(seq, start, VALUE_COLUMN);
    seq_printf(seq, "%8llu kB\n", (ull)kib);
}

static uint64_t share_kib(uint64_t share) {
    return share >> (10 + VM_SHARE_SHIFT);
}

static void show_shares(struct seq *seq, const struct vm_sums *sums, bool by_kind) {
    line_kib(seq, "Rss", sums->resident * KIB_PER_PAGE);
    line_kib(seq, "Pss", share_kib(sums->share));
    line_kib(seq, "Pss_Dirty", share_kib(sums->share));
    if (!by_kind)
        return;
    line_kib(seq, "Pss_Anon", share_kib(sums->share_anon));
    line_kib(seq, "Pss_File", share_kib(sums->share_file));
    line_kib(seq, "Pss_Shmem", share_kib(sums->share_shmem));
}

/* Linux's lines in Linux's order. What there is nothing of here is 0. */
static void show_sums(struct seq *seq, const struct vm_sums *sums, bool by_kind) {
    const struct {
        const char *name;
        uint64_t kib;
    } lines[] = {
        {"Shared_Clean", 0},
        {"Shared_Dirty", sums->shared * KIB_PER_PAGE},
        {"Private_Clean", 0},
        {"Private_Dirty", (sums->resident - sums->shared) * KIB_PER_PAGE},
        {"Referenced", sums->resident * KIB_PER_PAGE}, /* nothing ever clears the marks */
        {"Anonymous", sums->anonymous * KIB_PER_PAGE},
        {"LazyFree", 0},
        {"AnonHugePages", sums->large * KIB_PER_PAGE},
        {"ShmemPmdMapped", 0},
        {"FilePmdMapped", 0},
        {"Shared_Hugetlb", 0},
        {"Private_Hugetlb", 0},
        {"Swap", 0},
        {"SwapPss", 0},
        {"Locked", share_kib(sums->share_locked)},
    };

    show_shares(seq, sums, by_kind);
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
        line_kib(seq, lines[i].name, lines[i].kib);
}

/* The two letters of each property, in Linux's order. */
static void show_flags(struct seq *seq, const struct vm_area_info *info) {
    bool shared = info->flags & VM_AREA_SHARED;
    const struct {
        const char *letters;
        bool holds;
    } flags[] = {
        {"rd", info->prot & VM_READ},
        {"wr", info->prot & VM_WRITE},
        {"ex", info->prot & VM_EXEC},
        {"sh", shared},
        {"mr", info->max_prot & VM_READ},
        {"mw", info->max_prot & VM_WRITE},
        {"me", info->max_prot & VM_EXEC},
        {"ms", shared},
        {"gd", info->flags & VM_AREA_GROWS_DOWN},
        {"lo", info->flags & VM_AREA_LOCKED},
        {"sr", info->flags & VM_AREA_SEQUENTIAL},
        {"rr", info->flags & VM_AREA_RANDOM},
        {"dc", info->flags & VM_AREA_NO_FORK},
        {"lf", info->flags & VM_AREA_LOCK_ON_FAULT},
        {"nr", info->flags & VM_AREA_NO_RESERVE},
        {"wf", info->flags & VM_AREA_WIPE_ON_FORK},
        {"dd", info->flags & VM_AREA_NO_DUMP},
        {"hg", info->flags & VM_AREA_HUGE},
        {"nh", info->flags & VM_AREA_NO_HUGE},
    };

    seq_string(seq, "VmFlags: ");
    for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
        if (flags[i].holds)
            seq_printf(seq, "%s ", flags[i].letters);
    seq_string(seq, "\n");
}

static void show_smaps_area(struct listing *l) {
    struct vm_sums sums = {0};
    struct seq *seq = l->seq;

    vm_space_sums(l->space, (struct vm_range){l->info.start, l->info.end}, seq->kept, &sums);
    show_line(l);
    line_kib(seq, "Size", (l->info.end - l->info.start) / 1024);
    line_kib(seq, "KernelPageSize", KIB_PER_PAGE);
    line_kib(seq, "MMUPageSize", KIB_PER_PAGE);
    show_sums(seq, &sums, false);
    seq_printf(seq, "THPeligible:    %d\n", l->info.huge_eligible);
    show_flags(seq, &l->info);
}

static int smaps_body(struct listing *l) {
    int error = census_keep(l->seq);

    if (!error)
        show_areas(l, show_smaps_area);
    return error;
}

int procfs_show_smaps(struct seq *seq, const struct procfs_subject *subject) {
    return list_space(seq, subject, smaps_body);
}

/* ---- smaps_rollup ---- */

static int rollup_body(struct listing *l) {
    struct vm_sums sums = {0};
    struct seq *seq = l->seq;
    struct vm_range range = {0, 0};
    int error = census_keep(seq);

    if (error)
        return error;
    while (vm_space_area_info(l->space, range.end, &l->info)) {
        range.start = range.end ? range.start : l->info.start;
        range.end = l->info.end;
    }
    vm_space_sums(l->space, range, seq->kept, &sums);
    seq_printf(seq, "%08llx-%08llx ---p 00000000 00:00 0 ", (ull)range.start, (ull)range.end);
    show_name(seq, 0, "[rollup]");
    show_sums(seq, &sums, true);
    return 0;
}

int procfs_show_smaps_rollup(struct seq *seq, const struct procfs_subject *subject) {
    return list_space(seq, subject, rollup_body);
}
