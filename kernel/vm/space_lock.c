/* SPDX-License-Identifier: MIT */
/*
 * The lock of an address space: what is not inline. See space_lock.h.
 *
 * The handshake: a fault stores under_way and then loads the lock; who locks stores that and then
 * loads under_way. Both stores are atomic exchanges, which nothing passes.
 *
 * Whoever waits answers the calls of other processors: a fault that is under way may be waiting for
 * them to forget a translation.
 */
#include "vm/space_lock.h"

#include "core/cpu.h"
#include "core/panic.h"
#include "mm/slab.h"
#include "sync/contention.h"
#include "sync/patience.h"

static struct slab_cache places_cache;

void vm_space_lock_init(void) {
    slab_cache_init(&places_cache, "vm_fault_places", sizeof(struct vm_fault_place) * CPU_MAX,
                    sizeof(struct vm_fault_place));
}

static struct vm_fault_place *own_place(struct vm_space *space) {
    return &space->fault_places[cpu_index()];
}

static void waits_too_long(const struct vm_space *space) {
    panic_everywhere("lock '%s' is held too long, or a fault does not end", space->lock.name);
}

/*
 * Spins until a word (the lock, or a fault's) says something else than 1. *begin becomes the time
 * when that was first waited for, or stays 0.
 */
static inline void spin_while_one(struct vm_space *space, const uint32_t *word, uint64_t *begin) {
    struct patience patience = {0};

    while (__atomic_load_n(word, __ATOMIC_SEQ_CST) == 1) {
        if (*begin == 0)
            *begin = contention_begin();
        machine_answer_calls();
        cpu_relax();
        if (patience_is_over(&patience))
            waits_too_long(space);
    }
}

void vm_space_lock_slowly(struct vm_space *space, uint32_t was) {
    uint64_t begin = was == 1 ? contention_begin() : 0;

    while (was == 1) {
        spin_while_one(space, &space->lock.taken, &begin);
        was = __atomic_exchange_n(&space->lock.taken, 1, __ATOMIC_SEQ_CST);
    }
    for (unsigned i = 0; was == VM_SPACE_FREE_WITH_FAULTS && i < CPU_MAX; i++)
        spin_while_one(space, &space->fault_places[i].under_way, &begin);
    if (begin != 0)
        contention_end(space->lock.name, begin);
}

void vm_space_lock_pair(struct vm_space *a, struct vm_space *b) {
    struct vm_space *first = a < b ? a : b;
    struct vm_space *second = a < b ? b : a;

    vm_space_lock(first);
    spin_note_lock(&second->lock, true);
    vm_space_acquire(second);
}

void vm_space_fault_begin(struct vm_space *space) {
    struct vm_fault_place *place = own_place(space);
    uint64_t begin = 0;

    spin_note_lock(&space->lock, false);
    for (;;) {
        __atomic_exchange_n(&place->under_way, 1, __ATOMIC_SEQ_CST);
        if (__atomic_load_n(&space->lock.taken, __ATOMIC_SEQ_CST) != 1)
            break;
        __atomic_store_n(&place->under_way, 0, __ATOMIC_RELEASE);
        if (begin == 0)
            begin = contention_begin();
        spin_while_one(space, &space->lock.taken, &begin);
    }
    if (begin != 0)
        contention_end(space->lock.name, begin);
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
        space->when_free = places ? VM_SPACE_FREE_WITH_FAULTS : VM_SPACE_FREE;
        places = NULL;
    }
    vm_space_unlock(space);
    slab_free(&places_cache, places);
}

void vm_space_forget_faults(struct vm_space *space) {
    slab_free(&places_cache, space->fault_places);
}
