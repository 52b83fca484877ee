/* SPDX-License-Identifier: MIT */
/*
 * Formatted text into a buffer.
 *
 * The part of C's printf (C11 7.21.6) that a kernel uses: d i u x X o c s p %, lengths hh h l ll
 * z j t, flags - 0 + space #, width and precision (both may be *). No floating point, no %n.
 * An unknown conversion is copied as it stands, so that a mistake shows.
 * %p is 0x and the number in hexadecimal; %s of NULL is "(null)".
 *
 * No locks, no sleep, no allocation: safe anywhere, in panic too.
 */
#ifndef LIB_FORMAT_H
#define LIB_FORMAT_H

#include <stdarg.h>
#include <stddef.h>

/* Writes at most `size` bytes to `buf`, the last one NUL (nothing when size is 0). Returns the
 * length the whole text has, without NUL: it was cut if that is `size` or more. */
int format(char *buf, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int vformat(char *buf, size_t size, const char *fmt, va_list args)
    __attribute__((format(printf, 3, 0)));

#endif
