/* SPDX-License-Identifier: MIT */
/*
 * What a system call does to the registers: rax is the result, rcx and r11 are lost (to the return
 * address and the flags), and every other one is as before, whatever way the call takes back: the
 * short one, an error, a signal on the way out, a restart, a child of fork.
 *
 * Row W9. Sources: syscall(2), System V ABI x86-64 A.2.1.
 */
#include "check.h"

#include <sched.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

/* In the order of the assembly below. */
enum { RBX, RBP, RDI, RSI, RDX, R8, R9, R10, R12, R13, R14, R15, RAX, RCX, R11, COUNT };

static const char *const names[] = {"rbx", "rbp", "rdi", "rsi", "rdx", "r8",  "r9", "r10",
                                    "r12", "r13", "r14", "r15", "rax", "rcx", "r11"};

struct registers {
    uint64_t at[COUNT];
};

extern char call_done[];

/* One system call with every register from `in`; all of them afterwards to `out`. */
void call_with(const struct registers *in, struct registers *out);

__asm__(".text\n"
        "call_with:\n"
        "    push %rbx\n    push %rbp\n    push %r12\n    push %r13\n    push %r14\n    push %r15\n"
        "    push %rsi\n"
        "    mov %rdi, %rax\n"
        "    mov (%rax), %rbx\n    mov 8(%rax), %rbp\n"
        "    mov 16(%rax), %rdi\n    mov 24(%rax), %rsi\n    mov 32(%rax), %rdx\n"
        "    mov 40(%rax), %r8\n    mov 48(%rax), %r9\n    mov 56(%rax), %r10\n"
        "    mov 64(%rax), %r12\n    mov 72(%rax), %r13\n"
        "    mov 80(%rax), %r14\n    mov 88(%rax), %r15\n"
        "    mov 96(%rax), %rax\n"
        "    syscall\n"
        "call_done:\n"
        "    push %rax\n"
        "    mov 8(%rsp), %rax\n"
        "    mov %rbx, (%rax)\n    mov %rbp, 8(%rax)\n"
        "    mov %rdi, 16(%rax)\n    mov %rsi, 24(%rax)\n    mov %rdx, 32(%rax)\n"
        "    mov %r8, 40(%rax)\n    mov %r9, 48(%rax)\n    mov %r10, 56(%rax)\n"
        "    mov %r12, 64(%rax)\n    mov %r13, 72(%rax)\n"
        "    mov %r14, 80(%rax)\n    mov %r15, 88(%rax)\n"
        "    mov %rcx, 104(%rax)\n    mov %r11, 112(%rax)\n"
        "    mov %rax, %rdx\n"
        "    pop %rax\n"
        "    mov %rax, 96(%rdx)\n"
        "    pop %rsi\n"
        "    pop %r15\n    pop %r14\n    pop %r13\n    pop %r12\n    pop %rbp\n    pop %rbx\n"
        "    ret\n");

/* A value of its own for each register. */
static void fill(struct registers *in, long number) {
    for (int i = 0; i < COUNT; i++)
        in->at[i] = 0x1111111111111111u * (uint64_t)(i + 1);
    in->at[RAX] = (uint64_t)number;
}

static void check_kept(const struct registers *in, const struct registers *out) {
    for (int i = 0; i < RAX; i++) {
        if (out->at[i] != in->at[i])
            CHECK_NOTE("%s was %#llx and is %#llx", names[i], (unsigned long long)in->at[i],
                       (unsigned long long)out->at[i]);
    }
    CHECK_EQ(out->at[RCX], (uintptr_t)call_done);
}

/* The call with these arguments; the other registers hold their patterns. The result. */
static long call(long number, uint64_t first, uint64_t second, uint64_t third) {
    struct registers in, out;

    fill(&in, number);
    in.at[RDI] = first;
    in.at[RSI] = second;
    in.at[RDX] = third;
    call_with(&in, &out);
    check_kept(&in, &out);
    return (long)out.at[RAX];
}

static void results(void) {
    char byte;

    for (int i = 0; i < 3; i++) {
        CHECK_EQ(call(SYS_getpid, 1, 2, 3), getpid());
        CHECK_EQ(call(SYS_close, 12345, 2, 3), -EBADF);
        CHECK_EQ(call(SYS_read, 12345, (uintptr_t)&byte, 1), -EBADF);
    }
}

