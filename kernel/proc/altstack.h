/* SPDX-License-Identifier: MIT */
/*
 * Alternate signal stacks; private to kernel/proc and its system calls. Source: sigaltstack(2).
 * A task's own matter: no locks.
 */
#ifndef PROC_ALTSTACK_H
#define PROC_ALTSTACK_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/signal.h"

struct task;

/* Is there one, and is the stack pointer not on it already? */
bool altstack_is_usable(const struct task *task, uint64_t rsp);

/* Is rsp on it, but the frame to be pushed at `address` below it? */
bool altstack_is_overrun(const struct task *task, uint64_t rsp, uint64_t address);

/* Sets it: 0, -EPERM (in use), -EINVAL, -ENOMEM (too small). */
int altstack_set(struct task *task, const struct linux_sigaltstack *stack, uint64_t rsp);

/* What sigaltstack(2) tells of the present one. */
void altstack_get(const struct task *task, struct linux_sigaltstack *stack, uint64_t rsp);

#endif
