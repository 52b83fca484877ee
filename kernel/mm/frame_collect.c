/* SPDX-License-Identifier: MIT */
/*
 * Memory is out: collecting what is free all the same, in this processor's hand and in others'.
 *
 * One processor collects at a time, the others wait for it. It calls all others, each of which
 * hands over what it has in hand, in an interrupt: it hangs that up in a chain of its own, and
 * takes no lock. One that was just touching it is called again; a touch ends by itself (mm/hand.h).
 * Then the reclaimers give back what they have, and all goes to the buddy or into this processor's
 * cache.
 *
 * So nothing is missed that was free all the time: what lies in hand is handed over; what goes from
 * a hand to the buddy is found there; and what leaves the buddy meanwhile is in use at once, since
 * caches take no more than one frame (buddy_set_frugal). No memory means that there was none.
 *
 * Locks: `collecting`, outside those of reclaimers and the buddy's, inside all those under which
 * somebody allocates. It is held while others are called: who waits for it answers.
 */
#include "core/cpu.h"
#include "mm/frame_private.h"
#include "sync/cpu_call.h"
#include "sync/spinlock.h"

static struct spinlock collecting;         /* LOCK_RANK_COLLECT */
static struct frame_reclaimer *reclaimers; /* const after start */
static _Atomic uint64_t to_ask_again;      /* processors, as a mask; collecting */

void frame_collect_init(void) {
    spin_init(&collecting, "frames collected", LOCK_RANK_COLLECT);
    reclaimers = NULL;
}

void frame_reclaimer_add(struct frame_reclaimer *reclaimer) {
    reclaimer->next = reclaimers;
    reclaimers = reclaimer;
}

/* On a processor that is called: all its hands, or as many as nobody is touching. */
static void hand_over(void *unused) {
    bool all = frame_cache_hand_over();

    (void)unused;
    for (struct frame_reclaimer *r = reclaimers; r; r = r->next)
        all &= !r->hand_over || r->hand_over();
    if (!all)
        atomic_fetch_or_explicit(&to_ask_again, cpu_mask(), memory_order_relaxed);
}

static void collect(void) {
    uint64_t asked = cpus_running() & ~cpu_mask();

    for (uint64_t left = asked; left;) {
        atomic_store_explicit(&to_ask_again, 0, memory_order_relaxed);
        cpu_call(left, hand_over, NULL);
        left = atomic_load_explicit(&to_ask_again, memory_order_relaxed);
    }
    for (; asked; asked &= asked - 1)
        frame_cache_take_over((unsigned)__builtin_ctzll(asked));
    for (struct frame_reclaimer *r = reclaimers; r; r = r->next)
        r->reclaim();
}

struct frame *frame_collect(struct frame *(*take)(unsigned order), unsigned order) {
    struct frame *f;

    spin_lock(&collecting);
    f = take(order); /* of what somebody else has collected */
    if (!f) {
        buddy_set_frugal(true);
        collect();
        f = take(order);
        buddy_set_frugal(false);
    }
    spin_unlock(&collecting);
    return f;
}
