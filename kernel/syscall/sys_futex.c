/* SPDX-License-Identifier: MIT */
/*
 * futex and the robust list. Of the operations those for waiting, waking and requeueing are there;
 * the priority-inheriting ones and WAKE_OP are ENOSYS.
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

static long wait(uint64_t word, int op, uint32_t value, const void *timeout, uint32_t bits) {
    uint64_t deadline_ns;
    int error = get_deadline(op, timeout, &deadline_ns);

    if (error)
        return error;
    error = futex_wait(word, op & FUTEX_PRIVATE_FLAG, value, bits, deadline_ns);
    /* A relative timeout would start over. */
    return error == -ERESTARTSYS && timeout ? -EINTR : error;
}

long sys_futex(void *address, int op, uint32_t value, const void *timeout, void *word2,
               uint32_t value3) {
    uint64_t word = (uint64_t)address;
    bool is_private = (op & FUTEX_PRIVATE_FLAG) != 0;
    int command = op & ~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);
    struct futex_requeue requeue = {
        .address = word,
        .target = (uint64_t)word2,
        .is_private = is_private,
        .count = value,
        .moved = (unsigned)(uint64_t)timeout, /* a number in these operations */
    };

    switch (command) {
    case FUTEX_WAIT:
        return wait(word, op, value, timeout, FUTEX_BITSET_MATCH_ANY);
    case FUTEX_WAIT_BITSET:
        return wait(word, op, value, timeout, value3);
    case FUTEX_WAKE:
        return futex_wake(word, is_private, value, FUTEX_BITSET_MATCH_ANY);
    case FUTEX_WAKE_BITSET:
        return futex_wake(word, is_private, value, value3);
    case FUTEX_REQUEUE:
        return futex_requeue(&requeue);
    case FUTEX_CMP_REQUEUE:
        requeue.check = &value3;
        return futex_requeue(&requeue);
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

static int get_list_of(int pid, uint64_t *list) {
    struct process *process = process_get(pid);
    const struct task *first;
    irq_flags_t flags;
    bool allowed;

    if (!process)
        return -ESRCH;
    allowed = permission_all_ids(process);
    flags = spin_lock_irq(&process->signal_lock);
    first = process_first_task(process);
    *list = first ? first->robust_list : 0;
    spin_unlock_irq(&process->signal_lock, flags);
    process_put(process);
    return allowed ? 0 : -EPERM;
}

long sys_get_robust_list(int pid, void *head, void *length) {
    uint64_t list = task_current()->robust_list;
    int error = 0;

    if (pid != 0 && pid != thread_current()->tid)
        error = get_list_of(pid, &list);
    if (error)
        return error;
    if (put_user_u64(ROBUST_HEAD_BYTES, length) != 0)
        return -EFAULT;
    return put_user_u64(list, head);
}
