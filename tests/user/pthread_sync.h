/* SPDX-License-Identifier: MIT */
/*
 * What threads of a C library tell each other by: mutexes of every kind, condition variables,
 * barriers, locks for readers and writers, semaphores, once.
 *
 * The library does the work, so it is a program with musl, test_pthread.c, and one with glibc. No
 * part depends on how long something takes: threads wait for what they are told of, and a timeout
 * is only asked to come, never not to.
 */
#ifndef TESTS_USER_PTHREAD_SYNC_H
#define TESTS_USER_PTHREAD_SYNC_H

#include "facts.h"
#include "threads.h"

#include <sched.h>
#include <semaphore.h>
#include <time.h>

#define THREADS 8

static inline void run_many(unsigned count, void *(*run)(void *), void *argument) {
    pthread_t threads[THREADS];

    CHECK(count <= THREADS);
    for (unsigned i = 0; i < count; i++)
        start(&threads[i], run, argument);
    for (unsigned i = 0; i < count; i++)
        join(threads[i]);
}

static inline struct timespec time_in(clockid_t clock, long ms) {
    struct timespec time;

    CHECK_EQ(clock_gettime(clock, &time), 0);
    time.tv_nsec += ms % 1000 * 1000000;
    time.tv_sec += ms / 1000 + time.tv_nsec / 1000000000;
    time.tv_nsec %= 1000000000;
    return time;
}

/* Memory that a process forked from here shares. */
static inline void *shared_map(void) {
    void *memory =
        mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    CHECK(memory != MAP_FAILED);
    return memory;
}

/* ---- mutexes ---- */

#define ROUNDS 2000

struct counter {
    pthread_mutex_t mutex;
    volatile long value;
    volatile long inside;
};

static void *count_up(void *argument) {
    struct counter *counter = argument;

    for (int i = 0; i < ROUNDS; i++) {
        CHECK_EQ(pthread_mutex_lock(&counter->mutex), 0);
        CHECK_EQ(counter->inside++, 0);
        if (i % 64 == 0)
            sched_yield(); /* so that others find it taken */
        counter->value++;
        counter->inside--;
        CHECK_EQ(pthread_mutex_unlock(&counter->mutex), 0);
    }
    return NULL;
}

static void counter_init(struct counter *counter, int type, int shared, int robust) {
    pthread_mutexattr_t attributes;

    counter->value = counter->inside = 0;
    CHECK_EQ(pthread_mutexattr_init(&attributes), 0);
    CHECK_EQ(pthread_mutexattr_settype(&attributes, type), 0);
    CHECK_EQ(pthread_mutexattr_setpshared(&attributes, shared), 0);
    CHECK_EQ(pthread_mutexattr_setrobust(&attributes, robust), 0);
    CHECK_EQ(pthread_mutex_init(&counter->mutex, &attributes), 0);
}

static void count_with(int type, int shared, int robust) {
    struct counter counter;

    counter_init(&counter, type, shared, robust);
    run_many(THREADS, count_up, &counter);
    CHECK_EQ(counter.value, (long)THREADS * ROUNDS);
    CHECK_EQ(pthread_mutex_destroy(&counter.mutex), 0);
}

static void mutex_normal(void) {
    count_with(PTHREAD_MUTEX_NORMAL, PTHREAD_PROCESS_PRIVATE, PTHREAD_MUTEX_STALLED);
}

static void mutex_recursive(void) {
    struct counter counter;

    count_with(PTHREAD_MUTEX_RECURSIVE, PTHREAD_PROCESS_PRIVATE, PTHREAD_MUTEX_STALLED);
    counter_init(&counter, PTHREAD_MUTEX_RECURSIVE, PTHREAD_PROCESS_PRIVATE, PTHREAD_MUTEX_STALLED);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(pthread_mutex_lock(&counter.mutex), 0);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(pthread_mutex_unlock(&counter.mutex), 0);
    CHECK_EQ(pthread_mutex_unlock(&counter.mutex), EPERM);
}

