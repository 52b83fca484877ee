/* SPDX-License-Identifier: MIT */
/*
 * The local APIC's timer, for clock.c, which counts down once and then interrupts; and interrupts
 * from one processor to another, for processors.c.
 */
#ifndef X86_APIC_H
#define X86_APIC_H

#include <stdint.h>

/* Starts it with so many ticks; 0 stops it. */
void apic_timer_start(uint32_t ticks);

/* Ticks until it interrupts; 0 when it is stopped. */
uint32_t apic_timer_left(void);

/* The number of the running processor's local APIC. */
uint32_t apic_id_self(void);

/* Kinds of interrupt, for apic_send(). A plain vector is a kind, too. */
#define APIC_NMI 0x4400u
#define APIC_INIT 0x4500u
#define APIC_STARTUP 0x4600u /* with the number of the page to start at */

/* Sends an interrupt to the processor whose local APIC has that number. Any context. */
void apic_send(uint32_t apic_id, uint32_t kind);

#endif
