/* SPDX-License-Identifier: MIT */
/*
 * How threads end: one by one, the leader first, all at once, while they wait or run; exec and fork
 * by one of many; whose children are whose.
 */
#define CHECK_HELPER helper
#include "raw_thread.h"

/* ---- ends ---- */

/* A process whose leader has ended is a zombie to look at, and not to be waited for. */
static void leader_ends_and_others_go_on(void) {
    pid_t child = fork();

    CHECK(child >= 0);
    if (child == 0) {
        struct raw_thread thread;
        raw_create(&thread, waits_for_go, NULL);
        raw_await(&ready, 1);
        raw_exit(3);
    }
    raw_await_state(child, child, 'Z');
    CHECK_EQ(waitpid(child, NULL, WNOHANG), 0);
    CHECK_EQ(kill(child, 0), 0);
    CHECK_EQ(syscall(SYS_tgkill, child, child, 0), 0);
    CHECK_EQ(kill(child, SIGKILL), 0);
    CHECK_EQ(child_wait(child), SIGKILL);
}

static void exits_all_with_4(void *unused) {
    (void)unused;
    raw_call(SYS_exit_group, 4);
}

static void spins(void *unused) {
    (void)unused;
    raw_raise(&ready);
    for (;;)
        __asm__ volatile("pause");
}

static void pauses(void *unused) {
    (void)unused;
    raw_raise(&ready);
    raw_call(SYS_pause);
}

static int never[2];

static void reads(void *unused) {
    char byte;

    (void)unused;
    raw_raise(&ready);
    raw_call(SYS_read, never[0], (long)&byte, 1);
}

static void sleeps_long(void *unused) {
    struct timespec long_time = {.tv_sec = 1000};

    (void)unused;
    raw_raise(&ready);
    raw_call(SYS_nanosleep, (long)&long_time);
}

static void polls(void *unused) {
    (void)unused;
    raw_raise(&ready);
    raw_call(SYS_poll, 0, 0, -1);
}

/* Lends everything to a child that never gives it back. */
static void waits_for_vfork(void *unused) {
    (void)unused;
    if (raw_call(SYS_clone, CLONE_VFORK) == 0) {
        raw_call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
        raw_call(SYS_pause);
    }
}

static void waits_for_child(void *unused) {
    long child = raw_call(SYS_clone, SIGCHLD);

    (void)unused;
    if (child == 0) {
        raw_call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
        raw_call(SYS_pause);
    }
    raw_raise(&ready);
    raw_call(SYS_wait4, child);
}

static void (*const busy[])(void *) = {spins,       pauses, waits_for_go,    reads,
                                       sleeps_long, polls,  waits_for_child, spins};

/* Threads of every kind of waiting, and some that do not wait. */
static void make_busy(struct raw_thread threads[COUNT_OF(busy)]) {
    CHECK_EQ(pipe(never), 0);
    for (size_t i = 0; i < COUNT_OF(busy); i++)
        raw_create(&threads[i], busy[i], NULL);
    raw_await(&ready, COUNT_OF(busy));
}

static void exit_group_by_leader(void *unused) {
    struct raw_thread threads[COUNT_OF(busy)];

    (void)unused;
    make_busy(threads);
    exits_all_with_4(NULL);
}

static void exit_group_by_thread(void *unused) {
    struct raw_thread threads[COUNT_OF(busy)], thread;

    (void)unused;
    make_busy(threads);
    raw_create(&thread, exits_all_with_4, NULL);
    pause();
}

static void killed_by_fault(void *unused) {
    struct raw_thread threads[COUNT_OF(busy)];

    (void)unused;
    make_busy(threads);
    __asm__ volatile("ud2");
}

static void exit_group_ends_all(void) {
    for (int i = 0; i < 5; i++) {
        CHECK_EQ(child_run(exit_group_by_leader, NULL), 4 << 8);
        CHECK_EQ(child_run(exit_group_by_thread, NULL), 4 << 8);
        CHECK_EQ(child_run(killed_by_fault, NULL) & 0x7f, SIGILL);
    }
}

