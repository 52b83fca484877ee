/* SPDX-License-Identifier: MIT */
/*
 * futex(2) and the robust list, without a C library in between: every operation, and every way to
 * call it wrongly. Sleepers are known to sleep by their state in /proc.
 */
#include "raw_thread.h"

#define PRIVATE(op) ((op) | FUTEX_PRIVATE_FLAG)
#define SLEEPERS 6

#define futex(word, op, value, timeout, word2, value3)                                             \
    raw_call(SYS_futex, (long)(word), (op), (long)(value), (long)(timeout), (long)(word2),         \
             (long)(value3))

static const struct timespec moment = {.tv_nsec = 20000000};
static const struct timespec no_time = {0};

/* ---- sleepers ---- */

struct sleeper {
    struct raw_thread thread;
    volatile int *word;
    int op;
    unsigned bits;
    const struct timespec *timeout;
    volatile long result; /* 1: still asleep */
};

static void sleeps(void *argument) {
    struct sleeper *s = argument;

    s->result = futex(s->word, s->op, 0, s->timeout, NULL, s->bits);
}

static void sleep_on(struct sleeper *s, volatile int *at, int op, unsigned bits,
                     const struct timespec *timeout) {
    *s = (struct sleeper){.word = at, .op = op, .bits = bits, .timeout = timeout, .result = 1};
    raw_create(&s->thread, sleeps, s);
    raw_await_state(getpid(), s->thread.tid, 'S');
}

static void many_sleep_on(struct sleeper *sleepers, unsigned count, volatile int *at) {
    for (unsigned i = 0; i < count; i++)
        sleep_on(&sleepers[i], at, FUTEX_WAIT, 0, NULL);
}

/* How many have been woken, once `expected` of them have had the time to say so. */
static unsigned count_woken(const struct sleeper *sleepers, unsigned count, unsigned expected) {
    unsigned woken;

    do {
        woken = 0;
        for (unsigned i = 0; i < count; i++)
            woken += sleepers[i].result != 1;
    } while (woken < expected);
    return woken;
}

static void join_all(struct sleeper *sleepers, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        raw_join(&sleepers[i].thread);
        CHECK_EQ(sleepers[i].result, 0);
    }
}

/* ---- waiting and waking ---- */

static volatile int word, other;

static void wakes_as_many_as_asked(void) {
    struct sleeper sleepers[SLEEPERS];

    CHECK_EQ(futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0), 0);
    many_sleep_on(sleepers, SLEEPERS, &word);
    CHECK_EQ(futex(&other, FUTEX_WAKE, INT_MAX, NULL, NULL, 0), 0);
    CHECK_EQ(futex(&word, FUTEX_WAKE, 2, NULL, NULL, 0), 2);
    CHECK_EQ(count_woken(sleepers, SLEEPERS, 2), 2);
    CHECK_EQ(futex(&word, FUTEX_WAKE, 0, NULL, NULL, 0), 1);                /* as Linux does */
    CHECK_EQ(futex(&word, PRIVATE(FUTEX_WAKE), INT_MAX, NULL, NULL, 0), 0); /* another's word */
    CHECK_EQ(futex(&word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0), 3);
    join_all(sleepers, SLEEPERS);
}

static void other_value(void) {
    word = 5;
    CHECK_EQ(futex(&word, FUTEX_WAIT, 4, NULL, NULL, 0), -EAGAIN);
    CHECK_EQ(futex(&word, PRIVATE(FUTEX_WAIT), 4, NULL, NULL, 0), -EAGAIN);
    CHECK_EQ(futex(&word, FUTEX_WAIT_BITSET, 4, NULL, NULL, 1), -EAGAIN);
}

