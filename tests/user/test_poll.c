/* SPDX-License-Identifier: MIT */
/*
 * Waiting for one of many: poll, ppoll, select, pselect6, epoll, eventfd (row X9).
 */
#include "asleep.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <time.h>

#define NOBODY ((void *)8) /* an address where nothing is */

static long long now_ms(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static void pipe_make(int ends[2]) {
    CHECK_EQ(pipe(ends), 0);
}

static void put(int fd, const char *text) {
    CHECK_EQ(write(fd, text, strlen(text)), strlen(text));
}

/* A child that writes a byte after a while. */
static pid_t write_later(int fd, int after_ms) {
    pid_t pid = fork();

    CHECK(pid >= 0);
    if (pid == 0) {
        usleep((useconds_t)after_ms * 1000);
        put(fd, "x");
        _exit(0);
    }
    return pid;
}

static volatile sig_atomic_t signals_seen;

static void on_signal(int signo) {
    (void)signo;
    signals_seen++;
}

static void catch_alarm(int flags) {
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = flags};

    signals_seen = 0;
    CHECK_EQ(sigaction(SIGALRM, &action, NULL), 0);
}

/* It comes once we sleep. */
static void alarm_later(void) {
    pid_t parent = getpid();

    if (fork() == 0) {
        await_asleep(parent);
        kill(parent, SIGALRM);
        _exit(0);
    }
}

/* ---- poll ---- */

static void poll_pipe(void) {
    int ends[2];

    pipe_make(ends);
    struct pollfd fds[2] = {{ends[0], POLLIN, -1}, {ends[1], POLLOUT, -1}};
    CHECK_EQ(poll(fds, 2, 0), 1);
    CHECK_EQ(fds[0].revents, 0);
    CHECK_EQ(fds[1].revents, POLLOUT);
    put(ends[1], "x");
    CHECK_EQ(poll(fds, 2, -1), 2);
    CHECK_EQ(fds[0].revents, POLLIN);
    close(ends[1]);
    CHECK_EQ(poll(fds, 1, -1), 1);
    CHECK_EQ(fds[0].revents, POLLIN | POLLHUP);
    fds[0].events = 0;
    CHECK_EQ(poll(fds, 1, 0), 1);
    CHECK_EQ(fds[0].revents, POLLHUP);
}

static void poll_no_reader(void) {
    int ends[2];

    pipe_make(ends);
    close(ends[0]);
    struct pollfd fd = {ends[1], POLLOUT, 0};
    CHECK_EQ(poll(&fd, 1, 0), 1);
    CHECK(fd.revents & POLLERR);
}

static void poll_numbers(void) {
    struct pollfd fds[3] = {{-1, POLLIN, 7}, {250, POLLIN, 7}, {-5, POLLIN, 7}};

    CHECK_EQ(poll(fds, 3, 1000), 1);
    CHECK_EQ(fds[0].revents, 0);
    CHECK_EQ(fds[1].revents, POLLNVAL);
    CHECK_EQ(fds[2].revents, 0);
}

static void poll_timeout(void) {
    int ends[2];
    long long start = now_ms();

    pipe_make(ends);
    struct pollfd fd = {ends[0], POLLIN, 0};
    CHECK_EQ(poll(&fd, 1, 120), 0);
    CHECK(now_ms() - start >= 120);
    start = now_ms();
    CHECK_EQ(poll(NULL, 0, 50), 0);
    CHECK(now_ms() - start >= 50);
}

static void poll_wakes(void) {
    int ends[2];

    pipe_make(ends);
    struct pollfd fd = {ends[0], POLLIN, 0};
    pid_t child = write_later(ends[1], 50);
    CHECK_EQ(poll(&fd, 1, -1), 1);
    CHECK_EQ(fd.revents, POLLIN);
    child_wait(child);
}

/* A regular file is always ready. */
static void poll_regular(void) {
    struct pollfd fd = {open("/proc/self/exe", O_RDONLY), POLLIN | POLLOUT, 0};

    CHECK(fd.fd >= 0);
    CHECK_EQ(poll(&fd, 1, -1), 1);
    CHECK_EQ(fd.revents, POLLIN | POLLOUT);
}

