/* SPDX-License-Identifier: MIT */
/*
 * procfs: /proc/kpagecount and kpageflags: 8 bytes for each frame of physical memory, by number.
 * For root. Read at multiples of 8; past the last frame they end.
 *
 * Source: Linux, Documentation/admin-guide/mm/pagemap.rst. Bits that mean nothing here (LRU,
 * WRITEBACK and the like: nothing is ever reclaimed) are never set.
 */
#include "abi/errno.h"
#include "fs/procfs/procfs_private.h"
#include "lib/bits.h"
#include "mm/frame.h"
#include "sched/thread.h"
#include "vm/census.h"

#define KPF_REFERENCED (1ull << 2)
#define KPF_UPTODATE (1ull << 3)
#define KPF_DIRTY (1ull << 4)
#define KPF_SLAB (1ull << 7)
#define KPF_BUDDY (1ull << 10)
#define KPF_MMAP (1ull << 11)
#define KPF_ANON (1ull << 12)
#define KPF_SWAPBACKED (1ull << 14)
#define KPF_COMPOUND_HEAD (1ull << 15)
#define KPF_COMPOUND_TAIL (1ull << 16)
#define KPF_NOPAGE (1ull << 20)
#define KPF_THP (1ull << 22)
#define KPF_ZERO_PAGE (1ull << 24)
#define KPF_PGTABLE (1ull << 26)

#define LARGE_FRAMES 512u

#define ENTRY_BYTES sizeof(uint64_t)
#define ENTRIES_PER_CHUNK 64u

typedef uint64_t (*entry_fn)(const struct vm_census *census, const struct frame *frame);

static uint64_t count_entry(const struct vm_census *census, const struct frame *frame) {
    return vm_census_count(census, frame);
}

static const uint64_t flags_of_use[FRAME_USE_COUNT] = {
    [FRAME_FREE] = KPF_BUDDY,
    [FRAME_SPARE] = KPF_BUDDY,
    [FRAME_SLAB] = KPF_SLAB,
    [FRAME_TABLE] = KPF_PGTABLE,
    [FRAME_ANON] = KPF_UPTODATE | KPF_DIRTY | KPF_ANON | KPF_SWAPBACKED,
    [FRAME_FILE] = KPF_UPTODATE | KPF_DIRTY | KPF_SWAPBACKED,
    [FRAME_SHMEM] = KPF_UPTODATE | KPF_DIRTY | KPF_SWAPBACKED,
    [FRAME_ZERO] = KPF_ZERO_PAGE,
    [FRAME_HOLE] = KPF_NOPAGE,
};

/* Blocks of several frames; the records of free ones mean something else. */
static uint64_t block_flags(const struct frame *frame) {
    if (frame->use != FRAME_SLAB && frame->use != FRAME_KERNEL)
        return 0;
    if (frame->order == FRAME_ORDER_TAIL)
        return KPF_COMPOUND_TAIL;
    return frame->order > 0 ? KPF_COMPOUND_HEAD : 0;
}

/* What the census adds: entries that lead here are all marked as used by the processor. */
static uint64_t seen_flags(const struct vm_census *census, const struct frame *frame) {
    uint64_t flags = vm_census_count(census, frame) ? KPF_MMAP | KPF_REFERENCED : 0;

    if (vm_census_is_large(census, frame))
        flags |=
            KPF_THP | (frame_to_pfn(frame) % LARGE_FRAMES ? KPF_COMPOUND_TAIL : KPF_COMPOUND_HEAD);
    return flags;
}

static uint64_t flags_entry(const struct vm_census *census, const struct frame *frame) {
    return flags_of_use[frame->use] | block_flags(frame) | seen_flags(census, frame);
}

static long read_entries(const struct vm_census *census, struct iobuf *b, uint64_t *pos,
                         entry_fn entry) {
    uint64_t chunk[ENTRIES_PER_CHUNK];
    long total = 0;

    while (b->left > 0 && *pos / ENTRY_BYTES < frame_table_count) {
        uint64_t first = *pos / ENTRY_BYTES;
        uint64_t count = MIN((uint64_t)ENTRIES_PER_CHUNK, (uint64_t)b->left / ENTRY_BYTES);

        count = MIN(count, frame_table_count - first);
        for (uint64_t i = 0; i < count; i++)
            chunk[i] = entry(census, &frame_table[first + i]);
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

static long read_with_census(struct iobuf *b, uint64_t *pos, entry_fn entry) {
    struct vm_census census;
    long result;

    if (*pos % ENTRY_BYTES || b->left % ENTRY_BYTES)
        return -EINVAL;
    if (*pos / ENTRY_BYTES >= frame_table_count)
        return 0;
    result = vm_census_take(&census);
    if (result)
        return result;
    result = read_entries(&census, b, pos, entry);
    vm_census_free(&census);
    return result;
}

long procfs_read_kpagecount(const struct procfs_subject *subject, struct iobuf *b, uint64_t *pos) {
    (void)subject;
    return read_with_census(b, pos, count_entry);
}

long procfs_read_kpageflags(const struct procfs_subject *subject, struct iobuf *b, uint64_t *pos) {
    (void)subject;
    return read_with_census(b, pos, flags_entry);
}
