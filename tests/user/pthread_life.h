/* SPDX-License-Identifier: MIT */
/*
 * How threads of a C library live: made, joined, detached, cancelled; their own variables; signals
 * to them; a thousand at once and ten thousand one after the other; ends of all, exec and fork.
 *
 * The library does the work, so it is a program with musl, test_pthread_life.c, and one with glibc.
 */
#ifndef TESTS_USER_PTHREAD_LIFE_H
#define TESTS_USER_PTHREAD_LIFE_H

#define CHECK_HELPER helper
#include "facts.h"
#include "threads.h"

#include <sched.h>
#include <semaphore.h>
#include <sys/syscall.h>
#include <time.h>

static inline void await(sem_t *semaphore) {
    while (sem_wait(semaphore) != 0)
        CHECK_EQ(errno, EINTR);
}

/* ---- made, joined, detached ---- */

static void *add_one(void *number) {
    return (char *)number + 1;
}

static void results_are_joined(void) {
    pthread_t thread;

    for (long i = 0; i < 100; i++) {
        start(&thread, add_one, (void *)i);
        CHECK_EQ((long)join(thread), i + 1);
    }
}

static sem_t told;

static void *tells(void *unused) {
    (void)unused;
    sem_post(&told);
    return NULL;
}

static void detached(void) {
    pthread_attr_t attributes;
    pthread_t thread;

    CHECK_EQ(sem_init(&told, 0, 0), 0);
    CHECK_EQ(pthread_attr_init(&attributes), 0);
    CHECK_EQ(pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED), 0);
    for (int i = 0; i < 50; i++) {
        CHECK_EQ(pthread_create(&thread, &attributes, tells, NULL), 0);
        start(&thread, tells, NULL);
        CHECK_EQ(pthread_detach(thread), 0);
    }
    for (int i = 0; i < 100; i++)
        await(&told);
}

static void *looks_at_stack(void *size) {
    char block[64 * 1024];

    memset(block, 1, sizeof block);
    __asm__ volatile("" ::"r"(block) : "memory");
    return size;
}

static void stacks_given(void) {
    size_t bytes = 256 * 1024;
    char *stack = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pthread_attr_t attributes;
    pthread_t thread;

    CHECK(stack != MAP_FAILED);
    CHECK_EQ(pthread_attr_init(&attributes), 0);
    CHECK_EQ(pthread_attr_setstack(&attributes, stack, bytes), 0);
    CHECK_EQ(pthread_create(&thread, &attributes, looks_at_stack, &bytes), 0);
    CHECK(join(thread) == &bytes);
    CHECK_EQ(munmap(stack, bytes), 0);
}

/* ---- variables of their own ---- */

static _Thread_local long own = 5;
static _Thread_local char own_zeroes[3000];

static void *changes_own(void *number) {
    CHECK_EQ(own, 5);
    for (size_t i = 0; i < sizeof own_zeroes; i++)
        CHECK_EQ(own_zeroes[i], 0);
    own = (long)number;
    errno = (int)own;
    memset(own_zeroes, 1, sizeof own_zeroes);
    for (int i = 0; i < 20; i++) {
        sched_yield();
        CHECK_EQ(own, (long)number);
        CHECK_EQ(errno, (int)(long)number);
    }
    return NULL;
}

static void thread_local_variables(void) {
    pthread_t threads[8];

    for (long i = 0; i < 8; i++)
        start(&threads[i], changes_own, (void *)(i + 100));
    for (int i = 0; i < 8; i++)
        join(threads[i]);
    CHECK_EQ(own, 5);
    CHECK_EQ(own_zeroes[0], 0);
}

static pthread_key_t keys[2];
static int destroyed[2];

static void destroy_first(void *value) {
    CHECK_EQ((long)value, 11);
    destroyed[0]++;
    CHECK_EQ(pthread_setspecific(keys[1], (void *)22), 0); /* which is destroyed after this */
}

static void destroy_second(void *value) {
    CHECK_EQ((long)value, 22);
    destroyed[1]++;
}

static void *sets_specific(void *unused) {
    CHECK(pthread_getspecific(keys[0]) == NULL);
    CHECK_EQ(pthread_setspecific(keys[0], (void *)11), 0);
    return unused;
}