static void *unlock_of_another(void *mutex) {
    CHECK_EQ(pthread_mutex_trylock(mutex), EBUSY);
    CHECK_EQ(pthread_mutex_unlock(mutex), EPERM);
    return NULL;
}

static void mutex_errorcheck(void) {
    struct counter counter;
    pthread_t thread;

    count_with(PTHREAD_MUTEX_ERRORCHECK, PTHREAD_PROCESS_PRIVATE, PTHREAD_MUTEX_STALLED);
    counter_init(&counter, PTHREAD_MUTEX_ERRORCHECK, PTHREAD_PROCESS_PRIVATE,
                 PTHREAD_MUTEX_STALLED);
    CHECK_EQ(pthread_mutex_lock(&counter.mutex), 0);
    CHECK_EQ(pthread_mutex_lock(&counter.mutex), EDEADLK);
    start(&thread, unlock_of_another, &counter.mutex);
    join(thread);
    CHECK_EQ(pthread_mutex_unlock(&counter.mutex), 0);
}

static void *lock_until_timeout(void *mutex) {
    struct timespec past = {0, 0}, soon = time_in(CLOCK_REALTIME, 30);

    CHECK_EQ(pthread_mutex_timedlock(mutex, &past), ETIMEDOUT);
    CHECK_EQ(pthread_mutex_timedlock(mutex, &soon), ETIMEDOUT);
    return NULL;
}

static void mutex_timed(void) {
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    struct timespec soon = time_in(CLOCK_REALTIME, 30);
    pthread_t thread;

    CHECK_EQ(pthread_mutex_timedlock(&mutex, &soon), 0);
    start(&thread, lock_until_timeout, &mutex);
    join(thread);
    CHECK_EQ(pthread_mutex_unlock(&mutex), 0);
}

static void mutex_of_two_processes(void) {
    struct counter *counter = shared_map();
    pid_t child;

    counter_init(counter, PTHREAD_MUTEX_NORMAL, PTHREAD_PROCESS_SHARED, PTHREAD_MUTEX_STALLED);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        run_many(2, count_up, counter);
        _exit(0);
    }
    run_many(2, count_up, counter);
    CHECK_EQ(child_wait(child), 0);
    CHECK_EQ(counter->value, 4L * ROUNDS);
}

/* ---- robust mutexes ---- */

static void *lock_and_leave(void *mutex) {
    CHECK_EQ(pthread_mutex_lock(mutex), 0);
    return NULL;
}

static void take_over(pthread_mutex_t *mutex) {
    CHECK_EQ(pthread_mutex_lock(mutex), EOWNERDEAD);
    CHECK_EQ(pthread_mutex_consistent(mutex), 0);
    CHECK_EQ(pthread_mutex_unlock(mutex), 0);
    CHECK_EQ(pthread_mutex_lock(mutex), 0);
    CHECK_EQ(pthread_mutex_unlock(mutex), 0);
}

static void robust_when_a_thread_ends(void) {
    struct counter counter;
    pthread_t thread;

    count_with(PTHREAD_MUTEX_NORMAL, PTHREAD_PROCESS_PRIVATE, PTHREAD_MUTEX_ROBUST);
    counter_init(&counter, PTHREAD_MUTEX_NORMAL, PTHREAD_PROCESS_PRIVATE, PTHREAD_MUTEX_ROBUST);
    start(&thread, lock_and_leave, &counter.mutex);
    join(thread);
    take_over(&counter.mutex);
}

struct robust_pair {
    pthread_mutex_t mutex;
    sem_t taken;
};

static void *take_over_sleeping(void *argument) {
    struct robust_pair *pair = argument;

    take_over(&pair->mutex);
    return NULL;
}

