/* SPDX-License-Identifier: MIT */
/*
 * Futexes: sleeping on a word of user memory; private to kernel/proc and its system calls.
 *
 * A word is known by a key: of private memory the space and the address, of shared memory the
 * object and the offset in it, so that processes meet that map it at different places.
 *
 * All calls: -EINVAL for a word that is not aligned, -EFAULT for one that is not there. They may
 * sleep.
 *
 * Source: futex(2), get_robust_list(2).
 */
#ifndef PROC_FUTEX_H
#define PROC_FUTEX_H

#include <stdbool.h>
#include <stdint.h>

struct task;

/* is_private: no other process is meant, so that what is mapped there need not be looked at. */
struct futex_word {
    uint64_t address;
    bool is_private;
};

void futex_init(void);

/*
 * Sleeps while the word is `value`, until woken through a bit of `bits`. 0 when woken, -EAGAIN
 * (another value), -EINVAL (no bits), -ETIMEDOUT at the monotonic deadline, -EINTR.
 */
int futex_wait(struct futex_word word, uint32_t value, uint32_t bits, uint64_t deadline_ns);

/*
 * Wakes up to `count` sleepers that share a bit with `bits`, and one if that is 0 or less. How
 * many, or -EINVAL (no bits).
 */
int futex_wake(struct futex_word word, int count, uint32_t bits);

/*
 * Wakes up to `count` and moves up to `moved` others to the word at `target`. With check, only
 * while the word is *check: -EAGAIN. Returns how many were woken or moved; -EINVAL for counts below
 * 0.
 */
struct futex_requeue {
    struct futex_word word;
    uint64_t target;
    int count, moved;
    const uint32_t *check;
};
int futex_requeue(const struct futex_requeue *request);

/*
 * Changes the word at `target` in one step as `operation` (FUTEX_OP's encoding) says, wakes up to
 * `count` that sleep on the first word, and up to `target_count` on the other if its old value
 * compares as wanted. How many, or -ENOSYS: no such operation, nothing was done.
 */
struct futex_wake_op {
    struct futex_word word;
    uint64_t target;
    int count, target_count;
    uint32_t operation;
};
int futex_wake_op(const struct futex_wake_op *request);

/* The task ends or leaves its space: marks its robust locks, clears and wakes clear_child_tid. */
void futex_task_exits(struct task *task);

#endif
