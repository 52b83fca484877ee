/* SPDX-License-Identifier: MIT */
/*
 * What kernel/core gives the layers under test, on the host: see kernel_model.h.
 */
#include "support/kernel_model.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/assert.h"
#include "core/clock.h"
#include "core/cpu.h"
#include "core/panic.h"
#include "core/printk.h"
#include "core/processors.h"
#include "support/check.h"
#include "sync/cpu_call.h"

static struct cpu cpus[CPU_MAX] = {{.self = &cpus[0], .mask = 1}};
struct cpu *host_cpu_self = &cpus[0];
bool host_irq_enabled = true;

jmp_buf host_panic_return;
bool host_panic_expected;

struct thread *machine_thread_current(void) {
    return host_cpu.current;
}

void machine_cpu_work_set(uint32_t bits) {
    host_cpu.work |= bits;
}

void machine_cpu_work_clear(uint32_t bits) {
    host_cpu.work &= ~bits;
}

unsigned host_cpu_count = 1;

unsigned cpu_count(void) {
    return host_cpu_count;
}

struct cpu *cpu_get(unsigned index) {
    CHECK(index < host_cpu_count);
    cpus[index].self = &cpus[index];
    cpus[index].index = index;
    cpus[index].mask = 1ull << index;
    return &cpus[index];
}

void (*host_answers)(void);

void host_cpu_run_on(unsigned index) {
    struct cpu *next = cpu_get(index);

    next->current = host_cpu.current;
    host_cpu_self = next;
}

void host_cpu_leave_for(unsigned index, bool leaves_over) {
    CHECK_EQ(host_cpu.spin_locks.depth, 0);
    host_cpu.pmap_is_left_over = leaves_over;
    host_cpu_run_on(index);
    host_cpu.pmap_is_left_over = false;
}

void processor_answer(unsigned index) {
    unsigned caller = host_cpu.index;

    host_cpu_run_on(index);
    host_cpu.irq_depth++;
    cpu_call_answer();
    host_cpu.irq_depth--;
    host_cpu_run_on(caller);
}

static void return_if_expected(void) {
    if (host_panic_expected)
        longjmp(host_panic_return, 1);
}

void assert_fail(const char *condition, const char *file, int line) {
    return_if_expected();
    test_fail(file, line, "assertion failed: %s", condition);
}

static _Noreturn void panic_va(const char *fmt, va_list args) {
    char text[256];

    return_if_expected();
    vsnprintf(text, sizeof(text), fmt, args);
    test_fail("panic", 0, "%s", text);
}

void panic(const char *fmt, ...) {
    va_list args;

    va_start(args, fmt);
    panic_va(fmt, args);
}

void panic_everywhere(const char *fmt, ...) {
    va_list args;

    va_start(args, fmt);
    panic_va(fmt, args);
}

uint64_t clock_monotonic_ns(void) {
    return 0;
}

void printk_va(const char *fmt, va_list args) {
    if (getenv("VERBOSE"))
        vfprintf(stderr, fmt, args);
}

void printk(const char *fmt, ...) {
    va_list args;

    va_start(args, fmt);
    printk_va(fmt, args);
    va_end(args);
}
