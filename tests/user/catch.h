/* SPDX-License-Identifier: MIT */
/*
 * Catching faults: touch an address and learn what the kernel said about it.
 *
 * fault_of(...) runs one access under handlers for SIGSEGV and SIGBUS and returns what happened.
 * `number` is 0 when nothing did. `error` is the processor's page-fault error code (REG_ERR):
 * bit 0 the page was there, bit 1 a write, bit 2 from user mode, bit 4 an instruction fetch.
 */
#ifndef TESTS_USER_CATCH_H
#define TESTS_USER_CATCH_H

#include "check.h"

#include <setjmp.h>
#include <ucontext.h>

#define FAULT_PRESENT 1
#define FAULT_WRITE 2
#define FAULT_USER 4
#define FAULT_FETCH 16

struct fault {
    int number; /* signal */
    int code;   /* si_code */
    uintptr_t address;
    unsigned long error;
    unsigned long trap;
};

static sigjmp_buf fault_return;
static struct fault fault_seen;

static inline void fault_handler(int number, siginfo_t *info, void *context) {
    ucontext_t *user = context;

    fault_seen.number = number;
    fault_seen.code = info->si_code;
    fault_seen.address = (uintptr_t)info->si_addr;
    fault_seen.error = (unsigned long)user->uc_mcontext.gregs[REG_ERR];
    fault_seen.trap = (unsigned long)user->uc_mcontext.gregs[REG_TRAPNO];
    siglongjmp(fault_return, 1);
}

static inline void fault_catch(void) {
    struct sigaction action = {.sa_sigaction = fault_handler, .sa_flags = SA_SIGINFO | SA_ONSTACK};

    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
}

static inline void access_read(uintptr_t address) {
    (void)*(volatile char *)address;
}

static inline void access_write(uintptr_t address) {
    *(volatile char *)address = 1;
}

static inline void access_jump(uintptr_t address) {
    void (*function)(void) = (void (*)(void))address;

    function();
}

static inline struct fault fault_of(void (*access)(uintptr_t), const volatile void *address) {
    fault_catch();
    memset(&fault_seen, 0, sizeof fault_seen);
    if (sigsetjmp(fault_return, 1) == 0)
        access((uintptr_t)address);
    return fault_seen;
}

static inline bool can_read(const volatile void *address) {
    return fault_of(access_read, address).number == 0;
}

static inline bool can_write(const volatile void *address) {
    return fault_of(access_write, address).number == 0;
}

#endif