static void vfork_and_exit(void *unused) {
    struct raw_thread thread;

    (void)unused;
    raw_create(&thread, waits_for_vfork, NULL);
    raw_await_state(getpid(), thread.tid, 'D');
    exits_all_with_4(NULL);
}

static void exit_group_ends_who_waits_for_vfork(void) {
    CHECK_EQ(child_run(vfork_and_exit, NULL), 4 << 8);
}

static void yields(void *unused) {
    (void)unused;
    raw_raise(&ready);
    for (;;)
        raw_call(SYS_sched_yield);
}

static void many_yield(void *unused) {
    struct raw_thread threads[4];

    (void)unused;
    for (int i = 0; i < 4; i++)
        raw_create(&threads[i], yields, NULL);
    raw_await(&ready, 4);
    yields(NULL);
}

/* A stop stops all, is told once and only when all have stopped, and death ends it. */
static void stops_and_goes_on(void) {
    int status;
    pid_t child = fork();

    CHECK(child >= 0);
    if (child == 0) {
        many_yield(NULL);
        _exit(0);
    }
    for (int i = 0; i < 20; i++) {
        CHECK_EQ(kill(child, SIGSTOP), 0);
        CHECK_EQ(waitpid(child, &status, WUNTRACED), child);
        CHECK(WIFSTOPPED(status));
        CHECK_EQ(raw_state(child, child), 'T');
        CHECK_EQ(kill(child, SIGCONT), 0);
        CHECK_EQ(waitpid(child, &status, WCONTINUED), child);
        CHECK(WIFCONTINUED(status));
    }
    CHECK_EQ(kill(child, SIGSTOP), 0);
    CHECK_EQ(waitpid(child, &status, WUNTRACED), child);
    CHECK_EQ(kill(child, SIGKILL), 0);
    CHECK_EQ(child_wait(child), SIGKILL);
}

/* ---- exec ---- */

static char helper_pid[16];
static char helper_name[] = "--helper";
static char *helper_argv[] = {helper_name, helper_name, helper_pid, NULL};
static char helper_path[256];

/* The program that is executed: has the pid it was promised, as its only thread. */
static int helper(char **argv) {
    if (atoi(argv[0]) != getpid() || syscall(SYS_gettid) != getpid())
        return 1;
    if (fact_number("/proc/self/status", "Threads") != 1)
        return 2;
    return waitpid(-1, NULL, WNOHANG) == -1 && errno != ECHILD ? 3 : 42;
}

static void executes(void *path) {
    raw_call(SYS_execve, (long)path, (long)helper_argv, (long)environ);
}

static void exec_by(bool leader, bool is_busy) {
    struct raw_thread threads[COUNT_OF(busy)], thread;

    snprintf(helper_pid, sizeof helper_pid, "%d", getpid());
    if (is_busy)
        make_busy(threads);
    if (leader)
        executes(helper_path);
    raw_create(&thread, executes, helper_path);
    pause();
}

static void exec_body(void *argument) {
    int choice = *(int *)argument;

    exec_by(choice & 1, choice & 2);
}

static void exec_leaves_one(void) {
    strcpy(helper_path, self_path());
    for (int i = 0; i < 12; i++) {
        int choice = i % 4;
        CHECK_EQ(child_run(exec_body, &choice), 42 << 8);
    }
}

static void executes_after_leader(void *unused) {
    (void)unused;
    raw_await_state(getpid(), getpid(), 'Z');
    executes(helper_path);
}

static void exec_without_leader(void *unused) {
    struct raw_thread thread;

    (void)unused;
    snprintf(helper_pid, sizeof helper_pid, "%d", getpid());
    raw_create(&thread, executes_after_leader, NULL);
    raw_exit(0);
}

static void exec_when_leader_has_ended(void) {
    strcpy(helper_path, self_path());
    CHECK_EQ(child_run(exec_without_leader, NULL), 42 << 8);
}