/* The owner dies while another sleeps on its lock, or is just about to. */
static void robust_when_a_process_dies(void) {
    struct robust_pair *pair = shared_map();
    struct counter made;
    pthread_t thread;
    pid_t child;

    for (int i = 0; i < 20; i++) {
        counter_init(&made, PTHREAD_MUTEX_NORMAL, PTHREAD_PROCESS_SHARED, PTHREAD_MUTEX_ROBUST);
        memcpy(&pair->mutex, &made.mutex, sizeof pair->mutex);
        CHECK_EQ(sem_init(&pair->taken, 1, 0), 0);
        child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            CHECK_EQ(pthread_mutex_lock(&pair->mutex), 0);
            sem_post(&pair->taken);
            if (i % 2)
                usleep(5000);
            kill(getpid(), SIGKILL);
        }
        while (sem_wait(&pair->taken) != 0)
            CHECK_EQ(errno, EINTR);
        start(&thread, take_over_sleeping, pair);
        CHECK_EQ(child_wait(child), SIGKILL);
        join(thread);
    }
}

static void robust_not_recovered(void) {
    struct counter counter;
    pthread_t thread;

    counter_init(&counter, PTHREAD_MUTEX_NORMAL, PTHREAD_PROCESS_PRIVATE, PTHREAD_MUTEX_ROBUST);
    start(&thread, lock_and_leave, &counter.mutex);
    join(thread);
    CHECK_EQ(pthread_mutex_lock(&counter.mutex), EOWNERDEAD);
    CHECK_EQ(pthread_mutex_unlock(&counter.mutex), 0);
    CHECK_EQ(pthread_mutex_lock(&counter.mutex), ENOTRECOVERABLE);
}

/* ---- condition variables ---- */

struct turns {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    unsigned turn, count;
    unsigned next_player;
};

static void turns_init(struct turns *turns, unsigned count, int shared, clockid_t clock) {
    pthread_mutexattr_t mutex;
    pthread_condattr_t condition;

    *turns = (struct turns){.count = count};
    CHECK_EQ(pthread_mutexattr_init(&mutex), 0);
    CHECK_EQ(pthread_mutexattr_setpshared(&mutex, shared), 0);
    CHECK_EQ(pthread_mutex_init(&turns->mutex, &mutex), 0);
    CHECK_EQ(pthread_condattr_init(&condition), 0);
    CHECK_EQ(pthread_condattr_setpshared(&condition, shared), 0);
    CHECK_EQ(pthread_condattr_setclock(&condition, clock), 0);
    CHECK_EQ(pthread_cond_init(&turns->changed, &condition), 0);
}

static void play(struct turns *turns, unsigned player, unsigned rounds) {
    for (unsigned i = 0; i < rounds; i++) {
        CHECK_EQ(pthread_mutex_lock(&turns->mutex), 0);
        while (turns->turn % turns->count != player)
            CHECK_EQ(pthread_cond_wait(&turns->changed, &turns->mutex), 0);
        turns->turn++;
        CHECK_EQ(pthread_cond_broadcast(&turns->changed), 0);
        CHECK_EQ(pthread_mutex_unlock(&turns->mutex), 0);
    }
}

static void *play_a_part(void *argument) {
    struct turns *turns = argument;
    unsigned player;

    CHECK_EQ(pthread_mutex_lock(&turns->mutex), 0);
    player = turns->next_player++;
    CHECK_EQ(pthread_mutex_unlock(&turns->mutex), 0);
    play(turns, player, 200);
    return NULL;
}

static void condition_in_turns(void) {
    struct turns turns;

    turns_init(&turns, 4, PTHREAD_PROCESS_PRIVATE, CLOCK_REALTIME);
    run_many(4, play_a_part, &turns);
    CHECK_EQ(turns.turn, 800);
}

static void condition_of_two_processes(void) {
    struct turns *turns = shared_map();
    pid_t child;

    turns_init(turns, 2, PTHREAD_PROCESS_SHARED, CLOCK_MONOTONIC);
    child = fork();
    CHECK(child >= 0);
    play(turns, child == 0, 300);
    if (child == 0)
        _exit(0);
    CHECK_EQ(child_wait(child), 0);
    CHECK_EQ(turns->turn, 600);
}

