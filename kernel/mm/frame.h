/* SPDX-License-Identifier: MIT */
/*
 * Physical frames: a record for each, and who may have them.
 *
 * Words: a frame is one 4 KiB page of RAM; a block of order k is 2^k frames, aligned to its size
 * (0 <= k <= FRAME_ORDER_MAX), its first frame the head, the others tails. The frame table is one
 * array over all of physical memory up to the highest RAM, 8 bytes a frame, placed in RAM itself.
 *
 * Invariants:
 *  - each frame has exactly one use; frame_stats_get's by_use[] is what recounting the table gives;
 *  - free frames, on the buddy's lists or in a processor's cache, are FRAME_FREE with refs 0;
 *  - a block's tails have its use, refs 0, order FRAME_ORDER_TAIL and in count their distance from
 *    the head;
 *  - a run is FRAME_RUN_FRAMES single frames, consecutive and aligned, that were handed out
 *    together (frame_alloc_run). Each is freed by itself, and carries FRAME_RUN_MARK in count from
 *    then until it is handed out again, so a run is whole exactly when all its frames are in use
 *    for the same and marked;
 *  - the sum of by_use[] is total. FRAME_HOLE (no RAM) is not counted.
 *
 * A frame that a kernel cache keeps in hand but would give back when asked (an empty slab, a spare
 * stack, a zeroed table) is set to FRAME_SPARE for that time and is counted as free: so "free"
 * before and after a workload is equal to the frame.
 *
 * Locks: each processor's cache is its own; the buddy's lists are under a spinlock of rank
 * LOCK_RANK_FRAME, taken inside, as is LOCK_RANK_COLLECT when nothing is found. refs is atomic. The
 * rest of struct frame belongs to whoever owns the frame; but whoever frees the frame next to it
 * looks at use and order, which the allocator therefore changes as one word. Nothing here sleeps.
 * Not to be called from interrupt handlers.
 */
#ifndef MM_FRAME_H
#define MM_FRAME_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/assert.h"
#include "mm/phys.h"

enum frame_use {
    FRAME_FREE,
    FRAME_RESERVED, /* never the allocator's: firmware, the kernel's image, initramfs */
    FRAME_KERNEL,   /* kmalloc's big blocks, the frame table, buffers */
    FRAME_SLAB,
    FRAME_STACK, /* kernel stacks */
    FRAME_TABLE, /* page tables */
    FRAME_ANON,  /* private pages */
    FRAME_FILE,  /* pages of a file's object */
    FRAME_SHMEM, /* pages of shared memory that is no file */
    FRAME_ZERO,  /* the one page of zeroes */
    FRAME_SPARE, /* kept in hand by a kernel cache: counted as free */
    FRAME_HOLE,  /* no RAM here */
    FRAME_USE_COUNT
};

struct frame {
    _Atomic uint32_t refs; /* atomic */
    uint8_t use;           /* enum frame_use */
    uint8_t order;         /* of the block this is the head of, or FRAME_ORDER_TAIL */
    uint16_t count;        /* the owner's: page tables keep their entries in use here, frames of
                              a run FRAME_RUN_MARK and a number of their owners' */
};

_Static_assert(offsetof(struct frame, use) % 2 == 0 &&
                   offsetof(struct frame, order) == offsetof(struct frame, use) + 1,
               "use and order are one word: frame_private.h");

_Static_assert(sizeof(struct frame) == 8, "the frame table is 8 bytes a frame");

#define FRAME_ORDER_MAX 10u
#define FRAME_ORDER_TAIL 0xffu

#define FRAME_RUN_ORDER 9u
#define FRAME_RUN_FRAMES (1u << FRAME_RUN_ORDER)
#define FRAME_RUN_BYTES (FRAME_RUN_FRAMES * PAGE_SIZE)
#define FRAME_RUN_MARK 0x8000u

struct frame_stats {
    uint64_t total; /* frames of RAM */
    uint64_t free;  /* all that could be handed out, FRAME_SPARE included */
    uint64_t by_use[FRAME_USE_COUNT];
};

/* In debug builds: called for each block that is about to be freed, and may panic. Set at boot;
 * NULL: nobody. */
extern void (*frame_free_watch)(const struct frame *first, unsigned order);

/* The table, and how many records it has (from pfn 0). Constant after frame_init. */
extern struct frame *frame_table;
extern uint64_t frame_table_count;

/* Takes over RAM. `ram`: n disjoint ranges; bytes outside whole pages are ignored. `reserved`: m
 * ranges, which may overlap each other and reach outside RAM; every page they touch stays
 * FRAME_RESERVED. The frame table goes to the end of the highest unreserved stretch that holds it.
 * All of `ram` must be in the direct map already, and cpu_index() must work.
 * Returns 0, -EINVAL (no RAM, or beyond 16 TiB), -ENOMEM (nowhere to put the table). */
int frame_init(const struct phys_range *ram, size_t n, const struct phys_range *reserved, size_t m);

/* Gives the reserved whole pages in [start, end) to the allocator (initramfs, boot-time tables).
 * Pages that are not FRAME_RESERVED are left alone. */
void frame_release_range(paddr_t start, paddr_t end);

