/* SPDX-License-Identifier: MIT */
/*
 * Threads as the kernel gives them: clone with every useful mixture of flags, tids, times, what
 * /proc says, what it costs. How they end is test_thread_end.c.
 */
#include "raw_thread.h"

#include <sys/resource.h>
#include <sys/stat.h>

/* ---- making ---- */

struct facts {
    int tid, pid, ppid;
    int seen; /* of a variable that the maker has set */
};

static int shared_value;

static void note_facts(void *argument) {
    struct facts *facts = argument;

    facts->tid = raw_tid();
    facts->pid = (int)raw_call(SYS_getpid);
    facts->ppid = (int)raw_call(SYS_getppid);
    facts->seen = shared_value;
}

static void ids(void) {
    struct raw_thread thread;
    struct facts facts;
    int tid;

    shared_value = 7;
    raw_create(&thread, note_facts, &facts);
    raw_join(&thread);
    tid = facts.tid;
    CHECK_EQ(facts.pid, getpid());
    CHECK_EQ(facts.ppid, getppid());
    CHECK(tid != getpid());
    CHECK_EQ(facts.seen, 7);
    CHECK_EQ(syscall(SYS_gettid), getpid());
    CHECK_FAILS(waitpid(tid, NULL, __WALL), ECHILD);
}

static void changes_cwd(void *unused) {
    (void)unused;
    raw_call(SYS_chdir, (long)"/proc");
}

static void closes(void *fd) {
    raw_call(SYS_close, *(int *)fd);
}

static void check_cwd(bool moved) {
    char cwd[256];

    CHECK(getcwd(cwd, sizeof cwd) != NULL);
    CHECK_EQ(strcmp(cwd, "/proc") == 0, moved);
}

static void directories_and_descriptors_shared(void) {
    struct raw_thread thread;
    int fd = dup(0);

    CHECK(fd >= 0);
    CHECK_EQ(chdir("/"), 0);
    raw_run(&thread, RAW_FLAGS & ~CLONE_FS, changes_cwd, NULL);
    check_cwd(false);
    raw_run(&thread, RAW_FLAGS, changes_cwd, NULL);
    check_cwd(true);
    raw_run(&thread, RAW_FLAGS & ~CLONE_FILES, closes, &fd);
    CHECK_EQ(fcntl(fd, F_GETFD), 0);
    raw_run(&thread, RAW_FLAGS, closes, &fd);
    CHECK_FAILS(fcntl(fd, F_GETFD), EBADF);
}

static void unshares_and_closes(void *fd) {
    raw_call(SYS_unshare, CLONE_FILES | CLONE_FS);
    closes(fd);
    changes_cwd(NULL);
}

static void unshare_files_and_directories(void) {
    struct raw_thread thread;
    int fd = dup(0);

    CHECK_EQ(chdir("/"), 0);
    raw_run(&thread, RAW_FLAGS, unshares_and_closes, &fd);
    CHECK_EQ(fcntl(fd, F_GETFD), 0);
    check_cwd(false);
    CHECK_EQ(syscall(SYS_unshare, CLONE_FILES | CLONE_FS), 0);
    CHECK_FAILS(syscall(SYS_unshare, 0x1), EINVAL);
}

static void exits_with_5(void *unused) {
    (void)unused;
    shared_value = 9;
    raw_exit(5);
}

/* A process that shares memory and nothing else, or descriptors and nothing else. */
static void processes_that_share(void) {
    struct raw_thread thread = {.run = exits_with_5};
    int status, fd = dup(0);
    long pid;

    shared_value = 1;
    pid = raw_create_with(&thread, CLONE_VM | SIGCHLD);
    CHECK(pid > 0);
    CHECK_EQ(waitpid((pid_t)pid, &status, 0), pid);
    CHECK_EQ(status, 5 << 8);
    CHECK_EQ(shared_value, 9);
    CHECK_EQ(thread.tid, 0);
    pid = syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
    CHECK(pid >= 0);
    if (pid == 0) {
        close(fd);
        _exit(0);
    }
    CHECK_EQ(child_wait((pid_t)pid), 0);
    CHECK_FAILS(fcntl(fd, F_GETFD), EBADF);
}

static void senseless_flags(void) {
    static const unsigned long flags[] = {
        CLONE_THREAD,
        CLONE_THREAD | CLONE_VM,
        CLONE_THREAD | CLONE_SIGHAND,
        CLONE_SIGHAND,
        CLONE_FS | CLONE_NEWNS,
        RAW_FLAGS | CLONE_NEWPID,
        RAW_FLAGS | CLONE_NEWUSER,
    };
    char stack[256];

    for (size_t i = 0; i < COUNT_OF(flags); i++)
        CHECK_EQ(raw_clone_at(flags[i], stack + sizeof stack, NULL, NULL, NULL), -EINVAL);
    CHECK_EQ(fact_number("/proc/self/status", "Threads"), 1);
}