static void poll_many(void) {
    enum { PIPES = 120 };
    static struct pollfd fds[PIPES];
    int ends[2], last = -1;

    for (int i = 0; i < PIPES; i++) {
        pipe_make(ends);
        fds[i] = (struct pollfd){ends[0], POLLIN, 0};
        last = ends[1];
    }
    CHECK_EQ(poll(fds, PIPES, 0), 0);
    pid_t child = write_later(last, 50);
    CHECK_EQ(poll(fds, PIPES, -1), 1);
    CHECK_EQ(fds[PIPES - 1].revents, POLLIN);
    child_wait(child);
}

static void poll_errors(void) {
    struct rlimit limit;
    struct pollfd fd = {0, POLLIN, 0};

    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
    CHECK_FAILS(syscall(SYS_poll, &fd, limit.rlim_cur + 1, 0), EINVAL);
    CHECK_FAILS(syscall(SYS_poll, NOBODY, 1, 0), EFAULT);
    struct timespec bad = {0, 1000000000};
    CHECK_FAILS(ppoll(&fd, 1, &bad, NULL), EINVAL);
    bad = (struct timespec){-1, 0};
    CHECK_FAILS(ppoll(&fd, 1, &bad, NULL), EINVAL);
    CHECK_FAILS(syscall(SYS_ppoll, &fd, 1, NULL, &fd, 4), EINVAL);
}

/* Even with SA_RESTART. */
static void poll_interrupted(void) {
    int ends[2];

    pipe_make(ends);
    struct pollfd fd = {ends[0], POLLIN, 0};
    catch_alarm(SA_RESTART);
    alarm_later();
    CHECK_FAILS(poll(&fd, 1, -1), EINTR);
    CHECK_EQ(signals_seen, 1);
}

/* False: it had ended before it could be stopped. */
static bool poll_stopped_within(int timeout_ms) {
    pid_t child = fork();
    int status;

    CHECK(child >= 0);
    if (child == 0) {
        long long start = now_ms();
        int result = poll(NULL, 0, timeout_ms);
        _exit(result == 0 && now_ms() - start >= timeout_ms ? 0 : 1);
    }
    await_asleep(child);
    CHECK_EQ(kill(child, SIGSTOP), 0);
    CHECK_EQ(waitpid(child, &status, WUNTRACED), child);
    if (WIFEXITED(status)) {
        CHECK_EQ(status, 0);
        return false;
    }
    CHECK(WIFSTOPPED(status));
    usleep(50000);
    CHECK_EQ(kill(child, SIGCONT), 0);
    CHECK_EQ(child_wait(child), 0);
    return true;
}

/* A stop and a continue are no interruption, and the timeout runs on meanwhile. */
static void poll_stopped(void) {
    for (int timeout_ms = 300; !poll_stopped_within(timeout_ms); timeout_ms *= 2)
        ;
}

/* ppoll's mask is in force only while it waits: a pending signal comes in then, and only then. */
static void ppoll_mask(void) {
    sigset_t alarm_only, old, none;

    sigemptyset(&none);
    sigemptyset(&alarm_only);
    sigaddset(&alarm_only, SIGALRM);
    catch_alarm(0);
    CHECK_EQ(sigprocmask(SIG_BLOCK, &alarm_only, NULL), 0);
    CHECK_EQ(raise(SIGALRM), 0);
    CHECK_EQ(signals_seen, 0);
    CHECK_FAILS(ppoll(NULL, 0, NULL, &none), EINTR);
    CHECK_EQ(signals_seen, 1);
    CHECK_EQ(sigprocmask(SIG_BLOCK, NULL, &old), 0);
    CHECK(sigismember(&old, SIGALRM));
    struct timespec brief = {0, 10000000};
    CHECK_EQ(ppoll(NULL, 0, &brief, &none), 0);
    CHECK_EQ(sigprocmask(SIG_BLOCK, NULL, &old), 0);
    CHECK(sigismember(&old, SIGALRM));
}

