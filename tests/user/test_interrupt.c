/* SPDX-License-Identifier: MIT */
/*
 * Signals and calls that sleep: EINTR, restart, swapped masks, who may send what to whom.
 */
#define CHECK_HELPER exec_helper
#include "asleep.h"
#include "signals.h"

#include <poll.h>
#include <time.h>

/* A child that sends us `number` once we sleep, and then writes a byte to fd unless that is -1. */
static void send_and_write(int number, int fd) {
    pid_t parent = getpid();

    if (fork() == 0) {
        await_asleep(parent);
        kill(parent, number);
        if (fd >= 0)
            CHECK_EQ(write(fd, "r", 1), 1);
        _exit(0);
    }
}

static void sender(int number) {
    send_and_write(number, -1);
}

static void read_is_interrupted(void) {
    int pair[2];
    char byte;

    CHECK_EQ(pipe(pair), 0);
    handle(SIGUSR1, 0);
    sender(SIGUSR1);
    CHECK_FAILS(read(pair[0], &byte, 1), EINTR);
    CHECK_EQ(seen[SIGUSR1], 1);
}

/* With SA_RESTART the read goes on after the handler, and is satisfied then. */
static void read_is_restarted(void) {
    int pair[2];
    char byte = 0;

    CHECK_EQ(pipe(pair), 0);
    handle(SIGUSR1, SA_RESTART);
    send_and_write(SIGUSR1, pair[1]);
    CHECK_EQ(read(pair[0], &byte, 1), 1);
    CHECK_EQ(byte, 'r');
    CHECK_EQ(seen[SIGUSR1], 1);
}

static void wait_is_interrupted_and_restarted(void) {
    int pair[2], status;
    pid_t slow;

    CHECK_EQ(pipe(pair), 0);
    slow = fork();
    if (slow == 0) {
        char byte;
        _exit(read(pair[0], &byte, 1) == 1 ? 5 : 1);
    }
    handle(SIGUSR1, 0);
    sender(SIGUSR1);
    CHECK_FAILS(waitpid(slow, &status, 0), EINTR);
    handle(SIGUSR1, SA_RESTART);
    send_and_write(SIGUSR1, pair[1]);
    CHECK_EQ(waitpid(slow, &status, 0), slow);
    CHECK_EQ(status, 5 << 8);
    CHECK_EQ(seen[SIGUSR1], 2);
}

static void ignored_does_not_interrupt(void) {
    struct timespec time = {0, 60000000};

    signal(SIGUSR1, SIG_IGN);
    sender(SIGUSR1);
    CHECK_EQ(nanosleep(&time, NULL), 0);
    signal(SIGCHLD, SIG_DFL);
}

static void sleep_tells_what_is_left(void) {
    struct timespec time = {1000, 0}, left = {0, 0};

    handle(SIGUSR1, SA_RESTART);
    sender(SIGUSR1);
    CHECK_FAILS(nanosleep(&time, &left), EINTR);
    CHECK(left.tv_sec > 900 && left.tv_sec < 1000);
}

static void suspend_swaps_the_mask(void) {
    sigset_t empty, now;

    sigemptyset(&empty);
    handle(SIGUSR1, 0);
    block(SIGUSR1);
    raise(SIGUSR1);
    CHECK_EQ(seen[SIGUSR1], 0);
    CHECK_FAILS(sigsuspend(&empty), EINTR);
    CHECK_EQ(seen[SIGUSR1], 1);
    sigprocmask(SIG_SETMASK, NULL, &now);
    CHECK(sigismember(&now, SIGUSR1));
    sender(SIGUSR1);
    CHECK_FAILS(sigsuspend(&empty), EINTR);
    CHECK_EQ(seen[SIGUSR1], 2);
}

static void pause_returns_after_handler(void) {
    handle(SIGUSR1, SA_RESTART);
    sender(SIGUSR1);
    CHECK_FAILS(pause(), EINTR);
    CHECK_EQ(seen[SIGUSR1], 1);
}

static void timed_wait(void) {
    sigset_t set = set_of(SIGUSR1);
    struct timespec moment = {0, 20000000};
    siginfo_t info;
    int got;

    block(SIGUSR1);
    got = sigtimedwait(&set, &info, &moment);
    if (got < 0 && errno == ENOSYS)
        SKIP("rt_sigtimedwait is not there");
    CHECK(got == -1 && errno == EAGAIN);
    raise(SIGUSR1);
    CHECK_EQ(sigtimedwait(&set, &info, &moment), SIGUSR1);
    CHECK_EQ(info.si_signo, SIGUSR1);
}