static void unknown_numbers(void) {
    static const long numbers[] = {511, 512, 513, 100000, 0x7fffffff, -1, -2, INT32_MIN};

    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        CHECK_EQ(call(numbers[i], 1, 2, 3), -ENOSYS);
}

/* The number is an int. */
static void upper_half_of_number(void) {
    CHECK_EQ(call((long)(0x100000000 | SYS_getpid), 1, 2, 3), getpid());
    CHECK_EQ(call((long)(0xffffffff00000000 | SYS_getpid), 1, 2, 3), getpid());
}

/* Six arguments arrive in their places. */
static void six_arguments(void) {
    char *here = (char *)0x20000000;
    struct registers in, out;

    fill(&in, SYS_mmap);
    in.at[RDI] = (uintptr_t)here, in.at[RSI] = 4096, in.at[RDX] = 3;
    in.at[R10] = 0x32, in.at[R8] = (uint64_t)-1, in.at[R9] = 0;
    call_with(&in, &out);
    check_kept(&in, &out);
    CHECK_EQ(out.at[RAX], (uintptr_t)here);
    here[4095] = 1;
    in.at[R9] = 1; /* an offset that is no page's */
    call_with(&in, &out);
    check_kept(&in, &out);
    CHECK_EQ(out.at[RAX], (uint64_t)-EINVAL);
}

static volatile int handled;

static void count(int number) {
    (void)number;
    handled++;
}

static void count_signal(int number, int flags) {
    struct sigaction action = {.sa_handler = count, .sa_flags = flags};

    CHECK_EQ(sigaction(number, &action, NULL), 0);
}

static void handler_on_the_way_out(void) {
    count_signal(SIGUSR1, 0);
    for (int i = 1; i <= 3; i++) {
        CHECK_EQ(call(SYS_kill, (uint64_t)getpid(), SIGUSR1, 3), 0);
        CHECK_EQ(handled, i);
    }
}

static void alarm_soon(void) {
    struct itimerval soon = {.it_value = {.tv_usec = 20000}};

    CHECK_EQ(setitimer(ITIMER_REAL, &soon, NULL), 0);
}

static void interrupted(void) {
    struct timespec long_time = {.tv_sec = 30};
    int pair[2];
    char byte;

    count_signal(SIGALRM, 0);
    CHECK_EQ(pipe(pair), 0);
    alarm_soon();
    CHECK_EQ(call(SYS_read, (uint64_t)pair[0], (uintptr_t)&byte, 1), -EINTR);
    CHECK_EQ(handled, 1);
    alarm_soon();
    CHECK_EQ(call(SYS_nanosleep, (uintptr_t)&long_time, 0, 3), -EINTR);
    CHECK_EQ(handled, 2);
}

static int restart_pipe[2];

static void feed(int number) {
    (void)number;
    handled++;
    if (write(restart_pipe[1], "x", 1) != 1)
        _exit(1);
}

/* A call that starts over does so with the same arguments. */
static void restarted(void) {
    struct sigaction action = {.sa_handler = feed, .sa_flags = SA_RESTART};
    char byte = 0;

    CHECK_EQ(sigaction(SIGALRM, &action, NULL), 0);
    CHECK_EQ(pipe(restart_pipe), 0);
    alarm_soon();
    CHECK_EQ(call(SYS_read, (uint64_t)restart_pipe[0], (uintptr_t)&byte, 1), 1);
    CHECK_EQ(byte, 'x');
    CHECK_EQ(handled, 1);
}

/* An ignored signal wakes the sleeper, and nobody sees it. */
static void restarted_without_handler(void) {
    struct timespec delay = {.tv_nsec = 100000000};
    pid_t self = getpid();

    if (fork() == 0) {
        usleep(20000);
        kill(self, SIGSTOP);
        usleep(20000);
        kill(self, SIGCONT);
        _exit(0);
    }
    CHECK_EQ(call(SYS_nanosleep, (uintptr_t)&delay, 0, 3), 0);
}

/* Both sides of a fork see all registers. */
static void forks(long number, uint64_t first, uint64_t second) {
    pid_t self = getpid();
    long child = call(number, first, second, 0);

    CHECK(child >= 0);
    if (getpid() != self)
        _exit(child == 0 ? 23 : 1);
    CHECK_EQ(child_wait((pid_t)child), 23 << 8);
}

