/* SPDX-License-Identifier: MIT */
/*
 * Places where a debugger stops to learn what has just happened (tools/gdb). They do nothing; they
 * are functions so that each has a name and an address in every build.
 */
#ifndef CORE_DEBUGGER_H
#define CORE_DEBUGGER_H

/* The running process has begun another program: space, image and name are the new one's. */
void debugger_program_begins(void);

/* The kernel has panicked and said so in its log; the machine ends next. */
void debugger_kernel_panicked(void);

#endif