static void bitsets(void) {
    struct sleeper sleepers[3];

    for (int i = 0; i < 3; i++)
        sleep_on(&sleepers[i], &word, FUTEX_WAIT_BITSET, 1u << i | 0x100, NULL);
    CHECK_EQ(futex(&word, FUTEX_WAKE_BITSET, INT_MAX, NULL, NULL, 8), 0);
    CHECK_EQ(futex(&word, FUTEX_WAKE_BITSET, INT_MAX, NULL, NULL, 2), 1);
    CHECK_EQ(count_woken(sleepers, 3, 1), 1);
    CHECK_EQ(sleepers[1].result, 0);
    CHECK_EQ(futex(&word, FUTEX_WAKE_BITSET, INT_MAX, NULL, NULL, 0x100), 2);
    join_all(sleepers, 3);
    CHECK_EQ(futex(&word, FUTEX_WAIT_BITSET, 0, NULL, NULL, 0), -EINVAL);
    CHECK_EQ(futex(&word, FUTEX_WAKE_BITSET, 1, NULL, NULL, 0), -EINVAL);
}

static struct timespec time_of(int clock, long ms) {
    struct timespec time;

    CHECK_EQ(clock_gettime(clock, &time), 0);
    time.tv_nsec += ms * 1000000;
    time.tv_sec += time.tv_nsec / 1000000000;
    time.tv_nsec %= 1000000000;
    return time;
}

static bool has_come(int clock, const struct timespec *time) {
    struct timespec now = time_of(clock, 0);

    return now.tv_sec > time->tv_sec ||
           (now.tv_sec == time->tv_sec && now.tv_nsec >= time->tv_nsec);
}

static void timeouts(void) {
    struct timespec until = time_of(CLOCK_MONOTONIC, 20);

    CHECK_EQ(futex(&word, FUTEX_WAIT, 0, &moment, NULL, 0), -ETIMEDOUT);
    CHECK(has_come(CLOCK_MONOTONIC, &until));
    CHECK_EQ(futex(&word, FUTEX_WAIT, 0, &no_time, NULL, 0), -ETIMEDOUT);
    until = time_of(CLOCK_MONOTONIC, 20);
    CHECK_EQ(futex(&word, FUTEX_WAIT_BITSET, 0, &until, NULL, 1), -ETIMEDOUT);
    CHECK(has_come(CLOCK_MONOTONIC, &until));
    until = time_of(CLOCK_REALTIME, 20);
    CHECK_EQ(futex(&word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &until, NULL, 1),
             -ETIMEDOUT);
    CHECK(has_come(CLOCK_REALTIME, &until));
    CHECK_EQ(futex(&word, FUTEX_WAIT_BITSET, 0, &no_time, NULL, 1), -ETIMEDOUT);
}

static void bad_timeouts(void) {
    static const struct timespec bad[] = {{-1, 0}, {0, -1}, {0, 1000000000}};

    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        CHECK_EQ(futex(&word, FUTEX_WAIT, 0, &bad[i], NULL, 0), -EINVAL);
        CHECK_EQ(futex(&word, FUTEX_WAIT_BITSET, 0, &bad[i], NULL, 1), -EINVAL);
    }
    CHECK_EQ(futex(&word, FUTEX_WAIT, 0, (void *)8, NULL, 0), -EFAULT);
    CHECK_EQ(futex(&word, FUTEX_WAIT, 0, (void *)-8, NULL, 0), -EFAULT);
}

static void bad_words(void) {
    static const int ops[] = {FUTEX_WAIT, FUTEX_WAKE, FUTEX_WAIT_BITSET, FUTEX_WAKE_BITSET};
    char *odd = (char *)&word + 2;
    char *gone = pages_map(1, PROT_READ);

    munmap(gone, PAGE_BYTES);
    for (size_t i = 0; i < COUNT_OF(ops); i++) {
        CHECK_EQ(futex(odd, ops[i], 0, NULL, NULL, 1), -EINVAL);
        CHECK_EQ(futex(odd, PRIVATE(ops[i]), 0, NULL, NULL, 1), -EINVAL);
        CHECK_EQ(futex(gone, ops[i], 0, NULL, NULL, 1), -EFAULT);
        CHECK_EQ(futex((void *)0xffff800000000000, ops[i], 0, NULL, NULL, 1), -EFAULT);
    }
    CHECK_EQ(futex(gone, PRIVATE(FUTEX_WAIT), 0, NULL, NULL, 0), -EFAULT);
    CHECK_EQ(futex(gone, PRIVATE(FUTEX_WAKE), 1, NULL, NULL, 0), 0);
    CHECK_EQ(futex(&word, FUTEX_REQUEUE, 1, (void *)1, odd, 0), -EINVAL);
    CHECK_EQ(futex(&word, FUTEX_REQUEUE, 1, (void *)1, gone, 0), -EFAULT);
    CHECK_EQ(futex(&word, FUTEX_WAKE_OP, 1, (void *)1, gone, 0), -EFAULT);
}

