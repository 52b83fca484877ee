/* SPDX-License-Identifier: MIT */
/*
 * What the compiler does better than a call: a copy or a fill that is short and of a known size
 * becomes a few moves, the length of a literal a number. Everything else calls lib/string.c.
 */
#ifndef MACHINE_STRING_H
#define MACHINE_STRING_H

#define memcpy(dst, src, size) __builtin_memcpy(dst, src, size)
#define memset(dst, byte, size) __builtin_memset(dst, byte, size)
#define strlen(s) __builtin_strlen(s)

#endif
