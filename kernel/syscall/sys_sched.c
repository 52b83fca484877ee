/* SPDX-License-Identifier: MIT */
/*
 * Scheduling calls. There is one policy, SCHED_NORMAL; the real-time ones are EPERM for everybody,
 * which programs take for a lack of rights. Processors are those that run.
 *
 * Sources: sched_setscheduler(2), sched_setaffinity(2), getcpu(2).
 */
#include "abi/errno.h"
#include "abi/sched.h"
#include "core/cpu.h"
#include "core/uaccess.h"
#include "lib/bits.h"
#include "proc/affinity.h"
#include "proc/permission.h"
#include "proc/process.h"
#include "syscall/calls.h"
#include "syscall/user_time.h"

#define PRIORITY_MAX 99
#define SLICE_NS 10000000ull

long sys_sched_yield(void) {
    sched_yield();
    return 0;
}

/* 0 if there is such a process (0: the caller), -EINVAL, -ESRCH. */
static int check_pid(int pid) {
    struct process *process;

    if (pid < 0)
        return -EINVAL;
    if (pid == 0)
        return 0;
    process = process_get(pid);
    if (!process)
        return -ESRCH;
    process_put(process);
    return 0;
}

static int policy_check(int policy, int priority) {
    switch (policy & ~SCHED_RESET_ON_FORK) {
    case SCHED_NORMAL:
    case SCHED_BATCH:
    case SCHED_IDLE:
        return priority == 0 ? 0 : -EINVAL;
    case SCHED_FIFO:
    case SCHED_RR:
        return priority >= 1 && priority <= PRIORITY_MAX ? -EPERM : -EINVAL;
    default:
        return -EINVAL;
    }
}

long sys_sched_setparam(int pid, const void *param) {
    struct linux_sched_param wanted;
    int error = check_pid(pid);

    if (!param)
        return -EINVAL;
    if (error)
        return error;
    if (copy_from_user(&wanted, param, sizeof(wanted)) != 0)
        return -EFAULT;
    return wanted.sched_priority == 0 ? 0 : -EINVAL;
}

long sys_sched_getparam(int pid, void *param) {
    struct linux_sched_param none = {0};
    int error = check_pid(pid);

    if (!param)
        return -EINVAL;
    return error ? error : copy_to_user(param, &none, sizeof(none));
}

long sys_sched_setscheduler(int pid, int policy, const void *param) {
    struct linux_sched_param wanted;
    int error = check_pid(pid);

    if (!param || policy < 0)
        return -EINVAL;
    if (error)
        return error;
    if (copy_from_user(&wanted, param, sizeof(wanted)) != 0)
        return -EFAULT;
    return policy_check(policy, wanted.sched_priority);
}

long sys_sched_getscheduler(int pid) {
    int error = check_pid(pid);

    return error ? error : SCHED_NORMAL;
}

static long priority_bound(int policy, long real_time) {
    switch (policy) {
    case SCHED_FIFO:
    case SCHED_RR:
        return real_time;
    case SCHED_NORMAL:
    case SCHED_BATCH:
    case SCHED_IDLE:
    case SCHED_DEADLINE:
        return 0;
    default:
        return -EINVAL;
    }
}

long sys_sched_get_priority_max(int policy) {
    return priority_bound(policy, PRIORITY_MAX);
}

long sys_sched_get_priority_min(int policy) {
    return priority_bound(policy, 1);
}

long sys_sched_rr_get_interval(int pid, void *interval) {
    int error = check_pid(pid);

    return error ? error : user_timespec_put(SLICE_NS, interval);
}

/* ---- processors ---- */

#define CPU_MASK_WORD_BYTES sizeof(uint64_t)

long sys_sched_setaffinity(int tid, uint32_t size, const void *mask) {
    uint64_t wanted = 0;

    if (copy_from_user(&wanted, mask, MIN((size_t)size, sizeof(wanted))) != 0)
        return -EFAULT;
    return affinity_set(tid, wanted);
}

long sys_sched_getaffinity(int tid, uint32_t size, void *mask) {
    uint64_t cpus;
    int error;

    if (size < CPU_MASK_WORD_BYTES || size % CPU_MASK_WORD_BYTES != 0)
        return -EINVAL;
    error = affinity_get(tid, &cpus);
    if (error)
        return error;
    return put_user_u64(cpus, mask) ? -EFAULT : (long)CPU_MASK_WORD_BYTES;
}

long sys_getcpu(void *cpu, void *node, void *unused) {
    (void)unused;
    if (cpu && put_user_u32(cpu_index(), cpu) != 0)
        return -EFAULT;
    return node ? put_user_u32(0, node) : 0;
}
