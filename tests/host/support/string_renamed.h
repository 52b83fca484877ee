/* SPDX-License-Identifier: MIT */
/*
 * lib/string.c under names of its own, so that it can be tested beside the C library's.
 */
#ifndef SUPPORT_STRING_RENAMED_H
#define SUPPORT_STRING_RENAMED_H

#include <stddef.h>

void *quire_memcpy(void *restrict dst, const void *restrict src, size_t n);
void *quire_memmove(void *dst, const void *src, size_t n);
void *quire_memset(void *dst, int byte, size_t n);
int quire_memcmp(const void *a, const void *b, size_t n);
void *quire_memchr(const void *s, int byte, size_t n);
size_t quire_strlen(const char *s);
size_t quire_strnlen(const char *s, size_t max);
int quire_strcmp(const char *a, const char *b);
int quire_strncmp(const char *a, const char *b, size_t n);
char *quire_strchr(const char *s, int c);
char *quire_strrchr(const char *s, int c);
char *quire_strstr(const char *haystack, const char *needle);

#endif