static void specific_data(void) {
    pthread_t threads[4];

    CHECK_EQ(pthread_key_create(&keys[0], destroy_first), 0);
    CHECK_EQ(pthread_key_create(&keys[1], destroy_second), 0);
    for (int i = 0; i < 4; i++) {
        start(&threads[i], sets_specific, NULL);
        join(threads[i]);
        CHECK_EQ(destroyed[0], i + 1);
        CHECK_EQ(destroyed[1], i + 1);
    }
    CHECK(pthread_getspecific(keys[0]) == NULL);
    CHECK_EQ(pthread_key_delete(keys[0]), 0);
    CHECK_EQ(pthread_key_delete(keys[1]), 0);
}

/* ---- cancellation ---- */

static int cleaned;

static void clean(void *number) {
    cleaned = cleaned * 10 + (int)(long)number;
}

static int never[2];

static void *reads_for_ever(void *unused) {
    char byte;

    pthread_cleanup_push(clean, (void *)1);
    pthread_cleanup_push(clean, (void *)2);
    sem_post(&told);
    CHECK(read(never[0], &byte, 1) < 0); /* a point of cancellation */
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
    return unused;
}

static void unlock(void *mutex) {
    CHECK_EQ(pthread_mutex_unlock(mutex), 0);
}

static void *waits_for_ever(void *unused) {
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static pthread_cond_t never_changed = PTHREAD_COND_INITIALIZER;

    CHECK_EQ(pthread_mutex_lock(&mutex), 0);
    pthread_cleanup_push(unlock, &mutex);
    sem_post(&told);
    for (;;)
        pthread_cond_wait(&never_changed, &mutex);
    pthread_cleanup_pop(0);
    return unused;
}

static void *spins_cancellable(void *unused) {
    CHECK_EQ(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL), 0);
    pthread_cleanup_push(clean, (void *)3);
    sem_post(&told);
    for (;;)
        __asm__ volatile("pause");
    pthread_cleanup_pop(0);
    return unused;
}

static volatile bool may_be_cancelled;

static void *defers(void *unused) {
    CHECK_EQ(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL), 0);
    sem_post(&told);
    while (!may_be_cancelled)
        sched_yield();
    pthread_testcancel(); /* not yet */
    cleaned = 4;
    CHECK_EQ(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL), 0);
    pthread_testcancel();
    cleaned = 5;
    return unused;
}

static void cancel(void *(*run)(void *)) {
    pthread_t thread;

    may_be_cancelled = false;
    start(&thread, run, NULL);
    await(&told);
    CHECK_EQ(pthread_cancel(thread), 0);
    may_be_cancelled = true;
    CHECK(join(thread) == PTHREAD_CANCELED);
}

static void cancellation_deferred(void) {
    CHECK_EQ(pipe(never), 0);
    CHECK_EQ(sem_init(&told, 0, 0), 0);
    cancel(reads_for_ever);
    CHECK_EQ(cleaned, 21);
    for (int i = 0; i < 10; i++)
        cancel(waits_for_ever); /* each leaves the mutex free for the next */
    cancel(defers);
    CHECK_EQ(cleaned, 4);
}

static void cancellation_asynchronous(void) {
    CHECK_EQ(sem_init(&told, 0, 0), 0);
    cancel(spins_cancellable);
    CHECK_EQ(cleaned, 3);
}

/* ---- signals ---- */

static volatile sig_atomic_t handled;
static volatile pthread_t handled_by;

static void handle(int number) {
    handled_by = pthread_self();
    handled = number;
}

static void *yields_until_handled(void *unused) {
    sem_post(&told);
    while (!handled)
        sched_yield();
    return unused;
}

static void signal_to_a_thread(void) {
    pthread_t threads[3];

    signal(SIGUSR1, handle);
    CHECK_EQ(sem_init(&told, 0, 0), 0);
    for (int i = 0; i < 3; i++)
        start(&threads[i], yields_until_handled, NULL);
    for (int i = 0; i < 3; i++)
        await(&told);
    CHECK_EQ(pthread_kill(threads[1], 0), 0);
    CHECK_EQ(pthread_kill(threads[1], SIGUSR1), 0);
    for (int i = 0; i < 3; i++)
        join(threads[i]);
    CHECK(pthread_equal(handled_by, threads[1]));
}

