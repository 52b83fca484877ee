/* SPDX-License-Identifier: MIT */
/*
 * Descriptors: numbers, duplicates, close-on-exec, limits, what fork shares (row B12).
 */
#define CHECK_HELPER show_open
#include "scratch.h"

#include <sys/resource.h>
#include <sys/syscall.h>

static int null_open(void) {
    int fd = open("/dev/null", O_RDWR);

    CHECK(fd >= 0);
    return fd;
}

/* Numbers from here on are free whatever the test was started with. */
#define FREE_FROM 300

static int dup_from(int fd, int minimum) {
    return fcntl(fd, F_DUPFD, minimum);
}

static void lowest_number(void) {
    int fd = null_open(), next = null_open();

    CHECK_EQ(close(fd), 0);
    CHECK_EQ(dup(next), fd);
    CHECK_EQ(dup_from(fd, FREE_FROM), FREE_FROM);
    CHECK_EQ(dup_from(fd, FREE_FROM), FREE_FROM + 1);
    CHECK_EQ(dup_from(fd, FREE_FROM), FREE_FROM + 2);
    CHECK_EQ(close(FREE_FROM), 0);
    CHECK_EQ(close(FREE_FROM + 2), 0);
    CHECK_EQ(dup_from(fd, FREE_FROM - 1), FREE_FROM - 1);
    CHECK_EQ(dup_from(fd, FREE_FROM - 1), FREE_FROM);
    CHECK_EQ(dup_from(fd, FREE_FROM - 1), FREE_FROM + 2);
}

