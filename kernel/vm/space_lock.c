/* SPDX-License-Identifier: MIT */
/*
 * The lock of an address space: what is not inline. See space_lock.h.
 *
 * The handshake: a fault stores under_way and then loads the lock; who locks stores that and then
 * loads under_way. Both stores are atomic exchanges, which nothing passes.
 *
 * Letting in: who waits says so, in its processor's place and then in the space's number of those
 * who wait; it takes both back when it has got in. Who lets others in looks into all places, lets
 * go of the lock, and waits until each wait that it saw there is over. A processor waits for one
 * space at a time, and numbers its waits, so that one is not taken for the next.
 *
 * Whoever waits answers the calls of other processors: a fault that is under way may be waiting for
 * them to forget a translation.
 */
#include "vm/space_lock.h"

#include "core/assert.h"
#include "core/cpu.h"
#include "core/panic.h"
#include "mm/slab.h"
#include "sync/contention.h"
#include "sync/patience.h"
#include "vm/narrow.h"

static struct slab_cache places_cache;

/* What a processor waits for, and which of its waits that is. */
static struct vm_wait {
    const struct vm_space *space; /* atomic; NULL: nothing */
    uint32_t number;              /* atomic */
    uint32_t let_in;              /* the space's, when it began */
} __attribute__((aligned(64))) waits[CPU_MAX];

void vm_space_lock_init(void) {
    slab_cache_init(&places_cache, "vm_fault_places", sizeof(struct vm_fault_place) * CPU_MAX,
                    sizeof(struct vm_fault_place));
}

static struct vm_fault_place *own_place(struct vm_space *space) {
    return &space->fault_places[cpu_index()];
}

/* ---- waiting ---- */

/* One turn of a wait for a space; *begin becomes the time of the first, or stays. */
static inline void wait_turn(struct vm_space *space, struct patience *patience, uint64_t *begin) {
    if (*begin == 0)
        *begin = contention_begin();
    machine_answer_calls();
    cpu_relax();
    if (patience_is_over(patience))
        panic_everywhere("lock '%s' is held too long, or a fault does not end", space->lock.name);
}

/* Spins until a word (the lock, or a fault's) says something else than 1. */
static inline void spin_while_one(struct vm_space *space, const uint32_t *word, uint64_t *begin) {
    struct patience patience = {0};

    while (__atomic_load_n(word, __ATOMIC_SEQ_CST) == 1)
        wait_turn(space, &patience, begin);
}

/* From here on whoever has the space and would go on for long lets this processor in. */
static void wait_begin(struct vm_space *space) {
    struct vm_wait *wait = &waits[cpu_index()];

    __atomic_store_n(&wait->number, wait->number + 1, __ATOMIC_RELAXED);
    __atomic_store_n(&wait->space, space, __ATOMIC_RELEASE);
    __atomic_fetch_add(&space->waiting, 1, __ATOMIC_SEQ_CST);
    wait->let_in = __atomic_load_n(&space->let_in, __ATOMIC_RELAXED);
}

/*
 * It has got in, and has not let go yet. Each of the others has passed it over once at most: one
 * that let in whom it had found just before this one came, and finds it the next time.
 */
static void wait_end(struct vm_space *space) {
    DEBUG_ASSERT(__atomic_load_n(&space->let_in, __ATOMIC_RELAXED) - waits[cpu_index()].let_in <
                 cpu_count());
    __atomic_fetch_sub(&space->waiting, 1, __ATOMIC_RELAXED);
    __atomic_store_n(&waits[cpu_index()].space, NULL, __ATOMIC_RELEASE);
}

/* ---- letting in ---- */

/* The waits for a space that were under way at one moment. */
struct vm_waiters {
    uint64_t processors; /* as a mask */
    uint32_t number[CPU_MAX];
};

static bool still_waits(unsigned cpu, const struct vm_space *space, uint32_t number) {
    return __atomic_load_n(&waits[cpu].space, __ATOMIC_ACQUIRE) == space &&
           __atomic_load_n(&waits[cpu].number, __ATOMIC_RELAXED) == number;
}

static void find_waiters(const struct vm_space *space, struct vm_waiters *waiters) {
    waiters->processors = 0;
    for (unsigned i = 0; i < CPU_MAX; i++) {
        waiters->number[i] = __atomic_load_n(&waits[i].number, __ATOMIC_ACQUIRE);
        if (still_waits(i, space, waiters->number[i]))
            waiters->processors |= 1ull << i;
    }
}

/* Whether any of them still waits; forgets those that do not. */
static bool have_to_wait(const struct vm_space *space, struct vm_waiters *waiters) {
    for (uint64_t left = waiters->processors; left; left &= left - 1) {
        unsigned cpu = (unsigned)__builtin_ctzll(left);

        if (!still_waits(cpu, space, waiters->number[cpu]))
            waiters->processors &= ~(1ull << cpu);
    }
    return waiters->processors != 0;
}

