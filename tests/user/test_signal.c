/* SPDX-License-Identifier: MIT */
/*
 * Signals: handlers on the user's stack, masks, pending sets, restart and EINTR, siginfo.
 *
 * Also row W9: whatever is interrupted resumes with every register as it was. Stop and continue
 * are in test_jobs.c, FPU state in test_fpu.c.
 */
#include "catch.h"
#include "facts.h"
#include "signals.h"

#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

static siginfo_t last_info;

static void note_info(int number, siginfo_t *info, void *context) {
    (void)context;
    seen[number]++;
    last_info = *info;
}

static void interval_start(long first_us, long every_us) {
    struct itimerval timer = {.it_value.tv_usec = first_us, .it_interval.tv_usec = every_us};

    CHECK_EQ(setitimer(ITIMER_REAL, &timer, NULL), 0);
}

static void handler_runs_and_returns(void) {
    handle(SIGUSR1, 0);
    for (int i = 0; i < 100; i++)
        CHECK_EQ(raise(SIGUSR1), 0);
    CHECK_EQ(seen[SIGUSR1], 100);
    CHECK_EQ(kill(getpid(), SIGUSR1), 0);
    CHECK_EQ(seen[SIGUSR1], 101);
}

static void every_number_can_be_caught(void) {
    for (int number = 1; number <= 64; number++) {
        if (number == SIGKILL || number == SIGSTOP || (number >= 32 && number <= 34))
            continue;
        handle(number, 0);
        CHECK_EQ(kill(getpid(), number), 0);
        CHECK_EQ(seen[number], 1);
    }
}

static void raise_default(void *number) {
    int which = (int)(intptr_t)number;

    signal(which, SIG_DFL);
    raise(which);
}

static void default_actions(void) {
    static const int kill_it[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGILL,  SIGTRAP,   SIGABRT,
                                  SIGBUS,  SIGFPE,  SIGKILL, SIGUSR1, SIGSEGV,   SIGUSR2,
                                  SIGPIPE, SIGALRM, SIGTERM, SIGXCPU, SIGVTALRM, SIGPROF,
                                  SIGIO,   SIGPWR,  SIGSYS,  40,      64};
    static const int nothing[] = {SIGCHLD, SIGCONT, SIGURG, SIGWINCH};

    for (size_t i = 0; i < COUNT_OF(kill_it); i++)
        CHECK_CHILD_KILLED(raise_default, (void *)(intptr_t)kill_it[i], kill_it[i]);
    for (size_t i = 0; i < COUNT_OF(nothing); i++)
        CHECK_CHILD_OK(raise_default, (void *)(intptr_t)nothing[i]);
}

static void ignored_is_ignored(void) {
    signal(SIGTERM, SIG_IGN);
    CHECK_EQ(raise(SIGTERM), 0);
    block(SIGUSR1);
    raise(SIGUSR1);
    signal(SIGUSR1, SIG_IGN); /* discards what is pending */
    signal(SIGUSR1, SIG_DFL);
    unblock(SIGUSR1);
}

static void kill_and_stop_are_not_for_sale(void) {
    struct sigaction action = {.sa_handler = count_signal};
    sigset_t all, now;

    CHECK_FAILS(sigaction(SIGKILL, &action, NULL), EINVAL);
    CHECK_FAILS(sigaction(SIGSTOP, &action, NULL), EINVAL);
    CHECK_FAILS(sigaction(0, &action, NULL), EINVAL);
    CHECK_FAILS(sigaction(65, &action, NULL), EINVAL);
    sigfillset(&all);
    CHECK_EQ(sigprocmask(SIG_SETMASK, &all, NULL), 0);
    CHECK_EQ(sigprocmask(SIG_SETMASK, NULL, &now), 0);
    CHECK(!sigismember(&now, SIGKILL) && !sigismember(&now, SIGSTOP));
    CHECK(sigismember(&now, SIGTERM));
    CHECK_FAILS(sigprocmask(99, &all, NULL), EINVAL);
}

