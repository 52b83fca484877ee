/* SPDX-License-Identifier: MIT */
/*
 * /proc/PID/pagemap, pagetable and mem: an address space from outside, page by page, by where its
 * tables begin, and byte by byte.
 */
#include "abi/errno.h"
#include "lib/bits.h"
#include "machine/layout.h"
#include "proc/procfs_private.h"
#include "vfs/access.h"
#include "vm/census.h"
#include "vm/space.h"

/* ---- pagemap ---- */

#define ENTRY_BYTES sizeof(uint64_t)
#define ENTRY_SOFT_DIRTY (1ull << 55) /* written since marks were cleared, which nobody can */
#define ENTRY_ALONE (1ull << 56)
#define ENTRY_FILE (1ull << 61) /* no private memory */
#define ENTRY_PRESENT (1ull << 63)
#define ENTRIES_PER_CHUNK 64u

/* One read of the file. */
struct pagemap_read {
    struct vm_space *space;
    bool with_frames; /* only root learns their numbers */
    bool has_census;  /* taken when the first page is met that needs it */
    struct vm_census census;
};

/* Whether the page is mapped once. 0 or 1, -ENOMEM. */
static int is_alone(struct pagemap_read *read, const struct vm_page_info *page) {
    int error;

    if (page->anonymous)
        return page->alone;
    if (!read->has_census) {
        error = vm_census_take(&read->census);
        if (error)
            return error;
        read->has_census = true;
    }
    return vm_census_count(&read->census, page->frame) <= 1;
}

static int pagemap_entry(struct pagemap_read *read, uint64_t va, uint64_t *entry) {
    struct vm_page_info page;
    const struct frame *frame;
    int alone;

    vm_space_page_info(read->space, va, &page);
    *entry = page.in_area ? ENTRY_SOFT_DIRTY : 0;
    if (!page.present && !page.zero)
        return 0;
    frame = page.zero ? vm_zero_frame() : page.frame;
    *entry |= ENTRY_PRESENT | (read->with_frames ? frame_to_pfn(frame) : 0);
    if (page.zero)
        return 0;
    alone = is_alone(read, &page);
    if (alone < 0)
        return alone;
    *entry |= (alone ? ENTRY_ALONE : 0) | (page.anonymous ? 0 : ENTRY_FILE);
    return 0;
}

/* One chunk of entries. Bytes copied, less than asked for where the reader's memory ends. */
static long pagemap_copy_chunk(struct pagemap_read *read, struct iobuf *b, uint64_t first,
                               uint64_t count) {
    uint64_t chunk[ENTRIES_PER_CHUNK];

    for (uint64_t i = 0; i < count; i++) {
        int error = pagemap_entry(read, (first + i) * PAGE_SIZE, &chunk[i]);

        if (error)
            return error;
    }
    return iobuf_copy_out(b, chunk, count * ENTRY_BYTES);
}

static long pagemap_copy(struct pagemap_read *read, struct iobuf *b, uint64_t *pos) {
    const uint64_t pages = USER_END / PAGE_SIZE;
    long total = 0;

    while (b->left > 0 && *pos / ENTRY_BYTES < pages) {
        uint64_t first = *pos / ENTRY_BYTES;
        uint64_t count = MIN((uint64_t)ENTRIES_PER_CHUNK, (uint64_t)b->left / ENTRY_BYTES);
        long copied = pagemap_copy_chunk(read, b, first, MIN(count, pages - first));

        if (copied < 0)
            return total > 0 ? total : copied;
        total += copied;
        *pos += (uint64_t)copied;
        if (copied % (long)ENTRY_BYTES || copied == 0 || sched_pause())
            break;
    }
    return total;
}

/*
 * The space of a process that may be looked into, NULL if it has none. May it? is asked when the
 * space is found: execve(2) gives a program its ids first. 0 or -EACCES.
 */
static int space_get(struct process *process, struct vm_space **space) {
    *space = process_space_get(process);
    if (!*space || procfs_may_look(process))
        return 0;
    vm_space_unref(*space);
    return -EACCES;
}

long procfs_read_pagemap(const struct procfs_subject *subject, struct iobuf *b, uint64_t *pos) {
    struct pagemap_read read = {.with_frames = vfs_is_root()};
    long result;

    if (*pos % ENTRY_BYTES || b->left % ENTRY_BYTES)
        return -EINVAL;
    result = space_get(subject->process, &read.space);
    if (result || !read.space)
        return result;
    result = pagemap_copy(&read, b, pos);
    if (read.has_census)
        vm_census_free(&read.census);
    vm_space_unref(read.space);
    return result;
}

/* ---- pagetable ---- */

/* Where the process's top table lies in physical memory, for root alone. Quire's own file. */
int procfs_show_pagetable(struct seq *seq, const struct procfs_subject *subject) {
    struct vm_space *space;

    if (!vfs_is_root())
        return -EPERM;
    space = process_space_get(subject->process);
    if (!space)
        return 0;
    seq_printf(seq, "%#llx\n", (unsigned long long)vm_space_table_root(space));
    vm_space_unref(space);
    return 0;
}

/* ---- mem ---- */

#define MEM_CHUNK_BYTES 512u

/* Moves a chunk between the process's memory and a buffer, and that and the caller's. */
static long mem_read_chunk(struct vm_space *space, struct iobuf *b, uint64_t address, size_t size) {
    char chunk[MEM_CHUNK_BYTES];

    if (vm_space_read_forced(space, address, chunk, size) < 0)
        return -EIO;
    return iobuf_copy_out(b, chunk, size);
}

static long mem_write_chunk(struct vm_space *space, struct iobuf *b, uint64_t address,
                            size_t size) {
    char chunk[MEM_CHUNK_BYTES];
    long copied = iobuf_copy_in(b, chunk, size);

    if (copied > 0 && vm_space_write_forced(space, address, chunk, (size_t)copied) < 0)
        return -EIO;
    return copied;
}

typedef long (*mem_chunk_fn)(struct vm_space *, struct iobuf *, uint64_t, size_t);

/* Bytes moved until something stopped it; else why nothing was: -EIO: nothing is mapped there. */
static long mem_move(struct vm_space *space, struct iobuf *b, uint64_t *pos, mem_chunk_fn move) {
    long total = 0;

    while (b->left > 0) {
        size_t want = MIN(MIN(b->left, MEM_CHUNK_BYTES), PAGE_SIZE - *pos % PAGE_SIZE);
        long moved = *pos < USER_END ? move(space, b, *pos, want) : -EIO;

        if (moved < 0)
            return total > 0 ? total : moved;
        total += moved;
        *pos += (uint64_t)moved;
        if ((size_t)moved < want || sched_pause())
            break;
    }
    return total;
}

static long mem_move_of(const struct procfs_subject *subject, struct iobuf *b, uint64_t *pos,
                        mem_chunk_fn move) {
    struct vm_space *space;
    long result = space_get(subject->process, &space);

    if (result || !space)
        return result;
    result = mem_move(space, b, pos, move);
    vm_space_unref(space);
    return result;
}

long procfs_read_mem(const struct procfs_subject *subject, struct iobuf *b, uint64_t *pos) {
    return mem_move_of(subject, b, pos, mem_read_chunk);
}

long procfs_write_mem(const struct procfs_subject *subject, struct iobuf *b, uint64_t *pos) {
    return mem_move_of(subject, b, pos, mem_write_chunk);
}
