/* SPDX-License-Identifier: MIT */
/*
 * Signals and threads: to one, to the process (any that does not block it), by what a thread did;
 * waited for, passed on; what is pending where. Threads are raw: see raw_thread.h.
 */
#include "raw_thread.h"

#include <ucontext.h>

#define THREADS 3

static volatile int handled_by[65];
static volatile int handled_count;

static void handle(int number, siginfo_t *info, void *context) {
    (void)info;
    (void)context;
    handled_by[number] = raw_tid();
    raw_raise(&handled_count);
}

static void catch_signal(int number) {
    struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_RESTART};

    CHECK_EQ(sigaction(number, &action, NULL), 0);
}

/* The kernel's own set: bit n - 1 is signal n. */
static long set_mask(int how, uint64_t set) {
    return raw_call(SYS_rt_sigprocmask, how, (long)&set, 0, sizeof set);
}

static uint64_t bit(int number) {
    return 1ull << (number - 1);
}

static uint64_t pending(void) {
    uint64_t set = 0;

    raw_call(SYS_rt_sigpending, (long)&set, sizeof set);
    return set;
}

struct blocker {
    struct raw_thread thread;
    uint64_t blocked;
    uint64_t pending; /* as it saw it at its end */
};

static void blocks(void *argument) {
    struct blocker *b = argument;

    set_mask(SIG_SETMASK, b->blocked);
    raw_raise(&ready);
    raw_await(&go, 1);
    b->pending = pending();
}

static void make_blockers(struct blocker *blockers, unsigned count, uint64_t blocked) {
    for (unsigned i = 0; i < count; i++) {
        blockers[i].blocked = blocked;
        raw_create(&blockers[i].thread, blocks, &blockers[i]);
    }
    raw_await(&ready, (int)count);
}

static void join_blockers(struct blocker *blockers, unsigned count) {
    raw_raise(&go);
    for (unsigned i = 0; i < count; i++)
        raw_join(&blockers[i].thread);
}

/* ---- to whom ---- */

static void process_signal_finds_who_does_not_block(void) {
    struct blocker blocking[THREADS], open;
    int number = SIGUSR1;

    catch_signal(number);
    set_mask(SIG_BLOCK, bit(number));
    make_blockers(blocking, THREADS, bit(number));
    ready = 0;
    make_blockers(&open, 1, 0);
    for (int i = 1; i <= 50; i++) {
        handled_by[number] = 0;
        CHECK_EQ(kill(getpid(), number), 0);
        raw_await(&handled_count, i);
        CHECK_EQ(handled_by[number], open.thread.tid);
    }
    raw_raise(&go);
    raw_join(&open.thread);
    join_blockers(blocking, THREADS);
}

static void pending_of_thread_and_process(void) {
    struct blocker blocking[2];

    set_mask(SIG_BLOCK, bit(SIGUSR1) | bit(SIGUSR2));
    make_blockers(blocking, 2, bit(SIGUSR1) | bit(SIGUSR2));
    CHECK_EQ(syscall(SYS_tgkill, getpid(), blocking[0].thread.tid, SIGUSR1), 0);
    CHECK_EQ(kill(getpid(), SIGUSR2), 0);
    CHECK_EQ(pending(), bit(SIGUSR2));
    join_blockers(blocking, 2);
    CHECK_EQ(blocking[0].pending, bit(SIGUSR1) | bit(SIGUSR2));
    CHECK_EQ(blocking[1].pending, bit(SIGUSR2));
    /* The first's own has gone with it. */
    CHECK_EQ(pending(), bit(SIGUSR2));
}

/* A signal that a thread will not take any more goes to one that does. */
static void blocked_after_all_is_passed_on(void) {
    struct blocker open;

    catch_signal(SIGRTMIN);
    make_blockers(&open, 1, 0);
    for (int i = 1; i <= 100; i++) {
        /* Both may take them: some while this thread's handler blocks the number. */
        CHECK_EQ(kill(getpid(), SIGRTMIN), 0);
        CHECK_EQ(kill(getpid(), SIGRTMIN), 0);
        set_mask(SIG_BLOCK, bit(SIGRTMIN));
        raw_await(&handled_count, 2 * i);
        set_mask(SIG_UNBLOCK, bit(SIGRTMIN));
    }
    CHECK_EQ(handled_count, 200);
    join_blockers(&open, 1);
}