static void condition_timed(void) {
    clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC};

    for (size_t i = 0; i < COUNT_OF(clocks); i++) {
        struct timespec past = {0, 0}, soon = time_in(clocks[i], 20), after;
        struct turns turns;

        turns_init(&turns, 1, PTHREAD_PROCESS_PRIVATE, clocks[i]);
        CHECK_EQ(pthread_mutex_lock(&turns.mutex), 0);
        CHECK_EQ(pthread_cond_timedwait(&turns.changed, &turns.mutex, &past), ETIMEDOUT);
        CHECK_EQ(pthread_cond_timedwait(&turns.changed, &turns.mutex, &soon), ETIMEDOUT);
        after = time_in(clocks[i], 0);
        CHECK(after.tv_sec > soon.tv_sec ||
              (after.tv_sec == soon.tv_sec && after.tv_nsec >= soon.tv_nsec));
        soon.tv_nsec = 1000000000;
        CHECK_EQ(pthread_cond_timedwait(&turns.changed, &turns.mutex, &soon), EINVAL);
        CHECK_EQ(pthread_mutex_unlock(&turns.mutex), 0);
    }
}

/* A signal to a condition wakes somebody who waits, each time. */
struct queue {
    pthread_mutex_t mutex;
    pthread_cond_t filled;
    int items, taken;
    bool done;
};

static void *consume(void *argument) {
    struct queue *queue = argument;

    CHECK_EQ(pthread_mutex_lock(&queue->mutex), 0);
    for (;;) {
        while (queue->items == 0 && !queue->done)
            CHECK_EQ(pthread_cond_wait(&queue->filled, &queue->mutex), 0);
        if (queue->items == 0)
            break;
        queue->items--;
        queue->taken++;
    }
    CHECK_EQ(pthread_mutex_unlock(&queue->mutex), 0);
    return NULL;
}

static void condition_signals(void) {
    struct queue queue = {.mutex = PTHREAD_MUTEX_INITIALIZER, .filled = PTHREAD_COND_INITIALIZER};
    pthread_t threads[4];

    for (int i = 0; i < 4; i++)
        start(&threads[i], consume, &queue);
    for (int i = 0; i < 3000; i++) {
        CHECK_EQ(pthread_mutex_lock(&queue.mutex), 0);
        queue.items++;
        CHECK_EQ(pthread_cond_signal(&queue.filled), 0);
        CHECK_EQ(pthread_mutex_unlock(&queue.mutex), 0);
    }
    CHECK_EQ(pthread_mutex_lock(&queue.mutex), 0);
    queue.done = true;
    CHECK_EQ(pthread_cond_broadcast(&queue.filled), 0);
    CHECK_EQ(pthread_mutex_unlock(&queue.mutex), 0);
    for (int i = 0; i < 4; i++)
        join(threads[i]);
    CHECK_EQ(queue.taken, 3000);
}

/* ---- barriers, readers and writers, semaphores, once ---- */

struct meeting {
    pthread_barrier_t barrier;
    int arrived[100], leaders;
};

static void *meet(void *argument) {
    struct meeting *meeting = argument;

    for (int i = 0; i < 100; i++) {
        int result;

        __atomic_fetch_add(&meeting->arrived[i], 1, __ATOMIC_SEQ_CST);
        result = pthread_barrier_wait(&meeting->barrier);
        CHECK_EQ(__atomic_load_n(&meeting->arrived[i], __ATOMIC_SEQ_CST), THREADS);
        if (result == PTHREAD_BARRIER_SERIAL_THREAD)
            __atomic_fetch_add(&meeting->leaders, 1, __ATOMIC_SEQ_CST);
        else
            CHECK_EQ(result, 0);
    }
    return NULL;
}

static void barriers(void) {
    static struct meeting meeting;

    CHECK_EQ(pthread_barrier_init(&meeting.barrier, NULL, THREADS), 0);
    run_many(THREADS, meet, &meeting);
    CHECK_EQ(meeting.leaders, 100);
    CHECK_EQ(pthread_barrier_destroy(&meeting.barrier), 0);
}

