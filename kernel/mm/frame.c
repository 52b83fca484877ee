/* SPDX-License-Identifier: MIT */
/*
 * The frame allocator: a buddy system over the frame table, with a cache of single frames for
 * each processor. Contracts, words and invariants: mm/frame.h.
 *
 * A free block's head has its order in the table and its list node in the frame itself; all other
 * free frames (tails, and frames in a processor's cache) have order FRAME_ORDER_TAIL, so a buddy
 * can be joined exactly when it is FRAME_FREE with the same order. Its owner may be taking or
 * giving it at this moment, on another processor: so the two are read, and written, at once.
 *
 * A processor's cache takes and gives CACHE_BATCH frames at a time. The counts by use are kept per
 * processor too; only their sums mean something.
 *
 * A cache is its processor's alone and has no lock. When memory is out another processor asks for
 * what is in it (frame_collect.c), by an interrupt that may come between any two instructions: so
 * whoever changes the cache says before and after that he is touching it, and an interrupt that
 * finds it touched takes nothing and is asked for again.
 *
 * Locks: buddy.lock guards the lists and, of free frames, use and order. Not here: building the
 * table (frame_init.c), runs (frame_run.c).
 */
#include "mm/frame.h"

#include "core/assert.h"
#include "core/cpu.h"
#include "core/trace.h"
#include "lib/bits.h"
#include "lib/list.h"
#include "lib/string.h"
#include "mm/alloc_fail.h"
#include "mm/frame_private.h"
#include "mm/page_clear.h"
#include "sync/spinlock.h"

#define CACHE_MAX 384u
#define CACHE_BATCH 192u
#define CACHE_REFILL 32u
#define CACHE_REFILL_ORDER 5u

/* Padded to a power of two: indexing by processor is a shift. */
struct frame_cpu {
    union hand_state state; /* of cached[] */
    struct frame *cached[CACHE_MAX];
    uint64_t by_use[FRAME_USE_COUNT]; /* differences: they wrap, and only the sum is right */
    struct frame *handed;             /* to whoever collects, linked through their first word */
} __attribute__((aligned(4096)));

_Static_assert(sizeof(struct frame_cpu) == 4096, "a power of two");
_Static_assert(CACHE_REFILL + (1u << CACHE_REFILL_ORDER) <= CACHE_MAX, "a refill fits");

struct buddy {
    struct spinlock lock;
    struct list_node lists[FRAME_ORDER_MAX + 1]; /* lock */
    uint32_t nonempty;                           /* lock: bit k: lists[k] has a block */
    bool frugal;                                 /* lock: no cache takes more than it needs */
};

struct frame *frame_table;
uint64_t frame_table_count;

static struct buddy buddy;
static struct frame_cpu frame_cpus[CPU_MAX];

void (*frame_free_watch)(const struct frame *first, unsigned order);

static inline void watch_free(const struct frame *first, unsigned order) {
    if (QUIRE_DEBUG && frame_free_watch)
        frame_free_watch(first, order);
}

static struct frame_cpu *frame_cpu_of(const struct cpu *self) {
    return &frame_cpus[self->index];
}

static struct frame_cpu *this_cpu(void) {
    return frame_cpu_of(cpu_self());
}

static inline void count_move(struct frame_cpu *cpu, enum frame_use from, enum frame_use to,
                              uint64_t frames) {
    cpu->by_use[from] -= frames;
    cpu->by_use[to] += frames;
}

void frame_count_move(enum frame_use from, enum frame_use to, uint64_t frames) {
    count_move(this_cpu(), from, to, frames);
}

void buddy_init(void) {
    spin_init(&buddy.lock, "frames", LOCK_RANK_FRAME);
    buddy.nonempty = 0;
    for (unsigned order = 0; order <= FRAME_ORDER_MAX; order++)
        list_init(&buddy.lists[order]);
    buddy.frugal = false;
    memset(frame_cpus, 0, sizeof(frame_cpus));
    frame_collect_init();
    frame_free_watch = NULL;
}

static struct list_node *free_link(const struct frame *f) {
    return frame_to_virt(f);
}

static void buddy_push_locked(struct frame *f, unsigned order) {
    frame_kind_set(f, FRAME_FREE, order);
    list_push_front(&buddy.lists[order], free_link(f));
    buddy.nonempty |= 1u << order;
}

/* Takes a head off its list; it becomes like a tail. */
static void buddy_unlink_locked(struct frame *f) {
    struct list_node *list = &buddy.lists[f->order];

    list_remove(free_link(f));
    if (list_is_empty(list))
        buddy.nonempty &= ~(1u << f->order);
    frame_kind_set(f, FRAME_FREE, FRAME_ORDER_TAIL);
}