/* ---- select ---- */

static void select_sets(void) {
    fd_set reads, writes;
    int ends[2];

    pipe_make(ends);
    CHECK_EQ(dup2(ends[0], 100), 100);
    FD_ZERO(&reads);
    FD_SET(ends[0], &reads);
    FD_SET(100, &reads);
    FD_ZERO(&writes);
    FD_SET(ends[1], &writes);
    CHECK_EQ(select(101, &reads, &writes, NULL, NULL), 1);
    CHECK(!FD_ISSET(ends[0], &reads) && !FD_ISSET(100, &reads) && FD_ISSET(ends[1], &writes));
    put(ends[1], "x");
    FD_SET(ends[0], &reads);
    FD_SET(100, &reads);
    CHECK_EQ(select(101, &reads, &writes, NULL, NULL), 3);
    CHECK(FD_ISSET(ends[0], &reads) && FD_ISSET(100, &reads) && FD_ISSET(ends[1], &writes));
}

static void select_end_of_file(void) {
    fd_set reads, others;
    int ends[2];

    pipe_make(ends);
    close(ends[1]);
    FD_ZERO(&reads);
    FD_SET(ends[0], &reads);
    FD_ZERO(&others);
    FD_SET(ends[0], &others);
    struct timeval none = {0, 0};
    CHECK_EQ(select(ends[0] + 1, &reads, NULL, &others, &none), 1);
    CHECK(FD_ISSET(ends[0], &reads) && !FD_ISSET(ends[0], &others));
}

static void select_timeout(void) {
    struct timeval time = {0, 100000};
    long long start = now_ms();

    CHECK_EQ(syscall(SYS_select, 0, NULL, NULL, NULL, &time), 0); /* not the library's copy */
    CHECK(now_ms() - start >= 100);
    CHECK_EQ(time.tv_sec, 0);
    CHECK_EQ(time.tv_usec, 0);
    time = (struct timeval){0, 1100000}; /* more than a second of microseconds is allowed */
    start = now_ms();
    CHECK_EQ(select(0, NULL, NULL, NULL, &time), 0);
    CHECK(now_ms() - start >= 1100);
}

static void select_errors(void) {
    struct timeval bad = {-1, 0};
    fd_set set;

    FD_ZERO(&set);
    FD_SET(25, &set);
    CHECK_FAILS(select(26, &set, NULL, NULL, NULL), EBADF);
    CHECK_FAILS(select(-1, NULL, NULL, NULL, NULL), EINVAL);
    CHECK_FAILS(syscall(SYS_select, 0, NULL, NULL, NULL, &bad), EINVAL);
    CHECK_FAILS(syscall(SYS_select, 10, NOBODY, NULL, NULL, NULL), EFAULT);
}

static void select_interrupted(void) {
    catch_alarm(SA_RESTART);
    alarm_later();
    CHECK_FAILS(select(0, NULL, NULL, NULL, NULL), EINTR);
}

/* ---- epoll ---- */

static int epoll_make(void) {
    int set = epoll_create1(EPOLL_CLOEXEC);

    CHECK(set >= 0);
    CHECK_EQ(fcntl(set, F_GETFD), FD_CLOEXEC);
    return set;
}

static void watch(int set, int fd, uint32_t events) {
    struct epoll_event event = {.events = events, .data.fd = fd};

    CHECK_EQ(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event), 0);
}

/* How many events there are now; the first one's bits and descriptor are checked. */
static void expect(int set, int count, uint32_t events, int fd) {
    struct epoll_event found[8];

    CHECK_EQ(epoll_wait(set, found, 8, 0), count);
    if (count > 0) {
        CHECK_EQ(found[0].events, events);
        CHECK_EQ(found[0].data.fd, fd);
    }
}

