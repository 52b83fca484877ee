/* SPDX-License-Identifier: MIT */
/*
 * /proc/lock_stat and the flushes in /proc/vmstat: what several processors cost each other is
 * counted, and nothing else is.
 *
 * What needs more than one processor is skipped where there is one. A Linux that was built without
 * these files skips all of it.
 */
#include "check.h"
#include "facts.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define LOCK_STAT "/proc/lock_stat"

static void run_on(int cpu) {
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    CHECK_EQ(sched_setaffinity(0, sizeof set, &set), 0);
}

static void lock_stat_or_skip(void) {
    if (access(LOCK_STAT, F_OK) < 0)
        SKIP("the kernel was built without lock_stat");
    if (!on_quire())
        SKIP("the locks are Quire's");
}

static void several_or_skip(void) {
    cpu_set_t set;

    CHECK_EQ(sched_getaffinity(0, sizeof set, &set), 0);
    if (CPU_COUNT(&set) < 2)
        SKIP("there is one processor");
}

static void lock_stat_write(const char *text) {
    int fd = open(LOCK_STAT, O_WRONLY);

    CHECK(fd >= 0);
    CHECK_EQ(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

/* The waits counted for the locks of a name. */
static long waits_for(const char *name) {
    char *line = fact_file(LOCK_STAT);

    while (line && *line) {
        line += strspn(line, " ");
        if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':')
            return strtol(line + strlen(name) + 1, NULL, 10);
        line = strchr(line, '\n');
        line += line != NULL;
    }
    return 0;
}

static atomic_bool enough;

/* All descriptors of a process have one lock. */
static void *use_descriptors(void *argument) {
    run_on(argument != NULL);
    while (!atomic_load(&enough))
        close(dup(0));
    return NULL;
}

/* Two threads in each other's way, until one has had to wait; how often depends on the machine. */
static void wait_for_each_other(void) {
    pthread_t threads[2];

    atomic_store(&enough, false);
    CHECK_EQ(pthread_create(&threads[0], NULL, use_descriptors, NULL), 0);
    CHECK_EQ(pthread_create(&threads[1], NULL, use_descriptors, &enough), 0);
    while (waits_for("fdtable") == 0)
        usleep(1000);
    atomic_store(&enough, true);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
}

static void waits_are_counted(void) {
    lock_stat_or_skip();
    several_or_skip();
    lock_stat_write("0");
    CHECK_EQ(waits_for("fdtable"), 0);
    wait_for_each_other();
    CHECK(waits_for("fdtable") > 0);
}

/* 0 counts anew; anything else means nothing. */
static void zero_resets(void) {
    long waits;

    lock_stat_or_skip();
    several_or_skip();
    wait_for_each_other();
    waits = waits_for("fdtable");
    lock_stat_write("1\n");
    lock_stat_write("x");
    CHECK_EQ(waits_for("fdtable"), waits);
    lock_stat_write("0\n");
    CHECK_EQ(waits_for("fdtable"), 0);
}

/* A lock that nobody else wants is never waited for. */
static void alone_waits_for_nothing(void) {
    lock_stat_or_skip();
    lock_stat_write("0");
    for (int i = 0; i < 10000; i++)
        close(dup(0));
    CHECK_EQ(waits_for("fdtable"), 0);
}

static void every_line_has_its_columns(void) {
    char *line;
    int lines = 0;

    lock_stat_or_skip();
    CHECK(strncmp(fact_file(LOCK_STAT), "lock_stat version", 17) == 0);
    for (line = fact_file(LOCK_STAT); (line = strchr(line, ':')) != NULL; lines++) {
        unsigned long contentions;
        double longest, total, average;

        CHECK_EQ(sscanf(++line, "%lu %lf %lf %lf\n", &contentions, &longest, &total, &average), 4);
        CHECK(contentions > 0);
        CHECK(longest <= total + 0.01 && average <= longest + 0.01);
    }
    CHECK(lines <= 64);
}

static void only_root_looks(void) {
    struct stat status;

    lock_stat_or_skip();
    CHECK_EQ(stat(LOCK_STAT, &status), 0);
    CHECK_EQ(status.st_mode & 07777, 0600);
    CHECK_EQ(status.st_uid, 0);
    if (geteuid() != 0)
        SKIP("only root can stop being root");
    CHECK_EQ(setuid(1000), 0);
    CHECK_FAILS(open(LOCK_STAT, O_RDONLY), EACCES);
    CHECK_FAILS(open(LOCK_STAT, O_WRONLY), EACCES);
}

/* ---- flushes ---- */

#define FLUSHES 50

struct flushes {
    long told, received, local;
};

static struct flushes flushes(void) {
    static const char path[] = "/proc/vmstat";

    return (struct flushes){
        .told = fact_number(path, "nr_tlb_remote_flush"),
        .received = fact_number(path, "nr_tlb_remote_flush_received"),
        .local = fact_number(path, "nr_tlb_local_flush_all") +
                 fact_number(path, "nr_tlb_local_flush_one"),
    };
}

/* Takes the right to write from one page, again and again. */
static struct flushes flushes_of_protecting(void) {
    volatile char *page =
        mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct flushes before = flushes(), after;

    for (int i = 0; i < FLUSHES; i++) {
        page[0] = 1;
        CHECK_EQ(mprotect((void *)page, PAGE_BYTES, PROT_READ), 0);
        CHECK_EQ(mprotect((void *)page, PAGE_BYTES, PROT_READ | PROT_WRITE), 0);
    }
    after = flushes();
    munmap((void *)page, PAGE_BYTES);
    return (struct flushes){after.told - before.told, after.received - before.received,
                            after.local - before.local};
}

static void flushes_or_skip(void) {
    if (!on_quire())
        SKIP("others flush meanwhile, if flushes are counted at all");
    several_or_skip();
    run_on(0);
    flushes_of_protecting(); /* where we ran before forgets us */
}

static void alone_tells_nobody(void) {
    struct flushes made;

    flushes_or_skip();
    made = flushes_of_protecting();
    CHECK_EQ(made.told, 0);
    CHECK_EQ(made.received, 0);
    CHECK(made.local >= FLUSHES);
}

static atomic_bool is_running;

static void *run_elsewhere(void *argument) {
    (void)argument;
    run_on(1);
    atomic_store(&is_running, true);
    while (!atomic_load(&enough))
        ;
    return NULL;
}

static void one_other_is_told(void) {
    pthread_t thread;
    struct flushes made;

    flushes_or_skip();
    CHECK_EQ(pthread_create(&thread, NULL, run_elsewhere, NULL), 0);
    while (!atomic_load(&is_running))
        usleep(1000);
    made = flushes_of_protecting();
    atomic_store(&enough, true);
    pthread_join(thread, NULL);
    CHECK_EQ(made.told, FLUSHES);
    CHECK_EQ(made.received, FLUSHES);
    CHECK(made.local >= FLUSHES);
}

CHECK_MAIN({"waits_are_counted", waits_are_counted}, {"zero_resets", zero_resets},
           {"alone_waits_for_nothing", alone_waits_for_nothing},
           {"every_line_has_its_columns", every_line_has_its_columns},
           {"only_root_looks", only_root_looks}, {"alone_tells_nobody", alone_tells_nobody},
           {"one_other_is_told", one_other_is_told})
