/* SPDX-License-Identifier: MIT */
/*
 * Switching tracepoints on and off: the code is changed. See machine/trace_point.h.
 *
 * All other processors stand still in a loop of stop_machine.c, which has no tracepoint, with
 * interrupts off. So none is amid an instruction that changes. The kernel's text is mapped for
 * reading only, at its own place and in the direct map; for the few stores this processor goes
 * without write protection, interrupts off. Afterwards each processor executes an instruction that
 * serialises, so that what it has fetched before is not used (SDM volume 3, 9.1.3).
 */
#include "core/assert.h"
#include "core/cpu.h"
#include "core/trace_ring.h"
#include "lib/string.h"
#include "machine/trace_point.h"
#include "arch/x86_64/x86.h"
#include "sync/cpu_call.h"

#define SITE_BYTES 5
#define JUMP_OPCODE 0xe9

extern struct machine_trace_site trace_sites_start[], trace_sites_end[];

static void serialise(void *unused) {
    (void)unused;
    cpuid(0, 0);
}

/* The site becomes a jump to its target, relative to what follows it, or what it was at first. */
static void write_site(struct machine_trace_site *site, bool on) {
    int32_t distance = (int32_t)(site->target - (site->address + SITE_BYTES));
    uint8_t code[SITE_BYTES];

    if (!site->off[0])
        memcpy(site->off, (const void *)site->address, SITE_BYTES);
    memcpy(code, site->off, SITE_BYTES);
    if (on) {
        code[0] = JUMP_OPCODE;
        memcpy(code + 1, &distance, sizeof(distance));
    }
    memcpy((void *)site->address, code, sizeof(code));
}

void trace_points_switch(const uint64_t on[TRACE_EVENTS_MAX / 64]) {
    irq_flags_t flags = irq_save();
    uint64_t cr0 = read_cr0();

    write_cr0(cr0 & ~CR0_WP);
    for (struct machine_trace_site *site = trace_sites_start; site < trace_sites_end; site++)
        write_site(site, on[site->event / 64] >> site->event % 64 & 1);
    write_cr0(cr0);
    serialise(NULL);
    irq_restore(flags);
    cpu_call(UINT64_MAX, serialise, NULL);
}
