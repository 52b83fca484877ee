/* SPDX-License-Identifier: MIT */
/*
 * The host's machine/memory.h: plain loops, so that the sanitizers see every access.
 */
#ifndef MACHINE_MEMORY_H
#define MACHINE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/* An 8-byte word at any address. */
struct machine_word {
    uint64_t value;
} __attribute__((packed, may_alias));

static inline void machine_copy_words(void *dst, const void *src, size_t words) {
    struct machine_word *to = dst;
    const struct machine_word *from = src;

    for (size_t i = 0; i < words; i++)
        to[i] = from[i];
}

static inline void machine_fill_words(void *dst, uint64_t word, size_t words) {
    struct machine_word *to = dst;

    for (size_t i = 0; i < words; i++)
        to[i].value = word;
}

#endif
