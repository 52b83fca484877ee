/* SPDX-License-Identifier: MIT */
/*
 * Threads without a C library: clone(2) with a stack, a function and nothing else.
 *
 * The library knows nothing of these threads, and they share its thread pointer (errno too, unless
 * they are given their own): what they run calls the kernel by raw_call() and checks results
 * itself.
 */
#ifndef TESTS_USER_RAW_THREAD_H
#define TESTS_USER_RAW_THREAD_H

#include "facts.h"

#include <limits.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>

/* futex(2); not every C library has them. */
#define FUTEX_WAIT 0
#define FUTEX_WAKE 1
#define FUTEX_REQUEUE 3
#define FUTEX_CMP_REQUEUE 4
#define FUTEX_WAKE_OP 5
#define FUTEX_LOCK_PI 6
#define FUTEX_WAIT_BITSET 9
#define FUTEX_WAKE_BITSET 10
#define FUTEX_PRIVATE_FLAG 128
#define FUTEX_CLOCK_REALTIME 256

#define RAW_STACK_BYTES (64 * 1024UL)
#define RAW_FLAGS (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM)

struct raw_thread {
    int tid; /* set before it runs, cleared and woken by the kernel when it has ended */
    void (*run)(void *);
    void *argument;
    char *stack;
};

/* A call's number and arguments. The result as the kernel gives it: negative errors. */
static inline long raw_call_with(const long call[7]) {
    register long r10 __asm__("r10") = call[4];
    register long r8 __asm__("r8") = call[5];
    register long r9 __asm__("r9") = call[6];
    long result;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(call[0]), "D"(call[1]), "S"(call[2]), "d"(call[3]), "r"(r10), "r"(r8),
                       "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

#define raw_call(...) raw_call_with((const long[7]){__VA_ARGS__})

static inline int raw_tid(void) {
    return (int)raw_call(SYS_gettid);
}

static inline _Noreturn void raw_exit(int status) {
    for (;;)
        raw_call(SYS_exit, status);
}

static inline long raw_futex(volatile int *word, int op, int value, const void *timeout) {
    return raw_call(SYS_futex, (long)word, op, value, (long)timeout);
}

static __attribute__((used, noinline)) void raw_start(struct raw_thread *thread) {
    thread->run(thread->argument);
    raw_exit(0);
}

/* clone with a new stack, on which the child goes on in raw_start(thread). Tid or error. */
static inline long raw_clone_at(unsigned long flags, void *top, int *parent_tid, int *child_tid,
                                struct raw_thread *thread) {
    register long r10 __asm__("r10") = (long)child_tid;
    register long r8 __asm__("r8") = 0;
    void **stack = (void **)top - 2;
    long result;

    stack[0] = thread;
    __asm__ volatile("syscall\n"
                     "test %%rax, %%rax\n"
                     "jnz 1f\n"
                     "xor %%ebp, %%ebp\n"
                     "mov (%%rsp), %%rdi\n"
                     "call raw_start\n"
                     "ud2\n"
                     "1:\n"
                     : "=a"(result)
                     : "a"((long)SYS_clone), "D"(flags), "S"(stack), "d"(parent_tid), "r"(r10),
                       "r"(r8)
                     : "rcx", "r11", "memory");
    return result;
}

/* A thread with these flags, and those by which it is joined. Tid or error. */
static inline long raw_create_with(struct raw_thread *thread, unsigned long flags) {
    thread->stack =
        mmap(NULL, RAW_STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(thread->stack != MAP_FAILED);
    thread->tid = -1;
    return raw_clone_at(flags | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID | CLONE_CHILD_SETTID,
                        thread->stack + RAW_STACK_BYTES, &thread->tid, &thread->tid, thread);
}

static inline void raw_create(struct raw_thread *thread, void (*run)(void *), void *argument) {
    thread->run = run;
    thread->argument = argument;
    CHECK(raw_create_with(thread, RAW_FLAGS) > 0);
}

/* Waits until the kernel says that it has ended. */
static inline void raw_join(struct raw_thread *thread) {
    int tid;

    while ((tid = __atomic_load_n(&thread->tid, __ATOMIC_ACQUIRE)) != 0)
        raw_futex(&thread->tid, FUTEX_WAIT, tid, NULL);
    munmap(thread->stack, RAW_STACK_BYTES);
}

/* Runs to its end. */
static inline void raw_run(struct raw_thread *thread, unsigned long flags, void (*run)(void *),
                           void *argument) {
    thread->run = run;
    thread->argument = argument;
    CHECK(raw_create_with(thread, flags) > 0);
    raw_join(thread);
}

/* Lets others go on, or waits until they have. */
static inline void raw_raise(volatile int *word) {
    __atomic_fetch_add(word, 1, __ATOMIC_SEQ_CST);
    raw_futex(word, FUTEX_WAKE, INT_MAX, NULL);
}

static inline void raw_await(volatile int *word, int value) {
    int seen;

    while ((seen = __atomic_load_n(word, __ATOMIC_SEQ_CST)) < value)
        raw_futex(word, FUTEX_WAIT, seen, NULL);
}

/* For threads that are to be there: they say that they are, and wait. */
static volatile int go, ready;

static inline void waits_for_go(void *unused) {
    (void)unused;
    raw_raise(&ready);
    raw_await(&go, 1);
}

/* The letter of a thread's state in /proc. 0: there is no such thread. */
static inline char raw_state(int pid, int tid) {
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/task/%d/stat", pid, tid);
    return fact_state(path);
}

/* Waits until the thread sleeps, or is in whatever other state is wanted. */
static inline void raw_await_state(int pid, int tid, char state) {
    while (raw_state(pid, tid) != state)
        usleep(1000);
}

#endif
