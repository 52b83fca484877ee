/* SPDX-License-Identifier: MIT */
/*
 * sched_setaffinity and its relatives: a task runs where it may and nowhere else, at once; children
 * and programs inherit it; processors that are allowed are used.
 *
 * What needs more than one processor is skipped where there is one.
 */
#define CHECK_HELPER affinity_helper
#include "check.h"
#include "facts.h"

#include <grp.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>

#define CPUS 64

static uint64_t allowed(pid_t pid) {
    cpu_set_t set;
    uint64_t mask = 0;

    CHECK_EQ(sched_getaffinity(pid, sizeof set, &set), 0);
    for (int i = 0; i < CPUS; i++)
        mask |= (uint64_t)(CPU_ISSET(i, &set) != 0) << i;
    return mask;
}

static int allow(pid_t pid, uint64_t mask) {
    cpu_set_t set;

    CPU_ZERO(&set);
    for (int i = 0; i < CPUS; i++)
        if (mask >> i & 1)
            CPU_SET(i, &set);
    return sched_setaffinity(pid, sizeof set, &set);
}

static uint64_t lowest(uint64_t mask) {
    return mask & -mask;
}

/* At least two processors, or the test is skipped. */
static uint64_t several(void) {
    uint64_t all = allowed(0);

    if (all == lowest(all))
        SKIP("there is one processor");
    return all;
}

static int affinity_helper(char **argv) {
    return allowed(0) == strtoull(argv[0], NULL, 16) ? 23 : 1;
}

static void each_processor_in_turn(void) {
    uint64_t all = allowed(0);

    CHECK(all != 0);
    for (int round = 0; round < 20; round++) {
        for (int cpu = 0; cpu < CPUS; cpu++) {
            if (!(all >> cpu & 1))
                continue;
            CHECK_EQ(allow(0, 1ULL << cpu), 0);
            CHECK_EQ(sched_getcpu(), cpu);
            CHECK_EQ(allowed(0), 1ULL << cpu);
            sched_yield();
            CHECK_EQ(sched_getcpu(), cpu);
        }
    }
    CHECK_EQ(allow(0, all), 0);
    CHECK_EQ(allowed(0), all);
}

/* Processors that are not there may be named, as long as one is. */
static void more_than_there_are(void) {
    uint64_t all = allowed(0);

    CHECK_EQ(allow(0, UINT64_MAX), 0);
    CHECK_EQ(allowed(0), all);
}

static void children_and_programs_inherit(void) {
    uint64_t last = several();
    char text[32];
    pid_t child;

    while (last != lowest(last))
        last &= last - 1;
    CHECK_EQ(allow(0, last), 0);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK_EQ(allowed(0), last);
        CHECK_EQ(1ULL << sched_getcpu(), last);
        snprintf(text, sizeof text, "%llx", (unsigned long long)last);
        execl(self_path(), self_path(), "--helper", text, (char *)NULL);
        _exit(2);
    }
    CHECK_EQ(child_wait(child), 23 << 8);
}

/* One that runs is moved by another, from each processor to the next. */
static void running_is_moved(void) {
    uint64_t all = several();
    atomic_int *where =
        mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t child;

    CHECK(where != MAP_FAILED);
    child = fork();
    CHECK(child >= 0);
    while (child == 0)
        atomic_store(where, sched_getcpu());
    for (int round = 0; round < 30; round++) {
        int cpu = __builtin_ctzll(all);

        CHECK_EQ(allow(child, 1ULL << cpu), 0);
        CHECK_EQ(allowed(child), 1ULL << cpu);
        while (atomic_load(where) != cpu)
            sched_yield();
        all = lowest(all) == all ? allowed(0) : all & (all - 1);
    }
    kill(child, SIGKILL);
    CHECK_EQ(child_wait(child), SIGKILL);
}

/* As many that only compute as there are processors: in the end each has been on one of its own. */
static void idle_processors_take_work(void) {
    uint64_t all = several();
    int count = __builtin_popcountll(all);
    atomic_int *where =
        mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t children[CPUS];
    uint64_t seen;

    CHECK(where != MAP_FAILED);
    for (int i = 0; i < count; i++) {
        children[i] = fork();
        CHECK(children[i] >= 0);
        while (children[i] == 0)
            atomic_store(&where[i], sched_getcpu() + 1);
    }
    do {
        usleep(1000);
        seen = 0;
        for (int i = 0; i < count; i++)
            if (atomic_load(&where[i]))
                seen |= 1ULL << (atomic_load(&where[i]) - 1);
    } while (seen != all);
    for (int i = 0; i < count; i++) {
        kill(children[i], SIGKILL);
        CHECK_EQ(child_wait(children[i]), SIGKILL);
    }
}

static void status_tells(void) {
    uint64_t all = allowed(0);
    char *line;

    CHECK_EQ(allow(0, lowest(all)), 0);
    line = fact_file("/proc/self/status");
    CHECK(line != NULL);
    line = strstr(line, "\nCpus_allowed_list:\t");
    CHECK(line != NULL);
    CHECK_EQ(strtol(line + 20, NULL, 10), __builtin_ctzll(all));
    CHECK_EQ(strcspn(line + 20, "\n"), strspn(line + 20, "0123456789"));
}

static void bad_arguments(void) {
    uint64_t mask = 0;
    pid_t gone = fork();

    if (gone == 0)
        _exit(0);
    CHECK_EQ(child_wait(gone), 0);
    CHECK(allow(0, 0) < 0 && errno == EINVAL);
    CHECK(syscall(SYS_sched_setaffinity, 0, 0, &mask) < 0 && errno == EINVAL);
    CHECK(syscall(SYS_sched_setaffinity, 0, 8, (void *)8) < 0 && errno == EFAULT);
    CHECK(allow(gone, 1) < 0 && errno == ESRCH);
    CHECK(allow(-5, 1) < 0 && errno == ESRCH);
    CHECK(syscall(SYS_sched_getaffinity, 0, 3, &mask) < 0 && errno == EINVAL);
    CHECK(syscall(SYS_sched_getaffinity, gone, 128, &mask) < 0 && errno == ESRCH);
    CHECK(syscall(SYS_sched_getaffinity, 0, 128, (void *)8) < 0 && errno == EFAULT);
}

static void of_another_user(void) {
    if (geteuid() != 0)
        SKIP("needs root");
    CHECK_EQ(setgroups(0, NULL) | setgid(4242) | setuid(4242), 0);
    CHECK(allow(getppid(), allowed(0)) < 0 && errno == EPERM);
    CHECK(allowed(getppid()) != 0);
}

CHECK_MAIN({"each_processor_in_turn", each_processor_in_turn},
           {"more_than_there_are", more_than_there_are},
           {"children_and_programs_inherit", children_and_programs_inherit},
           {"running_is_moved", running_is_moved},
           {"idle_processors_take_work", idle_processors_take_work}, {"status_tells", status_tells},
           {"bad_arguments", bad_arguments}, {"of_another_user", of_another_user})
