/* SPDX-License-Identifier: MIT */
/*
 * What a processor keeps in hand for itself, and others may ask for when memory is out.
 *
 * It has no lock. Its owner says when he touches it; who asks does so in an interrupt of the
 * owner's processor (sync/cpu_call.h), which finds out whether it came between. Both ends of a
 * touch are one store each, the second of which puts the new count in place as well.
 *
 * A touch is short, never sleeps and calls no other processor: it is over soon, whatever locks who
 * asks may hold.
 */
#ifndef MM_HAND_H
#define MM_HAND_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Zero: empty. Of one processor. */
union hand_state {
    struct {
        uint32_t count;   /* things in hand */
        uint32_t touched; /* they are being changed, and count is not to be relied on */
    };
    uint64_t word;
};

_Static_assert(sizeof(union hand_state) == 8 && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "count is the low half of word: hand_leave");

/* Its owner begins to touch it. How many things are in hand. */
static inline uint32_t hand_touch(union hand_state *state) {
    __atomic_store_n(&state->touched, 1, __ATOMIC_RELAXED);
    atomic_signal_fence(memory_order_seq_cst);
    return __atomic_load_n(&state->count, __ATOMIC_RELAXED);
}

/* Its owner is done, and leaves `count` things in hand. */
static inline void hand_leave(union hand_state *state, uint32_t count) {
    atomic_signal_fence(memory_order_seq_cst);
    __atomic_store_n(&state->word, count, __ATOMIC_RELAXED);
}

/* In an interrupt of the owner's: whether he is touching it. */
static inline bool hand_is_touched(const union hand_state *state) {
    return __atomic_load_n(&state->touched, __ATOMIC_RELAXED) != 0;
}

#endif