static void no_such_operation(void) {
    CHECK_EQ(futex(&word, 99, 0, NULL, NULL, 0), -ENOSYS);
    CHECK_EQ(futex(&word, FUTEX_WAKE | FUTEX_CLOCK_REALTIME, 0, NULL, NULL, 0), -ENOSYS);
    CHECK_EQ(futex(&word, FUTEX_WAIT | FUTEX_CLOCK_REALTIME, 1, NULL, NULL, 0), -ENOSYS);
    CHECK_EQ(futex(&word, FUTEX_WAKE_OP, 1, (void *)1, &other, 7u << 28), -ENOSYS);
}

/* ---- moving ---- */

static void requeues(void) {
    struct sleeper sleepers[SLEEPERS];

    many_sleep_on(sleepers, SLEEPERS, &word);
    word = 3;
    CHECK_EQ(futex(&word, FUTEX_CMP_REQUEUE, 1, (void *)2, &other, 4), -EAGAIN);
    CHECK_EQ(futex(&word, FUTEX_CMP_REQUEUE, 1, (void *)2, &other, 3), 3);
    CHECK_EQ(count_woken(sleepers, SLEEPERS, 1), 1);
    CHECK_EQ(futex(&other, FUTEX_WAKE, INT_MAX, NULL, NULL, 0), 2);
    CHECK_EQ(count_woken(sleepers, SLEEPERS, 3), 3);
    CHECK_EQ(futex(&word, FUTEX_REQUEUE, 0, (void *)INT_MAX, &other, 0), 3);
    CHECK_EQ(futex(&word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0), 0);
    /* And back: the same word has nothing to move. */
    CHECK_EQ(futex(&other, FUTEX_REQUEUE, 0, (void *)1, &word, 0), 1);
    CHECK_EQ(futex(&word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0), 1);
    CHECK_EQ(futex(&other, FUTEX_WAKE, INT_MAX, NULL, NULL, 0), 2);
    join_all(sleepers, SLEEPERS);
    CHECK_EQ(futex(&word, FUTEX_REQUEUE, -1, (void *)1, &other, 0), -EINVAL);
    CHECK_EQ(futex(&word, FUTEX_CMP_REQUEUE, 1, (void *)-1l, &other, 3), -EINVAL);
}

#define OP(op, argument, compare, than)                                                            \
    ((unsigned)(op) << 28 | (unsigned)(compare) << 24 | ((unsigned)(argument)&0xfff) << 12 |       \
     ((unsigned)(than)&0xfff))

static void wake_op(void) {
    static const struct {
        unsigned op;
        int before, after;
        bool wakes;
    } cases[] = {
        {OP(0, 7, 0, 3), 3, 7, true},        {OP(0, 7, 0, 3), 4, 7, false},
        {OP(1, -2, 1, 5), 5, 3, false},      {OP(1, -2, 1, 5), 6, 4, true},
        {OP(2, 0x10, 2, 0), -1, -1, true},   {OP(2, 0x10, 2, 0), 1, 0x11, false},
        {OP(3, 0x0f, 3, 16), 16, 16, true},  {OP(3, 0x0f, 3, 16), 0x1f, 0x10, false},
        {OP(4, 0xff, 4, -1), 0, 0xff, true}, {OP(4, 0xff, 4, -1), -1, ~0xff, false},
        {OP(8, 9, 5, 0), 0, 1 << 9, true},   {OP(8, 9, 5, 0), -1, 1 << 9, false},
    };
    struct sleeper first, second;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        other = 0;
        sleep_on(&first, &word, FUTEX_WAIT, 0, NULL);
        sleep_on(&second, &other, FUTEX_WAIT, 0, NULL);
        other = cases[i].before;
        CHECK_EQ(futex(&word, FUTEX_WAKE_OP, 1, (void *)1, &other, cases[i].op),
                 cases[i].wakes ? 2 : 1);
        CHECK_EQ(other, cases[i].after);
        if (!cases[i].wakes)
            CHECK_EQ(futex(&other, FUTEX_WAKE, 1, NULL, NULL, 0), 1);
        join_all(&first, 1);
        join_all(&second, 1);
    }
}

