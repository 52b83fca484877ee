/* SPDX-License-Identifier: MIT */
/*
 * A processor's translation, where each processor is a thread.
 */
#ifndef THREADS_MMU_H
#define THREADS_MMU_H

#include <stdint.h>

/* The page that a write to va reaches by what is loaded or kept; NULL: it faults. */
unsigned char *thread_mmu_find(uint64_t va);

#endif
