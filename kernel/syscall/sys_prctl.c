/* SPDX-License-Identifier: MIT */
/*
 * prctl, arch_prctl, personality. Options that are not here are EINVAL, as the manual says of those
 * a kernel does not know.
 *
 * Sources: prctl(2), arch_prctl(2), personality(2).
 */
#include "abi/errno.h"
#include "abi/prctl.h"
#include "core/context.h"
#include "core/uaccess.h"
#include "lib/string.h"
#include "machine/cpu.h"
#include "machine/layout.h"
#include "proc/process.h"
#include "syscall/calls.h"

#define CAPABILITY_LAST 40
#define TIMER_SLACK_NS 50000
#define PERSONALITY_QUERY 0xffffffffu

static long set_name(const char *user) {
    char name[THREAD_NAME_SIZE];
    long length = copy_string_from_user(name, user, sizeof(name));

    if (length == -EFAULT)
        return -EFAULT;
    /* Longer names are cut. */
    if (length < 0 && copy_from_user(name, user, sizeof(name)) != 0)
        return -EFAULT;
    name[sizeof(name) - 1] = '\0';
    process_set_name(name);
    return 0;
}

static long set_subreaper(struct process *self, bool on) {
    irq_flags_t flags = spin_lock_irq(&process_tree_lock);

    self->is_subreaper = on;
    spin_unlock_irq(&process_tree_lock, flags);
    return 0;
}

static long set_death_signal(struct process *self, uint64_t signo) {
    if (signo > SIGNAL_COUNT)
        return -EINVAL;
    self->parent_death_signal = (int)signo;
    return 0;
}

static long set_dumpable(struct process *self, uint64_t value) {
    if (value > 1)
        return -EINVAL;
    self->dumpable = (int)value;
    return 0;
}

/* The options that read. */
static long get_option(const struct process *self, int option, uint64_t a) {
    switch (option) {
    case PR_GET_NAME:
        return copy_to_user((void *)a, thread_current()->name, THREAD_NAME_SIZE);
    case PR_GET_PDEATHSIG:
        return put_user_u32((uint32_t)self->parent_death_signal, (void *)a);
    case PR_GET_CHILD_SUBREAPER:
        return put_user_u32(self->is_subreaper, (void *)a);
    case PR_GET_TID_ADDRESS:
        return put_user_u64(task_current()->clear_child_tid, (void *)a);
    case PR_GET_DUMPABLE:
        return self->dumpable;
    case PR_GET_NO_NEW_PRIVS:
        return self->no_new_privs;
    case PR_GET_KEEPCAPS:
    case PR_GET_TIMING:
    case PR_GET_SECCOMP:
        return 0;
    case PR_GET_TIMERSLACK:
        return TIMER_SLACK_NS;
    case PR_CAPBSET_READ:
        return a <= CAPABILITY_LAST ? 1 : -EINVAL;
    default:
        return -EINVAL;
    }
}

long sys_prctl(int option, uint64_t a, uint64_t b, uint64_t c, uint64_t d) {
    struct process *self = process_current();

    switch (option) {
    case PR_SET_NAME:
        return set_name((const char *)a);
    case PR_SET_PDEATHSIG:
        return set_death_signal(self, a);
    case PR_SET_DUMPABLE:
        return set_dumpable(self, a);
    case PR_SET_CHILD_SUBREAPER:
        return set_subreaper(self, a != 0);
    case PR_SET_NO_NEW_PRIVS:
        if (a != 1 || b != 0 || c != 0 || d != 0)
            return -EINVAL;
        self->no_new_privs = true;
        return 0;
    case PR_SET_KEEPCAPS:
        return a == 0 ? 0 : -EINVAL;
    case PR_SET_TIMERSLACK:
    case PR_SET_TIMING:
        return 0;
    default:
        return get_option(self, option, a);
    }
}

long sys_arch_prctl(int option, uint64_t address) {
    struct thread *self = thread_current();
    irq_flags_t flags;

    switch (option) {
    case ARCH_SET_FS:
    case ARCH_SET_GS:
        if (address >= USER_END)
            return -EPERM;
        flags = irq_save();
        *(option == ARCH_SET_FS ? &self->fs_base : &self->gs_base) = address;
        context_set_user_bases(self->fs_base, self->gs_base);
        irq_restore(flags);
        return 0;
    case ARCH_GET_FS:
        return put_user_u64(self->fs_base, (void *)address);
    case ARCH_GET_GS:
        return put_user_u64(self->gs_base, (void *)address);
    default:
        return -EINVAL;
    }
}

long sys_personality(uint32_t persona) {
    struct process *self = process_current();
    uint32_t old = self->personality;

    if (persona != PERSONALITY_QUERY)
        self->personality = persona;
    return old;
}