static void epoll_level(void) {
    int set = epoll_make(), ends[2];

    pipe_make(ends);
    watch(set, ends[0], EPOLLIN);
    expect(set, 0, 0, 0);
    put(ends[1], "x");
    expect(set, 1, EPOLLIN, ends[0]);
    expect(set, 1, EPOLLIN, ends[0]);
    char byte;
    CHECK_EQ(read(ends[0], &byte, 1), 1);
    expect(set, 0, 0, 0);
    close(ends[1]);
    expect(set, 1, EPOLLHUP, ends[0]);
}

static void epoll_edge(void) {
    int set = epoll_make(), ends[2];

    pipe_make(ends);
    put(ends[1], "x");
    watch(set, ends[0], EPOLLIN | EPOLLET); /* what is there at the start counts */
    expect(set, 1, EPOLLIN, ends[0]);
    expect(set, 0, 0, 0);
    put(ends[1], "x");
    expect(set, 1, EPOLLIN, ends[0]);
    expect(set, 0, 0, 0);
}

static void epoll_once(void) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT};
    int set = epoll_make(), ends[2];

    pipe_make(ends);
    put(ends[1], "x");
    watch(set, ends[0], EPOLLIN | EPOLLONESHOT);
    expect(set, 1, EPOLLIN, ends[0]);
    expect(set, 0, 0, 0);
    put(ends[1], "x");
    expect(set, 0, 0, 0);
    event.data.fd = ends[0];
    CHECK_EQ(epoll_ctl(set, EPOLL_CTL_MOD, ends[0], &event), 0);
    expect(set, 1, EPOLLIN, ends[0]);
}

static void epoll_changes(void) {
    struct epoll_event event = {.events = EPOLLIN};
    int set = epoll_make(), ends[2];

    pipe_make(ends);
    watch(set, ends[1], EPOLLIN);
    expect(set, 0, 0, 0);
    event.events = EPOLLOUT;
    event.data.fd = ends[1];
    CHECK_EQ(epoll_ctl(set, EPOLL_CTL_MOD, ends[1], &event), 0);
    expect(set, 1, EPOLLOUT, ends[1]);
    CHECK_EQ(epoll_ctl(set, EPOLL_CTL_DEL, ends[1], NULL), 0);
    expect(set, 0, 0, 0);
}

