/* SPDX-License-Identifier: MIT */
/*
 * The host's machine/cpu.h: processors without interrupts, one of which runs the test at a time.
 */
#ifndef MACHINE_CPU_H
#define MACHINE_CPU_H

#include <stdbool.h>
#include <stdint.h>

typedef uint64_t irq_flags_t;

struct cpu;
struct thread;

/* The one that runs: tests/host/support/kernel_model.c. */
extern struct cpu *host_cpu_self;
#define host_cpu (*host_cpu_self)

static inline struct cpu *machine_cpu_self(void) {
    return host_cpu_self;
}

/* tests/host/support/kernel_model.c too. */
struct thread *machine_thread_current(void);
void machine_cpu_work_set(uint32_t bits);
void machine_cpu_work_clear(uint32_t bits);

#define IRQ_FLAG_ENABLED 0x200ul

/* Whether interrupts would come: tests/host/support/kernel_model.c. */
extern bool host_irq_enabled;

static inline bool irq_is_enabled(void) {
    return host_irq_enabled;
}

static inline void irq_enable(void) {
    host_irq_enabled = true;
}

static inline void irq_disable(void) {
    host_irq_enabled = false;
}

static inline irq_flags_t irq_save(void) {
    irq_flags_t flags = host_irq_enabled ? IRQ_FLAG_ENABLED : 0;

    irq_disable();
    return flags;
}

static inline void irq_restore(irq_flags_t flags) {
    if (flags & IRQ_FLAG_ENABLED)
        irq_enable();
}

static inline void cpu_relax(void) {
}

/* What other processors do while one waits; NULL: nothing. */
extern void (*host_answers)(void);

static inline void machine_answer_calls(void) {
    if (host_answers)
        host_answers();
}

static inline uint64_t machine_call_rarely(uint64_t (*fn)(uint64_t a, uint64_t b), uint64_t a,
                                           uint64_t b) {
    return fn(a, b);
}

static inline uint64_t machine_call_rarely_3(uint64_t (*fn)(uint64_t a, uint64_t b, uint64_t c),
                                             uint64_t a, uint64_t b, uint64_t c) {
    return fn(a, b, c);
}

#endif
