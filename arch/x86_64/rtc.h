/* SPDX-License-Identifier: MIT */
/*
 * The date in the PC's CMOS clock, for clock.c.
 */
#ifndef X86_RTC_H
#define X86_RTC_H

#include <stdint.h>

/* Seconds since 1970, taking the clock for UTC. Waits out an update: up to 2 ms. */
uint64_t rtc_read_seconds(void);

#endif
