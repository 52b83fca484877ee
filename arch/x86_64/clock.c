/* SPDX-License-Identifier: MIT */
/*
 * Time: the time stamp counter counts it, the local APIC's timer tells when it has come.
 *
 * Both run at rates that are only known by comparing them with the PIT, whose rate is fixed. A
 * sample reads all three as nearly at once as can be (the best of several tries, for an emulator
 * may be stopped in the middle); two samples some milliseconds apart give the rates.
 *
 * Conversions are multiplications: ns = tsc * tsc_to_ns >> 32, ticks = ns * ns_to_timer >> 32.
 * Everything here is constant after clock_init() but the date's offset, which is one word.
 */
#include "core/clock.h"

#include <stdbool.h>

#include "apic.h"
#include "boot.h"
#include "core/printk.h"
#include "lib/bits.h"
#include "machine/cpu.h"
#include "rtc.h"

#define PIT_HZ 1193182ULL
#define PIT_CHANNEL_2 0x42
#define PIT_COMMAND 0x43
#define PIT_COMMAND_START 0xb0 /* channel 2, both bytes, mode 0: count down once */
#define PIT_COMMAND_LATCH 0x80
#define PORT_B 0x61
#define PORT_B_GATE 0x01
#define PORT_B_SPEAKER 0x02

#define CALIBRATION_PIT_TICKS 6000 /* 5 ms */
#define CALIBRATION_TRIES 8

struct clock_sample {
    uint64_t tsc;
    uint64_t pit;   /* ticks since the start */
    uint64_t timer; /* the same */
};

static uint64_t tsc_start, tsc_to_ns, ns_to_timer;
static uint64_t realtime_offset_ns; /* atomic */

static uint64_t scale(uint64_t value, uint64_t factor) {
    return (uint64_t)((unsigned __int128)value * factor >> 32);
}

static void pit_start(void) {
    io_out8(PORT_B, (uint8_t)((io_in8(PORT_B) & ~PORT_B_SPEAKER) | PORT_B_GATE));
    io_out8(PIT_COMMAND, PIT_COMMAND_START);
    io_out8(PIT_CHANNEL_2, 0xff);
    io_out8(PIT_CHANNEL_2, 0xff);
}

static uint64_t pit_elapsed(void) {
    unsigned low;

    io_out8(PIT_COMMAND, PIT_COMMAND_LATCH);
    low = io_in8(PIT_CHANNEL_2);
    return 0xffffu - (low | (unsigned)io_in8(PIT_CHANNEL_2) << 8);
}

static void clock_take_sample(struct clock_sample *best) {
    uint64_t best_took = UINT64_MAX;

    for (unsigned i = 0; i < CALIBRATION_TRIES; i++) {
        uint64_t before = rdtsc();
        uint64_t timer = UINT32_MAX - apic_timer_left();
        uint64_t pit = pit_elapsed();
        uint64_t took = rdtsc() - before;

        if (took >= best_took)
            continue;
        best_took = took;
        *best = (struct clock_sample){before + took / 2, pit, timer};
    }
}

/* Reading the PIT is slow where it is emulated, so most of the wait does not. */
static void pit_wait(uint64_t until) {
    while (pit_elapsed() < until) {
        for (unsigned i = 0; i < 20000; i++)
            __asm__ volatile("");
    }
}

void clock_init(void) {
    struct clock_sample first, last;
    uint64_t ns;

    pit_start();
    apic_timer_start(UINT32_MAX);
    clock_take_sample(&first);
    pit_wait(first.pit + CALIBRATION_PIT_TICKS);
    clock_take_sample(&last);
    apic_timer_start(0);

    ns = (last.pit - first.pit) * NS_PER_SECOND / PIT_HZ;
    tsc_to_ns = (ns << 32) / (last.tsc - first.tsc);
    ns_to_timer = ((last.timer - first.timer) << 32) / ns;
    tsc_start = first.tsc;
    realtime_offset_ns = rtc_read_seconds() * NS_PER_SECOND - clock_monotonic_ns();
    printk("clock: TSC %lu kHz, timer %lu kHz\n", (last.tsc - first.tsc) * 1000000 / ns,
           (last.timer - first.timer) * 1000000 / ns);
}

uint64_t clock_monotonic_ns(void) {
    if (!tsc_to_ns)
        return 0;
    return scale(rdtsc() - tsc_start, tsc_to_ns);
}

uint64_t clock_realtime_ns(void) {
    return clock_monotonic_ns() + __atomic_load_n(&realtime_offset_ns, __ATOMIC_RELAXED);
}

void clock_set_realtime_ns(uint64_t ns) {
    __atomic_store_n(&realtime_offset_ns, ns - clock_monotonic_ns(), __ATOMIC_RELAXED);
}

void clock_set_next_event(uint64_t ns) {
    uint64_t now = clock_monotonic_ns();
    uint64_t ticks = 1;

    if (ns == CLOCK_NO_EVENT) {
        apic_timer_start(0);
        return;
    }
    /* An hour at most, lest the product overflow; the timer is shorter than that. */
    if (ns > now)
        ticks = scale(MIN(ns - now, 3600 * NS_PER_SECOND), ns_to_timer) + 1;
    apic_timer_start((uint32_t)MIN(ticks, UINT32_MAX));
}

void clock_delay_ns(uint64_t ns) {
    uint64_t end = clock_monotonic_ns() + ns;

    while (clock_monotonic_ns() < end)
        cpu_relax();
}