static void ends_unasked(void *unused) {
    (void)unused;
    raw_raise(&ready);
}

/* Signals come while threads end that might have taken them. */
static void ended_after_all_is_passed_on(void) {
    struct raw_thread thread;

    catch_signal(SIGRTMIN);
    for (int i = 1; i <= 100; i++) {
        ready = 0;
        set_mask(SIG_BLOCK, bit(SIGRTMIN));
        raw_create(&thread, ends_unasked, NULL); /* which blocks it as well */
        CHECK_EQ(kill(getpid(), SIGRTMIN), 0);
        raw_await(&ready, 1);
        set_mask(SIG_UNBLOCK, bit(SIGRTMIN));
        raw_await(&handled_count, i);
        raw_join(&thread);
    }
}

static void no_such_thread(void) {
    struct raw_thread thread;
    int tid;

    raw_create(&thread, ends_unasked, NULL);
    tid = thread.tid;
    raw_join(&thread);
    while (tid > 0 && raw_state(getpid(), tid) != 0)
        usleep(1000);
    if (tid > 0)
        CHECK_FAILS(syscall(SYS_tgkill, getpid(), tid, 0), ESRCH);
    CHECK_FAILS(syscall(SYS_tgkill, getpid(), 0, 0), EINVAL);
    CHECK_FAILS(syscall(SYS_tgkill, 0, getpid(), 0), EINVAL);
    CHECK_FAILS(syscall(SYS_tgkill, getpid(), -1, 0), EINVAL);
    CHECK_FAILS(syscall(SYS_tkill, 0, 0), EINVAL);
    CHECK_FAILS(syscall(SYS_tkill, getpid(), 65), EINVAL);
    CHECK_FAILS(syscall(SYS_tkill, getpid(), -1), EINVAL);
    CHECK_FAILS(syscall(SYS_tgkill, getppid(), getpid(), 0), ESRCH);
}

/* kill(2) by the number of a thread is to its process. */
static void kill_by_tid(void) {
    struct blocker blocking;

    set_mask(SIG_BLOCK, bit(SIGUSR1));
    make_blockers(&blocking, 1, bit(SIGUSR1));
    CHECK_EQ(kill(blocking.thread.tid, SIGUSR1), 0);
    CHECK_EQ(pending(), bit(SIGUSR1));
    join_blockers(&blocking, 1);
}

static void queues_to_a_thread(void) {
    siginfo_t info = {.si_code = SI_QUEUE}, got;
    struct blocker blocking;

    set_mask(SIG_BLOCK, bit(SIGRTMIN + 1));
    make_blockers(&blocking, 1, bit(SIGRTMIN + 1));
    info.si_value.sival_int = 42;
    CHECK_EQ(syscall(SYS_rt_tgsigqueueinfo, getpid(), getpid(), SIGRTMIN + 1, &info), 0);
    CHECK_EQ(syscall(SYS_rt_tgsigqueueinfo, getpid(), blocking.thread.tid, SIGRTMIN + 1, &info), 0);
    join_blockers(&blocking, 1);
    CHECK_EQ(blocking.pending, bit(SIGRTMIN + 1));
    {
        uint64_t set = bit(SIGRTMIN + 1);
        struct timespec none = {0};
        CHECK_EQ(syscall(SYS_rt_sigtimedwait, &set, &got, &none, sizeof set), SIGRTMIN + 1);
        CHECK_EQ(got.si_value.sival_int, 42);
        CHECK_FAILS(syscall(SYS_rt_sigtimedwait, &set, &got, &none, sizeof set), EAGAIN);
    }
    CHECK_FAILS(syscall(SYS_rt_tgsigqueueinfo, getpid(), getpid(), SIGRTMIN, 8), EFAULT);
    CHECK_FAILS(syscall(SYS_rt_tgsigqueueinfo, getpid(), 0, SIGRTMIN, &info), EINVAL);
}

/* ---- waited for ---- */

static volatile long waited;

static void waits_for_signal(void *number) {
    uint64_t set = bit(*(int *)number);

    raw_raise(&ready);
    waited = raw_call(SYS_rt_sigtimedwait, (long)&set, 0, 0, sizeof set);
}

