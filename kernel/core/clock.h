/* SPDX-License-Identifier: MIT */
/*
 * Time, in nanoseconds, and the one alarm of each processor. Implemented by arch: the time stamp
 * counter, calibrated at boot against the PIT; the date from the CMOS clock; the APIC's timer.
 * No locks, no sleeping, any context.
 */
#ifndef CORE_CLOCK_H
#define CORE_CLOCK_H

#include <stdint.h>

#define NS_PER_SECOND 1000000000ULL
#define CLOCK_NO_EVENT UINT64_MAX

/* Since boot; never goes back. 0 before the clock is set up. */
uint64_t clock_monotonic_ns(void);

/* Since 1970, UTC. */
uint64_t clock_realtime_ns(void);

/*
 * Sets the date to `ns` since 1970. The monotonic clock does not change. Of several at once the
 * last one counts.
 */
void clock_set_realtime_ns(uint64_t ns);

/*
 * Asks for the timer_tick hook of core/trap.h once, at the monotonic time `ns` or soon after (at
 * once when it is past), on this processor. A new time replaces the old; CLOCK_NO_EVENT cancels.
 * The hook may come early (at most: when the hardware's counter is too short); it sets the next
 * event itself.
 */
void clock_set_next_event(uint64_t ns);

/* Waits by spinning; for devices, and only for microseconds. */
void clock_delay_ns(uint64_t ns);

#endif
