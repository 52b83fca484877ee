/* SPDX-License-Identifier: MIT */
/*
 * Ending the machine. Power off is the ACPI register of QEMU's PC at the port its firmware
 * chooses; a panic ends QEMU by its isa-debug-exit device, whose exit status is the value
 * written, doubled, plus one.
 */
#include "core/power.h"

#include "core/clock.h"
#include "machine/cpu.h"

#define ACPI_PM1A_CONTROL 0x604
#define ACPI_SLEEP_OFF 0x2000
#define DEBUG_EXIT_PORT 0xf4
#define DEBUG_EXIT_PANIC 0x2a /* exit status 85 */
#define POWER_OFF_WAIT_NS NS_PER_SECOND
#define RESET_CONTROL 0xcf9
#define RESET_FULL 0x06

_Noreturn void power_off(void) {
    io_out16(ACPI_PM1A_CONTROL, ACPI_SLEEP_OFF);
    clock_delay_ns(POWER_OFF_WAIT_NS); /* QEMU ends a moment after the write */
    io_out8(DEBUG_EXIT_PORT, 0);
    cpu_stop();
}

_Noreturn void power_reset(void) {
    io_out8(RESET_CONTROL, RESET_FULL);
    cpu_stop();
}

_Noreturn void power_panic(void) {
    io_out8(DEBUG_EXIT_PORT, DEBUG_EXIT_PANIC);
    cpu_stop();
}
