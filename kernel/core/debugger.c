/* SPDX-License-Identifier: MIT */
/*
 * Places for a debugger to stop at; see debugger.h. The text in the assembly keeps the compiler
 * from making one function of two that are alike.
 */
#include "core/debugger.h"

#define STOPPING_PLACE __attribute__((noinline, used))

STOPPING_PLACE void debugger_program_begins(void) {
    __asm__ volatile("# a program begins" : : : "memory");
}

STOPPING_PLACE void debugger_kernel_panicked(void) {
    __asm__ volatile("# the kernel has panicked" : : : "memory");
}