/* One frame of any address, refs 1, order 0, count 0, contents undefined. NULL: out of memory, in
 * the hands of all processors too: other processors may be called (sync/cpu_call.h). */
struct frame *frame_alloc(enum frame_use use) __attribute__((warn_unused_result));

/* The same, cleared. */
struct frame *frame_alloc_zeroed(enum frame_use use) __attribute__((warn_unused_result));

/* A block; its head has refs 1. NULL: nothing that large is free, or order > FRAME_ORDER_MAX. */
struct frame *frame_alloc_order(enum frame_use use, unsigned order)
    __attribute__((warn_unused_result));

/*
 * A run: FRAME_RUN_FRAMES single frames, each with refs 1 and freed by frame_unref, contents
 * undefined. The first of them, or NULL: no free block is large enough. Nothing is given back or
 * moved to make one, so failing is cheap, and says nothing about single frames.
 */
struct frame *frame_alloc_run(enum frame_use use) __attribute__((warn_unused_result));

/* Whether the run that this frame may be part of is whole. */
bool frame_run_is_whole(const struct frame *f);

/* Bytes of anonymous memory that lie in whole runs. Counted when asked: a look at every run's
 * place, and at the frames of those that may be one. */
uint64_t frame_run_bytes(void);

/* Frees a block by its head, whatever its refs (the caller knows it is the only one). The order
 * is remembered in the head. */
void frame_free_order(struct frame *head, unsigned order);

/* Frees one frame that has refs 0: what frame_unref does at the end. */
void frame_free(struct frame *f);

/* Changes what a block (by its head) is counted as. */
void frame_set_use(struct frame *f, enum frame_use use);

/*
 * Asked when an allocation finds nothing, by one processor at a time.
 *
 * reclaim gives spare frames back with frame_free, frame_unref or frame_free_order and returns how
 * many. It runs under whatever locks the allocator's caller holds, so it takes only locks that
 * nobody holds while allocating (LOCK_RANK_KVA to _SLAB).
 *
 * hand_over is for what each processor keeps for itself (mm/hand.h), else NULL. It runs on all
 * other processors before, in an interrupt: it makes that ready for the reclaim that follows, and
 * takes no lock. False: it is being touched, and hand_over is to be called once more.
 */
struct frame_reclaimer {
    size_t (*reclaim)(void);
    bool (*hand_over)(void);
    struct frame_reclaimer *next;
};

/* Adds a reclaimer, for ever. At start only: the list has no lock. */
void frame_reclaimer_add(struct frame_reclaimer *reclaimer);

/* Counts at this moment; exact when nothing is being allocated elsewhere. */
void frame_stats_get(struct frame_stats *stats);

/* The name of a use: "free", "anon", ... */
const char *frame_use_name(enum frame_use use);

static inline paddr_t frame_to_phys(const struct frame *f) {
    return (paddr_t)(f - frame_table) << PAGE_SHIFT;
}

static inline pfn_t frame_to_pfn(const struct frame *f) {
    return (pfn_t)(f - frame_table);
}

/* The record for `paddr`, which is below the end of RAM. */
static inline struct frame *phys_to_frame(paddr_t paddr) {
    return &frame_table[paddr >> PAGE_SHIFT];
}

/* The same for any address at all: NULL where there is no RAM. */
static inline struct frame *phys_to_frame_checked(paddr_t paddr) {
    if (paddr >> PAGE_SHIFT >= frame_table_count || phys_to_frame(paddr)->use == FRAME_HOLE)
        return NULL;
    return phys_to_frame(paddr);
}

static inline void *frame_to_virt(const struct frame *f) {
    return phys_to_virt(frame_to_phys(f));
}

static inline struct frame *virt_to_frame(const void *ptr) {
    return phys_to_frame(virt_to_phys(ptr));
}

/* Whether a frame in use came as part of a run. */
static inline bool frame_is_of_run(const struct frame *f) {
    return __atomic_load_n(&f->count, __ATOMIC_RELAXED) & FRAME_RUN_MARK && f->use == FRAME_ANON;
}

/* A number below FRAME_RUN_MARK that the owners of a run keep in the record of one of its frames,
 * which the caller holds. Owners do not keep each other from changing it: it is a hint. */
static inline unsigned frame_run_hint(const struct frame *f) {
    return __atomic_load_n(&f->count, __ATOMIC_RELAXED) & (FRAME_RUN_MARK - 1u);
}

static inline void frame_run_set_hint(struct frame *f, unsigned number) {
    __atomic_store_n(&f->count, (uint16_t)(FRAME_RUN_MARK | number), __ATOMIC_RELAXED);
}

/* Who finds itself alone sees all that the others did before they let go. */
static inline uint32_t frame_refs(const struct frame *f) {
    return atomic_load_explicit(&((struct frame *)(uintptr_t)f)->refs, memory_order_acquire);
}

static inline void frame_ref(struct frame *f) {
    atomic_fetch_add_explicit(&f->refs, 1, memory_order_relaxed);
}

/* Drops a reference to a frame of order 0; the last one frees it. */
static inline void frame_unref(struct frame *f) {
    if (atomic_fetch_sub_explicit(&f->refs, 1, memory_order_acq_rel) == 1)
        frame_free(f);
}

#endif
