/* SPDX-License-Identifier: MIT */
/*
 * Tracepoints as the machine has them: a place in the code that is one no-op of five bytes, or an
 * instruction that is needed anyway, until it is switched on, and then a jump
 * (arch/x86_64/trace_point.c).
 *
 * What is told where a tracepoint is on keeps all registers, so that the function around it need
 * save none for it: the words go onto the stack, and trace_emit_keeping_registers (entry.S) calls
 * trace_emit() with their address. It reads no other memory, and what the function does is not
 * kept in order with it by the compiler beyond what two volatile asm statements are; whoever tells
 * of something that another processor must see first has a lock or an atomic operation between.
 */
#ifndef MACHINE_TRACE_POINT_H
#define MACHINE_TRACE_POINT_H

#include <stdbool.h>
#include <stdint.h>

#include "machine/cpu.h"

/* One of the table that the linker gathers. */
struct machine_trace_site {
    uint64_t address; /* of the no-op, or of an instruction as long at least */
    uint64_t target;  /* where to go when it is on */
    uint64_t event;
    uint8_t off[8]; /* what stands there when it is off; zeroes: nobody has looked yet */
};

#ifdef __clang__
#define MACHINE_TRACE_RARE
#else
#define MACHINE_TRACE_RARE __attribute__((cold))
#endif

#if QUIRE_TRACE

/*
 * Whether the tracepoint of an event, a constant, is on: at this place, which is one instruction of
 * five bytes at least. When it is on that is not executed, but the statement `instead` is.
 */
#define MACHINE_TRACE_AT(number, instruction, output, instead)                                     \
    ({                                                                                             \
        __label__ is_on, is_off;                                                                   \
        bool found = false;                                                                        \
        __asm__ __inline__ goto("1: " instruction "\n"                                             \
                                ".pushsection __trace_sites, \"aw\"\n"                             \
                                ".quad 1b, %l[is_on], %c[event], 0\n"                              \
                                ".popsection"                                                      \
                                : output                                                           \
                                : [event] "i"(number)                                              \
                                :                                                                  \
                                : is_on);                                                          \
        goto is_off;                                                                               \
    is_on:                                                                                         \
        MACHINE_TRACE_RARE;                                                                        \
        instead;                                                                                   \
        found = true;                                                                              \
    is_off:                                                                                        \
        __builtin_expect(found, 0);                                                                \
    })

#define MACHINE_TRACE_POINT(number)                                                                \
    MACHINE_TRACE_AT(number, ".byte 0x0f, 0x1f, 0x44, 0, 0", , (void)0)

/*
 * The same where a function looks for its processor anyway: the place is the one instruction of
 * machine_cpu_self(), whose result goes to `self`. Off, the tracepoint is no instruction at all.
 */
#define MACHINE_TRACE_POINT_SELF(number, self)                                                     \
    MACHINE_TRACE_AT(number, "movq %%gs:0, %[cpu]", [cpu] "=r"(self), (self) = machine_cpu_self())

#else /* a kernel that is there to be compared with */

#define MACHINE_TRACE_POINT(number) ((void)(number), false)
#define MACHINE_TRACE_POINT_SELF(number, self) ((self) = machine_cpu_self(), (void)(number), false)

#endif

static inline uint64_t machine_trace_ticks(void) {
    return rdtsc();
}

/*
 * trace_emit() of what `first` and the words after it make, in a way that keeps registers. `first`:
 * the event, and the words of the record shifted by 16.
 */
#define MACHINE_TRACE_EMIT(pushes, bytes, ...)                                                     \
    __asm__ __inline__ volatile(                                                                   \
        pushes "pushq %0; call trace_emit_keeping_registers; addq $" #bytes ", %%rsp"              \
        :                                                                                          \
        : __VA_ARGS__                                                                              \
        : "cc")

static inline __attribute__((always_inline)) void machine_trace_emit_0(uint64_t first) {
    MACHINE_TRACE_EMIT("", 8, "er"(first));
}

static inline __attribute__((always_inline)) void machine_trace_emit_1(uint64_t first, uint64_t a) {
    MACHINE_TRACE_EMIT("pushq %1; ", 16, "er"(first), "er"(a));
}

static inline __attribute__((always_inline)) void machine_trace_emit_2(uint64_t first, uint64_t a,
                                                                       uint64_t b) {
    MACHINE_TRACE_EMIT("pushq %2; pushq %1; ", 24, "er"(first), "er"(a), "er"(b));
}

static inline __attribute__((always_inline)) void machine_trace_emit_3(uint64_t first, uint64_t a,
                                                                       uint64_t b, uint64_t c) {
    MACHINE_TRACE_EMIT("pushq %3; pushq %2; pushq %1; ", 32, "er"(first), "er"(a), "er"(b),
                       "er"(c));
}

static inline __attribute__((always_inline)) void
machine_trace_emit_4(uint64_t first, uint64_t a, uint64_t b, uint64_t c, uint64_t d) {
    MACHINE_TRACE_EMIT("pushq %4; pushq %3; pushq %2; pushq %1; ", 40, "er"(first), "er"(a),
                       "er"(b), "er"(c), "er"(d));
}

#endif