/* The word is not at hand when the operation comes to it: it must be copied, or made. */
static void words_faulted_in(void) {
    volatile int *fresh = (void *)pages_map(1, PROT_READ | PROT_WRITE);
    volatile int *read_only = (void *)pages_map(1, PROT_READ);
    pid_t child;

    CHECK_EQ(futex(fresh, PRIVATE(FUTEX_WAIT), 1, NULL, NULL, 0), -EAGAIN);
    CHECK_EQ(futex(&word, PRIVATE(FUTEX_WAKE_OP), 1, (void *)1, fresh, OP(1, 5, 0, 0)), 0);
    CHECK_EQ(*fresh, 5);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK_EQ(futex(&word, PRIVATE(FUTEX_WAKE_OP), 1, (void *)1, fresh, OP(1, 5, 0, 0)), 0);
        _exit(*fresh == 10 ? 0 : 1);
    }
    CHECK_EQ(child_wait(child), 0);
    CHECK_EQ(*fresh, 5);
    CHECK_EQ(futex(&word, PRIVATE(FUTEX_WAKE_OP), 1, (void *)1, read_only, OP(1, 5, 0, 0)),
             -EFAULT);
}

/* ---- between processes ---- */

/* Two mappings of one object, at different places and in different processes, are one word. */
static void shared_by_object(void) {
    int fd = memfd_create("futex", 0);
    volatile int *one, *two;
    struct sleeper sleeper;
    int status;
    pid_t child;

    CHECK(fd >= 0);
    CHECK_EQ(ftruncate(fd, 3 * PAGE_BYTES), 0);
    one = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 2 * PAGE_BYTES);
    two = mmap(NULL, 3 * PAGE_BYTES, PROT_READ, MAP_SHARED, fd, 0);
    CHECK(one != MAP_FAILED && two != MAP_FAILED);
    two += 2 * PAGE_BYTES / sizeof *two;
    child = fork();
    CHECK(child >= 0);
    if (child == 0)
        _exit(futex(two, FUTEX_WAIT, 0, NULL, NULL, 0) == 0 ? 0 : 1);
    raw_await_state(child, child, 'S');
    sleep_on(&sleeper, two, FUTEX_WAIT, 0, NULL);
    CHECK_EQ(futex(one + 1, FUTEX_WAKE, INT_MAX, NULL, NULL, 0), 0);
    CHECK_EQ(futex(one, PRIVATE(FUTEX_WAKE), INT_MAX, NULL, NULL, 0), 0);
    CHECK_EQ(futex(one, FUTEX_WAKE, INT_MAX, NULL, NULL, 0), 2);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    join_all(&sleeper, 1);
}

/* Private memory is another's after a fork, though it is the same page still. */
static void private_after_fork(void) {
    struct sleeper sleeper;
    pid_t child;

    sleep_on(&sleeper, &word, FUTEX_WAIT, 0, NULL);
    child = fork();
    CHECK(child >= 0);
    if (child == 0)
        _exit((int)futex(&word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0));
    CHECK_EQ(child_wait(child), 0);
    CHECK_EQ(futex(&word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0), 1);
    join_all(&sleeper, 1);
}

