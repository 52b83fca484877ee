/* SPDX-License-Identifier: MIT */
/*
 * Pipes and fifos: pipe(7), fifo(7): order, room, atomic writes, both ends' closing, polling.
 */
#include "asleep.h"
#include "scratch.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#define ROOM 65536

static void ends(int pair[2], int flags) {
    CHECK_EQ(pipe2(pair, flags), 0);
}

static void bytes_in_order(void) {
    char text[8] = "";
    int pair[2];

    ends(pair, 0);
    CHECK_EQ(write(pair[1], "ab", 2), 2);
    CHECK_EQ(write(pair[1], "cd", 2), 2);
    CHECK_EQ(read(pair[0], text, 3), 3);
    CHECK_EQ(memcmp(text, "abc", 3), 0);
    CHECK_EQ(read(pair[0], text, 8), 1);
    CHECK_EQ(read(pair[0], text, 0), 0);
    CHECK_EQ(write(pair[1], text, 0), 0);
    CHECK_FAILS(read(pair[1], text, 1), EBADF);
    CHECK_FAILS(write(pair[0], text, 1), EBADF);
    CHECK_FAILS(lseek(pair[0], 0, SEEK_SET), ESPIPE);
    CHECK_FAILS(pread(pair[0], text, 1, 0), ESPIPE);
    CHECK_FAILS(ftruncate(pair[1], 0), EINVAL);
    CHECK_FAILS(fsync(pair[0]), EINVAL);
}

static void full_and_empty(void) {
    static char buffer[ROOM];
    int pair[2], count = 0;

    ends(pair, O_NONBLOCK);
    CHECK_FAILS(read(pair[0], buffer, 1), EAGAIN);
    CHECK_EQ(write(pair[1], buffer, ROOM), ROOM);
    CHECK_FAILS(write(pair[1], buffer, 1), EAGAIN);
    CHECK_EQ(ioctl(pair[0], FIONREAD, &count), 0);
    CHECK_EQ(count, ROOM);
    CHECK_EQ(read(pair[0], buffer, 4096), 4096);
    CHECK_EQ(write(pair[1], buffer, 4097), 4096);
}

/* Up to PIPE_BUF bytes go in whole or not at all; more may go in part. */
static void atomic_writes(void) {
    static char buffer[ROOM];
    int pair[2];

    ends(pair, O_NONBLOCK);
    CHECK_EQ(write(pair[1], buffer, ROOM - 4096), ROOM - 4096);
    CHECK_EQ(write(pair[1], buffer, 1), 1);
    CHECK_FAILS(write(pair[1], buffer, 4096), EAGAIN);
    CHECK_EQ(read(pair[0], buffer, ROOM), ROOM - 4095);
    CHECK_EQ(write(pair[1], buffer, 4096), 4096);
}

static unsigned char pattern(size_t at) {
    return (unsigned char)(at * 13 >> 2);
}

/* Filled up and drawn from in odd pieces, round and round: every byte comes out as it went in. */
static void round_and_round(void) {
    static unsigned char buffer[ROOM];
    size_t in = 0, out = 0;
    int pair[2];

    ends(pair, O_NONBLOCK);
    for (unsigned round = 0; round < 300; round++) {
        size_t want = 1 + round * 7919 % 30000;
        ssize_t n;

        for (size_t i = 0; i < want; i++)
            buffer[i] = pattern(in + i);
        while ((n = write(pair[1], buffer, want)) > 0) {
            in += (size_t)n;
            for (size_t i = 0; i < want; i++)
                buffer[i] = pattern(in + i);
        }
        CHECK_EQ(errno, EAGAIN);
        n = read(pair[0], buffer, 1 + round * 5851 % 40000);
        CHECK(n > 0);
        for (ssize_t i = 0; i < n; i++, out++)
            CHECK_EQ(buffer[i], pattern(out));
    }
}

static void closed_ends(void) {
    struct pollfd p;
    char byte;
    int pair[2];

    signal(SIGPIPE, SIG_IGN);
    ends(pair, 0);
    CHECK_EQ(write(pair[1], "x", 1), 1);
    close(pair[1]);
    CHECK_EQ(read(pair[0], &byte, 1), 1);
    CHECK_EQ(read(pair[0], &byte, 1), 0);
    p = (struct pollfd){.fd = pair[0], .events = POLLIN};
    CHECK_EQ(poll(&p, 1, 0), 1);
    CHECK_EQ(p.revents, POLLHUP);
    ends(pair, 0);
    close(pair[0]);
    CHECK_FAILS(write(pair[1], "x", 1), EPIPE);
    p = (struct pollfd){.fd = pair[1], .events = POLLOUT};
    CHECK_EQ(poll(&p, 1, 0), 1);
    CHECK(p.revents & POLLERR);
}

