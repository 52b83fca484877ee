/* SPDX-License-Identifier: MIT */
/*
 * lib/string.c under names of its own: see string_renamed.h.
 */
#define memcpy quire_memcpy
#define memmove quire_memmove
#define memset quire_memset
#define memcmp quire_memcmp
#define memchr quire_memchr
#define strlen quire_strlen
#define strnlen quire_strnlen
#define strcmp quire_strcmp
#define strncmp quire_strncmp
#define strchr quire_strchr
#define strrchr quire_strrchr
#define strstr quire_strstr

#include "lib/string.c"