/* A sleeper that was moved to shared memory keeps it, and gives it back. */
static void moves_a_sleeper(void *unused) {
    volatile int *shared =
        mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct sleeper sleeper;

    (void)unused;
    CHECK(shared != MAP_FAILED);
    sleep_on(&sleeper, &word, FUTEX_WAIT, 0, NULL);
    CHECK_EQ(futex(&word, FUTEX_REQUEUE, 0, 1, shared, 0), 1);
    CHECK_EQ(futex(shared, FUTEX_REQUEUE, 0, 1, shared + 1, 0), 1);
    CHECK_EQ(futex(shared + 1, FUTEX_REQUEUE, 0, 1, &other, 0), 1);
    CHECK_EQ(futex(&other, FUTEX_REQUEUE, 0, 1, shared, 0), 1);
    CHECK_EQ(munmap((void *)shared, PAGE_BYTES), 0);
    CHECK_EQ(syscall(SYS_tgkill, getpid(), sleeper.thread.tid, SIGKILL), 0);
    pause();
}

static void moved_to_shared_memory(void) {
    struct memory_use before;

    memory_use(); /* which makes its own buffers */
    CHECK_CHILD_KILLED(moves_a_sleeper, NULL, SIGKILL);
    before = memory_use();
    for (int i = 0; i < 20; i++)
        CHECK_CHILD_KILLED(moves_a_sleeper, NULL, SIGKILL);
    if (on_quire())
        CHECK_MEMORY_SAME(memory_use(), before);
}

/* ---- interruptions ---- */

static volatile sig_atomic_t handled;

static void handle(int number) {
    handled = number;
}

static void interrupt(const struct timespec *timeout, int flags, long expected) {
    struct sigaction action = {.sa_handler = handle, .sa_flags = flags};
    struct sleeper sleeper;

    handled = 0;
    sigaction(SIGUSR1, &action, NULL);
    sleep_on(&sleeper, &word, FUTEX_WAIT, 0, timeout);
    CHECK_EQ(syscall(SYS_tgkill, getpid(), sleeper.thread.tid, SIGUSR1), 0);
    while (!handled)
        sched_yield();
    if (expected == 0) {
        while (futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0) != 1)
            sched_yield();
    }
    raw_join(&sleeper.thread);
    CHECK_EQ(sleeper.result, expected);
}

static void interrupted(void) {
    struct timespec long_time = {.tv_sec = 1000};

    interrupt(NULL, 0, -EINTR);
    interrupt(NULL, SA_RESTART, 0);
    interrupt(&long_time, 0, -EINTR);
    interrupt(&long_time, SA_RESTART, -EINTR);
}

/* A stop is no interruption: the wait goes on, its timeout too. */
static void goes_on_after_stop(void) {
    volatile int *shared =
        mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct timespec long_time = {.tv_sec = 1000};
    pid_t child;
    int status;

    for (int i = 0; i < 2; i++) {
        child = fork();
        CHECK(child >= 0);
        if (child == 0)
            _exit(futex(shared, FUTEX_WAIT, 0, i ? &long_time : NULL, NULL, 0) == 0 ? 0 : 1);
        raw_await_state(child, child, 'S');
        kill(child, SIGSTOP);
        CHECK_EQ(waitpid(child, &status, WUNTRACED), child);
        kill(child, SIGCONT);
        raw_await_state(child, child, 'S');
        CHECK_EQ(futex(shared, FUTEX_WAKE, 1, NULL, NULL, 0), 1);
        CHECK_EQ(child_wait(child), 0);
    }
}

/* ---- no wake is lost ---- */

#define PASSES 3000

static volatile int ball;

static void play(int player) {
    for (int i = 0; i < PASSES; i++) {
        int seen;
        while ((seen = __atomic_load_n(&ball, __ATOMIC_SEQ_CST)) % 2 != player)
            futex(&ball, PRIVATE(FUTEX_WAIT), (unsigned)seen, NULL, NULL, 0);
        __atomic_fetch_add(&ball, 1, __ATOMIC_SEQ_CST);
        futex(&ball, PRIVATE(FUTEX_WAKE), 1, NULL, NULL, 0);
    }
}

static void plays(void *unused) {
    (void)unused;
    play(1);
}

static void to_and_fro(void) {
    struct raw_thread thread;

    raw_create(&thread, plays, NULL);
    play(0);
    raw_join(&thread);
    CHECK_EQ(ball, 2 * PASSES);
}

/* ---- the robust list ---- */

struct robust_head {
    void *next;
    long offset;
    void *pending;
};

