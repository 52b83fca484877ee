/* SPDX-License-Identifier: MIT */
/*
 * The end: an invariant of the kernel's own is broken. Says why, with registers, backtrace by
 * symbol and current process, and ends the machine (QEMU's exit status is 85 with
 * isa-debug-exit at 0xf4). Running out of something is never a reason to come here.
 */
#ifndef CORE_PANIC_H
#define CORE_PANIC_H

#include <stddef.h>
#include <stdint.h>

struct trapframe;

_Noreturn void panic(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The same, for a trap: prints its registers and walks its stack. tf may be NULL. */
_Noreturn void panic_trap(const struct trapframe *tf, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The same, and then each other processor says what it was doing: for when one of them hangs. */
_Noreturn void panic_everywhere(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Whether some processor panics: the others stop. */
_Bool panic_is_under_way(void);

/* What another processor does then, in an NMI with its registers: it says what it is asked for. */
_Noreturn void panic_stand(const struct trapframe *tf);

/* Registers what names the current process in a panic: writes "NAME[PID]" to buf. */
void panic_register_describe(void (*describe)(char *buf, size_t size));

/*
 * Prints the calls that led to the frame pointer `rbp`, by the chain of frames. Stops at the
 * first link that is not a readable kernel address.
 */
void backtrace_print(uint64_t rip, uint64_t rbp);

/* Implemented by arch. */

/* Prints the registers of tf, or the control registers alone when it is NULL. */
void panic_print_registers(const struct trapframe *tf);

/* Reads 8 bytes of kernel memory that may not be there. */
_Bool probe_read_u64(uint64_t address, uint64_t *value);

#endif