static void mask_holds_back(void) {
    sigset_t pending;

    handle(SIGUSR1, 0);
    block(SIGUSR1);
    raise(SIGUSR1);
    raise(SIGUSR1);
    CHECK_EQ(seen[SIGUSR1], 0);
    CHECK_EQ(sigpending(&pending), 0);
    CHECK(sigismember(&pending, SIGUSR1));
    unblock(SIGUSR1);
    CHECK_EQ(seen[SIGUSR1], 1); /* standard signals do not queue */
    CHECK_EQ(sigpending(&pending), 0);
    CHECK(!sigismember(&pending, SIGUSR1));
}

static void nested_handler(int number) {
    sigset_t now;

    CHECK_EQ(sigprocmask(SIG_SETMASK, NULL, &now), 0);
    CHECK(sigismember(&now, number));
    CHECK(sigismember(&now, SIGUSR2));
    CHECK(!sigismember(&now, SIGHUP));
    raise(number);
    raise(SIGUSR2);
    CHECK_EQ(seen[SIGUSR2], 0);
    seen[number]++;
    if (seen[number] > 1)
        signal(number, SIG_IGN);
}

static void handler_runs_under_its_mask(void) {
    struct sigaction action = {.sa_handler = nested_handler, .sa_mask = set_of(SIGUSR2)};

    handle(SIGUSR2, 0);
    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    raise(SIGUSR1);
    CHECK(seen[SIGUSR1] >= 1);
    CHECK(seen[SIGUSR2] >= 1);
}

static void recursing_handler(int number) {
    if (++seen[number] < 10)
        raise(number);
}

static void nodefer_and_resethand(void) {
    struct sigaction action = {.sa_handler = recursing_handler, .sa_flags = SA_NODEFER};
    struct sigaction now;

    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    raise(SIGUSR1);
    CHECK_EQ(seen[SIGUSR1], 10);
    handle(SIGUSR2, (int)SA_RESETHAND);
    raise(SIGUSR2);
    CHECK_EQ(sigaction(SIGUSR2, NULL, &now), 0);
    CHECK(now.sa_handler == SIG_DFL);
    CHECK_EQ(seen[SIGUSR2], 1);
}

static void old_action_is_returned(void) {
    struct sigaction old;

    handle(SIGUSR1, SA_RESTART);
    CHECK_EQ(sigaction(SIGUSR1, NULL, &old), 0);
    CHECK(old.sa_handler == count_signal);
    CHECK(old.sa_flags & SA_RESTART);
}

static void siginfo_of_kill(void) {
    struct sigaction action = {.sa_sigaction = note_info, .sa_flags = SA_SIGINFO};

    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    CHECK_EQ(kill(getpid(), SIGUSR1), 0);
    CHECK_EQ(last_info.si_signo, SIGUSR1);
    CHECK_EQ(last_info.si_code, SI_USER);
    CHECK_EQ(last_info.si_pid, getpid());
    CHECK_EQ(last_info.si_uid, getuid());
    raise(SIGUSR1);
    CHECK_EQ(last_info.si_code, SI_TKILL);
}

static void siginfo_of_child(void) {
    struct sigaction action = {.sa_sigaction = note_info, .sa_flags = SA_SIGINFO};
    sigset_t empty;
    pid_t child;

    sigemptyset(&empty);
    block(SIGCHLD);
    CHECK_EQ(sigaction(SIGCHLD, &action, NULL), 0);
    child = fork();
    if (child == 0)
        _exit(7);
    CHECK_FAILS(sigsuspend(&empty), EINTR);
    CHECK_EQ(last_info.si_signo, SIGCHLD);
    CHECK_EQ(last_info.si_code, CLD_EXITED);
    CHECK_EQ(last_info.si_pid, child);
    CHECK_EQ(last_info.si_status, 7);
    child_wait(child);
    child = fork();
    if (child == 0)
        raise(SIGKILL);
    CHECK_FAILS(sigsuspend(&empty), EINTR);
    CHECK_EQ(last_info.si_code, CLD_KILLED);
    CHECK_EQ(last_info.si_status, SIGKILL);
    child_wait(child);
}

