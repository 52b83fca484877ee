/* SPDX-License-Identifier: MIT */
/*
 * Interrupts of devices, of the timer and of other processors: local APIC and IOAPIC, at the
 * addresses that every PC has them at. The two 8259s, which the firmware left on, are masked for
 * good.
 *
 * A line of the ISA bus is the IOAPIC's input of the same number, but for line 0 (the PIT), which
 * is wired to input 2. All are edge-triggered and go to the boot processor.
 *
 * Locks: none. Handlers are registered once and never change; each is published before its input
 * is let through.
 */
#include "apic.h"

#include <stddef.h>

#include "abi/errno.h"
#include "boot.h"
#include "sync/cpu_call.h"
#include "core/irq.h"
#include "core/trap.h"
#include "kmap.h"
#include "machine/cpu.h"
#include "traps.h"
#include "x86.h"

#define APIC_BASE_ENABLE (1UL << 11)

#define LOCAL_APIC_PHYS 0xfee00000UL
#define LOCAL_APIC_TASK_PRIORITY 0x080
#define LOCAL_APIC_EOI 0x0b0
#define LOCAL_APIC_SPURIOUS 0x0f0
#define LOCAL_APIC_ID 0x020
#define LOCAL_APIC_COMMAND 0x300
#define LOCAL_APIC_COMMAND_TO 0x310
#define LOCAL_APIC_LVT_TIMER 0x320
#define LOCAL_APIC_TIMER_INITIAL 0x380
#define LOCAL_APIC_TIMER_CURRENT 0x390
#define LOCAL_APIC_TIMER_DIVIDE 0x3e0

#define SPURIOUS_ENABLE 0x100
#define COMMAND_PENDING 0x1000
#define APIC_ID_SHIFT 24
#define TIMER_DIVIDE_BY_1 0xb

#define IO_APIC_PHYS 0xfec00000UL
#define IO_APIC_SELECT 0x00
#define IO_APIC_WINDOW 0x10
#define IO_APIC_REDIRECTION 0x10 /* two registers for each input */

#define PIC_MASTER_DATA 0x21
#define PIC_SLAVE_DATA 0xa1
#define ISA_LINE_PIT 0
#define ISA_LINE_CASCADE 2

struct irq_handler {
    void (*fn)(void *arg);
    void *arg;
};

static struct irq_handler irq_handlers[IRQ_LINES];
static volatile uint8_t *local_apic, *io_apic;

static uint32_t local_apic_read(unsigned reg) {
    return *(volatile uint32_t *)(local_apic + reg);
}

static void local_apic_write(unsigned reg, uint32_t value) {
    *(volatile uint32_t *)(local_apic + reg) = value;
}

static void io_apic_write(unsigned reg, uint32_t value) {
    *(volatile uint32_t *)(io_apic + IO_APIC_SELECT) = reg;
    *(volatile uint32_t *)(io_apic + IO_APIC_WINDOW) = value;
}

void apic_init(void) {
    io_out8(PIC_MASTER_DATA, 0xff);
    io_out8(PIC_SLAVE_DATA, 0xff);
    local_apic = kmap_device(LOCAL_APIC_PHYS);
    io_apic = kmap_device(IO_APIC_PHYS);
    apic_init_self();
}

void apic_init_self(void) {
    wrmsr(MSR_APIC_BASE, rdmsr(MSR_APIC_BASE) | APIC_BASE_ENABLE);
    local_apic_write(LOCAL_APIC_TASK_PRIORITY, 0);
    local_apic_write(LOCAL_APIC_SPURIOUS, SPURIOUS_ENABLE | VECTOR_SPURIOUS);
    local_apic_write(LOCAL_APIC_TIMER_DIVIDE, TIMER_DIVIDE_BY_1);
    local_apic_write(LOCAL_APIC_LVT_TIMER, VECTOR_TIMER);
}

void apic_timer_start(uint32_t ticks) {
    local_apic_write(LOCAL_APIC_TIMER_INITIAL, ticks);
}

uint32_t apic_timer_left(void) {
    return local_apic_read(LOCAL_APIC_TIMER_CURRENT);
}

uint32_t apic_id_self(void) {
    return local_apic_read(LOCAL_APIC_ID) >> APIC_ID_SHIFT;
}

/* Two registers make one command, so interrupts stay off between them. */
void apic_send(uint32_t apic_id, uint32_t kind) {
    irq_flags_t flags = irq_save();

    while (local_apic_read(LOCAL_APIC_COMMAND) & COMMAND_PENDING)
        cpu_relax();
    local_apic_write(LOCAL_APIC_COMMAND_TO, apic_id << APIC_ID_SHIFT);
    local_apic_write(LOCAL_APIC_COMMAND, kind);
    irq_restore(flags);
}

int irq_register(unsigned line, void (*fn)(void *arg), void *arg) {
    unsigned input = line == ISA_LINE_PIT ? 2 : line;

    if (line >= IRQ_LINES || line == ISA_LINE_CASCADE)
        return -EINVAL;
    if (irq_handlers[line].fn)
        return -EBUSY;
    irq_handlers[line].arg = arg;
    __atomic_store_n(&irq_handlers[line].fn, fn, __ATOMIC_RELEASE);
    io_apic_write(IO_APIC_REDIRECTION + 2 * input + 1, local_apic_read(LOCAL_APIC_ID));
    io_apic_write(IO_APIC_REDIRECTION + 2 * input, VECTOR_ISA + line);
    return 0;
}

void irq_dispatch(unsigned vector) {
    if (vector == VECTOR_SPURIOUS)
        return; /* is not acknowledged */
    local_apic_write(LOCAL_APIC_EOI, 0);
    if (vector == VECTOR_TIMER) {
        trap_hooks()->timer_tick();
    } else if (vector == VECTOR_CALL) {
        cpu_call_answer();
    } else if (vector == VECTOR_LOOK) {
        trap_hooks()->look();
    } else if (vector - VECTOR_ISA < IRQ_LINES && irq_handlers[vector - VECTOR_ISA].fn) {
        const struct irq_handler *handler = &irq_handlers[vector - VECTOR_ISA];

        handler->fn(handler->arg);
    }
}
