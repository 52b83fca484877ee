/* SPDX-License-Identifier: MIT */
/*
 * The local APIC's timer, for clock.c. It counts down once and then interrupts.
 */
#ifndef X86_APIC_H
#define X86_APIC_H

#include <stdint.h>

/* Starts it with so many ticks; 0 stops it. */
void apic_timer_start(uint32_t ticks);

/* Ticks until it interrupts; 0 when it is stopped. */
uint32_t apic_timer_left(void);

#endif