static void queued_value(void) {
    struct sigaction action = {.sa_sigaction = note_info, .sa_flags = SA_SIGINFO};

    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    if (sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 4711}) < 0 && errno == ENOSYS)
        SKIP("rt_sigqueueinfo is not there");
    CHECK_EQ(last_info.si_code, SI_QUEUE);
    CHECK_EQ(last_info.si_value.sival_int, 4711);
}

static void forgotten_ones_stay_forgotten(void) {
    struct sigaction action = {.sa_sigaction = note_info, .sa_flags = SA_SIGINFO};

    block(SIGRTMAX);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(sigqueue(getpid(), SIGRTMAX, (union sigval){.sival_int = i}), 0);
    signal(SIGRTMAX, SIG_IGN);
    CHECK_EQ(sigaction(SIGRTMAX, &action, NULL), 0);
    CHECK_EQ(sigqueue(getpid(), SIGRTMAX, (union sigval){.sival_int = 4711}), 0);
    unblock(SIGRTMAX);
    CHECK_EQ(seen[SIGRTMAX], 1);
    CHECK_EQ(last_info.si_value.sival_int, 4711);
}

static void divide_by_zero(void *unused) {
    (void)unused;
    __asm__ volatile("xor %%edx, %%edx\n\t xor %%ecx, %%ecx\n\t div %%ecx" ::: "eax", "ecx", "edx");
}

static void undefined_instruction(void *unused) {
    (void)unused;
    __asm__ volatile("ud2");
}

static void breakpoint(void *unused) {
    (void)unused;
    __asm__ volatile("int3");
}

static void faults_of_the_processor(void) {
    CHECK_CHILD_KILLED(divide_by_zero, NULL, SIGFPE);
    CHECK_CHILD_KILLED(undefined_instruction, NULL, SIGILL);
    CHECK_CHILD_KILLED(breakpoint, NULL, SIGTRAP);
}

static void fpe_handler(int number, siginfo_t *info, void *context) {
    ucontext_t *user = context;

    seen[number]++;
    last_info = *info;
    user->uc_mcontext.gregs[REG_RIP] += 2; /* over the two bytes of div %ecx */
}

static void handler_may_change_registers(void) {
    struct sigaction action = {.sa_sigaction = fpe_handler, .sa_flags = SA_SIGINFO};
    uintptr_t where;

    CHECK_EQ(sigaction(SIGFPE, &action, NULL), 0);
    __asm__ volatile("lea 1f(%%rip), %0\n\t"
                     "mov $1, %%eax\n\t"
                     "xor %%edx, %%edx\n\t"
                     "xor %%ecx, %%ecx\n"
                     "1:\tdiv %%ecx"
                     : "=r"(where)
                     :
                     : "eax", "ecx", "edx", "cc");
    CHECK_EQ(seen[SIGFPE], 1);
    CHECK_EQ(last_info.si_code, FPE_INTDIV);
    CHECK_EQ((uintptr_t)last_info.si_addr, where);
}

/* Signals by a timer while a loop keeps a pattern in its registers. */
static void registers_survive_handlers(void) {
    uint64_t rounds = 0, bad = 0;

    handle(SIGALRM, 0);
    interval_start(1000, 1000);
    while (seen[SIGALRM] < 50) {
        uint64_t sum;
        __asm__ volatile("mov $0x1111, %%rax\n\t mov $0x2222, %%rcx\n\t mov $0x3333, %%rdx\n\t"
                         "mov $0x4444, %%rsi\n\t mov $0x5555, %%rdi\n\t mov $0x6666, %%r8\n\t"
                         "mov $0x7777, %%r9\n\t mov $0x8888, %%r10\n\t mov $0x9999, %%r11\n\t"
                         "mov $0xaaaa, %%r12\n\t mov $0xbbbb, %%r13\n\t mov $0xcccc, %%r14\n\t"
                         "mov $0xdddd, %%r15\n\t mov $2000, %%ebx\n"
                         "1:\t dec %%ebx\n\t jnz 1b\n\t"
                         "add %%rcx, %%rax\n\t add %%rdx, %%rax\n\t add %%rsi, %%rax\n\t"
                         "add %%rdi, %%rax\n\t add %%r8, %%rax\n\t add %%r9, %%rax\n\t"
                         "add %%r10, %%rax\n\t add %%r11, %%rax\n\t add %%r12, %%rax\n\t"
                         "add %%r13, %%rax\n\t add %%r14, %%rax\n\t add %%r15, %%rax\n\t"
                         : "=a"(sum)
                         :
                         : "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12",
                           "r13", "r14", "r15", "cc");
        bad += sum != 0x1111 * (1 + 2 + 3 + 4 + 5 + 6 + 7 + 8 + 9 + 10 + 11 + 12 + 13);
        rounds++;
    }
    interval_start(0, 0);
    CHECK(rounds > 0);
    CHECK_EQ(bad, 0);
}

