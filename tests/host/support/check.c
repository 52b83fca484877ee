/* SPDX-License-Identifier: MIT */
/*
 * The host tests' reporter: see check.h. A failing test writes its reason to standard error and,
 * through a pipe, to the parent, which prints the one line that counts; a note goes the same way.
 */
#include "support/check.h"

#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define REASON_MAX 512
#define TEST_SECONDS 120       /* of the processor's time, whatever else the machine does */
#define TEST_WALL_SECONDS 1800 /* for one that only waits */

static char context[REASON_MAX];
static int reason_fd = -1;
static bool only_stderr;

unsigned test_scale(void) {
    const char *value = getenv("LONG");

    return value && strcmp(value, "0") != 0 ? 20 : 1;
}

uint64_t test_seed(uint64_t fallback) {
    const char *value = getenv("SEED");

    return value ? strtoull(value, NULL, 0) : fallback;
}

void test_context(const char *fmt, ...) {
    va_list args;

    va_start(args, fmt);
    vsnprintf(context, sizeof(context), fmt, args);
    va_end(args);
}

void test_note(const char *fmt, ...) {
    char text[REASON_MAX];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (reason_fd >= 0 && write(reason_fd, text, strlen(text)) < 0)
        _exit(2);
}

void test_report_to_stderr_only(void) {
    only_stderr = true;
}

void test_fail(const char *file, int line, const char *fmt, ...) {
    char text[REASON_MAX];
    char reason[2 * REASON_MAX + 64];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    snprintf(reason, sizeof(reason), "%s:%d: %s%s%s", file, line, text, context[0] ? "; " : "",
             context);
    fprintf(stderr, "%s\n", reason);
    if (only_stderr)
        _exit(1);
    if (reason_fd < 0)
        abort();
    if (write(reason_fd, reason, strlen(reason)) < 0)
        _exit(2);
    _exit(1);
}

/* What ended a test that gave no reason. */
static void describe_status(int status, char *reason, size_t size) {
    if (WIFSIGNALED(status))
        snprintf(reason, size, "killed by signal %d (%s)", WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    else
        snprintf(reason, size, "exit status %d (see standard error)", WEXITSTATUS(status));
}

/* Ends this process when it has used its time. */
static void limit_time(void) {
    const rlim_t seconds = TEST_SECONDS * test_scale();
    const struct rlimit limit = {seconds, seconds};

    if (setrlimit(RLIMIT_CPU, &limit) != 0)
        abort();
    alarm(TEST_WALL_SECONDS * test_scale());
}

/* Runs one test in a child; true if it passed, else *reason says why not. Passed: its note. */
static bool run_in_child(const struct test *test, char *reason, size_t size) {
    int pipe_fds[2];
    int status = 0;
    ssize_t n;
    pid_t child;

    if (pipe(pipe_fds) != 0)
        abort();
    child = fork();
    if (child == 0) {
        close(pipe_fds[0]);
        reason_fd = pipe_fds[1];
        limit_time();
        test->run();
        _exit(0);
    }
    close(pipe_fds[1]);
    n = read(pipe_fds[0], reason, size - 1);
    reason[n > 0 ? n : 0] = '\0';
    close(pipe_fds[0]);
    if (child < 0 || waitpid(child, &status, 0) != child)
        abort();
    if (status != 0 && reason[0] == '\0')
        describe_status(status, reason, size);
    return status == 0;
}

static bool run(const char *suite, const struct test *test) {
    char reason[2 * REASON_MAX + 64] = "";

    if (getenv("NOFORK")) {
        test->run();
    } else if (!run_in_child(test, reason, sizeof(reason))) {
        for (char *p = reason; *p; p++)
            *p = *p == '\n' ? ' ' : *p;
        printf("not ok %s.%s: %s\n", suite, test->name, reason);
        fflush(stdout);
        return false;
    }
    printf("ok %s.%s%s%s\n", suite, test->name, reason[0] ? ": " : "", reason);
    fflush(stdout);
    return true;
}

static bool selected(const char *name, int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        if (strstr(name, argv[i]))
            return true;
    }
    return argc <= 1;
}

int test_main(int argc, char **argv, const char *suite, const struct test *tests, size_t n) {
    int status = 0;

    for (size_t i = 0; i < n; i++) {
        if (selected(tests[i].name, argc, argv) && !run(suite, &tests[i]))
            status = 1;
    }
    return status;
}
