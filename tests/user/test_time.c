/* SPDX-License-Identifier: MIT */
/*
 * Clocks, sleeping, interval timers, processor time, preemption.
 *
 * Times are asked for with room below and a lot of room above: an emulator may be slow and a busy
 * machine late, but nothing may come early.
 */
#include "signals.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/times.h>
#include <time.h>

#define MS 1000000LL
#define LATE (5000 * MS)

static long long clock_ns(clockid_t clock) {
    struct timespec time;

    CHECK_EQ(syscall(SYS_clock_gettime, clock, &time), 0);
    CHECK(time.tv_nsec >= 0 && time.tv_nsec < 1000000000);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void burn(long long ns) {
    long long start = clock_ns(CLOCK_PROCESS_CPUTIME_ID);

    while (clock_ns(CLOCK_PROCESS_CPUTIME_ID) - start < ns)
        ;
}

static void monotonic_never_goes_back(void) {
    long long last = clock_ns(CLOCK_MONOTONIC);

    for (int i = 0; i < 20000; i++) {
        long long now = clock_ns(CLOCK_MONOTONIC);
        CHECK(now >= last);
        last = now;
    }
}

static void clocks_there_are(void) {
    static const clockid_t clocks[] = {
        CLOCK_REALTIME,         CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW,      CLOCK_REALTIME_COARSE,
        CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME,  CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID};
    struct timespec time;

    for (size_t i = 0; i < COUNT_OF(clocks); i++) {
        CHECK_EQ(syscall(SYS_clock_gettime, clocks[i], &time), 0);
        CHECK_EQ(syscall(SYS_clock_getres, clocks[i], &time), 0);
        CHECK(time.tv_sec == 0 && time.tv_nsec > 0);
    }
    CHECK_FAILS(syscall(SYS_clock_gettime, 99, &time), EINVAL);
    CHECK_FAILS(syscall(SYS_clock_getres, -1234567, &time), EINVAL);
}

static void the_three_ways_to_ask_agree(void) {
    struct timeval old_way;
    time_t older = time(NULL);

    CHECK_EQ(syscall(SYS_gettimeofday, &old_way, NULL), 0);
    CHECK(old_way.tv_sec - older >= 0 && old_way.tv_sec - older <= 5);
    CHECK(clock_ns(CLOCK_REALTIME) / 1000000000 - old_way.tv_sec <= 5);
    CHECK(older > 1577836800); /* after 2020: somebody set the clock */
}

static void sleeps_long_enough(void) {
    static const long lengths_ms[] = {0, 1, 5, 30, 120};

    for (size_t i = 0; i < COUNT_OF(lengths_ms); i++) {
        struct timespec time = {0, lengths_ms[i] * MS};
        long long start = clock_ns(CLOCK_MONOTONIC), taken;
        CHECK_EQ(nanosleep(&time, NULL), 0);
        taken = clock_ns(CLOCK_MONOTONIC) - start;
        CHECK(taken >= lengths_ms[i] * MS);
        CHECK(taken < lengths_ms[i] * MS + LATE);
    }
}

static void sleeps_until(void) {
    long long target = clock_ns(CLOCK_MONOTONIC) + 30 * MS;
    struct timespec time = {target / 1000000000, target % 1000000000};

    CHECK_EQ(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL), 0);
    CHECK(clock_ns(CLOCK_MONOTONIC) >= target);
    CHECK_EQ(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL), 0); /* long past */
}

static void sleep_errors(void) {
    struct timespec bad[] = {{0, -1}, {0, 1000000000}, {-1, 0}};

    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        CHECK_FAILS(nanosleep(&bad[i], NULL), EINVAL);
        CHECK_EQ(clock_nanosleep(CLOCK_MONOTONIC, 0, &bad[i], NULL), EINVAL);
    }
    bad[0] = (struct timespec){0, 1};
    CHECK_EQ(clock_nanosleep(99, 0, &bad[0], NULL), EINVAL);
}

static void sleepers_do_not_hold_up_each_other(void) {
    long long start = clock_ns(CLOCK_MONOTONIC), taken;

    for (int i = 0; i < 20; i++)
        if (fork() == 0) {
            sleep(1);
            _exit(0);
        }
    while (wait(NULL) > 0)
        ;
    taken = clock_ns(CLOCK_MONOTONIC) - start;
    CHECK(taken >= 1000 * MS);
    CHECK(taken < 20000 * MS); /* not twenty times as long */
}

/* Who is to wake first does, though it went to sleep last: the others sleep for ever. */
static void sleepers_wake_in_order(void) {
    pid_t sleepers[3];
    int status;

    for (int i = 2; i >= 0; i--) {
        sleepers[i] = fork();
        if (sleepers[i] == 0) {
            sleep(i == 0 ? 1 : 1000000);
            _exit(i);
        }
    }
    CHECK_EQ(wait(&status), sleepers[0]);
    CHECK_EQ(status, 0);
    for (int i = 1; i < 3; i++) {
        kill(sleepers[i], SIGKILL);
        CHECK_EQ(child_wait(sleepers[i]), SIGKILL);
    }
}

static void real_timer_repeats(void) {
    struct itimerval timer = {{0, 10000}, {0, 10000}}, now;
    long long start = clock_ns(CLOCK_MONOTONIC);

    handle(SIGALRM, 0);
    CHECK_EQ(setitimer(ITIMER_REAL, &timer, NULL), 0);
    CHECK_EQ(getitimer(ITIMER_REAL, &now), 0);
    CHECK_EQ(now.it_interval.tv_usec, 10000);
    while (seen[SIGALRM] < 5)
        pause();
    CHECK(clock_ns(CLOCK_MONOTONIC) - start >= 50 * MS);
    timer = (struct itimerval){{0, 0}, {0, 0}};
    CHECK_EQ(setitimer(ITIMER_REAL, &timer, &now), 0);
    CHECK(now.it_value.tv_usec > 0);
    CHECK_EQ(getitimer(ITIMER_REAL, &now), 0);
    CHECK(now.it_value.tv_sec == 0 && now.it_value.tv_usec == 0);
}

