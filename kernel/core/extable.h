/* SPDX-License-Identifier: MIT */
/*
 * The exception table: instructions of the kernel that may fault, each with the place to go on
 * at when the fault cannot be repaired. Entries are two addresses in section __ex_table, made
 * next to the instruction by EXTABLE.
 */
#ifndef CORE_EXTABLE_H
#define CORE_EXTABLE_H

#include <stdint.h>

/* Inside an asm statement: a fault at label `from` goes on at label `to`. */
#define EXTABLE(from, to)                                                                          \
    ".pushsection __ex_table, \"a\"\n"                                                             \
    ".balign 8\n"                                                                                  \
    ".quad " from ", " to "\n"                                                                     \
    ".popsection\n"

/* Where to go on after a fault at `rip`; 0 when no fault is foreseen there. */
uint64_t extable_lookup(uint64_t rip);

#endif
