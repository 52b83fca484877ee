/* SPDX-License-Identifier: MIT */
/*
 * The host tests' reporter.
 *
 * A test program lists its tests and calls test_main. Each test runs in a process of its own, so
 * that each starts with fresh memory and a crash or a sanitizer's report ends one test only. For
 * each, one line on standard output: "ok SUITE.NAME" (": note") or "not ok SUITE.NAME: why". The
 * program's exit status is 1 if one failed.
 *
 * Arguments select tests by substring. Environment: LONG=1 makes random tests 20 times as long or
 * more; SEED=n replaces their first seed; NOFORK=1 runs the tests in the program itself, for a
 * debugger.
 */
#ifndef SUPPORT_CHECK_H
#define SUPPORT_CHECK_H

#include <stddef.h>
#include <stdint.h>

struct test {
    const char *name;
    void (*run)(void);
};

/* Runs the tests; returns the program's exit status. */
int test_main(int argc, char **argv, const char *suite, const struct test *tests, size_t n);

/* 1, or 20 with LONG=1. */
unsigned test_scale(void);

/* The first seed: `fallback`, or SEED from the environment. */
uint64_t test_seed(uint64_t fallback);

/* Ends the running test as failed, for the reason given. */
_Noreturn void test_fail(const char *file, int line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Says where a random test is (seed, step), for the message if it fails. */
void test_context(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* What the line of the running test is to say beside its name if it passes. */
void test_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* In a child that a test made: a failure ends it without a line of its own in the results. */
void test_report_to_stderr_only(void);

#define FAIL(...) test_fail(__FILE__, __LINE__, __VA_ARGS__)

#define CHECK(c) ((c) ? (void)0 : test_fail(__FILE__, __LINE__, "%s", #c))

#define CHECK_EQ(a, b)                                                                             \
    do {                                                                                           \
        long long check_a_ = (long long)(a), check_b_ = (long long)(b);                            \
        if (check_a_ != check_b_)                                                                  \
            test_fail(__FILE__, __LINE__, "%s is %lld (%#llx), %s is %lld (%#llx)", #a, check_a_,  \
                      (unsigned long long)check_a_, #b, check_b_, (unsigned long long)check_b_);   \
    } while (0)

#endif
