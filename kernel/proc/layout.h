/* SPDX-License-Identifier: MIT */
/*
 * Where a new program's parts go: address-space layout and its randomisation; private to
 * kernel/proc.
 *
 *   low ... program (fixed), heap ... program (position-independent), heap ... mappings | gap |
 *   stack ... end
 *
 *   what               randomised by        how much
 *   stack              22 bits of pages     16 GiB, and 8 KiB in steps of 16 bytes at its top
 *   mappings           28 bits of pages     1 TiB; the interpreter is one of them
 *   program (ET_DYN)   28 bits of pages     1 TiB
 *   heap               13 bits of pages     32 MiB; only with randomize_va_space 2
 *
 * Mappings are searched for from the top, below a gap as large as the stack may become. The stack
 * never shares its GiB with them: so it has page tables of its own, and a fork of much memory does
 * not make its first write un-share a large one.
 *
 * Sources: personality(2), proc_sys_kernel(5), Linux's Documentation/admin-guide/sysctl/kernel.rst.
 */
#ifndef PROC_LAYOUT_H
#define PROC_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

/* /proc/sys: kernel/randomize_va_space (0: nothing, 1: all but the heap, 2) and
 * vm/legacy_va_layout. */
extern uint64_t layout_randomize;
extern uint64_t layout_is_legacy;

struct layout {
    uint64_t stack_top;    /* page-aligned: where the stack ends */
    uint64_t stack_skip;   /* bytes left free below it, a multiple of 16 */
    uint64_t mmap_base;    /* mappings are searched for below this; upwards: above it */
    bool is_upwards;       /* the layout of old: from a third of the space upwards */
    uint64_t program_base; /* where a position-independent program goes */
    uint64_t heap_skip;    /* bytes left free between program and heap, whole pages */
};

/* Reads the kernel's command line: norandmaps, stack_guard_gap=PAGES. Once, at start. */
void layout_init(void);

/* Chooses. persona: personality(2) of the new program; stack_limit: RLIMIT_STACK in bytes. */
void layout_choose(struct layout *layout, uint32_t persona, uint64_t stack_limit);

#endif
