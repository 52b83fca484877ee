/* SPDX-License-Identifier: MIT */
/*
 * Device interrupts. A line is one of the sixteen of the ISA bus. Implemented by arch.
 */
#ifndef CORE_IRQ_H
#define CORE_IRQ_H

#define IRQ_LINES 16

/*
 * Calls fn(arg) for each interrupt of `line` from now on, in interrupt context: interrupts off,
 * no sleeping. A line has one function for ever. 0, -EINVAL for no such line, -EBUSY when the
 * line has a function.
 */
int irq_register(unsigned line, void (*fn)(void *arg), void *arg);

#endif
