/* SPDX-License-Identifier: MIT */
/*
 * From a system call's number to its function.
 *
 * The functions have the parameters the manual gives them and are called with all six argument
 * registers: by the psABI, registers beyond a function's parameters are ignored, and so is the
 * upper half of a register that carries an int. That is why the cast is right.
 */
#include "abi/errno.h"
#include "core/cpu.h"
#include "core/trap.h"
#include "lib/bits.h"
#include "machine/trapframe.h"
#include "syscall/calls.h"

typedef long (*syscall_fn)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);

#define SYSCALL(number, name, ...) [number] = (syscall_fn)(void *)sys_##name,
static const syscall_fn syscalls[] = {
#include "syscall/calls.def"
};
#undef SYSCALL

void syscall_dispatch(struct trapframe *tf) {
    uint64_t number = tf->orig_rax;
    long result = -ENOSYS;

    if (number < ARRAY_SIZE(syscalls) && syscalls[number])
        result = syscalls[number](tf->rdi, tf->rsi, tf->rdx, tf->r10, tf->r8, tf->r9);
    tf->rax = (uint64_t)result;
    /* The signal code decides on the way out whether an interrupted call starts over. */
    if (result >= -ERESTART_RESTARTBLOCK && result <= -ERESTARTSYS)
        cpu_work_set(CPU_WORK_SIGNAL);
}
