/* SPDX-License-Identifier: MIT */
/*
 * The processor's random number generator (RDRAND), for seeding kernel/core/random.c.
 */
#ifndef MACHINE_ENTROPY_H
#define MACHINE_ENTROPY_H

#include <stdbool.h>
#include <stdint.h>

#define CPUID_1_ECX_RDRAND (1u << 30)
#define RDRAND_ATTEMPTS 10

/* A random number from the hardware; false: it has none, now or at all. */
static inline bool entropy_read(uint64_t *value) {
    uint32_t a = 1, b, c = 0, d;
    uint8_t good = 0;

    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    if (!(c & CPUID_1_ECX_RDRAND))
        return false;
    for (int i = 0; i < RDRAND_ATTEMPTS && !good; i++)
        __asm__ volatile("rdrand %0; setc %1" : "=r"(*value), "=qm"(good) : : "cc");
    return good;
}

#endif
