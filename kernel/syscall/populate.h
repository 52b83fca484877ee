/* SPDX-License-Identifier: MIT */
/* Bringing pages in, in steps, for the memory calls. */
#ifndef SYSCALL_POPULATE_H
#define SYSCALL_POPULATE_H

#include <stdbool.h>
#include <stdint.h>

#include "vm/lock.h"

/*
 * Brings the whole pages of [address, address + length) in, in the calling process's space, letting
 * others run. 0 or the errors of vm_populate, or -EINTR when the process is to end; what has come
 * in stays.
 */
int populate(uint64_t address, uint64_t length, enum vm_populate_mode mode);

/* The same as far as it goes: an area that refuses is passed over. */
void populate_all(uint64_t address, uint64_t length, enum vm_populate_mode mode);

/* What a call has mapped, grown or given rights: populated, if it is locked. */
void populate_locked(uint64_t address, uint64_t length);

#endif
