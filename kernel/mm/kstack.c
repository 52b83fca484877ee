/* SPDX-License-Identifier: MIT */
/*
 * Kernel stacks with guard pages, and a pool of spare ones. Contracts: mm/kva.h.
 *
 *   slot:  | guard | page 0 | page 1 | page 2 | page 3          |
 *                                             ... top | record  |
 *
 * The record at the end of each mapped stack remembers its frames, so that neither a table walk
 * nor memory of its own is needed to free it or to mark it spare.
 *
 * Locks: kstacks.lock guards slots, pool and pool_count.
 */
#include "mm/kva.h"

#include "core/assert.h"
#include "lib/bitmap.h"
#include "lib/bits.h"
#include "mm/frame.h"
#include "mm/kmap.h"
#include "sync/spinlock.h"

#define POOL_MAX 16u
/* Only the lowest slots, which share one page table, are pooled: a spare stack further up would
 * keep a table alive that the workload it served made. */
#define POOL_SLOTS 100u
#define SLOT_SIZE (PAGE_SIZE + KSTACK_SIZE)

struct kstack_record {
    struct frame *frames[KSTACK_PAGES];
    struct kstack_record *next; /* in the pool */
    uint64_t unused[3];
};

_Static_assert(sizeof(struct kstack_record) == 64, "a stack's top is aligned to 64");
_Static_assert(KSTACK_SLOTS_MAX *SLOT_SIZE <= KVA_END - KVA_BASE, "the slots fit");

static struct {
    struct spinlock lock;
    uint64_t slots[BITMAP_WORDS(KSTACK_SLOTS_MAX)]; /* lock: bit set: in use or in the pool */
    struct kstack_record *pool;                     /* lock */
    unsigned pool_count;                            /* lock */
} kstacks = {.lock = SPINLOCK_INIT("kernel stacks", LOCK_RANK_KVA)};

static uintptr_t slot_stack(size_t slot) {
    return KVA_BASE + slot * SLOT_SIZE + PAGE_SIZE;
}

static size_t slot_of(const struct kstack_record *record) {
    return ((uintptr_t)record - KVA_BASE) / SLOT_SIZE;
}

static void set_frames_use(struct kstack_record *record, enum frame_use use) {
    for (unsigned i = 0; i < KSTACK_PAGES; i++)
        frame_set_use(record->frames[i], use);
}

/* The lowest free slot, now taken; KSTACK_SLOTS_MAX if there is none. */
static size_t slot_take(void) {
    size_t slot;

    spin_lock(&kstacks.lock);
    slot = bitmap_find_clear(kstacks.slots, KSTACK_SLOTS_MAX, 0);
    if (slot < KSTACK_SLOTS_MAX)
        bitmap_set(kstacks.slots, slot);
    spin_unlock(&kstacks.lock);
    return slot;
}

static void slot_release(size_t slot) {
    spin_lock(&kstacks.lock);
    bitmap_clear(kstacks.slots, slot);
    spin_unlock(&kstacks.lock);
}

/* Maps `n` frames from the slot's first stack page on. 0 or -ENOMEM, nothing mapped then. */
static int map_frames(size_t slot, struct frame *const *frames, unsigned n) {
    for (unsigned i = 0; i < n; i++) {
        int error =
            kmap_enter(slot_stack(slot) + i * PAGE_SIZE, frame_to_phys(frames[i]), KMAP_WRITE);

        if (error) {
            kmap_remove(slot_stack(slot), i + 1); /* with the table made for this page, if any */
            return error;
        }
    }
    return 0;
}

static void free_frames(struct frame *const *frames, unsigned n) {
    for (unsigned i = 0; i < n; i++)
        frame_unref(frames[i]);
}

/* A new stack in a slot that is the caller's; NULL when out of memory. */
static struct kstack_record *kstack_create(size_t slot) {
    struct kstack_record *record = (void *)(slot_stack(slot) + KSTACK_SIZE - sizeof(*record));
    struct frame *frames[KSTACK_PAGES];
    unsigned n;

    for (n = 0; n < KSTACK_PAGES; n++) {
        frames[n] = frame_alloc(FRAME_STACK);
        if (frames[n] == NULL)
            goto free_frames;
    }
    if (map_frames(slot, frames, n) != 0)
        goto free_frames;
    for (unsigned i = 0; i < KSTACK_PAGES; i++)
        record->frames[i] = frames[i];
    return record;

free_frames:
    free_frames(frames, n);
    return NULL;
}

static void kstack_destroy(struct kstack_record *record) {
    size_t slot = slot_of(record);
    struct frame *frames[KSTACK_PAGES];

    for (unsigned i = 0; i < KSTACK_PAGES; i++)
        frames[i] = record->frames[i];
    kmap_remove(slot_stack(slot), KSTACK_PAGES);
    free_frames(frames, KSTACK_PAGES);
    slot_release(slot);
}

static struct kstack_record *pool_take(void) {
    struct kstack_record *record;

    spin_lock(&kstacks.lock);
    record = kstacks.pool;
    if (record) {
        kstacks.pool = record->next;
        kstacks.pool_count--;
        set_frames_use(record, FRAME_STACK);
    }
    spin_unlock(&kstacks.lock);
    return record;
}

/* Puts a stack into the pool; false when it is full. */
static bool pool_put(struct kstack_record *record) {
    bool room;

    spin_lock(&kstacks.lock);
    room = kstacks.pool_count < POOL_MAX && slot_of(record) < POOL_SLOTS;
    if (room) {
        set_frames_use(record, FRAME_SPARE);
        record->next = kstacks.pool;
        kstacks.pool = record;
        kstacks.pool_count++;
    }
    spin_unlock(&kstacks.lock);
    return room;
}

void *kstack_alloc(void) {
    struct kstack_record *record = pool_take();
    size_t slot;

    if (record)
        return record;
    slot = slot_take();
    if (slot == KSTACK_SLOTS_MAX)
        return NULL;
    record = kstack_create(slot);
    if (record == NULL)
        slot_release(slot);
    return record;
}

void kstack_free(void *top) {
    if (top && !pool_put(top))
        kstack_destroy(top);
}

static size_t kstack_reclaim(void) {
    struct kstack_record *record;
    size_t frames = 0;

    while ((record = pool_take()) != NULL) {
        kstack_destroy(record);
        frames += KSTACK_PAGES;
    }
    return frames;
}

void kstack_init(void) {
    static struct frame_reclaimer reclaimer = {.reclaim = kstack_reclaim};

    frame_reclaimer_add(&reclaimer);
}

size_t kstack_frames(void) {
    size_t stacks = 0;

    spin_lock(&kstacks.lock);
    for (size_t i = 0; i < ARRAY_SIZE(kstacks.slots); i++)
        for (uint64_t left = kstacks.slots[i]; left; left &= left - 1)
            stacks++;
    stacks -= kstacks.pool_count;
    spin_unlock(&kstacks.lock);
    return stacks * KSTACK_PAGES;
}

bool kstack_guard_hit(uintptr_t addr) {
    return addr >= KVA_BASE && addr - KVA_BASE < KSTACK_SLOTS_MAX * SLOT_SIZE &&
           (addr - KVA_BASE) % SLOT_SIZE < PAGE_SIZE;
}

bool kstack_contains(const void *top, uintptr_t addr, uintptr_t size) {
    uintptr_t end = (uintptr_t)top;
    uintptr_t start = slot_stack(slot_of(top));

    return addr >= start && addr <= end && size <= end - addr;
}