/* Closing the last descriptor of a file ends the watch; a duplicate keeps it. */
static void epoll_close(void) {
    int set = epoll_make(), ends[2];

    pipe_make(ends);
    put(ends[1], "x");
    int copy = dup(ends[0]);
    watch(set, ends[0], EPOLLIN);
    close(ends[0]);
    expect(set, 1, EPOLLIN, ends[0]);
    close(copy);
    expect(set, 0, 0, 0);
    CHECK(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
    CHECK_FAILS(write(ends[1], "x", 1), EPIPE); /* and did not keep the file open */
}

static void epoll_errors(void) {
    struct epoll_event event = {.events = EPOLLIN};
    int set = epoll_make(), ends[2];

    pipe_make(ends);
    CHECK_FAILS(syscall(SYS_epoll_create, 0), EINVAL);
    CHECK_FAILS(epoll_create1(1), EINVAL);
    CHECK_FAILS(epoll_ctl(250, EPOLL_CTL_ADD, ends[0], &event), EBADF);
    CHECK_FAILS(epoll_ctl(set, EPOLL_CTL_ADD, 250, &event), EBADF);
    CHECK_FAILS(epoll_ctl(ends[0], EPOLL_CTL_ADD, ends[1], &event), EINVAL);
    CHECK_FAILS(epoll_ctl(set, EPOLL_CTL_ADD, set, &event), EINVAL);
    CHECK_FAILS(epoll_ctl(set, 99, ends[0], &event), EINVAL);
    CHECK_FAILS(epoll_ctl(set, EPOLL_CTL_MOD, ends[0], &event), ENOENT);
    CHECK_FAILS(epoll_ctl(set, EPOLL_CTL_DEL, ends[0], &event), ENOENT);
    watch(set, ends[0], EPOLLIN);
    CHECK_FAILS(epoll_ctl(set, EPOLL_CTL_ADD, ends[0], &event), EEXIST);
    CHECK_FAILS(epoll_ctl(set, EPOLL_CTL_ADD, ends[0], NOBODY), EFAULT);
    int file = open("/proc/self/exe", O_RDONLY);
    CHECK_FAILS(epoll_ctl(set, EPOLL_CTL_ADD, file, &event), EPERM);
    CHECK_FAILS(epoll_wait(set, &event, 0, 0), EINVAL);
    CHECK_FAILS(epoll_wait(ends[0], &event, 1, 0), EINVAL);
    CHECK_FAILS(epoll_wait(250, &event, 1, 0), EBADF);
}

static void epoll_wakes(void) {
    struct epoll_event event;
    int set = epoll_make(), ends[2];

    pipe_make(ends);
    watch(set, ends[0], EPOLLIN);
    long long start = now_ms();
    CHECK_EQ(epoll_wait(set, &event, 1, 60), 0);
    CHECK(now_ms() - start >= 60);
    pid_t child = write_later(ends[1], 50);
    CHECK_EQ(epoll_wait(set, &event, 1, -1), 1);
    CHECK_EQ(event.data.fd, ends[0]);
    child_wait(child);
    catch_alarm(SA_RESTART);
    char byte;
    CHECK_EQ(read(ends[0], &byte, 1), 1);
    alarm_later();
    CHECK_FAILS(epoll_wait(set, &event, 1, -1), EINTR);
}

/* A set in a set, and a set in poll. */
static void epoll_nested(void) {
    struct epoll_event event = {.events = EPOLLIN};
    int outer = epoll_make(), inner = epoll_make(), ends[2];

    pipe_make(ends);
    watch(inner, ends[0], EPOLLIN);
    watch(outer, inner, EPOLLIN);
    CHECK_FAILS(epoll_ctl(inner, EPOLL_CTL_ADD, outer, &event), ELOOP);
    struct pollfd fd = {outer, POLLIN, 0};
    CHECK_EQ(poll(&fd, 1, 0), 0);
    expect(outer, 0, 0, 0);
    pid_t child = write_later(ends[1], 50);
    CHECK_EQ(poll(&fd, 1, -1), 1);
    expect(outer, 1, EPOLLIN, inner);
    expect(inner, 1, EPOLLIN, ends[0]);
    child_wait(child);
}

/* One process serves many: each client's byte comes back as its next one. */
static void epoll_serves_many(void) {
    enum { CLIENTS = 20, ROUNDS = 10 };
    int set = epoll_make(), to[CLIENTS][2], from[CLIENTS][2];

    for (int i = 0; i < CLIENTS; i++) {
        pipe_make(to[i]);
        pipe_make(from[i]);
        if (fork() == 0) {
            char byte = 0;
            for (int round = 0; round < ROUNDS; round++) {
                CHECK_EQ(write(to[i][1], &byte, 1), 1);
                CHECK_EQ(read(from[i][0], &byte, 1), 1);
            }
            CHECK_EQ(byte, ROUNDS);
            _exit(0);
        }
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
        CHECK_EQ(epoll_ctl(set, EPOLL_CTL_ADD, to[i][0], &event), 0);
    }
    for (int left = CLIENTS * ROUNDS; left > 0;) {
        struct epoll_event events[7];
        int count = epoll_wait(set, events, 7, -1);
        CHECK(count > 0);
        for (int i = 0; i < count; i++, left--) {
            char byte;
            uint32_t client = events[i].data.u32;
            CHECK_EQ(read(to[client][0], &byte, 1), 1);
            byte++;
            CHECK_EQ(write(from[client][1], &byte, 1), 1);
        }
    }
    for (int i = 0; i < CLIENTS; i++) {
        int status;
        CHECK(wait(&status) > 0);
        CHECK_EQ(status, 0);
    }
}

/* ---- eventfd ---- */

static void event_counts(void) {
    int fd = eventfd(3, EFD_NONBLOCK);
    uint64_t value = 0;

    CHECK(fd >= 0);
    CHECK_EQ(read(fd, &value, 8), 8);
    CHECK_EQ(value, 3);
    CHECK_FAILS(read(fd, &value, 8), EAGAIN);
    value = 5;
    CHECK_EQ(write(fd, &value, 8), 8);
    CHECK_EQ(write(fd, &value, 8), 8);
    CHECK_EQ(read(fd, &value, 8), 8);
    CHECK_EQ(value, 10);
    value = UINT64_MAX;
    CHECK_FAILS(write(fd, &value, 8), EINVAL);
    value = UINT64_MAX - 1;
    CHECK_EQ(write(fd, &value, 8), 8);
    value = 1;
    CHECK_FAILS(write(fd, &value, 8), EAGAIN);
    CHECK_FAILS(read(fd, &value, 7), EINVAL);
    CHECK_FAILS(eventfd(0, 0x40), EINVAL);
}

static void event_semaphore(void) {
    int fd = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK);
    uint64_t value = 0;

    CHECK_EQ(read(fd, &value, 8), 8);
    CHECK_EQ(value, 1);
    CHECK_EQ(read(fd, &value, 8), 8);
    CHECK_EQ(value, 1);
    CHECK_FAILS(read(fd, &value, 8), EAGAIN);
}

