/* SPDX-License-Identifier: MIT */
/*
 * Copying and filling by 64-bit words, for lib/string.c and mm/page_clear.h.
 *
 * `rep movsq` and `rep stosq`: one instruction fetch for the whole run, and eight bytes an
 * iteration on any processor, which the byte forms promise only with ERMS. The direction flag is
 * clear in the kernel, by the ABI. Pointers need no alignment. No locks.
 */
#ifndef MACHINE_MEMORY_H
#define MACHINE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/* Copies upwards, so dst may overlap src from below. */
static inline void machine_copy_words(void *dst, const void *src, size_t words) {
    __asm__ volatile("rep movsq" : "+D"(dst), "+S"(src), "+c"(words) : : "memory");
}

static inline void machine_fill_words(void *dst, uint64_t word, size_t words) {
    __asm__ volatile("rep stosq" : "+D"(dst), "+c"(words) : "a"(word) : "memory");
}

#endif
