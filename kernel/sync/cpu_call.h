/* SPDX-License-Identifier: MIT */
/*
 * Having other processors do something now: forget translations, above all.
 *
 * Whoever calls waits until all have done it, and answers others' calls meanwhile; so does whoever
 * waits for a spinlock with interrupts off. So two processors that call each other, or one that is
 * waited for while it waits, do not hang.
 */
#ifndef SYNC_CPU_CALL_H
#define SYNC_CPU_CALL_H

#include <stdint.h>

/*
 * Runs fn(arg) on each processor of the mask (bit i: processor i) but this one, in an interrupt,
 * and returns when all have. fn is short and takes only locks that interrupts may take. Not in an
 * interrupt; with no lock held that interrupts take (rank LOCK_RANK_CPU_CALL). Interrupts may be on
 * or off.
 */
void cpu_call(uint64_t cpus, void (*fn)(void *arg), void *arg);

/* Does what others have called this processor for. Any context. */
void cpu_call_answer(void);

/* All processors that run, as a mask. */
uint64_t cpus_running(void);

#endif