static void *waits_for_signals(void *argument) {
    long sum = 0;
    int number;

    do {
        CHECK_EQ(sigwait(argument, &number), 0);
        sum += number;
    } while (number != SIGTERM);
    return (void *)sum;
}

static void signals_waited_for(void) {
    sigset_t set, pending;
    pthread_t thread;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    sigaddset(&set, SIGTERM);
    CHECK_EQ(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
    start(&thread, waits_for_signals, &set);
    CHECK_EQ(pthread_kill(thread, SIGUSR1), 0);
    CHECK_EQ(kill(getpid(), SIGUSR2), 0);
    do {
        sched_yield();
        sigpending(&pending);
    } while (sigismember(&pending, SIGUSR2));
    CHECK_EQ(kill(getpid(), SIGTERM), 0);
    CHECK_EQ((long)join(thread), SIGUSR1 + SIGUSR2 + SIGTERM);
}

/* ---- many ---- */

#define MANY 1000
#define SOME 100
#define SMALL_STACK (16 * 1024 + 16384)

/*
 * From here on one processor, for this process and its threads. Where processors are emulated each
 * hand-over between two waits until the host runs the other one: milliseconds, if it is busy.
 */
static void stay_on_one_processor(void) {
    cpu_set_t one;

    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    CHECK_EQ(sched_setaffinity(0, sizeof one, &one), 0);
}

static pthread_barrier_t all_here;
static int alive;

static void *meets_all(void *count) {
    __atomic_fetch_add(&alive, 1, __ATOMIC_SEQ_CST);
    pthread_barrier_wait(&all_here);
    CHECK_EQ(__atomic_load_n(&alive, __ATOMIC_SEQ_CST), (long)count);
    pthread_barrier_wait(&all_here);
    return count;
}

static void meet(long count) {
    static pthread_t threads[MANY];
    pthread_attr_t attributes;

    CHECK_EQ(pthread_barrier_init(&all_here, NULL, (unsigned)count + 1), 0);
    CHECK_EQ(pthread_attr_init(&attributes), 0);
    CHECK_EQ(pthread_attr_setstacksize(&attributes, SMALL_STACK), 0);
    for (int i = 0; i < count; i++)
        CHECK_EQ(pthread_create(&threads[i], &attributes, meets_all, (void *)count), 0);
    pthread_barrier_wait(&all_here);
    CHECK_EQ(fact_number("/proc/self/status", "Threads"), count + 1);
    pthread_barrier_wait(&all_here);
    for (int i = 0; i < count; i++)
        CHECK_EQ((long)join(threads[i]), count);
}

static void a_hundred_on_all_processors(void) {
    meet(SOME);
}

static void a_thousand_at_once(void) {
    stay_on_one_processor();
    meet(MANY);
}

#define AT_ONCE 10
#define GIVEN_STACK (64 * 1024UL)

/* On stacks that are there already: it is threads that come and go, not mappings. */
static void make_many(int count) {
    pthread_t threads[AT_ONCE];
    pthread_attr_t attributes;
    char *stacks = mmap(NULL, AT_ONCE * GIVEN_STACK, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CHECK(stacks != MAP_FAILED);
    CHECK_EQ(pthread_attr_init(&attributes), 0);
    for (int i = 0; i < count; i += AT_ONCE) {
        for (int j = 0; j < AT_ONCE; j++) {
            CHECK_EQ(pthread_attr_setstack(&attributes, stacks + j * GIVEN_STACK, GIVEN_STACK), 0);
            CHECK_EQ(pthread_create(&threads[j], &attributes, add_one, NULL), 0);
        }
        for (int j = 0; j < AT_ONCE; j++)
            join(threads[j]);
    }
    while (fact_number("/proc/self/status", "Threads") != 1)
        sched_yield();
}

static void makes_many(void *count) {
    make_many(*(int *)count);
}

static void many_in_turn(int count) {
    int few = 20;
    struct memory_use before;

    memory_use(); /* which makes its own buffers */
    CHECK_CHILD_OK(makes_many, &few);
    before = memory_use();
    CHECK_CHILD_OK(makes_many, &count);
    if (on_quire())
        CHECK_MEMORY_SAME(memory_use(), before);
}

static void hundreds_on_all_processors(void) {
    many_in_turn(300);
}

static void ten_thousand_in_turn(void) {
    stay_on_one_processor();
    many_in_turn(10000);
}

/* ---- ends, exec, fork ---- */

static void *exits_after_main(void *unused) {
    (void)unused;
    usleep(10000);
    exit(17);
}

static void main_exits_first(void *unused) {
    pthread_t thread;

    (void)unused;
    start(&thread, exits_after_main, NULL);
    pthread_exit(NULL);
}

static void *returns(void *unused) {
    usleep(10000);
    return unused;
}

static _Noreturn void main_exits_and_all_return(void) {
    pthread_t threads[3];

    for (int i = 0; i < 3; i++)
        start(&threads[i], returns, NULL);
    pthread_exit(NULL);
}

static void executes_main_exits(void *path) {
    execl(path, "helper", "--helper", "main-exits", NULL);
}

/* The second by a program of its own: musl's main thread cannot end so after a fork. */
static void exit_from_main(void) {
    char path[256];

    strcpy(path, self_path());
    CHECK_EQ(child_run(main_exits_first, NULL), 17 << 8);
    CHECK_EQ(child_run(executes_main_exits, path), 0);
}

static void *spins(void *unused) {
    sem_post(&told);
    while (!unused)
        __asm__ volatile("pause");
    return unused;
}

static void exits_while_others_spin(void *unused) {
    pthread_t threads[4];

    (void)unused;
    CHECK_EQ(sem_init(&told, 0, 0), 0);
    for (int i = 0; i < 4; i++)
        start(&threads[i], spins, NULL);
    for (int i = 0; i < 4; i++)
        await(&told);
    exit(9);
}

static void exit_while_others_spin(void) {
    for (int i = 0; i < 5; i++)
        CHECK_EQ(child_run(exits_while_others_spin, NULL), 9 << 8);
}

static int helper(char **argv) {
    bool only = fact_number("/proc/self/status", "Threads") == 1;

    if (strcmp(argv[0], "main-exits") == 0)
        main_exits_and_all_return();
    return only && atoi(argv[0]) == getpid() ? 33 : 34;
}

static void *executes(void *path) {
    char pid[16];

    snprintf(pid, sizeof pid, "%d", getpid());
    execl(path, "helper", "--helper", pid, NULL);
    return NULL;
}

static void executes_by_thread(void *path) {
    pthread_t threads[2];

    CHECK_EQ(sem_init(&told, 0, 0), 0);
    start(&threads[0], spins, NULL);
    await(&told);
    start(&threads[1], executes, path);
    join(threads[1]);
}

static void exec_by_thread(void) {
    char path[256];

    strcpy(path, self_path());
    CHECK_EQ(child_run(executes_by_thread, path), 33 << 8);
}

static void *forks(void *unused) {
    pid_t child = fork();

    CHECK(child >= 0);
    if (child == 0) {
        pthread_t thread;
        CHECK_EQ(fact_number("/proc/self/status", "Threads"), 1);
        /* The child may have threads again. */
        start(&thread, add_one, (void *)41);
        _exit((int)(long)join(thread));
    }
    CHECK_EQ(child_wait(child), 42 << 8);
    return unused;
}

static void fork_by_threads(void) {
    pthread_t threads[4];

    for (int i = 0; i < 4; i++)
        start(&threads[i], forks, NULL);
    for (int i = 0; i < 4; i++)
        join(threads[i]);
}

CHECK_MAIN({"results_are_joined", results_are_joined}, {"detached", detached},
           {"stacks_given", stacks_given}, {"thread_local_variables", thread_local_variables},
           {"specific_data", specific_data}, {"cancellation_deferred", cancellation_deferred},
           {"cancellation_asynchronous", cancellation_asynchronous},
           {"signal_to_a_thread", signal_to_a_thread}, {"signals_waited_for", signals_waited_for},
           {"a_hundred_on_all_processors", a_hundred_on_all_processors},
           {"a_thousand_at_once", a_thousand_at_once},
           {"hundreds_on_all_processors", hundreds_on_all_processors},
           {"ten_thousand_in_turn", ten_thousand_in_turn}, {"exit_from_main", exit_from_main},
           {"exit_while_others_spin", exit_while_others_spin}, {"exec_by_thread", exec_by_thread},
           {"fork_by_threads", fork_by_threads})

#endif
