/* SPDX-License-Identifier: MIT */
/*
 * A program that lies anywhere (static-pie, without a C library), for gdb to find its symbols: see
 * debuggee.c. Then it forks once more: where gdb has the kernel panic.
 */
#include <sys/syscall.h>

__attribute__((noinline, noipa)) void checkpoint_pie(void) {
    __asm__ volatile("" : : : "memory");
}

__attribute__((noinline)) static long call(long number, long argument) {
    long result;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(argument), "S"(0L), "d"(0L)
                     : "rcx", "r11", "r10", "memory");
    return result;
}

__attribute__((noinline, noipa, used)) void program(void) {
    checkpoint_pie();
    call(SYS_fork, 0);
    call(SYS_exit_group, 0);
}

__asm__(".globl _start\n_start:\n\txorl %ebp, %ebp\n\tcall program\n\tud2");
