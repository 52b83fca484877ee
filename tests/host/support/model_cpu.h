/* SPDX-License-Identifier: MIT */
/*
 * A model processor: reads, writes and fetches single bytes of user memory through the MMU model,
 * faulting into the real vm_fault as a processor would.
 */
#ifndef SUPPORT_MODEL_CPU_H
#define SUPPORT_MODEL_CPU_H

#include <stdint.h>

struct vm_space;

/* Loads, stores or fetches one byte at `va` in `space`. 0, or what vm_fault refused with. */
int model_cpu_read(struct vm_space *space, uint64_t va, unsigned char *byte);
int model_cpu_write(struct vm_space *space, uint64_t va, unsigned char byte);
int model_cpu_fetch(struct vm_space *space, uint64_t va, unsigned char *byte);

/* The whole page at `va`, as reading its bytes one by one would find it. *page is good until
 * anything else happens. */
int model_cpu_read_page(struct vm_space *space, uint64_t va, const unsigned char **page);

/* The byte at `va`, to be loaded or stored (VM_READ, VM_WRITE) with those behind it in the page. */
int model_cpu_find(struct vm_space *space, uint64_t va, unsigned access, unsigned char **at);

/* The processor leaves the space: it can be destroyed. */
void model_cpu_leave(void);

#endif