/* Frees a block, joined with its buddies as far as they are free. */
static void buddy_free_locked(struct frame *f, unsigned order) {
    uint64_t pfn = frame_to_pfn(f);

    frame_kind_set(f, FRAME_FREE, FRAME_ORDER_TAIL);
    for (; order < FRAME_ORDER_MAX; order++) {
        uint64_t other = pfn ^ (1ull << order);
        struct frame *b = &frame_table[other];

        if (other >= frame_table_count || frame_kind_get(b) != frame_kind(FRAME_FREE, order))
            break;
        buddy_unlink_locked(b);
        pfn &= other;
    }
    buddy_push_locked(&frame_table[pfn], order);
}

/* A block of exactly `order`, split off the smallest that will do; NULL if there is none. */
static struct frame *buddy_alloc_locked(unsigned order) {
    uint32_t usable = buddy.nonempty & (~0u << order);
    struct frame *f;
    unsigned have;

    if (usable == 0)
        return NULL;
    have = bit_lowest(usable);
    f = virt_to_frame(list_first(&buddy.lists[have]));
    buddy_unlink_locked(f);
    while (have > order) {
        have--;
        buddy_push_locked(f + (1u << have), have);
    }
    return f;
}

void buddy_free_range(pfn_t start, pfn_t end) {
    spin_lock(&buddy.lock);
    while (start < end) {
        unsigned order = MIN(ilog2(end - start), FRAME_ORDER_MAX);

        if (start != 0)
            order = MIN(order, bit_lowest(start));
        buddy_free_locked(&frame_table[start], order);
        start += 1u << order;
    }
    spin_unlock(&buddy.lock);
}

void buddy_set_frugal(bool frugal) {
    spin_lock(&buddy.lock);
    buddy.frugal = frugal;
    spin_unlock(&buddy.lock);
}

/*
 * Puts frames of the buddy's into the cache, which is empty: whole small blocks, until there are
 * enough. One frame, while somebody collects: what is in hand then he would not find.
 */
static unsigned cache_refill(struct frame_cpu *cpu) {
    unsigned count = 0;

    spin_lock(&buddy.lock);
    while (count < (buddy.frugal ? 1 : CACHE_REFILL) && buddy.nonempty) {
        unsigned most = buddy.frugal ? 0 : CACHE_REFILL_ORDER;
        unsigned order = MIN(bit_lowest(buddy.nonempty), most);
        struct frame *f = buddy_alloc_locked(order);

        for (unsigned i = 1u << order; i-- > 0;)
            cpu->cached[count++] = f + i;
    }
    spin_unlock(&buddy.lock);
    return count;
}

/* The largest block that the first of `n` frames is the head of, the next ones following it. */
static unsigned block_order(struct frame *const *frames, uint64_t n) {
    uint64_t pfn = frame_to_pfn(frames[0]);
    uint64_t most = pfn ? MIN(n, 1ull << bit_lowest(pfn)) : n;
    uint64_t run = 1;

    while (run < most && frames[run] == frames[0] + run)
        run++;
    return ilog2(run);
}

/*
 * Gives the `n` frames that have been in the cache for longest back to the buddy. They often come
 * as they lie in memory, from an area that was unmapped: then whole blocks go, with less to join.
 */
static void cache_drain(struct frame_cpu *cpu, unsigned n) {
    unsigned count = hand_touch(&cpu->state);

    n = MIN(n, count);
    spin_lock(&buddy.lock);
    for (unsigned i = 0; i < n;) {
        unsigned order = block_order(&cpu->cached[i], n - i);

        buddy_free_locked(cpu->cached[i], order);
        i += 1u << order;
    }
    spin_unlock(&buddy.lock);
    memmove(cpu->cached, cpu->cached + n, (count - n) * sizeof(cpu->cached[0]));
    hand_leave(&cpu->state, count - n);
}

/* ---- what is collected: frame_collect.c ---- */

bool frame_cache_hand_over(void) {
    struct frame_cpu *cpu = this_cpu();

    if (hand_is_touched(&cpu->state))
        return false;
    if (cpu->handed)
        return true;
    for (unsigned i = 0; i < cpu->state.count; i++) {
        struct frame *f = cpu->cached[i];

        *(struct frame **)frame_to_virt(f) = cpu->handed;
        cpu->handed = f;
    }
    cpu->state.count = 0;
    return true;
}