struct clone3_arguments {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
};

static void clone3_refuses(void) {
    struct clone3_arguments arguments = {.flags = RAW_FLAGS, .exit_signal = SIGCHLD};

    CHECK_FAILS(syscall(435, &arguments, sizeof arguments), EINVAL);
    arguments.flags = CLONE_PARENT;
    CHECK_FAILS(syscall(435, &arguments, sizeof arguments), EINVAL);
    arguments = (struct clone3_arguments){.flags = CLONE_THREAD};
    CHECK_FAILS(syscall(435, &arguments, sizeof arguments), EINVAL);
    arguments = (struct clone3_arguments){.flags = RAW_FLAGS, .stack = 4096};
    CHECK_FAILS(syscall(435, &arguments, sizeof arguments), EINVAL);
}

/* Addresses that cannot be written cost the program its numbers, nothing else. */
static void bad_tid_addresses(void) {
    struct raw_thread thread = {.run = exits_with_5};
    int *bad = (int *)8;
    char *stack = pages_map(4, PROT_READ | PROT_WRITE);
    long tid =
        raw_clone_at(RAW_FLAGS | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID,
                     stack + 4 * PAGE_BYTES, bad, bad, &thread);

    CHECK(tid > 0);
    while (raw_state(getpid(), (int)tid) != 0)
        usleep(1000);
}

/* ---- what /proc says ---- */

static void named(void *unused) {
    raw_call(SYS_prctl, PR_SET_NAME, (long)"second");
    waits_for_go(unused);
}

static bool file_has(const char *format, int tid, const char *text) {
    char path[64];

    snprintf(path, sizeof path, format, getpid(), tid);
    return fact_file(path) && strstr(fact_file(path), text);
}

static void rename_to(int tid, const char *name) {
    char path[64];
    int fd;

    snprintf(path, sizeof path, "/proc/self/task/%d/comm", tid);
    fd = open(path, O_WRONLY);
    CHECK(fd >= 0);
    CHECK_EQ(write(fd, name, strlen(name)), (long)strlen(name));
    close(fd);
}

/* Each thread's own: descriptors, if not shared, and what it blocks. */
static void blocks_and_closes(void *fd) {
    uint64_t all = ~0ull;

    raw_call(SYS_unshare, CLONE_FILES);
    closes(fd);
    raw_call(SYS_rt_sigprocmask, SIG_SETMASK, (long)&all, 0, sizeof all);
    waits_for_go(NULL);
}

static void own_in_proc(void) {
    struct raw_thread thread;
    char path[64], link[64];
    int fd = dup(0), tid;

    raw_create(&thread, blocks_and_closes, &fd);
    tid = thread.tid;
    raw_await(&ready, 1);
    CHECK(file_has("/proc/%d/task/%d/status", tid, "\nSigBlk:\tfffffffffffbfeff\n"));
    CHECK(file_has("/proc/%d/task/%d/status", getpid(), "\nSigBlk:\t0000000000000000\n"));
    snprintf(path, sizeof path, "/proc/self/task/%d/fd/%d", tid, fd);
    CHECK_FAILS(readlink(path, link, sizeof link), ENOENT);
    snprintf(path, sizeof path, "/proc/self/task/%d/fd/%d", getpid(), fd);
    CHECK(readlink(path, link, sizeof link) > 0);
    raw_raise(&go);
    raw_join(&thread);
}

static void in_proc(void) {
    struct raw_thread thread;
    char path[64], text[32];
    struct stat status;
    int tid;

    prctl(PR_SET_NAME, "first");
    raw_create(&thread, named, NULL);
    tid = thread.tid;
    raw_await(&ready, 1);
    raw_await_state(getpid(), tid, 'S');
    CHECK_EQ(fact_number("/proc/self/status", "Threads"), 2);
    CHECK(file_has("/proc/%d/task/%d/comm", tid, "second\n"));
    CHECK(file_has("/proc/%d/task/%d/comm", getpid(), "first\n"));
    CHECK(file_has("/proc/%d/comm", 0, "first\n"));
    snprintf(text, sizeof text, "\nPid:\t%d\n", tid);
    CHECK(file_has("/proc/%d/task/%d/status", tid, text));
    snprintf(text, sizeof text, "\nTgid:\t%d\n", getpid());
    CHECK(file_has("/proc/%d/task/%d/status", tid, text));
    CHECK(file_has("/proc/%d/task/%d/maps", tid, "[stack]"));
    /* A thread is found by its number, though not listed. */
    snprintf(path, sizeof path, "/proc/%d/status", tid);
    CHECK_EQ(fact_number(path, "Pid"), tid);
    CHECK_EQ(fact_number(path, "Tgid"), getpid());
    rename_to(tid, "third");
    CHECK(file_has("/proc/%d/task/%d/comm", tid, "third\n"));
    CHECK(file_has("/proc/%d/comm", 0, "first\n"));
    raw_raise(&go);
    raw_join(&thread);
    while (fact_number("/proc/self/status", "Threads") != 1)
        usleep(1000);
    snprintf(path, sizeof path, "/proc/%d/task/%d", getpid(), tid);
    CHECK_FAILS(stat(path, &status), ENOENT);
}

