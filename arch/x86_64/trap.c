/* SPDX-License-Identifier: MIT */
/*
 * Exceptions and interrupts: from entry.S to whom they concern.
 *
 *   interrupt                       irq_dispatch()
 *   exception of user code          the hooks of core/trap.h
 *   page fault in a kernel copy     the hook, then the exception table
 *   anything else in the kernel     panic
 *
 * A kernel copy may fault at a user address only, at an instruction of the exception table. With
 * interrupts off nothing can be repaired (that may sleep): the copy fails at once.
 *
 * A stack that overflows hits its guard page; the fault's own frame does not fit there either, so
 * it arrives as a double fault, on a stack of its own, with the address in CR2.
 */
#include "core/trap.h"

#include "boot.h"
#include "core/cpu.h"
#include "core/extable.h"
#include "core/panic.h"
#include "lib/bits.h"
#include "machine/layout.h"
#include "machine/trapframe.h"
#include "mm/kva.h"
#include "traps.h"
#include "x86.h"

#define GATE_INTERRUPT 0x8e00 /* present, interrupts off */
#define GATE_USER 0x6000      /* user code may use it by int */
#define STUB_SIZE 16

struct gate {
    uint16_t offset_low, selector;
    uint16_t flags; /* the low byte is the index of a stack */
    uint16_t offset_middle;
    uint32_t offset_high, reserved;
};

_Static_assert(sizeof(struct gate) == 16, "Intel, volume 3, 6.14.1");

struct table_pointer {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed));

static struct gate idt[VECTOR_COUNT];

static const char *const trap_names[] = {
    [TRAP_DIVIDE] = "divide error",
    [TRAP_DEBUG] = "debug exception",
    [TRAP_NMI] = "NMI",
    [TRAP_BREAKPOINT] = "breakpoint",
    [TRAP_OVERFLOW] = "overflow",
    [TRAP_BOUND] = "bound exceeded",
    [TRAP_INVALID_OPCODE] = "invalid opcode",
    [TRAP_NO_DEVICE] = "no floating point",
    [TRAP_DOUBLE_FAULT] = "double fault",
    [TRAP_INVALID_TSS] = "invalid TSS",
    [TRAP_NO_SEGMENT] = "segment not present",
    [TRAP_STACK] = "stack fault",
    [TRAP_PROTECTION] = "general protection fault",
    [TRAP_PAGE_FAULT] = "page fault",
    [TRAP_FPU] = "floating point exception",
    [TRAP_ALIGNMENT] = "alignment check",
    [TRAP_MACHINE_CHECK] = "machine check",
    [TRAP_SIMD] = "SIMD exception",
};

static void gate_set(unsigned vector, uint16_t flags) {
    uint64_t stub = (uint64_t)trap_stubs + vector * STUB_SIZE;

    idt[vector] = (struct gate){
        .offset_low = (uint16_t)stub,
        .selector = SELECTOR_KERNEL_CODE,
        .flags = GATE_INTERRUPT | flags,
        .offset_middle = (uint16_t)(stub >> 16),
        .offset_high = (uint32_t)(stub >> 32),
    };
}

void traps_init_self(void) {
    struct table_pointer pointer = {sizeof(idt) - 1, (uint64_t)idt};

    __asm__ volatile("lidt %0" : : "m"(pointer));
}

void traps_init(void) {
    for (unsigned vector = 0; vector < VECTOR_COUNT; vector++)
        gate_set(vector, 0);
    gate_set(TRAP_BREAKPOINT, GATE_USER);
    gate_set(TRAP_OVERFLOW, GATE_USER);
    gate_set(TRAP_DOUBLE_FAULT, IST_DOUBLE_FAULT);
    gate_set(TRAP_NMI, IST_NMI);
    gate_set(TRAP_MACHINE_CHECK, IST_MACHINE_CHECK);
    traps_init_self();
}

static const char *trap_name(uint64_t vector) {
    if (vector < ARRAY_SIZE(trap_names) && trap_names[vector])
        return trap_names[vector];
    return "unknown exception";
}

static _Noreturn void trap_panic(const struct trapframe *tf) {
    panic_trap(tf, "%s in the kernel (vector %lu, error %#lx)", trap_name(tf->vector), tf->vector,
               tf->error);
}

static _Noreturn void trap_panic_fault(const struct trapframe *tf, uint64_t addr) {
    const char *what = "read";

    if (boot_stack_guard_hit(addr) || kstack_guard_hit(addr))
        panic_trap(tf, "kernel stack overflow at %#lx", addr);
    if (tf->error & PAGE_FAULT_WRITE)
        what = "write";
    else if (tf->error & PAGE_FAULT_EXEC)
        what = "execution";
    panic_trap(tf, "page fault in the kernel: %s of %#lx, error %#lx", what, addr, tf->error);
}

/* A fault of kernel code: in a copy, or a mistake. */
static __attribute__((noinline)) void trap_kernel_fault(struct trapframe *tf, uint64_t addr) {
    uint64_t fixup = extable_lookup(tf->rip);

    if (!fixup || addr >= USER_END)
        trap_panic_fault(tf, addr);
    if (tf->rflags & IRQ_FLAG_ENABLED) {
        irq_enable();
        if (trap_hooks()->page_fault(tf, addr, (unsigned)tf->error) == 0)
            return;
    }
    tf->rip = fixup;
}

static void trap_page_fault(struct trapframe *tf) {
    uint64_t addr = read_cr2();

    if (!trapframe_is_user(tf)) {
        trap_kernel_fault(tf, addr);
        return;
    }
    irq_enable();
    trap_hooks()->page_fault(tf, addr, (unsigned)tf->error);
}

static __attribute__((noinline)) void trap_exception(struct trapframe *tf) {
    if (tf->vector == TRAP_DOUBLE_FAULT) {
        if (boot_stack_guard_hit(read_cr2()) || kstack_guard_hit(read_cr2()))
            panic_trap(tf, "kernel stack overflow at %#lx", read_cr2());
        trap_panic(tf);
    }
    if (tf->vector == TRAP_NMI && panic_is_under_way())
        panic_stand(tf);
    if (tf->vector == TRAP_NMI || tf->vector == TRAP_MACHINE_CHECK)
        panic_trap(tf, "%s", trap_name(tf->vector));
    if (!trapframe_is_user(tf))
        trap_panic(tf);
    irq_enable();
    trap_hooks()->exception(tf);
}

static __attribute__((noinline)) void trap_interrupt(struct trapframe *tf) {
    struct cpu *cpu = cpu_self();

    cpu->irq_depth++;
    cpu->irq_frame = tf;
    irq_dispatch((unsigned)tf->vector);
    cpu->irq_depth--;
}

void trap_dispatch(struct trapframe *tf) {
    if (tf->vector == TRAP_PAGE_FAULT)
        trap_page_fault(tf);
    else if (tf->vector >= VECTOR_ISA)
        trap_interrupt(tf);
    else
        trap_exception(tf);
}

void trap_user_work(struct trapframe *tf) {
    trap_hooks()->return_to_user(tf);
}

/* User code was sent to an address that iretq takes for a fault of ours: it is the user's. */
void trap_user_bad_rip(struct trapframe *tf) {
    tf->vector = TRAP_PROTECTION;
    tf->error = 0;
    trap_hooks()->exception(tf);
    if (tf->rip >> 47 && !cpu_self()->work)
        tf->rip = 0;
}
