/* SPDX-License-Identifier: MIT */
/*
 * Names of the kernel's functions by address. The table is made from the linked kernel and
 * linked into it again (tools/mksyms); in the first link it is empty.
 */
#ifndef CORE_SYMBOLS_H
#define CORE_SYMBOLS_H

#include <stdint.h>

/* The function that `address` lies in, and how far from its start; NULL when not known. */
const char *symbol_lookup(uint64_t address, uint64_t *offset);

#endif