static void event_wakes(void) {
    int fd = eventfd(0, 0);
    uint64_t value = 0;

    if (fork() == 0) {
        uint64_t seven = 7;
        usleep(50000);
        _exit(write(fd, &seven, 8) == 8 ? 0 : 1);
    }
    struct pollfd poll_fd = {fd, POLLIN, 0};
    CHECK_EQ(poll(&poll_fd, 1, -1), 1);
    CHECK_EQ(read(fd, &value, 8), 8);
    CHECK_EQ(value, 7);
}

/* ---- ioctl ---- */

static void ioctl_common(void) {
    int ends[2], value = 1;

    pipe_make(ends);
    CHECK_EQ(ioctl(ends[0], FIONBIO, &value), 0);
    CHECK(fcntl(ends[0], F_GETFL) & O_NONBLOCK);
    char byte;
    CHECK_FAILS(read(ends[0], &byte, 1), EAGAIN);
    put(ends[1], "abc");
    CHECK_EQ(ioctl(ends[0], FIONREAD, &value), 0);
    CHECK_EQ(value, 3);
    CHECK_EQ(ioctl(ends[0], FIOCLEX), 0);
    CHECK_EQ(fcntl(ends[0], F_GETFD), FD_CLOEXEC);
    CHECK_EQ(ioctl(ends[0], FIONCLEX), 0);
    CHECK_EQ(fcntl(ends[0], F_GETFD), 0);
    CHECK_FAILS(ioctl(ends[0], TIOCGWINSZ, &value), ENOTTY);
    CHECK_FAILS(ioctl(ends[0], FIONBIO, NOBODY), EFAULT);
    CHECK_FAILS(ioctl(250, FIONBIO, &value), EBADF);
}

CHECK_MAIN({"poll_pipe", poll_pipe}, {"poll_no_reader", poll_no_reader},
           {"poll_numbers", poll_numbers}, {"poll_timeout", poll_timeout},
           {"poll_wakes", poll_wakes}, {"poll_regular", poll_regular}, {"poll_many", poll_many},
           {"poll_errors", poll_errors}, {"poll_interrupted", poll_interrupted},
           {"poll_stopped", poll_stopped}, {"ppoll_mask", ppoll_mask}, {"select_sets", select_sets},
           {"select_end_of_file", select_end_of_file}, {"select_timeout", select_timeout},
           {"select_errors", select_errors}, {"select_interrupted", select_interrupted},
           {"epoll_level", epoll_level}, {"epoll_edge", epoll_edge}, {"epoll_once", epoll_once},
           {"epoll_changes", epoll_changes}, {"epoll_close", epoll_close},
           {"epoll_errors", epoll_errors}, {"epoll_wakes", epoll_wakes},
           {"epoll_nested", epoll_nested}, {"epoll_serves_many", epoll_serves_many},
           {"event_counts", event_counts}, {"event_semaphore", event_semaphore},
           {"event_wakes", event_wakes}, {"ioctl_common", ioctl_common});