/* The words below the stack pointer belong to the interrupted function: 128 bytes of them. */
static void red_zone_survives(void) {
    uint64_t bad = 0;

    handle(SIGALRM, 0);
    interval_start(1000, 1000);
    while (seen[SIGALRM] < 50) {
        uint64_t low, high;
        __asm__ volatile("mov $0x1234, %%rcx\n\t"
                         "mov %%rcx, -128(%%rsp)\n\t"
                         "mov %%rcx, -120(%%rsp)\n\t"
                         "mov $3000, %%ecx\n"
                         "1:\tdec %%ecx\n\t"
                         "jnz 1b\n\t"
                         "mov -128(%%rsp), %0\n\t"
                         "mov -120(%%rsp), %1\n\t"
                         : "=r"(low), "=r"(high)
                         :
                         : "rcx", "memory", "cc");
        bad += low != 0x1234 || high != 0x1234;
    }
    interval_start(0, 0);
    CHECK_EQ(bad, 0);
}

static uintptr_t handler_stack;

static void note_stack(int number) {
    char here;

    handler_stack = (uintptr_t)&here;
    seen[number]++;
}

static void alternate_stack(void) {
    static char other[32768] __attribute__((aligned(16)));
    stack_t stack = {.ss_sp = other, .ss_size = sizeof other}, old;
    struct sigaction action = {.sa_handler = note_stack, .sa_flags = SA_ONSTACK};

    CHECK_EQ(sigaltstack(&stack, NULL), 0);
    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    raise(SIGUSR1);
    CHECK(handler_stack >= (uintptr_t)other && handler_stack < (uintptr_t)other + sizeof other);
    CHECK_EQ(sigaltstack(NULL, &old), 0);
    CHECK(old.ss_sp == other && old.ss_size == sizeof other && old.ss_flags == 0);
    action.sa_flags = 0;
    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    raise(SIGUSR1);
    CHECK(handler_stack < (uintptr_t)other || handler_stack >= (uintptr_t)other + sizeof other);
    stack.ss_size = 100;
    CHECK_FAILS(sigaltstack(&stack, NULL), ENOMEM);
    stack = (stack_t){.ss_flags = SS_DISABLE};
    CHECK_EQ(sigaltstack(&stack, NULL), 0);
    CHECK_EQ(sigaltstack(NULL, &old), 0);
    CHECK_EQ(old.ss_flags, SS_DISABLE);
}

static int alternate_change_error;

static void change_stack_inside(int number) {
    stack_t none = {.ss_flags = SS_DISABLE}, now;

    seen[number]++;
    sigaltstack(NULL, &now);
    alternate_change_error = now.ss_flags == SS_ONSTACK && sigaltstack(&none, NULL) < 0 ? errno : 0;
}

static void alternate_stack_in_use(void) {
    static char other[32768];
    stack_t stack = {.ss_sp = other, .ss_size = sizeof other};
    struct sigaction action = {.sa_handler = change_stack_inside, .sa_flags = SA_ONSTACK};

    CHECK_EQ(sigaltstack(&stack, NULL), 0);
    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    raise(SIGUSR1);
    CHECK_EQ(seen[SIGUSR1], 1);
    CHECK_EQ(alternate_change_error, EPERM);
}

