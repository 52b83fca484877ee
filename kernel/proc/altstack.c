/* SPDX-License-Identifier: MIT */
/*
 * Alternate signal stacks; see altstack.h.
 */
#include "proc/altstack.h"

#include "abi/errno.h"
#include "proc/process.h"

static bool contains(const struct linux_sigaltstack *stack, uint64_t rsp) {
    return rsp > stack->ss_sp && rsp - stack->ss_sp <= stack->ss_size;
}

/* A stack that disarms itself is never found in use. */
static bool is_in_use(const struct task *task, uint64_t rsp) {
    return !((uint32_t)task->altstack.ss_flags & SS_AUTODISARM) && contains(&task->altstack, rsp);
}

bool altstack_is_usable(const struct task *task, uint64_t rsp) {
    return task->altstack.ss_size != 0 && !is_in_use(task, rsp);
}

bool altstack_is_overrun(const struct task *task, uint64_t rsp, uint64_t address) {
    return is_in_use(task, rsp) && !contains(&task->altstack, address);
}

int altstack_set(struct task *task, const struct linux_sigaltstack *stack, uint64_t rsp) {
    uint32_t mode = (uint32_t)stack->ss_flags & ~SS_AUTODISARM;

    if (is_in_use(task, rsp))
        return -EPERM;
    if (mode != SS_DISABLE && mode != SS_ONSTACK && mode != 0)
        return -EINVAL;
    if (mode == SS_DISABLE) {
        task->altstack = (struct linux_sigaltstack){.ss_flags = SS_DISABLE};
        return 0;
    }
    if (stack->ss_size < MINSIGSTKSZ)
        return -ENOMEM;
    task->altstack = *stack;
    task->altstack.padding = 0;
    return 0;
}

void altstack_get(const struct task *task, struct linux_sigaltstack *stack, uint64_t rsp) {
    *stack = task->altstack;
    stack->ss_flags &= (int32_t)SS_AUTODISARM;
    if (task->altstack.ss_size == 0)
        stack->ss_flags |= SS_DISABLE;
    else if (is_in_use(task, rsp))
        stack->ss_flags |= SS_ONSTACK;
}
