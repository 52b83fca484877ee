/* SPDX-License-Identifier: MIT */
/*
 * What lib/string.h adds to the C library's names; built for the host too.
 */
#include "lib/string.h"

size_t string_copy(char *dst, const char *src, size_t size) {
    size_t length = strlen(src);
    size_t n = length < size ? length : size - 1;

    if (size == 0)
        return length;
    memcpy(dst, src, n);
    dst[n] = '\0';
    return length;
}
