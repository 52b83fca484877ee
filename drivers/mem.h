/* SPDX-License-Identifier: MIT */
/*
 * The devices that are no devices: null, zero, full, random, urandom, kmsg.
 */
#ifndef DRIVERS_MEM_H
#define DRIVERS_MEM_H

/* Registers them. Once, at start. */
void mem_init(void);

#endif