static void write_alone(void *argument) {
    int pair[2];

    (void)argument;
    ends(pair, 0);
    close(pair[0]);
    (void)!write(pair[1], "x", 1);
}

static void sigpipe_kills(void) {
    CHECK_CHILD_KILLED(write_alone, NULL, SIGPIPE);
}

static void polling(void) {
    static char buffer[ROOM];
    struct pollfd p[2];
    int pair[2];

    ends(pair, 0);
    p[0] = (struct pollfd){.fd = pair[0], .events = POLLIN};
    p[1] = (struct pollfd){.fd = pair[1], .events = POLLOUT};
    CHECK_EQ(poll(p, 2, 0), 1);
    CHECK_EQ(p[0].revents, 0);
    CHECK_EQ(p[1].revents, POLLOUT);
    CHECK_EQ(write(pair[1], buffer, ROOM), ROOM);
    CHECK_EQ(poll(p, 2, 0), 1);
    CHECK_EQ(p[0].revents, POLLIN);
    CHECK_EQ(p[1].revents, 0);
}

/* Much more than fits, through two processes, every byte checked. */
static void stream(void) {
    enum { TOTAL = 1 << 20, PIECE = 5000 };
    unsigned char piece[PIECE];
    int pair[2];
    size_t at = 0;
    pid_t pid;

    ends(pair, 0);
    pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        close(pair[0]);
        for (size_t sent = 0; sent < TOTAL; sent += PIECE) {
            for (size_t i = 0; i < PIECE; i++)
                piece[i] = (unsigned char)((sent + i) * 7 >> 3);
            CHECK_EQ(write(pair[1], piece, PIECE), PIECE);
        }
        _exit(0);
    }
    close(pair[1]);
    for (;;) {
        ssize_t n = read(pair[0], piece, 3001);

        CHECK(n >= 0);
        if (n == 0)
            break;
        for (ssize_t i = 0; i < n; i++, at++)
            CHECK_EQ(piece[i], (unsigned char)(at * 7 >> 3));
    }
    CHECK(at >= TOTAL);
    CHECK_EQ(child_wait(pid), 0);
}

static void there_and_back(void) {
    int to[2], back[2];
    char byte = 0;
    pid_t pid;

    ends(to, 0);
    ends(back, 0);
    pid = fork();
    if (pid == 0) {
        close(to[1]);
        while (read(to[0], &byte, 1) == 1) {
            byte++;
            CHECK_EQ(write(back[1], &byte, 1), 1);
        }
        _exit(0);
    }
    close(to[0]);
    for (int i = 0; i < 100; i++) {
        CHECK_EQ(write(to[1], &byte, 1), 1);
        CHECK_EQ(read(back[0], &byte, 1), 1);
        CHECK_EQ(byte, i + 1);
    }
    close(to[1]);
    CHECK_EQ(child_wait(pid), 0);
}

static void on_signal(int number) {
    (void)number;
}

/* A signal comes once we sleep. */
static void interrupt_later(void) {
    struct sigaction action = {.sa_handler = on_signal};
    pid_t parent = getpid();

    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    if (fork() == 0) {
        await_asleep(parent);
        _exit(kill(parent, SIGUSR1));
    }
}

static void signals_interrupt(void) {
    char byte;
    int pair[2];

    ends(pair, 0);
    interrupt_later();
    CHECK_FAILS(read(pair[0], &byte, 1), EINTR);
}

