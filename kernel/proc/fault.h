/* SPDX-License-Identifier: MIT */
/* What user code did wrong, or only seemed to; private to kernel/proc. Hooks of core/trap.h. */
#ifndef PROC_FAULT_H
#define PROC_FAULT_H

#include <stdint.h>

struct trapframe;

int fault_page(struct trapframe *tf, uint64_t address, unsigned error);
void fault_exception(struct trapframe *tf);

#endif
