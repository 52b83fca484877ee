/* SPDX-License-Identifier: MIT */
/*
 * /proc/PID/maps, smaps, pagemap and mem: an address space from outside.
 *
 * The cursor of maps and smaps is the address where the next area is looked for, so that a space
 * that changes while it is read shows each area at most once and never one that has gone.
 */
#include "abi/errno.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "machine/layout.h"
#include "mm/slab.h"
#include "proc/procfs_private.h"
#include "vfs/access.h"
#include "vm/space.h"

typedef unsigned long long ull;

#define KIB_PER_PAGE (PAGE_SIZE / 1024)
#define NAME_COLUMN 72u

/* ---- maps ---- */

static const char *area_name(const struct vm_area_info *info) {
    if (info->identity.name[0])
        return info->identity.name;
    if (info->flags & VM_AREA_HEAP)
        return "[heap]";
    return info->flags & VM_AREA_STACK ? "[stack]" : "";
}

static void show_area(struct seq *seq, const struct vm_area_info *info) {
    size_t start = seq->length;
    const char *name = area_name(info);

    seq_printf(seq, "%08llx-%08llx %c%c%c%c %08llx %02x:%02x %llu ", (ull)info->start,
               (ull)info->end, info->prot & VM_READ ? 'r' : '-', info->prot & VM_WRITE ? 'w' : '-',
               info->prot & VM_EXEC ? 'x' : '-', info->flags & VM_AREA_SHARED ? 's' : 'p',
               (ull)info->offset_bytes, info->identity.device_major, info->identity.device_minor,
               (ull)info->identity.inode);
    if (name[0]) {
        seq_pad(seq, start, NAME_COLUMN);
        seq_string(seq, " ");
        seq_escaped(seq, name, "\n");
    }
    seq_string(seq, "\n");
}

/* Shows areas from the cursor on, until a piece is full. */
static int show_areas(struct seq *seq, struct process *process,
                      void (*show)(struct seq *, struct vm_space *, const struct vm_area_info *)) {
    struct vm_space *space = process_space_get(process);
    struct vm_area_info *info = space ? kmalloc(sizeof(*info)) : NULL;
    int error = space && !info ? -ENOMEM : 0;

    while (info && !seq->more && vm_space_area_info(space, seq->cursor, info)) {
        show(seq, space, info);
        seq->cursor = info->end;
        seq->more = seq->length >= SEQ_PIECE_BYTES;
    }
    kfree(info);
    if (space)
        vm_space_unref(space);
    return error;
}

static void show_maps_line(struct seq *seq, struct vm_space *space,
                           const struct vm_area_info *info) {
    (void)space;
    show_area(seq, info);
}

int procfs_show_maps(struct seq *seq, const struct procfs_subject *subject) {
    return show_areas(seq, subject->process, show_maps_line);
}

/* ---- smaps ---- */

struct area_pages {
    uint64_t resident, alone_anonymous, shared_anonymous, alone_file, shared_file;
};

static void count_pages(struct vm_space *space, const struct vm_area_info *info,
                        struct area_pages *pages) {
    struct vm_page_info page;

    memset(pages, 0, sizeof(*pages));
    for (uint64_t va = info->start; va < info->end && !sched_pause(); va += PAGE_SIZE) {
        vm_space_page_info(space, va, &page);
        if (!page.present)
            continue;
        pages->resident++;
        if (page.anonymous)
            page.alone ? pages->alone_anonymous++ : pages->shared_anonymous++;
        else
            page.alone ? pages->alone_file++ : pages->shared_file++;
    }
}

static void line_kib(struct seq *seq, const char *name, uint64_t pages) {
    size_t start = seq->length;

    seq_printf(seq, "%s:", name);
    seq_pad(seq, start, 16);
    seq_printf(seq, "%8llu kB\n", (ull)(pages * KIB_PER_PAGE));
}

