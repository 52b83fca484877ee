/* SPDX-License-Identifier: MIT */
/*
 * futex and the robust list. The operations with priority inheritance are ENOSYS, as are those for
 * which the real-time clock makes no sense.
 *
 * Sources: futex(2), get_robust_list(2).
 */
#include "abi/errno.h"
#include "abi/futex.h"
#include "core/clock.h"
#include "core/uaccess.h"
#include "proc/futex.h"
#include "proc/permission.h"
#include "proc/process.h"
#include "proc/tree.h"
#include "syscall/calls.h"
#include "syscall/user_time.h"

#define ROBUST_HEAD_BYTES 24

/* WAIT's timeout is relative, WAIT_BITSET's a time of the clock. */
static int get_deadline(int op, const void *timeout, uint64_t *deadline_ns) {
    uint64_t ns, now_ns;
    int error;

    *deadline_ns = WAIT_FOREVER;
    if (!timeout)
        return 0;
    error = user_timespec_get(timeout, &ns);
    if (error)
        return error;
    if ((op & ~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME)) == FUTEX_WAIT) {
        *deadline_ns = deadline_in(ns);
        return 0;
    }
    now_ns = op & FUTEX_CLOCK_REALTIME ? clock_realtime_ns() : clock_monotonic_ns();
    *deadline_ns = ns > now_ns ? deadline_in(ns - now_ns) : 0;
    return 0;
}

/*
 * An interrupted wait goes on by itself unless a handler runs: with a timeout until the same time,
 * which restart_syscall finds here.
 */
static long restart_wait(struct task *task);

static long wait(struct futex_word word, uint32_t value, uint32_t bits, uint64_t deadline_ns) {
    struct task *task = task_current();
    int error = futex_wait(word, value, bits, deadline_ns);

    if (error != -EINTR)
        return error;
    if (deadline_ns == WAIT_FOREVER)
        return -ERESTARTSYS;
    task->restart = restart_wait;
    task->restart_data[0] = word.address | word.is_private; /* the address is aligned */
    task->restart_data[1] = (uint64_t)bits << 32 | value;
    task->restart_data[2] = deadline_ns;
    return -ERESTART_RESTARTBLOCK;
}

static long restart_wait(struct task *task) {
    const uint64_t *data = task->restart_data;

    return wait((struct futex_word){data[0] & ~1ull, data[0] & 1}, (uint32_t)data[1],
                (uint32_t)(data[1] >> 32), data[2]);
}

static long wait_with_timeout(struct futex_word word, int op, uint32_t value, const void *timeout,
                              uint32_t bits) {
    uint64_t deadline_ns;
    int error = get_deadline(op, timeout, &deadline_ns);

    return error ? error : wait(word, value, bits, deadline_ns);
}

/* The operations with two words. */
static long two_words(int command, struct futex_requeue *requeue, uint32_t value3) {
    const struct futex_wake_op wake_op = {
        .word = requeue->word,
        .target = requeue->target,
        .count = requeue->count,
        .target_count = requeue->moved,
        .operation = value3,
    };

    if (command == FUTEX_WAKE_OP)
        return futex_wake_op(&wake_op);
    requeue->check = command == FUTEX_CMP_REQUEUE ? &value3 : NULL;
    return futex_requeue(requeue);
}

long sys_futex(void *address, int op, uint32_t value, const void *timeout, void *word2,
               uint32_t value3) {
    struct futex_word word = {(uint64_t)address, op & FUTEX_PRIVATE_FLAG};
    int command = op & ~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);
    struct futex_requeue requeue = {
        .word = word,
        .target = (uint64_t)word2,
        .count = (int)value,
        .moved = (int)(uint64_t)timeout, /* a number in these operations */
    };

    if ((op & FUTEX_CLOCK_REALTIME) && command != FUTEX_WAIT_BITSET)
        return -ENOSYS;
    switch (command) {
    case FUTEX_WAIT:
        return wait_with_timeout(word, op, value, timeout, FUTEX_BITSET_MATCH_ANY);
    case FUTEX_WAIT_BITSET:
        return wait_with_timeout(word, op, value, timeout, value3);
    case FUTEX_WAKE:
        return futex_wake(word, (int)value, FUTEX_BITSET_MATCH_ANY);
    case FUTEX_WAKE_BITSET:
        return futex_wake(word, (int)value, value3);
    case FUTEX_REQUEUE:
    case FUTEX_CMP_REQUEUE:
    case FUTEX_WAKE_OP:
        return two_words(command, &requeue, value3);
    default:
        return -ENOSYS;
    }
}

long sys_set_robust_list(void *head, size_t length) {
    if (length != ROBUST_HEAD_BYTES)
        return -EINVAL;
    task_current()->robust_list = (uint64_t)head;
    return 0;
}

static int get_list_of(int tid, uint64_t *list) {
    irq_flags_t flags = spin_lock_irq(&process_tree_lock);
    const struct task *task = task_find_locked(tid);
    int error = -ESRCH;

    if (task) {
        *list = __atomic_load_n(&task->robust_list, __ATOMIC_RELAXED);
        error = permission_all_ids(task->thread.process) ? 0 : -EPERM;
    }
    spin_unlock_irq(&process_tree_lock, flags);
    return error;
}

long sys_get_robust_list(int tid, void *head, void *length) {
    uint64_t list = task_current()->robust_list;
    int error = 0;

    if (tid != 0 && tid != thread_current()->tid)
        error = get_list_of(tid, &list);
    if (error)
        return error;
    if (put_user_u64(ROBUST_HEAD_BYTES, length) != 0)
        return -EFAULT;
    return put_user_u64(list, head);
}
