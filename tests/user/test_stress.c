/* SPDX-License-Identifier: MIT */
/*
 * Processes that fork, fault, unmap, protect, signal, execute and die as fast as they can, on all
 * processors at once; each knows what it should find. At the end memory is used as before, and all
 * of it adds up.
 *
 * Environment: STRESS_SECONDS (2), STRESS_SEED. A worker that fails says its seed and turn.
 */
#define CHECK_SECONDS 2400
#define CHECK_HELPER stress_helper
#include "check.h"
#include "facts.h"

#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <time.h>

#include "random.h"

#define PAGES 48
#define HELPER_STATUS 23

/* What all workers share: one page. */
struct shared {
    atomic_uint counter; /* of everybody's turns */
    atomic_uint signals; /* that arrived */
    atomic_uint turns[64];
};

struct worker {
    struct shared *shared;
    unsigned index;
    struct random random;
    unsigned turn;
    double end; /* when to stop, in seconds of the monotonic clock */
};

static int stress_helper(char **argv) {
    return argv[0] && strcmp(argv[0], "argument") == 0 ? HELPER_STATUS : 1;
}

static double now(void) {
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double seconds(void) {
    const char *text = getenv("STRESS_SECONDS");

    return text ? strtod(text, NULL) : 2;
}

#define WORKER_CHECK(w, condition)                                                                 \
    do {                                                                                           \
        if (!(condition))                                                                          \
            CHECK_NOTE("%s:%d: %s (errno %d, worker %u, turn %u)", __FILE__, __LINE__, #condition, \
                       errno, (w)->index, (w)->turn);                                              \
    } while (0)

static unsigned below(struct worker *w, unsigned n) {
    return random_below(&w->random, n);
}

/* ---- what a worker does ---- */

static unsigned char *map(struct worker *w, unsigned pages, int flags) {
    unsigned char *at =
        mmap(NULL, pages * PAGE_BYTES, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);

    WORKER_CHECK(w, at != MAP_FAILED);
    return at;
}

static void fill(unsigned char *at, unsigned pages, unsigned char with) {
    for (unsigned i = 0; i < pages; i++)
        at[i * PAGE_BYTES + i] = (unsigned char)(with + i);
}

static void verify(struct worker *w, const unsigned char *at, unsigned pages, unsigned char with) {
    for (unsigned i = 0; i < pages; i++)
        WORKER_CHECK(w, at[i * PAGE_BYTES + i] == (unsigned char)(with + i));
}

static void join(struct worker *w, pid_t pid, int wanted) {
    int status;
    pid_t got;

    do
        got = waitpid(pid, &status, 0);
    while (got < 0 && errno == EINTR);
    WORKER_CHECK(w, got == pid);
    WORKER_CHECK(w, status == wanted);
}

/* Parent and child write the same pages and see their own. */
static void copy_on_write(struct worker *w) {
    unsigned pages = 1 + below(w, PAGES);
    unsigned char *at = map(w, pages, MAP_PRIVATE);
    pid_t pid;

    fill(at, pages, 1);
    pid = fork();
    WORKER_CHECK(w, pid >= 0);
    if (pid == 0) {
        verify(w, at, pages, 1);
        fill(at, pages, 100);
        verify(w, at, pages, 100);
        _exit(0);
    }
    fill(at, pages / 2, 50);
    join(w, pid, 0);
    verify(w, at, pages / 2, 50);
    WORKER_CHECK(w, munmap(at, pages * PAGE_BYTES) == 0);
}

/* A family of three generations that all go at once. */
static void generations(struct worker *w) {
    unsigned char *at = map(w, 4, MAP_PRIVATE);
    pid_t pid;

    fill(at, 4, 7);
    pid = fork();
    WORKER_CHECK(w, pid >= 0);
    if (pid == 0) {
        pid_t grandchild = fork();

        WORKER_CHECK(w, grandchild >= 0);
        verify(w, at, 4, 7);
        fill(at, 4, grandchild == 0 ? 30 : 60);
        verify(w, at, 4, grandchild == 0 ? 30 : 60);
        if (grandchild != 0)
            join(w, grandchild, 0);
        _exit(0);
    }
    join(w, pid, 0);
    verify(w, at, 4, 7);
    munmap(at, 4 * PAGE_BYTES);
}

/* Pages come, lose rights, get them back, go one by one. */
static void map_and_protect(struct worker *w) {
    unsigned char *at = map(w, PAGES, MAP_PRIVATE);

    fill(at, PAGES, 9);
    for (unsigned i = 0; i < 8; i++) {
        unsigned first = below(w, PAGES), count = 1 + below(w, PAGES - first);

        WORKER_CHECK(w, mprotect(at + first * PAGE_BYTES, count * PAGE_BYTES, PROT_READ) == 0);
        verify(w, at, PAGES, 9);
        WORKER_CHECK(
            w, mprotect(at + first * PAGE_BYTES, count * PAGE_BYTES, PROT_READ | PROT_WRITE) == 0);
        fill(at, PAGES, 9);
    }
    for (unsigned i = 0; i < PAGES; i++)
        WORKER_CHECK(w, munmap(at + i * 5 % PAGES * PAGE_BYTES, PAGE_BYTES) == 0);
}

/* Memory shared with a child: both add to it. */
static void share(struct worker *w) {
    atomic_uint *sum = (atomic_uint *)map(w, 1, MAP_SHARED);
    pid_t pid = fork();

    WORKER_CHECK(w, pid >= 0);
    for (unsigned i = 0; i < 200; i++)
        atomic_fetch_add(sum, 1);
    if (pid == 0)
        _exit(0);
    join(w, pid, 0);
    WORKER_CHECK(w, atomic_load(sum) == 400);
    munmap(sum, PAGE_BYTES);
}

static void execute(struct worker *w) {
    pid_t pid = fork();

    WORKER_CHECK(w, pid >= 0);
    if (pid == 0) {
        execl(self_path(), self_path(), "--helper", "argument", (char *)NULL);
        _exit(1);
    }
    join(w, pid, HELPER_STATUS << 8);
}

/* A child that is killed while it faults. */
static void kill_at_work(struct worker *w) {
    unsigned wait = below(w, 2000);
    pid_t pid = fork();

    WORKER_CHECK(w, pid >= 0);
    while (pid == 0) {
        unsigned char *at = map(w, 8, MAP_PRIVATE);

        fill(at, 8, 1);
        munmap(at, 8 * PAGE_BYTES);
    }
    for (volatile unsigned i = 0; i < wait; i++)
        continue;
    WORKER_CHECK(w, kill(pid, SIGKILL) == 0);
    join(w, pid, SIGKILL);
}

static void die_of_a_fault(struct worker *w) {
    pid_t pid = fork();

    WORKER_CHECK(w, pid >= 0);
    if (pid == 0) {
        static volatile uintptr_t nowhere = 8;

        signal(SIGSEGV, SIG_DFL);
        *(volatile char *)nowhere = 1;
        _exit(1);
    }
    join(w, pid, SIGSEGV);
}

static struct shared *handler_shared;

static void count_signal(int signo) {
    (void)signo;
    atomic_fetch_add(&handler_shared->signals, 1);
}

/* Signals to a child that runs, one after the other: each is answered through a pipe. */
static void signal_a_child(struct worker *w) {
    int fds[2];
    char byte;
    pid_t pid;

    WORKER_CHECK(w, pipe(fds) == 0);
    pid = fork();
    WORKER_CHECK(w, pid >= 0);
    if (pid == 0) {
        sigset_t set, old;

        sigemptyset(&set);
        sigaddset(&set, SIGUSR1);
        sigprocmask(SIG_BLOCK, &set, &old);
        for (unsigned i = 0; i < 5; i++) {
            if (write(fds[1], "r", 1) != 1)
                _exit(1);
            sigsuspend(&old);
        }
        _exit(0);
    }
    close(fds[1]);
    while (read(fds[0], &byte, 1) == 1)
        WORKER_CHECK(w, kill(pid, SIGUSR1) == 0);
    join(w, pid, 0);
    close(fds[0]);
}

static void stop_and_continue(struct worker *w) {
    int status;
    pid_t pid = fork();

    WORKER_CHECK(w, pid >= 0);
    while (pid == 0)
        atomic_fetch_add(&w->shared->counter, 0);
    WORKER_CHECK(w, kill(pid, SIGSTOP) == 0);
    WORKER_CHECK(w, waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
    WORKER_CHECK(w, kill(pid, SIGCONT) == 0);
    WORKER_CHECK(w, kill(pid, SIGTERM) == 0);
    join(w, pid, SIGTERM);
}

/* Bytes through a pipe to a child and back. */
static void pipe_there_and_back(struct worker *w) {
    int there[2], back[2];
    unsigned char byte = 0;
    pid_t pid;

    WORKER_CHECK(w, pipe(there) == 0 && pipe(back) == 0);
    pid = fork();
    WORKER_CHECK(w, pid >= 0);
    if (pid == 0) {
        close(there[1]);
        while (read(there[0], &byte, 1) == 1)
            if (byte++, write(back[1], &byte, 1) != 1)
                _exit(1);
        _exit(0);
    }
    close(there[0]);
    close(back[1]);
    for (unsigned i = 0; i < 20; i++) {
        WORKER_CHECK(w, write(there[1], &byte, 1) == 1);
        WORKER_CHECK(w, read(back[0], &byte, 1) == 1 && byte == i + 1);
    }
    close(there[1]);
    close(back[0]);
    join(w, pid, 0);
}

static void heap(struct worker *w) {
    char *start = (char *)syscall(SYS_brk, 0);
    char *end = start + 16 * PAGE_BYTES;

    WORKER_CHECK(w, (char *)syscall(SYS_brk, end) == end);
    for (unsigned i = 0; i < 16; i++) {
        WORKER_CHECK(w, start[i * PAGE_BYTES + 100] == 0);
        start[i * PAGE_BYTES + 100] = 1;
    }
    WORKER_CHECK(w, (char *)syscall(SYS_brk, start) == start);
}

static void move(struct worker *w) {
    unsigned char *at = map(w, 8, MAP_PRIVATE), *to = map(w, 8, MAP_PRIVATE);

    fill(at, 8, 77);
    WORKER_CHECK(w, mremap(at, 8 * PAGE_BYTES, 8 * PAGE_BYTES, MREMAP_MAYMOVE | MREMAP_FIXED, to) ==
                        to);
    verify(w, to, 8, 77);
    munmap(to, 8 * PAGE_BYTES);
}

static void (*const actions[])(struct worker *) = {
    copy_on_write,
    generations,
    map_and_protect,
    share,
    execute,
    kill_at_work,
    die_of_a_fault,
    signal_a_child,
    stop_and_continue,
    pipe_there_and_back,
    heap,
    move,
};

static _Noreturn void work(struct worker *w) {
    for (; now() < w->end; w->turn++) {
        actions[below(w, COUNT_OF(actions))](w);
        atomic_fetch_add(&w->shared->counter, 1);
        atomic_fetch_add(&w->shared->turns[w->index], 1);
    }
    _exit(0);
}

/* ---- the test ---- */

static struct shared *share_page(void) {
    struct shared *shared =
        mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    CHECK(shared != MAP_FAILED);
    return shared;
}

/* How many turns they had in all. */
static unsigned run_workers(unsigned count, double until) {
    const char *seed = getenv("STRESS_SEED");
    struct shared *shared = share_page();
    unsigned sum = 0;

    handler_shared = shared;
    signal(SIGUSR1, count_signal);
    for (unsigned i = 0; i < count; i++) {
        struct worker w = {shared, i, {(seed ? strtoull(seed, NULL, 0) : 1) * 1000 + i}, 0, until};
        pid_t pid = fork();

        CHECK(pid >= 0);
        if (pid == 0)
            work(&w);
    }
    for (unsigned i = 0; i < count; i++) {
        int status;

        CHECK(wait(&status) > 0);
        CHECK(status == 0);
    }
    for (unsigned i = 0; i < count; i++)
        sum += atomic_load(&shared->turns[i]);
    CHECK_EQ(sum, atomic_load(&shared->counter));
    munmap(shared, PAGE_BYTES);
    return sum;
}

static void everything_at_once(void) {
    unsigned workers = (unsigned)get_nprocs() * 2 + 2;
    double length = seconds();
    struct memory_use before = {0};

    workers = workers > 40 ? 40 : workers;
    run_workers(workers, now() + 0.2); /* what is made once is made */
    if (on_quire())
        before = memory_still();
    CHECK(run_workers(workers, now() + length) >= workers);
    if (on_quire())
        CHECK_MEMORY_SAME(memory_settled(before), before);
}

/* On Quire: all of memory is counted again, in the end and meanwhile. */
static void counted_meanwhile(void) {
    double end = now() + seconds() / 4;
    int status = -1;
    pid_t pid;

    if (!on_quire())
        SKIP("Quire counts its own memory");
    pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        unsigned workers = (unsigned)get_nprocs() + 1;
        CHECK(run_workers(workers, end) >= workers);
        _exit(0);
    }
    do {
        const char *text = fact_file("/proc/sys/vm/check");

        CHECK(text != NULL);
        if (strncmp(text, "ok", 2) != 0)
            CHECK_NOTE("%.200s", text);
    } while (waitpid(pid, &status, WNOHANG) == 0);
    CHECK(status == 0);
}

CHECK_MAIN({"everything_at_once", everything_at_once}, {"counted_meanwhile", counted_meanwhile})