static void sides_of_fork(void) {
    struct registers in, out;
    uint64_t arguments[11] = {[4] = SIGCHLD};

    for (int i = 0; i < 3; i++) {
        forks(SYS_fork, 1, 2);
        forks(SYS_clone3, (uintptr_t)arguments, sizeof arguments);
    }
    fill(&in, SYS_clone);
    in.at[RDI] = SIGCHLD;
    in.at[RSI] = in.at[RDX] = in.at[R10] = in.at[R8] = 0;
    call_with(&in, &out);
    check_kept(&in, &out);
    if (out.at[RAX] == 0)
        _exit(23);
    CHECK_EQ(child_wait((pid_t)out.at[RAX]), 23 << 8);
}

static void failed_exec(void) {
    char *const none[] = {NULL};

    CHECK_EQ(call(SYS_execve, (uintptr_t) "/no/such/program", (uintptr_t)none, (uintptr_t)none),
             -ENOENT);
    CHECK_EQ(call(SYS_execve, 1, 2, 3), -EFAULT);
}

static void switched_away(void) {
    pid_t child = fork();

    for (int i = 0; i < 500; i++)
        CHECK_EQ(call(SYS_sched_yield, (uint64_t)child, 2, 3), 0);
    if (child == 0)
        _exit(0);
    CHECK_EQ(child_wait(child), 0);
}

/* The flags are the caller's again: the direction flag above all, which the kernel wants clear. */
static void flags_are_kept(void) {
    uint64_t before, after;
    long pid;

    __asm__ volatile("mov $39, %%eax\n\t"
                     "std\n\t"
                     "stc\n\t"
                     "pushfq\n\t"
                     "pop %%rbx\n\t"
                     "syscall\n\t"
                     "pushfq\n\t"
                     "pop %%rdx\n\t"
                     "cld"
                     : "=a"(pid), "=b"(before), "=d"(after)
                     :
                     : "rcx", "r11", "memory", "cc");
    CHECK_EQ(pid, getpid());
    CHECK_EQ(after, before);
}

#define SYSCALL_BYTES 2

static volatile uintptr_t traps[8];
static volatile unsigned trap_count;

static void note_trap(int number, siginfo_t *info, void *context) {
    (void)number, (void)context;
    if (trap_count < COUNT_OF(traps))
        traps[trap_count] = (uintptr_t)info->si_addr;
    trap_count++;
}

/*
 * Step by step over a system call, which clears TF for the kernel: the next trap is that of the
 * instruction behind it, neither earlier nor within the kernel.
 */
static void single_steps(void) {
    struct sigaction action = {.sa_sigaction = note_trap, .sa_flags = SA_SIGINFO};
    long pid;

    CHECK_EQ(sigaction(SIGTRAP, &action, NULL), 0);
    __asm__ volatile("sub $128, %%rsp\n\t"
                     "mov $39, %%eax\n\t"
                     "pushfq\n\t"
                     "orl $0x100, (%%rsp)\n\t"
                     "popfq\n\t"
                     "nop\n\t"
                     "syscall\n\t"
                     "nop\n\t"
                     "pushfq\n\t"
                     "andl $0xfffffeff, (%%rsp)\n\t"
                     "popfq\n\t"
                     "add $128, %%rsp"
                     : "=a"(pid)
                     :
                     : "rcx", "r11", "memory", "cc");
    CHECK_EQ(pid, getpid());
    CHECK_EQ(trap_count, 5);
    CHECK_EQ(traps[1], traps[0] + SYSCALL_BYTES + 1); /* and a nop */
}

CHECK_MAIN({"results", results}, {"unknown_numbers", unknown_numbers},
           {"upper_half_of_number", upper_half_of_number}, {"six_arguments", six_arguments},
           {"handler_on_the_way_out", handler_on_the_way_out}, {"interrupted", interrupted},
           {"restarted", restarted}, {"restarted_without_handler", restarted_without_handler},
           {"sides_of_fork", sides_of_fork}, {"failed_exec", failed_exec},
           {"switched_away", switched_away}, {"flags_are_kept", flags_are_kept},
           {"single_steps", single_steps})