void frame_cache_take_over(unsigned index) {
    struct frame *f = frame_cpus[index].handed;

    frame_cpus[index].handed = NULL;
    spin_lock(&buddy.lock);
    while (f) {
        struct frame *next = *(struct frame **)frame_to_virt(f);

        buddy_free_locked(f, 0);
        f = next;
    }
    spin_unlock(&buddy.lock);
}

/* ---- single frames ---- */

/* A frame of the cache, or of the buddy's; still FRAME_FREE. NULL: neither has one. */
static struct frame *cache_take(unsigned order) {
    struct frame_cpu *cpu = this_cpu();
    unsigned count = hand_touch(&cpu->state);
    struct frame *f = NULL;

    (void)order;
    if (count == 0)
        count = cache_refill(cpu);
    if (count > 0)
        f = cpu->cached[--count];
    hand_leave(&cpu->state, count);
    return f;
}

/* Inline, so that frame_alloc() is short when the cache has a frame. */
static inline __attribute__((always_inline)) void single_set(struct frame_cpu *cpu, struct frame *f,
                                                             enum frame_use use) {
    DEBUG_ASSERT(f->use == FRAME_FREE && frame_refs(f) == 0);
    cpu->by_use[FRAME_FREE]--;
    cpu->by_use[use]++;
    frame_record_set(f, &(struct frame){.refs = 1, .use = (uint8_t)use});
}

/* frame_alloc when the processor's cache is empty. */
static __attribute__((noinline)) struct frame *alloc_and_refill(enum frame_use use) {
    struct frame *f = cache_take(0);

    if (!f)
        f = frame_collect(cache_take, 0);
    if (f)
        single_set(this_cpu(), f, use);
    return f;
}

/* Inline, too: frame_alloc() but for what the trace hears. */
static inline __attribute__((always_inline)) struct frame *single_alloc(struct frame_cpu *cpu,
                                                                        enum frame_use use) {
    unsigned count;
    struct frame *f;

    DEBUG_ASSERT(!cpu_in_interrupt());
    if (alloc_fails())
        return NULL;
    count = hand_touch(&cpu->state);
    if (count == 0) {
        hand_leave(&cpu->state, 0);
        return alloc_and_refill(use);
    }
    f = cpu->cached[--count];
    hand_leave(&cpu->state, count);
    single_set(cpu, f, use);
    return f;
}

static __attribute__((cold, noinline)) struct frame *alloc_and_tell(enum frame_use use) {
    struct frame *f = single_alloc(this_cpu(), use);

    if (f)
        trace_put_frame_alloc((uint32_t)frame_to_pfn(f), 0, use);
    return f;
}

struct frame *frame_alloc(enum frame_use use) {
    struct cpu *self;

    if (trace_point_self(TRACE_EVENT_FRAME_ALLOC, self))
        return alloc_and_tell(use);
    return single_alloc(frame_cpu_of(self), use);
}

struct frame *frame_alloc_zeroed(enum frame_use use) {
    struct frame *f = frame_alloc(use);

    if (f)
        page_clear(frame_to_virt(f));
    return f;
}

/* single_free when the processor's cache is full. */
static void drain_and_free(struct frame *f);

/* Inline: frame_free() but for what the trace hears. */
static inline __attribute__((always_inline)) void single_free(struct frame_cpu *cpu,
                                                              struct frame *f) {
    unsigned count;

    DEBUG_ASSERT(!cpu_in_interrupt());
    DEBUG_ASSERT(frame_refs(f) == 0 && f->order == 0);
    DEBUG_ASSERT(f->use != FRAME_FREE && f->use != FRAME_RESERVED && f->use != FRAME_HOLE);
    count = hand_touch(&cpu->state);
    if (count == CACHE_MAX) {
        hand_leave(&cpu->state, count);
        drain_and_free(f);
        return;
    }
    watch_free(f, 0);
    cpu->by_use[f->use]--;
    cpu->by_use[FRAME_FREE]++;
    frame_kind_set(f, FRAME_FREE, FRAME_ORDER_TAIL);
    cpu->cached[count] = f;
    hand_leave(&cpu->state, count + 1);
}

static __attribute__((noinline)) void drain_and_free(struct frame *f) {
    cache_drain(this_cpu(), CACHE_BATCH);
    single_free(this_cpu(), f);
}

static __attribute__((cold, noinline)) void tell_and_free(struct frame *f) {
    trace_put_frame_free((uint32_t)frame_to_pfn(f), 0);
    single_free(this_cpu(), f);
}

