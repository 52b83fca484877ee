/* SPDX-License-Identifier: MIT */
/*
 * The table of trap hooks, and what serves until one is registered.
 */
#include "core/trap.h"

#include "core/panic.h"
#include "machine/trapframe.h"

static int early_page_fault(struct trapframe *tf, uint64_t addr, unsigned error) {
    panic_trap(tf, "page fault at %#lx (error %#x) before processes are ready", addr, error);
}

static void early_exception(struct trapframe *tf) {
    panic_trap(tf, "exception %lu before processes are ready", tf->vector);
}

static void early_timer_tick(void) {
}

static void early_return_to_user(struct trapframe *tf) {
    panic_trap(tf, "work before user code, before processes are ready");
}

static const struct trap_hooks early_hooks = {
    .page_fault = early_page_fault,
    .exception = early_exception,
    .timer_tick = early_timer_tick,
    .return_to_user = early_return_to_user,
};

const struct trap_hooks *trap_hooks_current = &early_hooks;

void trap_hooks_register(const struct trap_hooks *hooks) {
    trap_hooks_current = hooks;
}
