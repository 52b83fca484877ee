/* SPDX-License-Identifier: MIT */
/*
 * Prototypes of all system calls, made from calls.def, which tells the rules. Every file that
 * defines one includes this.
 */
#ifndef SYSCALL_CALLS_H
#define SYSCALL_CALLS_H

#include <stddef.h>
#include <stdint.h>

#define SYSCALL(number, name, ...) long sys_##name(__VA_ARGS__);
#define SYSCALL_WHOLE SYSCALL
#include "syscall/calls.def"
#undef SYSCALL
#undef SYSCALL_WHOLE

#endif