struct table {
    pthread_rwlock_t lock;
    volatile long a, b;
    int writers;
};

static void *read_and_write(void *argument) {
    struct table *table = argument;
    bool writes = __atomic_fetch_add(&table->writers, 1, __ATOMIC_SEQ_CST) % 4 == 0;

    for (int i = 0; i < 1000; i++) {
        CHECK_EQ(writes ? pthread_rwlock_wrlock(&table->lock) : pthread_rwlock_rdlock(&table->lock),
                 0);
        if (writes)
            table->a++;
        else
            CHECK_EQ(table->a, table->b);
        if (i % 32 == 0)
            sched_yield();
        if (writes)
            table->b++;
        CHECK_EQ(pthread_rwlock_unlock(&table->lock), 0);
    }
    return NULL;
}

static void readers_and_writers(void) {
    struct table table = {.lock = PTHREAD_RWLOCK_INITIALIZER};

    run_many(THREADS, read_and_write, &table);
    CHECK_EQ(table.a, THREADS / 4 * 1000);
    CHECK_EQ(table.b, THREADS / 4 * 1000);
    CHECK_EQ(pthread_rwlock_rdlock(&table.lock), 0);
    CHECK_EQ(pthread_rwlock_tryrdlock(&table.lock), 0);
    CHECK_EQ(pthread_rwlock_trywrlock(&table.lock), EBUSY);
}

static void *pass_along(void *argument) {
    sem_t *semaphores = argument;

    for (int i = 0; i < 500; i++) {
        CHECK_EQ(sem_wait(&semaphores[0]), 0);
        CHECK_EQ(sem_post(&semaphores[1]), 0);
    }
    return NULL;
}

static void semaphores(void) {
    struct timespec soon = time_in(CLOCK_REALTIME, 20);
    sem_t pair[2];
    pthread_t thread;
    int value;

    CHECK_EQ(sem_init(&pair[0], 0, 0), 0);
    CHECK_EQ(sem_init(&pair[1], 0, 0), 0);
    start(&thread, pass_along, pair);
    for (int i = 0; i < 500; i++) {
        CHECK_EQ(sem_post(&pair[0]), 0);
        CHECK_EQ(sem_wait(&pair[1]), 0);
    }
    join(thread);
    CHECK_EQ(sem_getvalue(&pair[0], &value), 0);
    CHECK_EQ(value, 0);
    CHECK_FAILS(sem_trywait(&pair[0]), EAGAIN);
    CHECK_FAILS(sem_timedwait(&pair[0], &soon), ETIMEDOUT);
}

static int initialised;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void initialise(void) {
    initialised++;
    sched_yield();
    initialised++;
}

static void *ask_once(void *unused) {
    (void)unused;
    CHECK_EQ(pthread_once(&once, initialise), 0);
    CHECK_EQ(initialised, 2);
    return NULL;
}

static void once_only(void) {
    run_many(THREADS, ask_once, NULL);
    CHECK_EQ(initialised, 2);
}

CHECK_MAIN({"mutex_normal", mutex_normal}, {"mutex_recursive", mutex_recursive},
           {"mutex_errorcheck", mutex_errorcheck}, {"mutex_timed", mutex_timed},
           {"mutex_of_two_processes", mutex_of_two_processes},
           {"robust_when_a_thread_ends", robust_when_a_thread_ends},
           {"robust_when_a_process_dies", robust_when_a_process_dies},
           {"robust_not_recovered", robust_not_recovered},
           {"condition_in_turns", condition_in_turns},
           {"condition_of_two_processes", condition_of_two_processes},
           {"condition_timed", condition_timed}, {"condition_signals", condition_signals},
           {"barriers", barriers}, {"readers_and_writers", readers_and_writers},
           {"semaphores", semaphores}, {"once_only", once_only})

#endif