static void timed_wait_is_woken(void) {
    sigset_t set = set_of(SIGUSR1);
    struct timespec long_time = {1000, 0};

    block(SIGUSR1);
    sender(SIGUSR1);
    CHECK_EQ(sigtimedwait(&set, NULL, &long_time), SIGUSR1);
}

static void poll_survives_two_stops(void) {
    pid_t child = fork();

    if (child == 0)
        _exit(poll(NULL, 0, 200) == 0 ? 0 : 1);
    for (int i = 0; i < 4; i++) {
        usleep(20000);
        CHECK_EQ(kill(child, i % 2 ? SIGCONT : SIGSTOP), 0);
    }
    CHECK_EQ(child_wait(child), 0);
}

static void kill_errors(void) {
    pid_t child = fork();

    if (child == 0)
        _exit(0);
    usleep(20000);
    CHECK_EQ(kill(child, SIGTERM), 0); /* a zombie can be sent to */
    child_wait(child);
    CHECK_FAILS(kill(child, 0), ESRCH);
    CHECK_FAILS(kill(getpid(), 65), EINVAL);
    CHECK_FAILS(kill(getpid(), -1), EINVAL);
    CHECK_EQ(kill(getpid(), 0), 0);
    CHECK(geteuid() != 0 || setuid(1000) == 0);
    CHECK_FAILS(kill(1, SIGUSR1), EPERM);
}

static void broken_pipe(void) {
    int pair[2];
    char byte = 0;

    CHECK_EQ(pipe(pair), 0);
    close(pair[0]);
    handle(SIGPIPE, 0);
    CHECK_FAILS(write(pair[1], &byte, 1), EPIPE);
    CHECK_EQ(seen[SIGPIPE], 1);
    signal(SIGPIPE, SIG_IGN);
    CHECK_FAILS(write(pair[1], &byte, 1), EPIPE);
}

static void killed_while_busy_and_while_asleep(void) {
    for (int busy = 0; busy < 2; busy++) {
        pid_t child = fork();
        if (child == 0) {
            while (busy)
                __asm__ volatile("");
            for (;;)
                pause();
        }
        usleep(20000);
        CHECK_EQ(kill(child, busy ? SIGTERM : SIGKILL), 0);
        CHECK_EQ(child_wait(child), busy ? SIGTERM : SIGKILL);
    }
}

static void exec_resets_handlers(void) {
    int status;

    handle(SIGUSR1, 0);
    signal(SIGUSR2, SIG_IGN);
    block(SIGHUP);
    if (fork() == 0) {
        execl(self_path(), "self", "--helper", NULL);
        CHECK(!"exec failed");
    }
    CHECK(wait(&status) > 0);
    CHECK_EQ(status, 0);
}

static int exec_helper(char **argv) {
    struct sigaction action;
    sigset_t now;

    (void)argv;
    sigaction(SIGUSR1, NULL, &action);
    if (action.sa_handler != SIG_DFL)
        return 1;
    sigaction(SIGUSR2, NULL, &action);
    if (action.sa_handler != SIG_IGN)
        return 2;
    sigprocmask(SIG_SETMASK, NULL, &now);
    return sigismember(&now, SIGHUP) ? 0 : 3;
}

CHECK_MAIN({"read_is_interrupted", read_is_interrupted}, {"read_is_restarted", read_is_restarted},
           {"wait_is_interrupted_and_restarted", wait_is_interrupted_and_restarted},
           {"ignored_does_not_interrupt", ignored_does_not_interrupt},
           {"sleep_tells_what_is_left", sleep_tells_what_is_left},
           {"suspend_swaps_the_mask", suspend_swaps_the_mask},
           {"pause_returns_after_handler", pause_returns_after_handler}, {"timed_wait", timed_wait},
           {"timed_wait_is_woken", timed_wait_is_woken},
           {"poll_survives_two_stops", poll_survives_two_stops}, {"kill_errors", kill_errors},
           {"broken_pipe", broken_pipe},
           {"killed_while_busy_and_while_asleep", killed_while_busy_and_while_asleep},
           {"exec_resets_handlers", exec_resets_handlers})
