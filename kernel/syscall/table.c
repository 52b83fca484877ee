/* SPDX-License-Identifier: MIT */
/*
 * From a system call's number to its function; arch's entry code does the calling.
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

static long unknown(void) {
    return -ENOSYS;
}

/* Entered by way of arch, which completes the caller's trapframe first. */
#define SYSCALL(number, name, ...)
#define SYSCALL_WHOLE(number, name, ...) long syscall_whole_##name(__VA_ARGS__);
#include "syscall/calls.def"
#undef SYSCALL
#undef SYSCALL_WHOLE

#define NUMBERS 512 /* more than any that Linux has given out */

#define SYSCALL(number, name, ...) [number] = (syscall_function)(void *)sys_##name,
#define SYSCALL_WHOLE(number, name, ...) [number] = (syscall_function)(void *)syscall_whole_##name,
/* Every number first, then those that are known. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init"
const syscall_function syscall_table[] = {
    [0 ... NUMBERS - 1] = (syscall_function)(void *)unknown,
#include "syscall/calls.def"
};
#pragma GCC diagnostic pop
#undef SYSCALL
#undef SYSCALL_WHOLE

const uint64_t syscall_table_size = ARRAY_SIZE(syscall_table);

void syscall_finish(struct trapframe *tf, int64_t result) {
    tf->rax = (uint64_t)result;
    /* The signal code decides on the way out whether an interrupted call starts over. */
    if (result >= -ERESTART_RESTARTBLOCK && result <= -ERESTARTSYS)
        cpu_work_set(CPU_WORK_SIGNAL);
}