/* ---- times ---- */

static void burns(void *unused) {
    struct timespec now;

    (void)unused;
    do {
        raw_call(SYS_clock_gettime, CLOCK_THREAD_CPUTIME_ID, (long)&now);
    } while (now.tv_sec == 0 && now.tv_nsec < 50000000);
    waits_for_go(NULL);
}

#define CLOCK_OF_THREAD(tid) ((int)((~(unsigned)(tid) << 3) | 6))

static void times(void) {
    struct timespec own, others, all;
    struct raw_thread thread;
    struct rusage usage;

    raw_create(&thread, burns, NULL);
    raw_await(&ready, 1);
    CHECK_EQ(clock_gettime(CLOCK_OF_THREAD(thread.tid), &others), 0);
    CHECK(others.tv_sec > 0 || others.tv_nsec >= 50000000);
    CHECK_EQ(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &all), 0);
    CHECK_EQ(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &own), 0);
    CHECK(all.tv_sec > others.tv_sec ||
          (all.tv_sec == others.tv_sec && all.tv_nsec >= others.tv_nsec));
    CHECK_EQ(getrusage(RUSAGE_THREAD, &usage), 0);
    CHECK_FAILS(clock_gettime(CLOCK_OF_THREAD(1), &own), EINVAL);
    raw_raise(&go);
    raw_join(&thread);
    /* What has ended counts for the process. */
    CHECK_EQ(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &own), 0);
    CHECK(own.tv_sec > all.tv_sec || (own.tv_sec == all.tv_sec && own.tv_nsec >= all.tv_nsec));
}

/* ---- memory ---- */

static void does_nothing(void *unused) {
    (void)unused;
}

static void make_and_join(unsigned rounds) {
    struct raw_thread thread;

    for (unsigned i = 0; i < rounds; i++)
        raw_run(&thread, RAW_FLAGS, does_nothing, NULL);
}

static void makes_and_joins(void *rounds) {
    make_and_join(*(unsigned *)rounds);
}

static void ends_leave_nothing(void) {
    unsigned few = 20, many = 1000;
    struct memory_use before;

    frames_exact_or_skip();
    CHECK_CHILD_OK(makes_and_joins, &few);
    before = memory_use();
    CHECK_CHILD_OK(makes_and_joins, &many);
    CHECK_MEMORY_SAME(memory_use(), before);
}

#define TASKS_ALLOWED 20

/* Makes threads until there may be no more. Those that are refused cost nothing. */
static void fills_up(void *unused) {
    static struct raw_thread threads[TASKS_ALLOWED];
    struct rlimit limit = {TASKS_ALLOWED, TASKS_ALLOWED};
    char *stack = pages_map(1, PROT_READ | PROT_WRITE);
    struct memory_use full;
    int made = TASKS_ALLOWED - 1; /* and the first */

    (void)unused;
    memory_use(); /* which makes its own buffers */
    CHECK_EQ(setrlimit(RLIMIT_NPROC, &limit), 0);
    CHECK_EQ(setresuid(54321, 54321, 54321), 0);
    for (int i = 0; i < made; i++)
        raw_create(&threads[i], waits_for_go, NULL);
    raw_await(&ready, made);
    pages_write(stack, 1, 1);
    full = memory_use();
    for (int i = 0; i < 100; i++)
        CHECK_EQ(raw_clone_at(RAW_FLAGS, stack + PAGE_BYTES, NULL, NULL, &threads[0]), -EAGAIN);
    if (on_quire())
        CHECK_MEMORY_SAME(memory_use(), full);
    raw_raise(&go);
    for (int i = 0; i < made; i++)
        raw_join(&threads[i]);
}

static void refused_leaves_nothing(void) {
    struct memory_use before;

    if (geteuid() != 0)
        SKIP("only root takes ids that nobody has");
    memory_use(); /* which makes its own buffers */
    CHECK_CHILD_OK(fills_up, NULL);
    before = memory_use();
    CHECK_CHILD_OK(fills_up, NULL);
    if (on_quire())
        CHECK_MEMORY_SAME(memory_use(), before);
}

CHECK_MAIN({"ids", ids}, {"directories_and_descriptors_shared", directories_and_descriptors_shared},
           {"unshare_files_and_directories", unshare_files_and_directories},
           {"processes_that_share", processes_that_share}, {"senseless_flags", senseless_flags},
           {"clone3_refuses", clone3_refuses}, {"bad_tid_addresses", bad_tid_addresses},
           {"in_proc", in_proc}, {"own_in_proc", own_in_proc}, {"times", times},
           {"ends_leave_nothing", ends_leave_nothing},
           {"refused_leaves_nothing", refused_leaves_nothing})
