/* SPDX-License-Identifier: MIT */
/*
 * Ending the machine. Implemented by arch.
 */
#ifndef CORE_POWER_H
#define CORE_POWER_H

/* QEMU's exit status is 0. */
_Noreturn void power_off(void);

_Noreturn void power_reset(void);

/* After a panic: exit status 85 with isa-debug-exit, else stops for ever. */
_Noreturn void power_panic(void);

#endif
