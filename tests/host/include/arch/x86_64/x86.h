/* SPDX-License-Identifier: MIT */
/*
 * The processor as the x86-64 pmap sees it when it runs on the host: privileged instructions are
 * done to the model of its MMU, tests/host/x86/mmu.c. Found before arch/x86_64/x86.h by the order
 * of include paths.
 */
#ifndef X86_X86_H
#define X86_X86_H

#include <stdint.h>

struct cpu_features {
    _Bool no_execute;
};

extern struct cpu_features cpu_features;

/* How often each was asked for. */
struct host_flushes {
    uint64_t cr3, page;
};
extern struct host_flushes host_flushes;

void write_cr3(uint64_t value);
void invlpg(uint64_t va);

#endif
