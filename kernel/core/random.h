/* SPDX-License-Identifier: MIT */
/*
 * Random bytes for getrandom(2), /dev/urandom, AT_RANDOM and the placement of mappings.
 *
 * A ChaCha20 generator whose key is replaced with its own output after each large request, or each
 * batch of small ones ("fast key erasure"), so that what was given out cannot be found later. It
 * starts from the processor's own generator where there is one and the time stamp counter in any
 * case; random_stir() adds more.
 *
 * Lock: one spinlock, LOCK_RANK_RANDOM, interrupts off. Any context; never sleeps, never fails.
 *
 * Source: RFC 8439 (ChaCha20); D. J. Bernstein, "Fast-key-erasure random-number generators", 2017.
 */
#ifndef CORE_RANDOM_H
#define CORE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Fills buffer with `size` random bytes. */
void random_bytes(void *buffer, size_t size);

/* A random number. */
uint64_t random_u64(void);

/* Mixes `size` bytes of anything into the key. Harmless whatever they are. */
void random_stir(const void *bytes, size_t size);

#endif