void vm_space_let_in(struct vm_space *space) {
    struct patience patience = {0};
    struct vm_waiters waiters;
    uint64_t begin = 1; /* this is no wait for the lock */

    if (__atomic_load_n(&space->waiting, __ATOMIC_ACQUIRE) == 0)
        return;
    find_waiters(space, &waiters);
    vm_space_unlock(space);
    do
        wait_turn(space, &patience, &begin);
    while (have_to_wait(space, &waiters));
    vm_space_lock_beside(space, VM_RANGE_NONE);
    __atomic_store_n(&space->let_in, space->let_in + 1, __ATOMIC_RELAXED);
}

/* ---- the space alone ---- */

/* Has the lock, which was found to say `was`; what it said when it was free. */
static uint32_t take(struct vm_space *space, uint32_t was, uint64_t *begin) {
    if (was != VM_SPACE_TAKEN)
        return was;
    wait_begin(space);
    while (was == VM_SPACE_TAKEN) {
        spin_while_one(space, &space->lock.taken, begin);
        was = __atomic_exchange_n(&space->lock.taken, VM_SPACE_TAKEN, __ATOMIC_SEQ_CST);
    }
    wait_end(space);
    return was;
}

/* Lets go of the lock until a narrowing is over; returns what the lock says then, and is taken. */
static uint32_t take_after_narrowing(struct vm_space *space, uint64_t *begin) {
    uint32_t over = space->narrowed;
    struct patience patience = {0};
    uint32_t was;

    space->want_end++;
    __atomic_store_n(&space->lock.taken, space->when_free, __ATOMIC_RELEASE);
    while (__atomic_load_n(&space->narrowed, __ATOMIC_ACQUIRE) == over)
        wait_turn(space, &patience, begin);
    was = __atomic_exchange_n(&space->lock.taken, VM_SPACE_TAKEN, __ATOMIC_SEQ_CST);
    was = take(space, was, begin);
    space->want_end--;
    return was;
}

/* The range of vm_lock_need, as large as it was or larger; empty, or the wrong way round, if it
 * was.
 */
static struct vm_range range_needed(uint64_t need) {
    return (struct vm_range){(need >> 3 & ((1ull << 29) - 1)) << VM_LOCK_SHIFT,
                             need >> 32 << VM_LOCK_SHIFT};
}

uint64_t vm_space_lock_slowly(uint64_t which, uint64_t need) {
    struct vm_space *space = (struct vm_space *)(uintptr_t)which;
    struct vm_range range = range_needed(need);
    uint32_t was = need & (VM_SPACE_TAKEN | VM_SPACE_WITH_FAULTS | VM_SPACE_NARROWING);
    uint64_t begin = 0;

    was = take(space, was, &begin);
    while ((was & VM_SPACE_NARROWING) && vm_narrowing_hinders(space, range))
        was = take_after_narrowing(space, &begin);
    for (unsigned i = 0; (was & VM_SPACE_WITH_FAULTS) && i < CPU_MAX; i++)
        spin_while_one(space, &space->fault_places[i].under_way, &begin);
    if (begin != 0)
        contention_end(space->lock.name, begin);
    return 0;
}

void vm_space_lock_pair(struct vm_space *a, struct vm_space *b) {
    struct vm_space *first = a < b ? a : b;
    struct vm_space *second = a < b ? b : a;

    vm_space_lock(first);
    spin_note_lock(&second->lock, true);
    vm_space_acquire(second, VM_RANGE_WHOLE);
}

/* ---- faults ---- */

/* The fault has found the lock taken: waits until it is not, unless it is again. */
static void fault_waits(struct vm_space *space, struct vm_fault_place *place) {
    uint64_t begin = 0;

    wait_begin(space);
    do {
        __atomic_store_n(&place->under_way, 0, __ATOMIC_RELEASE);
        spin_while_one(space, &space->lock.taken, &begin);
        __atomic_exchange_n(&place->under_way, 1, __ATOMIC_SEQ_CST);
    } while (__atomic_load_n(&space->lock.taken, __ATOMIC_SEQ_CST) == VM_SPACE_TAKEN);
    wait_end(space);
    if (begin != 0)
        contention_end(space->lock.name, begin);
}

void vm_space_fault_begin(struct vm_space *space) {
    struct vm_fault_place *place = own_place(space);

    spin_note_lock(&space->lock, false);
    __atomic_exchange_n(&place->under_way, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&space->lock.taken, __ATOMIC_SEQ_CST) == VM_SPACE_TAKEN)
        fault_waits(space, place);
}

void vm_space_fault_end(struct vm_space *space) {
    spin_note_unlock(&space->lock);
    __atomic_store_n(&own_place(space)->under_way, 0, __ATOMIC_RELEASE);
}

void vm_space_let_faults_together(struct vm_space *space) {
    struct vm_fault_place *places;

    if (vm_space_faults_together(space))
        return;
    places = slab_alloc_zeroed(&places_cache);
    vm_space_lock(space);
    if (!space->fault_places) {
        __atomic_store_n(&space->fault_places, places, __ATOMIC_RELEASE);
        space->when_free |= places ? VM_SPACE_WITH_FAULTS : 0;
        places = NULL;
    }
    vm_space_unlock(space);
    slab_free(&places_cache, places);
}

void vm_space_forget_faults(struct vm_space *space) {
    slab_free(&places_cache, space->fault_places);
}