static void all_exec(void *unused) {
    struct raw_thread threads[4];

    (void)unused;
    snprintf(helper_pid, sizeof helper_pid, "%d", getpid());
    for (int i = 0; i < 4; i++)
        raw_create(&threads[i], executes, helper_path);
    executes(helper_path);
}

static void exec_by_all_at_once(void) {
    strcpy(helper_path, self_path());
    for (int i = 0; i < 10; i++)
        CHECK_EQ(child_run(all_exec, NULL), 42 << 8);
}

static void fails_to_exec(void *result) {
    *(long *)result = raw_call(SYS_execve, (long)"/nonexistent", (long)helper_argv, (long)environ);
}

static void failed_exec_leaves_all(void) {
    struct raw_thread threads[3], failing;
    long result = 0;

    for (int i = 0; i < 3; i++)
        raw_create(&threads[i], waits_for_go, NULL);
    raw_await(&ready, 3);
    raw_create(&failing, fails_to_exec, &result);
    raw_join(&failing);
    CHECK_EQ(result, -ENOENT);
    CHECK_FAILS(execl("/proc/self/status", "x", NULL), EACCES);
    raw_raise(&go);
    for (int i = 0; i < 3; i++)
        raw_join(&threads[i]);
}

/* ---- children ---- */

static void forks(void *pid) {
    *(long *)pid = raw_call(SYS_clone, SIGCHLD);
    if (*(long *)pid == 0) {
        long threads = fact_number("/proc/self/status", "Threads");
        bool alone = threads == 1 && raw_tid() == getpid();
        raw_call(SYS_exit_group, alone ? 6 : 7);
    }
}

/* Only the caller goes on in the child; whoever wants may wait for it. */
static void fork_by_a_thread(void) {
    struct raw_thread waiting, forking;
    long child = 0;

    raw_create(&waiting, waits_for_go, NULL);
    raw_await(&ready, 1);
    raw_create(&forking, forks, &child);
    raw_join(&forking);
    CHECK(child > 0);
    CHECK_EQ(child_wait((pid_t)child), 6 << 8);
    raw_raise(&go);
    raw_join(&waiting);
}

static long waited[2];

static void forks_and_waits(void *pid) {
    forks(pid);
    raw_raise(&ready);
    raw_await(&go, 1);
    waited[0] = raw_call(SYS_wait4, -1, 0, __WNOTHREAD);
    waited[1] = raw_call(SYS_wait4, -1, 0, __WNOTHREAD);
}

static void waits_for_own_children_only(void) {
    struct raw_thread thread;
    long child = 0;

    raw_create(&thread, forks_and_waits, &child);
    raw_await(&ready, 1);
    CHECK_FAILS(waitpid(-1, NULL, __WNOTHREAD), ECHILD);
    raw_raise(&go);
    raw_join(&thread);
    CHECK_EQ(waited[0], child);
    CHECK_EQ(waited[1], -ECHILD);
    /* Children that a thread leaves behind are its siblings'. */
    raw_run(&thread, RAW_FLAGS, forks, &child);
    CHECK_EQ(waitpid(-1, NULL, __WNOTHREAD), child);
}

CHECK_MAIN({"leader_ends_and_others_go_on", leader_ends_and_others_go_on},
           {"exit_group_ends_all", exit_group_ends_all},
           {"exit_group_ends_who_waits_for_vfork", exit_group_ends_who_waits_for_vfork},
           {"stops_and_goes_on", stops_and_goes_on}, {"exec_leaves_one", exec_leaves_one},
           {"exec_when_leader_has_ended", exec_when_leader_has_ended},
           {"exec_by_all_at_once", exec_by_all_at_once},
           {"failed_exec_leaves_all", failed_exec_leaves_all},
           {"fork_by_a_thread", fork_by_a_thread},
           {"waits_for_own_children_only", waits_for_own_children_only})
