/* SPDX-License-Identifier: MIT */
/*
 * Futexes: sleeping on a word of user memory; private to kernel/proc and its system calls.
 *
 * A word is known by a key: of private memory the space and the address, of shared memory the frame
 * and the offset in it, so that processes meet that map it at different places.
 *
 * Source: futex(2), get_robust_list(2).
 */
#ifndef PROC_FUTEX_H
#define PROC_FUTEX_H

#include <stdbool.h>
#include <stdint.h>

struct task;

void futex_init(void);

/*
 * Sleeps while the word at `address` is `value`, until woken through a bit of `bits`. 0 when woken,
 * -EAGAIN (another value), -EFAULT, -EINVAL (alignment), -ETIMEDOUT at the monotonic deadline,
 * -ERESTARTSYS.
 */
int futex_wait(uint64_t address, bool is_private, uint32_t value, uint32_t bits,
               uint64_t deadline_ns);

/* Wakes up to `count` sleepers that share a bit with `bits`; how many, -EFAULT or -EINVAL. */
int futex_wake(uint64_t address, bool is_private, unsigned count, uint32_t bits);

/*
 * Wakes up to `count` and moves up to `moved` others to the word at `target`. With check, only
 * while the word is *check: -EAGAIN. Returns how many were woken or moved.
 */
struct futex_requeue {
    uint64_t address, target;
    bool is_private;
    unsigned count, moved;
    const uint32_t *check;
};
int futex_requeue(const struct futex_requeue *request);

/* The task ends or leaves its space: marks its robust locks, clears and wakes clear_child_tid. */
void futex_task_exits(struct task *task);

#endif