static void lowest_number_first(void) {
    sigset_t both = set_of(SIGUSR1);

    sigaddset(&both, SIGTERM);
    handle(SIGUSR1, 0);
    handle(SIGTERM, 0);
    sigprocmask(SIG_BLOCK, &both, NULL);
    raise(SIGTERM);
    raise(SIGUSR1);
    sigprocmask(SIG_UNBLOCK, &both, NULL);
    CHECK_EQ(order_count, 2);
    CHECK(order[0] != order[1]);
}

/* A handler's frame that cannot be written, and a frame that was tampered with: both kill. */
static void bad_stack_pointer(void *unused) {
    (void)unused;
    handle(SIGUSR1, 0);
    __asm__ volatile("mov $39, %%eax\n\t"
                     "syscall\n\t"
                     "mov %%eax, %%edi\n\t"
                     "mov $10, %%esi\n\t"
                     "mov $62, %%eax\n\t"
                     "mov $0x1000, %%esp\n\t"
                     "syscall\n\t"
                     "1: jmp 1b" ::
                         : "rax", "rcx", "rdi", "rsi", "r11", "memory");
}

static void handler_without_room_kills(void) {
    CHECK_CHILD_KILLED(bad_stack_pointer, NULL, SIGSEGV);
}

static void tamper(int number, siginfo_t *info, void *context) {
    ucontext_t *user = context;

    (void)number;
    (void)info;
    user->uc_mcontext.gregs[REG_RIP] = (long long)0xffffffff80000000;
    user->uc_mcontext.gregs[REG_EFL] |= 0x3200; /* the I/O privilege level and interrupts */
    user->uc_mcontext.gregs[REG_CSGSFS] = 0;
}

static void tampered_frame(void *unused) {
    struct sigaction action = {.sa_sigaction = tamper, .sa_flags = SA_SIGINFO};

    (void)unused;
    sigaction(SIGUSR1, &action, NULL);
    raise(SIGUSR1);
}

static void tampered_frame_kills(void) {
    CHECK_CHILD_KILLED(tampered_frame, NULL, SIGSEGV);
}

static void stray_sigreturn(void *unused) {
    (void)unused;
    __asm__ volatile("mov $15, %%eax\n\t mov $0x10, %%esp\n\t syscall" ::: "rax", "rcx", "r11");
}

static void stray_sigreturn_kills(void) {
    CHECK_CHILD_KILLED(stray_sigreturn, NULL, SIGSEGV);
}

CHECK_MAIN({"handler_runs_and_returns", handler_runs_and_returns},
           {"every_number_can_be_caught", every_number_can_be_caught},
           {"default_actions", default_actions}, {"ignored_is_ignored", ignored_is_ignored},
           {"kill_and_stop_are_not_for_sale", kill_and_stop_are_not_for_sale},
           {"mask_holds_back", mask_holds_back},
           {"handler_runs_under_its_mask", handler_runs_under_its_mask},
           {"nodefer_and_resethand", nodefer_and_resethand},
           {"old_action_is_returned", old_action_is_returned}, {"siginfo_of_kill", siginfo_of_kill},
           {"siginfo_of_child", siginfo_of_child}, {"queued_value", queued_value},
           {"forgotten_ones_stay_forgotten", forgotten_ones_stay_forgotten},
           {"faults_of_the_processor", faults_of_the_processor},
           {"handler_may_change_registers", handler_may_change_registers},
           {"registers_survive_handlers", registers_survive_handlers},
           {"red_zone_survives", red_zone_survives}, {"alternate_stack", alternate_stack},
           {"alternate_stack_in_use", alternate_stack_in_use},
           {"lowest_number_first", lowest_number_first},
           {"handler_without_room_kills", handler_without_room_kills},
           {"tampered_frame_kills", tampered_frame_kills},
           {"stray_sigreturn_kills", stray_sigreturn_kills})