static void alarm_replaces_alarm(void) {
    sigset_t none;
    unsigned left;

    sigemptyset(&none);
    alarm(0);
    CHECK_EQ(alarm(100), 0);
    left = alarm(50);
    CHECK(left > 90 && left <= 100);
    left = alarm(0);
    CHECK(left > 40 && left <= 50);
    handle(SIGALRM, 0);
    block(SIGALRM); /* it may come before we wait */
    alarm(1);
    CHECK_FAILS(sigsuspend(&none), EINTR);
    CHECK_EQ(seen[SIGALRM], 1);
}

static void processor_timers(void) {
    struct itimerval timer = {{0, 0}, {0, 20000}};

    handle(SIGVTALRM, 0);
    handle(SIGPROF, 0);
    if (setitimer(ITIMER_PROF, &timer, NULL) < 0 && errno == EINVAL && on_quire())
        SKIP("timers of processor time are not there");
    usleep(60000);
    CHECK_EQ(seen[SIGPROF], 0); /* sleeping is not counted */
    burn(200 * MS);
    CHECK_EQ(seen[SIGPROF], 1);
    CHECK_EQ(setitimer(ITIMER_VIRTUAL, &timer, NULL), 0);
    for (long long end = clock_ns(CLOCK_MONOTONIC) + LATE;
         !seen[SIGVTALRM] && clock_ns(CLOCK_MONOTONIC) < end;)
        for (volatile int i = 0; i < 100000; i++)
            ;
    CHECK_EQ(seen[SIGVTALRM], 1);
}

static void timer_errors(void) {
    struct itimerval timer = {{0, 0}, {0, 1000000}};

    CHECK_FAILS(setitimer(ITIMER_REAL, &timer, NULL), EINVAL);
    timer.it_value.tv_usec = -1;
    CHECK_FAILS(setitimer(ITIMER_REAL, &timer, NULL), EINVAL);
    timer.it_value.tv_usec = 1;
    CHECK_FAILS(setitimer(17, &timer, NULL), EINVAL);
    CHECK_FAILS(getitimer(17, &timer), EINVAL);
}

static void processor_time_is_counted(void) {
    struct rusage usage;
    struct tms before, after;
    clock_t start = times(&before);
    long long own = clock_ns(CLOCK_PROCESS_CPUTIME_ID);

    burn(150 * MS);
    CHECK(clock_ns(CLOCK_PROCESS_CPUTIME_ID) - own >= 150 * MS);
    CHECK(times(&after) >= start + 10);
    CHECK(after.tms_utime + after.tms_stime > before.tms_utime + before.tms_stime + 5);
    CHECK_EQ(getrusage(RUSAGE_SELF, &usage), 0);
    CHECK(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec + usage.ru_utime.tv_sec * 1000000 >
          50000);
    /* Sleeping costs none. An emulated processor that its host holds up while it runs counts that.
     */
    for (int tries = 0; tries < 50; tries++) {
        own = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
        usleep(100000);
        if (clock_ns(CLOCK_PROCESS_CPUTIME_ID) - own < 50 * MS)
            return;
    }
    CHECK(!"sleeping is counted");
}

static void childrens_time_comes_with_wait(void) {
    struct tms before, after;
    pid_t child = fork();

    if (child == 0) {
        burn(100 * MS);
        _exit(0);
    }
    usleep(10000);
    times(&before);
    CHECK_EQ(child_wait(child), 0);
    times(&after);
    CHECK(after.tms_cutime + after.tms_cstime >= before.tms_cutime + before.tms_cstime + 5);
}

/* Two that never give up the processor both get on, even on a single one. */
static void busy_programs_share_the_processor(void) {
    volatile long *counters =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t children[2];

    for (int i = 0; i < 2; i++) {
        children[i] = fork();
        if (children[i] == 0)
            for (;;)
                counters[i]++;
    }
    while (!(counters[0] && counters[1]))
        usleep(20000);
    long first = counters[0], second = counters[1];
    while (!(counters[0] > first && counters[1] > second))
        usleep(20000);
    for (int i = 0; i < 2; i++) {
        kill(children[i], SIGKILL);
        child_wait(children[i]);
    }
}

static void yield_lets_others_run(void) {
    CHECK_EQ(syscall(SYS_sched_yield), 0);
    for (int i = 0; i < 1000; i++)
        syscall(SYS_sched_yield);
}

CHECK_MAIN({"monotonic_never_goes_back", monotonic_never_goes_back},
           {"clocks_there_are", clocks_there_are},
           {"the_three_ways_to_ask_agree", the_three_ways_to_ask_agree},
           {"sleeps_long_enough", sleeps_long_enough}, {"sleeps_until", sleeps_until},
           {"sleep_errors", sleep_errors},
           {"sleepers_do_not_hold_up_each_other", sleepers_do_not_hold_up_each_other},
           {"sleepers_wake_in_order", sleepers_wake_in_order},
           {"real_timer_repeats", real_timer_repeats},
           {"alarm_replaces_alarm", alarm_replaces_alarm}, {"processor_timers", processor_timers},
           {"timer_errors", timer_errors}, {"processor_time_is_counted", processor_time_is_counted},
           {"childrens_time_comes_with_wait", childrens_time_comes_with_wait},
           {"busy_programs_share_the_processor", busy_programs_share_the_processor},
           {"yield_lets_others_run", yield_lets_others_run})
