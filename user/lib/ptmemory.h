/* SPDX-License-Identifier: MIT */
/*
 * Physical memory for ptwalk: pieces of bytes at addresses, from files, text or /dev/mem.
 */
#ifndef USER_LIB_PTMEMORY_H
#define USER_LIB_PTMEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Each returns NULL, or what is wrong. */

/* A file's bytes, from the physical address on. */
const char *pt_memory_add_file(const char *path, uint64_t address);

/*
 * Text: lines of an address, a colon, and bytes, all hexadecimal: `0x20: f4 a5 36 07`. # begins a
 * comment. "-" is standard input.
 */
const char *pt_memory_add_text(const char *path);

/* Whatever was not given is read from /dev/mem, a view that debug kernels offer to root. */
const char *pt_memory_use_device(void);

/* A pt_read (ptformat.h); false: some byte was not given. arg is not used. */
bool pt_memory_read(void *arg, uint64_t address, void *bytes, size_t size);

#endif