static void size_changes(void) {
    static char buffer[ROOM];
    int pair[2];

    ends(pair, O_NONBLOCK);
    CHECK_EQ(fcntl(pair[0], F_GETPIPE_SZ), ROOM);
    CHECK_EQ(write(pair[1], "abc", 3), 3);
    CHECK_EQ(fcntl(pair[1], F_SETPIPE_SZ, 5000), 8192);
    CHECK_EQ(write(pair[1], buffer, 4096), 4096);
    CHECK_FAILS(fcntl(pair[1], F_SETPIPE_SZ, 4096), EBUSY);
    CHECK_EQ(fcntl(pair[1], F_SETPIPE_SZ, 1 << 20), 1 << 20);
    CHECK_EQ(read(pair[0], buffer, 3), 3);
    CHECK_EQ(memcmp(buffer, "abc", 3), 0);
    CHECK_FAILS(fcntl(STDERR_FILENO, 9999), EINVAL);
    CHECK_FAILS(fcntl(open("/", O_RDONLY), F_GETPIPE_SZ), EBADF);
}

static void pipe_call_errors(void) {
    int pair[2];

    CHECK_FAILS(syscall(SYS_pipe2, pair, 12345), EINVAL);
    CHECK_FAILS(syscall(SYS_pipe2, (void *)8, 0), EFAULT);
    ends(pair, O_CLOEXEC);
    CHECK_EQ(fcntl(pair[0], F_GETFD), FD_CLOEXEC);
    CHECK_EQ(fcntl(pair[1], F_GETFL), O_WRONLY);
}

static void fifo_opens_meet(void) {
    char text[8] = "";
    pid_t pid;
    int fd;

    scratch_enter();
    CHECK_EQ(mkfifo("fifo", 0600), 0);
    CHECK_FAILS(open("fifo", O_WRONLY | O_NONBLOCK), ENXIO);
    pid = fork();
    if (pid == 0) {
        fd = open("fifo", O_WRONLY);
        CHECK(fd >= 0);
        CHECK_EQ(write(fd, "hello", 5), 5);
        _exit(0);
    }
    fd = open("fifo", O_RDONLY);
    CHECK(fd >= 0);
    CHECK_EQ(read(fd, text, 8), 5);
    CHECK_EQ(memcmp(text, "hello", 5), 0);
    CHECK_EQ(child_wait(pid), 0);
    CHECK_EQ(read(fd, text, 8), 0);
}

static void fifo_without_waiting(void) {
    struct pollfd p;
    char byte;
    int in, out;

    scratch_enter();
    CHECK_EQ(mkfifo("fifo", 0600), 0);
    in = open("fifo", O_RDONLY | O_NONBLOCK);
    CHECK(in >= 0);
    p = (struct pollfd){.fd = in, .events = POLLIN};
    CHECK_EQ(poll(&p, 1, 0), 0);
    CHECK_EQ(read(in, &byte, 1), 0);
    out = open("fifo", O_WRONLY | O_NONBLOCK);
    CHECK(out >= 0);
    CHECK_FAILS(read(in, &byte, 1), EAGAIN);
    CHECK_EQ(write(out, "x", 1), 1);
    CHECK_EQ(read(in, &byte, 1), 1);
    close(out);
    CHECK_EQ(poll(&p, 1, 0), 1);
    CHECK_EQ(p.revents, POLLHUP);
    CHECK_EQ(close(in), 0);
    in = open("fifo", O_RDWR);
    CHECK(in >= 0);
    CHECK_EQ(write(in, "y", 1), 1);
    CHECK_EQ(unlink("fifo"), 0);
    CHECK_EQ(read(in, &byte, 1), 1);
    CHECK_EQ(byte, 'y');
}

static void fifo_open_is_interrupted(void) {
    scratch_enter();
    CHECK_EQ(mkfifo("fifo", 0600), 0);
    interrupt_later();
    CHECK_FAILS(open("fifo", O_RDONLY), EINTR);
    CHECK_FAILS(open("fifo", O_WRONLY | O_NONBLOCK), ENXIO);
}

CHECK_MAIN({"bytes_in_order", bytes_in_order}, {"full_and_empty", full_and_empty},
           {"atomic_writes", atomic_writes}, {"round_and_round", round_and_round},
           {"closed_ends", closed_ends}, {"sigpipe_kills", sigpipe_kills}, {"polling", polling},
           {"stream", stream}, {"there_and_back", there_and_back},
           {"signals_interrupt", signals_interrupt}, {"size_changes", size_changes},
           {"pipe_call_errors", pipe_call_errors}, {"fifo_opens_meet", fifo_opens_meet},
           {"fifo_without_waiting", fifo_without_waiting},
           {"fifo_open_is_interrupted", fifo_open_is_interrupted})
