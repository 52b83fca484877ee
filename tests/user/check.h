/* SPDX-License-Identifier: MIT */
/*
 * The harness of the user tests: a table of subtests, each run in a child of its own.
 *
 * A program under tests/user includes this file first, writes subtests as functions and ends with
 *
 *     CHECK_MAIN({"name", function}, {"other", other});
 *
 * It prints `ok NAME`, `not ok NAME: why` or `skip NAME: why` per subtest. Exit status: 0 all ok,
 * 1 one or more failed, 77 every one of them skipped. Arguments select subtests by name; -l lists
 * them. The same program runs on Linux and on Quire and has to pass on both. A test that executes
 * itself defines CHECK_HELPER, a function of argv, called for `PROGRAM --helper ...` in place of
 * the tests; self_path() is the program's own file.
 *
 * CHECK works in the subtest and in every process forked from it: the first failure's file, line
 * and text reach the parent through a pipe. A subtest that takes longer than CHECK_SECONDS is
 * killed by its alarm; whatever it left running in its process group is killed with it.
 */
#ifndef TESTS_USER_CHECK_H
#define TESTS_USER_CHECK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef CHECK_SECONDS
#define CHECK_SECONDS 130 /* that only what hangs takes, on however busy a machine */
#endif

#define CHECK_EXIT_FAILED 99
#define CHECK_EXIT_SKIPPED 77
#define CHECK_WHY_BYTES 256

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

struct check_subtest {
    const char *name;
    void (*run)(void);
};

static int check_why_fd = STDERR_FILENO;

/* End this process: the subtest failed, or cannot be run here. */
static inline _Noreturn void check_stop(int status, const char *format, ...) {
    char why[CHECK_WHY_BYTES];
    va_list args;
    int length;

    va_start(args, format);
    length = vsnprintf(why, sizeof why, format, args);
    va_end(args);
    if (length >= (int)sizeof why)
        length = sizeof why - 1;
    if (write(check_why_fd, why, (size_t)length) < 0)
        status = CHECK_EXIT_FAILED;
    _exit(status);
}

#define CHECK_NOTE(...) check_stop(CHECK_EXIT_FAILED, __VA_ARGS__)
#define SKIP(why) check_stop(CHECK_EXIT_SKIPPED, "%s", why)

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            CHECK_NOTE("%s:%d: %s (errno %d)", __FILE__, __LINE__, #condition, errno);             \
    } while (0)

/* Two integers that have to be equal; both are shown if they are not. */
#define CHECK_EQ(actual, expected)                                                                 \
    do {                                                                                           \
        long long check_a = (long long)(actual), check_e = (long long)(expected);                  \
        if (check_a != check_e)                                                                    \
            CHECK_NOTE("%s:%d: %s is %lld (%#llx), not %lld", __FILE__, __LINE__, #actual,         \
                       check_a, check_a, check_e);                                                 \
    } while (0)

/* A call that has to fail with -1 (MAP_FAILED is -1 as well) and this errno. */
#define CHECK_FAILS(call, error)                                                                   \
    do {                                                                                           \
        errno = 0;                                                                                 \
        long long check_r = (long long)(call);                                                     \
        if (check_r != -1 || errno != (error))                                                     \
            CHECK_NOTE("%s:%d: %s gave %lld, errno %d, not " #error, __FILE__, __LINE__, #call,    \
                       check_r, errno);                                                            \
    } while (0)

/* Is this kernel Quire? Its uname says so somewhere. */
static inline bool on_quire(void) {
    struct utsname name;

    return uname(&name) == 0 &&
           (strcasestr(name.sysname, "quire") || strcasestr(name.release, "quire") ||
            strcasestr(name.version, "quire"));
}

static inline int child_wait(pid_t pid) {
    int status;

    while (waitpid(pid, &status, 0) < 0)
        CHECK(errno == EINTR);
    return status;
}

/* Run `body` in a child; returns its wait status. A failed CHECK in it fails the subtest. */
static inline int child_run(void (*body)(void *), void *argument) {
    int status;
    pid_t pid = fork();

    CHECK(pid >= 0);
    if (pid == 0) {
        body(argument);
        _exit(0);
    }
    status = child_wait(pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == CHECK_EXIT_FAILED)
        _exit(CHECK_EXIT_FAILED);
    return status;
}

