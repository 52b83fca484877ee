/* SPDX-License-Identifier: MIT */
/*
 * Limits and usage; see usage.h.
 *
 * Who enforces which limit: NOFILE and FSIZE the VFS (copies in struct vfs_context); STACK, DATA,
 * AS and MEMLOCK the VM (struct vm_limits of the space); NPROC fork; SIGPENDING signals. CORE is
 * moot, since there are no core dumps. The others are kept for who asks.
 */
#include "proc/usage.h"

#include "abi/errno.h"
#include "core/clock.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "machine/layout.h"
#include "proc/tree.h"
#include "vfs/fdtable.h"
#include "vm/commit.h"

#define NS_PER_US 1000ull

static struct linux_timeval to_timeval(uint64_t ns) {
    return (struct linux_timeval){
        .tv_sec = (int64_t)(ns / NS_PER_SECOND),
        .tv_usec = (int64_t)(ns % NS_PER_SECOND / NS_PER_US),
    };
}

void usage_to_rusage(const struct process_usage *usage, struct linux_rusage *rusage) {
    *rusage = (struct linux_rusage){
        .ru_utime = to_timeval(usage->user_ns),
        .ru_stime = to_timeval(usage->system_ns),
        .ru_maxrss = (int64_t)(usage->max_resident_pages * (PAGE_SIZE / 1024)),
        .ru_minflt = (int64_t)usage->minor_faults,
        .ru_majflt = (int64_t)usage->major_faults,
        .ru_nvcsw = (int64_t)usage->voluntary_switches,
        .ru_nivcsw = (int64_t)usage->forced_switches,
    };
}

/* What is resident now: the best that is known of the most there was. */
static uint64_t resident_pages(struct vm_space *space) {
    struct vm_space_usage usage;

    vm_space_usage(space, &usage);
    return usage.private_pages + usage.file_pages + usage.shmem_pages;
}

int usage_get(int who, struct process_usage *usage) {
    struct process *self = process_current();

    switch (who) {
    case RUSAGE_SELF:
        process_times(self, usage);
        usage->max_resident_pages = resident_pages(self->space);
        return 0;
    case RUSAGE_THREAD:
        usage_of_task(task_current(), usage);
        usage->max_resident_pages = resident_pages(self->space);
        return 0;
    case RUSAGE_CHILDREN:
        *usage = self->children_usage;
        return 0;
    default:
        return -EINVAL;
    }
}

struct vm_limits limit_of_space(const struct process *process, const struct credentials *ids) {
    return (struct vm_limits){
        .stack_bytes = process->rlimits[RLIMIT_STACK].rlim_cur,
        .data_bytes = process->rlimits[RLIMIT_DATA].rlim_cur,
        .space_bytes = process->rlimits[RLIMIT_AS].rlim_cur,
        .locked_bytes = ids->euid == 0 ? UINT64_MAX : process->rlimits[RLIMIT_MEMLOCK].rlim_cur,
        .data_hard_bytes = process->rlimits[RLIMIT_DATA].rlim_max,
    };
}

void limit_ids_changed(void) {
    struct process *self = process_current();
    struct vm_limits limits = limit_of_space(self, credentials_current());

    vm_space_set_limits(self->space, &limits);
}

/* Linux's CAP_SYS_ADMIN is root's here. The size is read without the space's lock: it is a word. */
static void describe_caller(struct vm_commit_caller *caller) {
    const struct process *process = process_current();

    if (!process)
        return;
    caller->is_admin = credentials_current()->euid == 0;
    if (process->space)
        caller->mapped_bytes = __atomic_load_n(&process->space->areas.bytes, __ATOMIC_RELAXED);
}

void limits_init(void) {
    vm_commit_register(describe_caller);
}

void limit_copy_locked(const struct process *process, struct vfs_context *context) {
    __atomic_store_n(&context->descriptor_limit, process->rlimits[RLIMIT_NOFILE].rlim_cur,
                     __ATOMIC_RELAXED);
    __atomic_store_n(&context->file_size_limit, process->rlimits[RLIMIT_FSIZE].rlim_cur,
                     __ATOMIC_RELAXED);
}

/* Tells the space of its limits. process_tree_lock is not held. */
static void apply_to_space(struct process *process) {
    struct vm_space *space = process_space_get(process);
    struct vm_limits limits = limit_of_space(process, &process->vfs.credentials);

    if (!space)
        return;
    vm_space_set_limits(space, &limits);
    vm_space_unref(space);
}

static int check(const struct linux_rlimit64 *now, unsigned resource,
                 const struct linux_rlimit64 *limit) {
    if (limit->rlim_cur > limit->rlim_max)
        return -EINVAL;
    if (resource == RLIMIT_NOFILE && limit->rlim_max > FD_LIMIT_MAX)
        return -EPERM;
    if (limit->rlim_max > now->rlim_max && credentials_current()->euid != 0)
        return -EPERM;
    return 0;
}

int limit_exchange(struct process *process, unsigned resource, const struct linux_rlimit64 *limit,
                   struct linux_rlimit64 *old) {
    struct linux_rlimit64 *now;
    const struct task *task;
    irq_flags_t flags;
    int error = 0;

    if (resource >= RLIM_NLIMITS)
        return -EINVAL;
    now = &process->rlimits[resource];
    flags = spin_lock_irq(&process_tree_lock);
    if (old)
        *old = *now;
    if (limit) {
        error = check(now, resource, limit);
        if (error == 0) {
            *now = *limit;
            LIST_FOR_EACH (&process->tasks, task, process_node)
                limit_copy_locked(process, task->thread.vfs);
        }
    }
    spin_unlock_irq(&process_tree_lock, flags);
    if (limit && error == 0)
        apply_to_space(process);
    return error;
}
