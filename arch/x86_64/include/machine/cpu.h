/* SPDX-License-Identifier: MIT */
/*
 * What one processor can do in one instruction or two: interrupts on and off, ports, waiting,
 * the time stamp counter, finding its own per-processor data.
 *
 * Nothing here sleeps, takes a lock or fails.
 */
#ifndef MACHINE_CPU_H
#define MACHINE_CPU_H

#include <stdbool.h>
#include <stdint.h>

/* The caller's interrupt state, as irq_save() found it. */
typedef uint64_t irq_flags_t;

#define IRQ_FLAG_ENABLED 0x200UL

static inline irq_flags_t irq_save(void) {
    irq_flags_t flags;

    __asm__ volatile("pushfq; popq %0; cli" : "=r"(flags) : : "memory");
    return flags;
}

static inline void irq_enable(void) {
    __asm__ volatile("sti" : : : "memory");
}

static inline void irq_disable(void) {
    __asm__ volatile("cli" : : : "memory");
}

static inline void irq_restore(irq_flags_t flags) {
    if (flags & IRQ_FLAG_ENABLED)
        irq_enable();
}

static inline bool irq_is_enabled(void) {
    irq_flags_t flags;

    __asm__ volatile("pushfq; popq %0" : "=r"(flags) : : "memory");
    return (flags & IRQ_FLAG_ENABLED) != 0;
}

/* Tells the processor that this is a spin loop. */
static inline void cpu_relax(void) {
    __asm__ volatile("pause" : : : "memory");
}

/*
 * Does what other processors want of this one (cpu_call_answer), keeping all registers: whoever
 * takes a spinlock need not save any for the rare case that it is waited for.
 */
static inline void machine_answer_calls(void) {
    __asm__ volatile("call answer_calls_keeping_registers" : : : "memory", "cc");
}

/* fn(a, b), keeping all other registers, for the same reason. */
static inline uint64_t machine_call_rarely(uint64_t (*fn)(uint64_t a, uint64_t b), uint64_t a,
                                           uint64_t b) {
    uint64_t result = (uint64_t)fn;

    __asm__ volatile("call call_keeping_registers"
                     : "+a"(result)
                     : "D"(a), "S"(b)
                     : "memory", "cc");
    return result;
}

/* The same with three. */
static inline uint64_t machine_call_rarely_3(uint64_t (*fn)(uint64_t a, uint64_t b, uint64_t c),
                                             uint64_t a, uint64_t b, uint64_t c) {
    uint64_t result = (uint64_t)fn;

    __asm__ volatile("call call_keeping_registers"
                     : "+a"(result)
                     : "D"(a), "S"(b), "d"(c)
                     : "memory", "cc");
    return result;
}

/*
 * Turns interrupts on and waits for one, with no window between: an interrupt that was pending
 * while they were off ends the wait at once. For the idle loop, which looks for work with
 * interrupts off. Returns with interrupts on.
 */
static inline void cpu_idle_wait(void) {
    __asm__ volatile("sti; hlt" : : : "memory");
}

/* Stops until the next interrupt; for ever when interrupts are off. */
static inline void cpu_halt(void) {
    __asm__ volatile("hlt" : : : "memory");
}

/* Ends the running processor's work. */
static inline _Noreturn void cpu_stop(void) {
    irq_disable();
    for (;;)
        cpu_halt();
}

static inline uint64_t rdtsc(void) {
    uint32_t low, high;

    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

static inline void io_out8(uint16_t port, uint8_t value) {
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline void io_out16(uint16_t port, uint16_t value) {
    __asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port));
}

static inline void io_out32(uint16_t port, uint32_t value) {
    __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint8_t io_in8(uint16_t port) {
    uint8_t value;

    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline uint16_t io_in16(uint16_t port) {
    uint16_t value;

    __asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline uint32_t io_in32(uint16_t port) {
    uint32_t value;

    __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

/* Features of the processor as AT_HWCAP tells them to programs: CPUID leaf 1, EDX. */
static inline uint32_t cpu_hwcap(void) {
    uint32_t a = 1, b, c = 0, d;

    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    return d;
}

struct cpu;
struct thread;

/* The running processor's struct cpu; its first field is its own address. See core/cpu.h. */
static inline struct cpu *machine_cpu_self(void) {
    struct cpu *self;

    __asm__ volatile("movq %%gs:0, %0" : "=r"(self));
    return self;
}

/*
 * Its `current`. Not volatile: a thread that looks twice sees the same, wherever it ran meanwhile.
 */
static inline struct thread *machine_thread_current(void) {
    struct thread *current;

    __asm__("movq %%gs:8, %0" : "=r"(current));
    return current;
}

/* Sets or clears bits of its `work`; one instruction, so that interrupts do no harm. */
static inline void machine_cpu_work_set(uint32_t bits) {
    __asm__ volatile("orl %0, %%gs:32" : : "er"(bits) : "memory", "cc");
}

static inline void machine_cpu_work_clear(uint32_t bits) {
    __asm__ volatile("andl %0, %%gs:32" : : "er"(~bits) : "memory", "cc");
}

#endif
