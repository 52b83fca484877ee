/* SPDX-License-Identifier: MIT */
/*
 * Panics: the same report whatever the reason. A second panic inside the first, by damage to what
 * the report reads, ends the machine at once.
 *
 * The other processors are stopped by NMI, wherever they are. Where it matters what they were doing
 * they are asked, one after the other.
 */
#include "core/panic.h"

#include <stdarg.h>
#include <stdatomic.h>

#include "core/assert.h"
#include "core/clock.h"
#include "core/cpu.h"
#include "core/debugger.h"
#include "core/power.h"
#include "core/printk.h"
#include "core/processors.h"
#include "core/symbols.h"
#include "machine/cpu.h"
#include "machine/trapframe.h"

#define BACKTRACE_MAX 32
#define DESCRIPTION_MAX 64
#define ANSWER_NS (10 * NS_PER_SECOND) /* to an NMI; emulators may be slow */

/* Whose turn it is to tell: a processor's index, or one of these. */
#define TURN_NOBODYS (-1)
#define TURN_OVER (-2)

static void (*panic_describe)(char *buf, size_t size);
static atomic_int panicking = -1; /* the index of the processor that does */
static atomic_int turn = TURN_NOBODYS;

bool panic_is_under_way(void) {
    return atomic_load_explicit(&panicking, memory_order_relaxed) >= 0;
}

void panic_register_describe(void (*describe)(char *buf, size_t size)) {
    panic_describe = describe;
}

static void backtrace_print_one(uint64_t rip) {
    uint64_t offset = 0;
    const char *name = symbol_lookup(rip, &offset);

    if (name)
        printk("  %#lx %s+%#lx\n", rip, name, offset);
    else
        printk("  %#lx\n", rip);
}

void backtrace_print(uint64_t rip, uint64_t rbp) {
    backtrace_print_one(rip);
    for (unsigned i = 0; i < BACKTRACE_MAX; i++) {
        uint64_t caller, caller_rbp;

        if (!probe_read_u64(rbp, &caller_rbp) || !probe_read_u64(rbp + 8, &caller) || !caller)
            return;
        backtrace_print_one(caller);
        if (caller_rbp <= rbp)
            return;
        rbp = caller_rbp;
    }
}

static void panic_print_process(void) {
    char description[DESCRIPTION_MAX];

    if (!panic_describe)
        return;
    panic_describe(description, sizeof(description));
    printk("current process: %s\n", description);
}

_Noreturn void panic_stand(const struct trapframe *tf) {
    int own = (int)cpu_index(), now;

    while ((now = atomic_load(&turn)) != own && now != TURN_OVER)
        cpu_relax();
    if (now == own) {
        printk("processor %u:\n", cpu_index());
        panic_print_process();
        backtrace_print(tf->rip, tf->rbp);
        atomic_store(&turn, TURN_NOBODYS);
    }
    cpu_stop();
}

/* Has another processor, which has been sent an NMI, tell. */
static void ask(int index) {
    uint64_t end = clock_monotonic_ns() + ANSWER_NS;

    atomic_store(&turn, index);
    while (atomic_load(&turn) == index && clock_monotonic_ns() < end)
        cpu_relax();
    if (atomic_load(&turn) == index)
        printk("processor %d: does not answer an NMI either\n", index);
}

static void ask_all(void) {
    for (int i = 0; i < (int)cpu_count(); i++) {
        if (i != (int)cpu_index())
            ask(i);
    }
}

/* Tells all that is known here; the end is the caller's. */
static void panic_report(const struct trapframe *tf, const char *fmt, va_list args) {
    int nobody = -1;

    irq_disable();
    if (!atomic_compare_exchange_strong(&panicking, &nobody, (int)cpu_index())) {
        if (nobody == (int)cpu_index())
            power_panic();
        cpu_stop(); /* another processor is telling already */
    }
    processors_stop_others();
    printk_enter_panic();
    printk("\npanic: ");
    printk_va(fmt, args);
    printk("\n");
    printk("processor: %u of %u\n", cpu_index(), cpu_count());
    panic_print_process();
    panic_print_registers(tf);
    printk("backtrace:\n");
    if (tf)
        backtrace_print(tf->rip, tf->rbp);
    else
        backtrace_print((uint64_t)__builtin_return_address(0),
                        *(const uint64_t *)__builtin_frame_address(0));
}

static _Noreturn void panic_end(void) {
    atomic_store(&turn, TURN_OVER);
    printk("end of panic\n");
    debugger_kernel_panicked();
    power_panic();
}

_Noreturn void panic(const char *fmt, ...) {
    va_list args;

    va_start(args, fmt);
    panic_report(NULL, fmt, args);
    panic_end();
}

_Noreturn void panic_everywhere(const char *fmt, ...) {
    va_list args;

    va_start(args, fmt);
    panic_report(NULL, fmt, args);
    ask_all();
    panic_end();
}

_Noreturn void panic_trap(const struct trapframe *tf, const char *fmt, ...) {
    va_list args;

    va_start(args, fmt);
    panic_report(tf, fmt, args);
    panic_end();
}

_Noreturn void assert_fail(const char *condition, const char *file, int line) {
    panic("%s:%d: assertion failed: %s", file, line, condition);
}
