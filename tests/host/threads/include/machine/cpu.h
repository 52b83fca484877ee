/* SPDX-License-Identifier: MIT */
/*
 * machine/cpu.h where each processor is a thread. A call of another processor comes when it is
 * looked for: while waiting, and between the steps of a test.
 */
#ifndef MACHINE_CPU_H
#define MACHINE_CPU_H

#include <stdbool.h>
#include <stdint.h>

typedef uint64_t irq_flags_t;

struct cpu;
struct thread;

extern _Thread_local struct cpu *thread_cpu;
extern _Thread_local bool thread_irq_enabled;

static inline struct cpu *machine_cpu_self(void) {
    return thread_cpu;
}

struct thread *machine_thread_current(void);
void machine_cpu_work_set(uint32_t bits);
void machine_cpu_work_clear(uint32_t bits);

/* Others run: there are more processors than the host has. */
void cpu_relax(void);

/* sync/cpu_call.h's cpu_call_answer. */
void machine_answer_calls(void);

#define IRQ_FLAG_ENABLED 0x200ul

static inline bool irq_is_enabled(void) {
    return thread_irq_enabled;
}

static inline void irq_enable(void) {
    thread_irq_enabled = true;
}

static inline void irq_disable(void) {
    thread_irq_enabled = false;
}

static inline irq_flags_t irq_save(void) {
    irq_flags_t flags = thread_irq_enabled ? IRQ_FLAG_ENABLED : 0;

    irq_disable();
    return flags;
}

static inline void irq_restore(irq_flags_t flags) {
    if (flags & IRQ_FLAG_ENABLED)
        irq_enable();
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
