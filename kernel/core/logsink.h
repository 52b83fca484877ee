/* SPDX-License-Identifier: MIT */
/*
 * Where the log's bytes go, byte for byte. Implemented by arch; usable from the first
 * instruction of C, in any context.
 */
#ifndef CORE_LOGSINK_H
#define CORE_LOGSINK_H

#include <stdbool.h>
#include <stddef.h>

/* Writes to the debug console, and to the first serial port when `serial` is true. */
void logsink_write(const char *text, size_t length, bool serial);

#endif