static void show_smaps_area(struct seq *seq, struct vm_space *space,
                            const struct vm_area_info *info) {
    struct area_pages pages;

    count_pages(space, info, &pages);
    show_area(seq, info);
    line_kib(seq, "Size", (info->end - info->start) / PAGE_SIZE);
    line_kib(seq, "KernelPageSize", 1);
    line_kib(seq, "MMUPageSize", 1);
    line_kib(seq, "Rss", pages.resident);
    line_kib(seq, "Shared_Clean", pages.shared_file);
    line_kib(seq, "Shared_Dirty", pages.shared_anonymous);
    line_kib(seq, "Private_Clean", pages.alone_file);
    line_kib(seq, "Private_Dirty", pages.alone_anonymous);
    line_kib(seq, "Referenced", pages.resident);
    line_kib(seq, "Anonymous", pages.alone_anonymous + pages.shared_anonymous);
    line_kib(seq, "AnonHugePages", 0);
    line_kib(seq, "Swap", 0);
    line_kib(seq, "Locked", 0);
}

int procfs_show_smaps(struct seq *seq, const struct procfs_subject *subject) {
    return show_areas(seq, subject->process, show_smaps_area);
}

/* ---- pagemap ---- */

#define ENTRY_BYTES sizeof(uint64_t)
#define ENTRY_ALONE (1ull << 56)
#define ENTRY_FILE (1ull << 61)
#define ENTRY_PRESENT (1ull << 63)
#define ENTRIES_PER_CHUNK 64u

/* One entry. Only root learns the frame's number. */
static uint64_t pagemap_entry(struct vm_space *space, uint64_t va, bool with_frame) {
    struct vm_page_info page;

    vm_space_page_info(space, va, &page);
    if (!page.present)
        return 0;
    return ENTRY_PRESENT | (page.alone ? ENTRY_ALONE : 0) | (page.anonymous ? 0 : ENTRY_FILE) |
           (with_frame ? frame_to_pfn(page.frame) : 0);
}

static long pagemap_copy(struct vm_space *space, struct iobuf *b, uint64_t *pos) {
    uint64_t chunk[ENTRIES_PER_CHUNK];
    bool with_frame = vfs_is_root();
    long total = 0;

    while (b->left > 0 && *pos / ENTRY_BYTES < USER_END / PAGE_SIZE) {
        uint64_t first = *pos / ENTRY_BYTES;
        uint64_t count = MIN((uint64_t)ENTRIES_PER_CHUNK, (uint64_t)b->left / ENTRY_BYTES);
        count = MIN(count, USER_END / PAGE_SIZE - first);
        for (uint64_t i = 0; i < count; i++)
            chunk[i] = pagemap_entry(space, (first + i) * PAGE_SIZE, with_frame);
        long copied = iobuf_copy_out(b, chunk, count * ENTRY_BYTES);
        if (copied < 0)
            return total > 0 ? total : copied;
        total += copied;
        *pos += (uint64_t)copied;
        if ((uint64_t)copied < count * ENTRY_BYTES || sched_pause())
            break;
    }
    return total;
}

long procfs_read_pagemap(const struct procfs_subject *subject, struct iobuf *b, uint64_t *pos) {
    if (*pos % ENTRY_BYTES || b->left % ENTRY_BYTES)
        return -EINVAL;
    struct vm_space *space = process_space_get(subject->process);
    if (!space)
        return 0;
    long result = pagemap_copy(space, b, pos);
    vm_space_unref(space);
    return result;
}

/* ---- mem ---- */

#define MEM_CHUNK_BYTES 512u

/* The process's memory at address `pos`. -EIO: nothing readable there. */
static long mem_copy(struct vm_space *space, struct iobuf *b, uint64_t *pos) {
    char chunk[MEM_CHUNK_BYTES];
    long total = 0;

    while (b->left > 0 && *pos < USER_END) {
        size_t want = MIN(b->left, sizeof(chunk));
        want = MIN(want, (size_t)(PAGE_SIZE - *pos % PAGE_SIZE));
        if (vm_space_read(space, *pos, chunk, want))
            return total > 0 ? total : -EIO;
        long copied = iobuf_copy_out(b, chunk, want);
        if (copied < 0)
            return total > 0 ? total : copied;
        total += copied;
        *pos += (uint64_t)copied;
        if ((size_t)copied < want || sched_pause())
            break;
    }
    return total;
}

long procfs_read_mem(const struct procfs_subject *subject, struct iobuf *b, uint64_t *pos) {
    struct vm_space *space = process_space_get(subject->process);

    if (!space)
        return 0;
    long result = mem_copy(space, b, pos);
    vm_space_unref(space);
    return result;
}