static void one_who_waits_takes_it(void) {
    struct blocker blocking[THREADS];
    struct raw_thread waiting;
    int number = SIGUSR1;

    set_mask(SIG_BLOCK, bit(number));
    make_blockers(blocking, THREADS, bit(number));
    ready = 0;
    for (int i = 0; i < 20; i++) {
        raw_create(&waiting, waits_for_signal, &number);
        raw_await(&ready, i + 1);
        CHECK_EQ(kill(getpid(), number), 0);
        raw_join(&waiting);
        CHECK_EQ(waited, number);
    }
    join_blockers(blocking, THREADS);
}

/* ---- by what a thread did ---- */

static volatile uintptr_t fault_address;
static volatile int fault_tid;

static void skip_fault(int number, siginfo_t *info, void *context) {
    ucontext_t *user = context;

    (void)number;
    fault_address = (uintptr_t)info->si_addr;
    fault_tid = raw_tid();
    user->uc_mcontext.gregs[REG_RIP] += 2; /* mov %al, (%rdi) */
}

static void faults(void *tid) {
    *(volatile int *)tid = raw_tid();
    __asm__ volatile("mov %%al, (%%rdi)" ::"D"(0x10), "a"(0) : "memory");
}

static void fault_is_the_threads_own(void) {
    struct sigaction action = {.sa_sigaction = skip_fault, .sa_flags = SA_SIGINFO};
    struct blocker others[THREADS];
    struct raw_thread thread;
    volatile int tid = 0;

    CHECK_EQ(sigaction(SIGSEGV, &action, NULL), 0);
    make_blockers(others, THREADS, 0);
    for (int i = 0; i < 20; i++) {
        raw_run(&thread, RAW_FLAGS, faults, (void *)&tid);
        CHECK_EQ(fault_tid, tid);
        CHECK_EQ(fault_address, 0x10);
    }
    join_blockers(others, THREADS);
}

/* Each thread has its own alternate stack, and none at its start. */
static volatile bool on_own_stack[2];
static char alternate[2][16384];

static void look_at_stack(int number) {
    char here;
    int who = number == SIGUSR2;

    on_own_stack[who] = &here >= alternate[who] && &here < alternate[who] + sizeof alternate[who];
    raw_raise(&handled_count);
}

static void uses_second_stack(void *had_none) {
    stack_t mine = {.ss_sp = alternate[1], .ss_size = sizeof alternate[1]}, before = {0};

    raw_call(SYS_sigaltstack, (long)&mine, (long)&before);
    *(bool *)had_none = before.ss_flags == SS_DISABLE;
    raw_call(SYS_tkill, raw_tid(), SIGUSR2);
}

static void alternate_stacks(void) {
    struct sigaction action = {.sa_handler = look_at_stack, .sa_flags = SA_ONSTACK};
    stack_t mine = {.ss_sp = alternate[0], .ss_size = sizeof alternate[0]};
    struct raw_thread thread;
    bool had_none = false;

    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    CHECK_EQ(sigaction(SIGUSR2, &action, NULL), 0);
    CHECK_EQ(sigaltstack(&mine, NULL), 0);
    raw_run(&thread, RAW_FLAGS, uses_second_stack, &had_none);
    CHECK(had_none);
    CHECK(on_own_stack[1]);
    CHECK_EQ(syscall(SYS_tkill, getpid(), SIGUSR1), 0);
    CHECK(on_own_stack[0]);
}

/* ---- the end of all ---- */

static void dies_of(void *number) {
    struct blocker others[THREADS];

    make_blockers(others, THREADS, ~0ull);
    kill(getpid(), *(int *)number);
    for (;;)
        pause();
}

static void deadly_for_all(void) {
    int numbers[] = {SIGTERM, SIGKILL, SIGUSR1, SIGRTMIN};

    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        CHECK_EQ(child_run(dies_of, &numbers[i]), numbers[i]);
}

CHECK_MAIN({"process_signal_finds_who_does_not_block", process_signal_finds_who_does_not_block},
           {"pending_of_thread_and_process", pending_of_thread_and_process},
           {"blocked_after_all_is_passed_on", blocked_after_all_is_passed_on},
           {"ended_after_all_is_passed_on", ended_after_all_is_passed_on},
           {"no_such_thread", no_such_thread}, {"kill_by_tid", kill_by_tid},
           {"queues_to_a_thread", queues_to_a_thread},
           {"one_who_waits_takes_it", one_who_waits_takes_it},
           {"fault_is_the_threads_own", fault_is_the_threads_own},
           {"alternate_stacks", alternate_stacks}, {"deadly_for_all", deadly_for_all})