void frame_free(struct frame *f) {
    struct cpu *self;

    if (trace_point_self(TRACE_EVENT_FRAME_FREE, self))
        tell_and_free(f);
    else
        single_free(frame_cpu_of(self), f);
}

/* Writes the records of an allocated block. */
static void block_set(struct frame *head, unsigned order, enum frame_use use) {
    for (unsigned i = 0; i < 1u << order; i++) {
        atomic_init(&head[i].refs, i == 0 ? 1 : 0);
        head[i].count = (uint16_t)i;
        frame_kind_set(&head[i], use, i == 0 ? order : FRAME_ORDER_TAIL);
    }
}

struct frame *buddy_alloc(unsigned order) {
    struct frame *f;

    spin_lock(&buddy.lock);
    f = buddy_alloc_locked(order);
    spin_unlock(&buddy.lock);
    return f;
}

/* Single frames that the processor keeps are part of large blocks as well. */
static struct frame *drain_and_take(unsigned order) {
    cache_drain(this_cpu(), CACHE_MAX);
    return buddy_alloc(order);
}

struct frame *frame_alloc_order(enum frame_use use, unsigned order) {
    struct frame *f;

    if (order == 0)
        return frame_alloc(use);
    if (order > FRAME_ORDER_MAX || alloc_fails())
        return NULL;
    f = buddy_alloc(order);
    if (f == NULL)
        f = frame_collect(drain_and_take, order);
    if (f == NULL)
        return NULL;
    block_set(f, order, use);
    frame_count_move(FRAME_FREE, use, 1u << order);
    trace_frame_alloc((uint32_t)frame_to_pfn(f), (uint8_t)order, use);
    return f;
}

void frame_free_order(struct frame *head, unsigned order) {
    enum frame_use use = head->use;

    ASSERT(head->order == order);
    atomic_init(&head->refs, 0);
    if (order == 0) {
        frame_free(head);
        return;
    }
    watch_free(head, order);
    trace_frame_free((uint32_t)frame_to_pfn(head), (uint8_t)order);
    for (unsigned i = 0; i < 1u << order; i++)
        frame_kind_set(&head[i], FRAME_FREE, FRAME_ORDER_TAIL);
    frame_count_move(use, FRAME_FREE, 1u << order);
    spin_lock(&buddy.lock);
    buddy_free_locked(head, order);
    spin_unlock(&buddy.lock);
}

/* Where the trace hears of it, or a block is more than a frame. */
static __attribute__((cold, noinline)) void set_use_of_all(struct frame *f, enum frame_use use) {
    unsigned frames = 1u << f->order;

    trace_frame_use((uint32_t)frame_to_pfn(f), frames, use);
    frame_count_move(f->use, use, frames);
    for (unsigned i = 0; i < frames; i++)
        frame_kind_set(&f[i], use, f[i].order); /* a neighbour that is freed may be looking */
}

extern inline void frame_set_use(struct frame *f, enum frame_use use) {
    struct cpu *self;

    DEBUG_ASSERT(f->order <= FRAME_ORDER_MAX && f->use != FRAME_FREE && use != FRAME_FREE);
    if (trace_point_self(TRACE_EVENT_FRAME_USE, self) || f->order > 0) {
        set_use_of_all(f, use);
        return;
    }
    count_move(frame_cpu_of(self), f->use, use, 1);
    frame_kind_set(f, use, 0);
}

void frame_stats_get(struct frame_stats *stats) {
    memset(stats, 0, sizeof(*stats));
    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++) {
        for (unsigned use = 0; use < FRAME_USE_COUNT; use++)
            stats->by_use[use] += __atomic_load_n(&frame_cpus[cpu].by_use[use], __ATOMIC_RELAXED);
    }
    for (unsigned use = 0; use < FRAME_HOLE; use++)
        stats->total += stats->by_use[use];
    stats->free = stats->by_use[FRAME_FREE] + stats->by_use[FRAME_SPARE];
}

const char *frame_use_name(enum frame_use use) {
    static const char *const names[FRAME_USE_COUNT] = {
        [FRAME_FREE] = "free", [FRAME_RESERVED] = "reserved", [FRAME_KERNEL] = "kernel",
        [FRAME_SLAB] = "slab", [FRAME_STACK] = "stack",       [FRAME_TABLE] = "table",
        [FRAME_ANON] = "anon", [FRAME_FILE] = "file",         [FRAME_SHMEM] = "shmem",
        [FRAME_ZERO] = "zero", [FRAME_SPARE] = "spare",       [FRAME_HOLE] = "hole",
    };

    return use < FRAME_USE_COUNT ? names[use] : "unknown";
}