#define CHECK_CHILD_OK(body, argument) CHECK_EQ(child_run(body, argument), 0)
#define CHECK_CHILD_KILLED(body, argument, number)                                                 \
    CHECK_EQ(child_run(body, argument) & 0x7f, number)

/* The child of check_one: this process is the subtest. */
static inline _Noreturn void check_child(const struct check_subtest *test, int why_fd) {
    check_why_fd = why_fd;
    setpgid(0, 0);
    alarm(CHECK_SECONDS);
    test->run();
    _exit(0);
}

static inline int check_report(const struct check_subtest *test, int status, const char *why) {
    if (status == 0) {
        printf("ok %s\n", test->name);
        return 0;
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == CHECK_EXIT_SKIPPED) {
        printf("skip %s: %s\n", test->name, why);
        return CHECK_EXIT_SKIPPED;
    }
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
        printf("not ok %s: timed out after %d s %s\n", test->name, CHECK_SECONDS, why);
    else if (WIFSIGNALED(status))
        printf("not ok %s: killed by signal %d %s\n", test->name, WTERMSIG(status), why);
    else
        printf("not ok %s: exit %d: %s\n", test->name, WEXITSTATUS(status), why);
    return 1;
}

static inline int check_one(const struct check_subtest *test) {
    char why[CHECK_WHY_BYTES] = "";
    int pair[2], status = 0;
    pid_t pid;

    fflush(stdout);
    if (pipe2(pair, O_CLOEXEC | O_NONBLOCK) < 0 || (pid = fork()) < 0) {
        printf("not ok %s: cannot start: %s\n", test->name, strerror(errno));
        return 1;
    }
    if (pid == 0)
        check_child(test, pair[1]);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    kill(-pid, SIGKILL);
    if (read(pair[0], why, sizeof why - 1) < 0)
        why[0] = '\0';
    close(pair[0]);
    close(pair[1]);
    return check_report(test, status, why);
}

static inline bool check_selected(const char *name, char **names) {
    if (!*names)
        return true;
    for (; *names; names++)
        if (strcmp(*names, name) == 0)
            return true;
    return false;
}

static inline int check_list(const struct check_subtest *tests, size_t count) {
    for (size_t i = 0; i < count; i++)
        puts(tests[i].name);
    return 0;
}

#ifdef CHECK_HELPER
static int CHECK_HELPER(char **argv);
#endif

/* Is this run not for tests but for a program they execute? Then *status is how it ended. */
static inline bool check_helper(char **argv, int *status) {
    (void)status;
    if (!argv[0] || !argv[1] || strcmp(argv[1], "--helper") != 0)
        return false;
#ifdef CHECK_HELPER
    *status = CHECK_HELPER(argv + 2);
#endif
    return true;
}

static inline const char *self_path(void) {
    static char path[256];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);

    CHECK(length > 0);
    path[length] = '\0';
    return path;
}

/*
 * Quire, asked as root, checks all of its memory: every count, right and frame. After the subtests
 * of a program, whatever they did, nothing may be wrong. Says 1 if something is.
 */
static inline size_t check_memory(void) {
    char text[512] = "";
    int fd = open("/proc/sys/vm/check", O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? 0 : read(fd, text, sizeof text - 1);

    if (fd < 0)
        return 0;
    close(fd);
    if (got > 0 && strncmp(text, "ok", 2) == 0)
        return 0;
    printf("not ok memory_check: %s (errno %d)\n", text, got < 0 ? errno : 0);
    return 1;
}

static inline int check_main(const struct check_subtest *tests, size_t count, char **argv) {
    size_t failed = 0, skipped = 0, ran = 0;
    int status = 1;

    if (check_helper(argv, &status))
        return status;
    if (argv[0] && argv[1] && strcmp(argv[1], "-l") == 0)
        return check_list(tests, count);
    for (size_t i = 0; i < count; i++) {
        int result;
        if (!check_selected(tests[i].name, argv + 1))
            continue;
        result = check_one(&tests[i]);
        ran++;
        failed += result == 1;
        skipped += result == CHECK_EXIT_SKIPPED;
    }
    failed += check_memory();
    if (failed || ran == 0)
        return 1;
    return skipped == ran ? CHECK_EXIT_SKIPPED : 0;
}

#define CHECK_MAIN(...)                                                                            \
    int main(int argc, char **argv) {                                                              \
        static const struct check_subtest tests[] = {__VA_ARGS__};                                 \
        (void)argc;                                                                                \
        return check_main(tests, COUNT_OF(tests), argv);                                           \
    }

#endif