static void duplicates(void) {
    int a = null_open();

    CHECK_EQ(dup2(a, a), a);
    CHECK_EQ(dup2(a, 200), 200);
    CHECK_FAILS(syscall(SYS_dup3, a, a, 0), EINVAL);
    CHECK_FAILS(syscall(SYS_dup3, a, 5, 1), EINVAL);
    CHECK_EQ(dup3(a, 201, O_CLOEXEC), 201);
    CHECK_EQ(fcntl(201, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(dup2(a, 201), 201);
    CHECK_EQ(fcntl(201, F_GETFD), 0);
    CHECK_FAILS(dup2(250, a), EBADF);
    CHECK_FAILS(dup2(250, 250), EBADF);
    CHECK_FAILS(dup2(a, -1), EBADF);
    CHECK_FAILS(dup(-1), EBADF);
    CHECK_FAILS(close(250), EBADF);
    CHECK_FAILS(close(-1), EBADF);
}

static void flags(void) {
    int a = null_open(), b = dup(a);

    CHECK_EQ(fcntl(a, F_SETFD, FD_CLOEXEC), 0);
    CHECK_EQ(fcntl(a, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(fcntl(b, F_GETFD), 0);
    CHECK_EQ(fcntl(a, F_SETFL, O_NONBLOCK | O_WRONLY | O_CREAT), 0);
    CHECK_EQ(fcntl(b, F_GETFL) & (O_ACCMODE | O_NONBLOCK | O_CREAT), O_RDWR | O_NONBLOCK);
    CHECK_EQ(fcntl(a, F_SETFL, 0), 0);
    CHECK_EQ(fcntl(b, F_GETFL) & O_NONBLOCK, 0);
    CHECK_FAILS(fcntl(a, 9999), EINVAL);
    CHECK_FAILS(fcntl(250, F_GETFD), EBADF);
    CHECK_FAILS(fcntl(a, F_DUPFD, -1), EINVAL);
}

static void limit(void) {
    struct rlimit few = {20, 20};
    int fd = null_open(), last = fd;

    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
    while ((fd = dup(0)) >= 0)
        last = fd;
    CHECK_EQ(errno, EMFILE);
    CHECK_EQ(last, 19);
    CHECK_FAILS(open("/dev/null", O_RDONLY), EMFILE);
    CHECK_FAILS(fcntl(0, F_DUPFD, 20), EINVAL);
    CHECK_FAILS(dup2(0, 20), EBADF);
    CHECK_EQ(dup2(0, 19), 19);
}

static void many(void) {
    int fd = null_open();

    for (int i = FREE_FROM; i < 1000; i++)
        CHECK_EQ(dup_from(fd, FREE_FROM), i);
    for (int i = FREE_FROM; i < 1000; i += 2)
        CHECK_EQ(close(i), 0);
    for (int i = FREE_FROM; i < 1000; i += 2)
        CHECK_EQ(dup_from(fd, FREE_FROM), i);
}

static void close_ranges(void) {
    int fd = null_open();

    for (int i = 50; i < 60; i++)
        CHECK_EQ(dup2(fd, i), i);
    CHECK_EQ(syscall(SYS_close_range, 53, 55, 0), 0);
    CHECK_EQ(fcntl(52, F_GETFD), 0);
    CHECK_FAILS(fcntl(53, F_GETFD), EBADF);
    CHECK_FAILS(fcntl(55, F_GETFD), EBADF);
    CHECK_EQ(fcntl(56, F_GETFD), 0);
    CHECK_EQ(syscall(SYS_close_range, 56, 57, 4), 0);
    CHECK_EQ(fcntl(57, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(fcntl(58, F_GETFD), 0);
    CHECK_FAILS(syscall(SYS_close_range, 5, 4, 0), EINVAL);
    CHECK_FAILS(syscall(SYS_close_range, 5, 6, 64), EINVAL);
    CHECK_EQ(syscall(SYS_close_range, 50, ~0u, 0), 0);
    CHECK_FAILS(fcntl(59, F_GETFD), EBADF);
}

static void read_three(void *argument) {
    char text[3];

    CHECK_EQ(read(*(int *)argument, text, 3), 3);
    CHECK_EQ(memcmp(text, "012", 3), 0);
}

static void fork_shares_positions(void) {
    char byte;
    int fd;

    scratch_enter();
    file_put("f", "0123456789");
    fd = open("f", O_RDONLY);
    CHECK_CHILD_OK(read_three, &fd);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 3);
    CHECK_EQ(read(fd, &byte, 1), 1);
    CHECK_EQ(byte, '3');
}

static void close_one(void *argument) {
    CHECK_EQ(close(*(int *)argument), 0);
    CHECK_FAILS(close(*(int *)argument), EBADF);
    CHECK_EQ(open("/dev/null", O_RDONLY), *(int *)argument);
}

static void fork_copies_the_table(void) {
    int fd = null_open();

    CHECK_CHILD_OK(close_one, &fd);
    CHECK_EQ(fcntl(fd, F_GETFD), 0);
    CHECK_EQ(write(fd, "x", 1), 1);
}

/* The program that close_on_exec executes: which of the numbers are open? */
static int show_open(char **argv) {
    return fcntl(atoi(argv[0]), F_GETFD) >= 0 && fcntl(atoi(argv[1]), F_GETFD) < 0 ? 0 : 1;
}

static void exec_with(void *argument) {
    char kept[16], closed[16];
    int *fds = argument;

    snprintf(kept, sizeof kept, "%d", fds[0]);
    snprintf(closed, sizeof closed, "%d", fds[1]);
    execl(self_path(), "self", "--helper", kept, closed, (char *)NULL);
    CHECK(!"execl");
}

static void close_on_exec(void) {
    int fds[2] = {null_open(), open("/dev/null", O_RDONLY | O_CLOEXEC)};

    CHECK_CHILD_OK(exec_with, fds);
    CHECK_EQ(fcntl(fds[1], F_GETFD), FD_CLOEXEC);
}

CHECK_MAIN({"lowest_number", lowest_number}, {"duplicates", duplicates}, {"flags", flags},
           {"limit", limit}, {"many", many}, {"close_ranges", close_ranges},
           {"fork_shares_positions", fork_shares_positions},
           {"fork_copies_the_table", fork_copies_the_table}, {"close_on_exec", close_on_exec})