struct robust_lock {
    void *next;
    volatile unsigned word;
};

#define WAITERS 0x80000000u
#define OWNER_DIED 0x40000000u

static struct robust_lock locks[4];
static struct robust_head head;

static void dies_with_locks(void *unused) {
    unsigned tid = (unsigned)raw_tid();

    (void)unused;
    head = (struct robust_head){&locks[0], offsetof(struct robust_lock, word), &locks[3]};
    locks[0] = (struct robust_lock){&locks[1], tid};
    locks[1] = (struct robust_lock){&locks[2], tid | WAITERS};
    locks[2] = (struct robust_lock){&head, tid + 1}; /* another's */
    locks[3] = (struct robust_lock){NULL, tid};      /* being changed */
    raw_call(SYS_set_robust_list, (long)&head, sizeof head);
}

static void owner_dies(void) {
    struct raw_thread thread;
    int tid;

    raw_create(&thread, dies_with_locks, NULL);
    tid = thread.tid;
    raw_join(&thread);
    (void)tid;
    CHECK_EQ(locks[0].word, OWNER_DIED);
    CHECK_EQ(locks[1].word, OWNER_DIED | WAITERS);
    CHECK((locks[2].word & OWNER_DIED) == 0);
    CHECK_EQ(locks[3].word, OWNER_DIED);
}

static void dies_with_nonsense(void *argument) {
    raw_call(SYS_set_robust_list, (long)argument, sizeof head);
}

/* Lists that lead nowhere, into themselves, or to words that are none. */
static void nonsense_lists(void) {
    static struct robust_head to_itself, to_nowhere = {(void *)16, 0, (void *)24};
    static struct robust_lock round = {&round, 0};
    static struct robust_head to_round = {&round, 1, NULL};
    void *const heads[] = {(void *)8, (void *)-4096l, &to_itself, &to_nowhere, &to_round};
    struct raw_thread thread;

    to_itself = (struct robust_head){&to_itself, 0, NULL};
    for (size_t i = 0; i < COUNT_OF(heads); i++) {
        raw_create(&thread, dies_with_nonsense, heads[i]);
        raw_join(&thread);
    }
    CHECK_EQ(raw_call(SYS_set_robust_list, (long)&head, sizeof head - 1), -EINVAL);
}

static void lists_are_told(void) {
    struct raw_thread thread;
    size_t size = 0;
    void *list = NULL;

    CHECK_EQ(raw_call(SYS_set_robust_list, (long)&head, sizeof head), 0);
    CHECK_EQ(raw_call(SYS_get_robust_list, 0, (long)&list, (long)&size), 0);
    CHECK(list == &head && size == sizeof head);
    raw_create(&thread, waits_for_go, NULL);
    CHECK_EQ(raw_call(SYS_get_robust_list, thread.tid, (long)&list, (long)&size), 0);
    CHECK(list == NULL);
    CHECK_EQ(raw_call(SYS_get_robust_list, 999999, (long)&list, (long)&size), -ESRCH);
    CHECK_EQ(raw_call(SYS_get_robust_list, 0, 8, (long)&size), -EFAULT);
    CHECK_EQ(raw_call(SYS_get_robust_list, 0, (long)&list, 8), -EFAULT);
    raw_raise(&go);
    raw_join(&thread);
}

CHECK_MAIN({"wakes_as_many_as_asked", wakes_as_many_as_asked}, {"other_value", other_value},
           {"bitsets", bitsets}, {"timeouts", timeouts}, {"bad_timeouts", bad_timeouts},
           {"bad_words", bad_words}, {"no_such_operation", no_such_operation},
           {"requeues", requeues}, {"wake_op", wake_op}, {"words_faulted_in", words_faulted_in},
           {"shared_by_object", shared_by_object}, {"private_after_fork", private_after_fork},
           {"moved_to_shared_memory", moved_to_shared_memory}, {"interrupted", interrupted},
           {"goes_on_after_stop", goes_on_after_stop}, {"to_and_fro", to_and_fro},
           {"owner_dies", owner_dies}, {"nonsense_lists", nonsense_lists},
           {"lists_are_told", lists_are_told})
