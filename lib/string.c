/* SPDX-License-Identifier: MIT */
/*
 * Memory and strings for the kernel. Contracts: lib/string.h.
 *
 * Copies and fills of a word or more go by words with the processor's string instructions; the
 * odd bytes at the end go singly. Nothing here is clever beyond that: measured in instructions,
 * the word loop is what counts.
 */
#include "lib/string.h"

#include <stdint.h>

#include "machine/memory.h"

#define WORD sizeof(uint64_t)

/* Names in parentheses are also macros: machine/string.h. */

/* A word at any address, of any effective type. */
struct word {
    uint64_t value;
} __attribute__((packed, may_alias));

void *(memcpy)(void *restrict dst, const void *restrict src, size_t n) {
    size_t whole = n & ~(WORD - 1);
    unsigned char *to = (unsigned char *)dst + whole;
    const unsigned char *from = (const unsigned char *)src + whole;

    if (whole)
        machine_copy_words(dst, src, whole / WORD);
    for (size_t i = 0; i < n - whole; i++)
        to[i] = from[i];
    return dst;
}

/* From the end downwards: right when dst lies above src and they overlap. */
static void copy_down(unsigned char *to, const unsigned char *from, size_t n) {
    for (; n % WORD; n--)
        to[n - 1] = from[n - 1];
    for (; n; n -= WORD)
        *(struct word *)(to + n - WORD) = *(const struct word *)(from + n - WORD);
}

void *memmove(void *dst, const void *src, size_t n) {
    if ((uintptr_t)dst - (uintptr_t)src >= n)
        return memcpy(dst, src, n);
    copy_down(dst, src, n);
    return dst;
}

void *(memset)(void *dst, int byte, size_t n) {
    uint64_t word = (unsigned char)byte * 0x0101010101010101ull;
    size_t whole = n & ~(WORD - 1);
    unsigned char *to = (unsigned char *)dst + whole;

    if (whole)
        machine_fill_words(dst, word, whole / WORD);
    for (size_t i = 0; i < n - whole; i++)
        to[i] = (unsigned char)byte;
    return dst;
}

int memcmp(const void *a, const void *b, size_t n) {
    const unsigned char *p = a;
    const unsigned char *q = b;
    size_t i = 0;

    while (i + WORD <= n &&
           ((const struct word *)(p + i))->value == ((const struct word *)(q + i))->value)
        i += WORD;
    for (; i < n; i++) {
        if (p[i] != q[i])
            return p[i] - q[i];
    }
    return 0;
}

void *memchr(const void *s, int byte, size_t n) {
    const unsigned char *p = s;

    for (size_t i = 0; i < n; i++) {
        if (p[i] == (unsigned char)byte)
            return (void *)(uintptr_t)(p + i);
    }
    return NULL;
}

size_t(strlen)(const char *s) {
    size_t n = 0;

    while (s[n])
        n++;
    return n;
}

size_t strnlen(const char *s, size_t max) {
    size_t n = 0;

    while (n < max && s[n])
        n++;
    return n;
}

int strcmp(const char *a, const char *b) {
    return strncmp(a, b, SIZE_MAX);
}

int strncmp(const char *a, const char *b, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (a[i] != b[i] || a[i] == '\0')
            return (unsigned char)a[i] - (unsigned char)b[i];
    }
    return 0;
}

char *strchr(const char *s, int c) {
    for (;; s++) {
        if (*s == (char)c)
            return (char *)(uintptr_t)s;
        if (*s == '\0')
            return NULL;
    }
}

char *strrchr(const char *s, int c) {
    const char *last = NULL;

    for (;; s++) {
        if (*s == (char)c)
            last = s;
        if (*s == '\0')
            return (char *)(uintptr_t)last;
    }
}

char *strstr(const char *haystack, const char *needle) {
    size_t n = strlen(needle);

    for (;; haystack++) {
        if (strncmp(haystack, needle, n) == 0)
            return (char *)(uintptr_t)haystack;
        if (*haystack == '\0')
            return NULL;
    }
}
