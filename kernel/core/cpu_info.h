/* SPDX-License-Identifier: MIT */
/*
 * What the processor says it is, for /proc/cpuinfo. Implemented by arch. Any context.
 */
#ifndef CORE_CPU_INFO_H
#define CORE_CPU_INFO_H

#include <stdint.h>

struct cpu_info {
    char vendor[16];
    char name[52];
    uint32_t family, model, stepping;
    uint32_t physical_bits, virtual_bits; /* of addresses */
    uint64_t clock_hz;                    /* of the time stamp counter */
};

void cpu_info_get(struct cpu_info *info);

/* Calls fn(arg, " NAME") for each feature that /proc/cpuinfo has a name for. */
void cpu_info_for_each_flag(void (*fn)(void *arg, const char *name), void *arg);

#endif
