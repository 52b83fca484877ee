/* SPDX-License-Identifier: MIT */
/*
 * Memory and strings: the C library's names and meanings (C11 7.24, POSIX for strnlen and
 * stpcpy-like ones), so that the compiler may call them too. On the host the C library's own
 * serve.
 *
 * Big copies and fills go eight bytes an iteration: see machine/memory.h. No locks, no sleep.
 */
#ifndef LIB_STRING_H
#define LIB_STRING_H

#include <stddef.h>

#include "machine/string.h"

void *(memcpy)(void *restrict dst, const void *restrict src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *(memset)(void *dst, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void *memchr(const void *s, int byte, size_t n);

size_t(strlen)(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
char *strstr(const char *haystack, const char *needle);

/* Copies `src` into `dst`, at most size - 1 bytes of it, always NUL-terminated (if size > 0).
 * Returns strlen(src): the copy is whole if that is less than `size`. */
size_t string_copy(char *dst, const char *src, size_t size);

#endif
