/* SPDX-License-Identifier: MIT */
/*
 * Suites that hold an implementation to a contract, written so that they run anywhere: in a host
 * program against a model or the real sources, and in the kernel on the real machine.
 */
#ifndef CONFORMANCE_H
#define CONFORMANCE_H

struct conformance_report {
    /* One test has ended; failure is NULL or says what was not so. */
    void (*result)(void *arg, const char *name, const char *failure);
    void *arg;
};

/* vm/pmap.h. Needs frames, slabs and pmap_init; leaves nothing allocated. */
void pmap_conformance_run(const struct conformance_report *report);

#define CONFORMANCE_TEXT_(x) #x
#define CONFORMANCE_TEXT(x) CONFORMANCE_TEXT_(x)

/* In a test, which returns NULL when all is well: what was not so, and where. */
#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition))                                                                          \
            return "line " CONFORMANCE_TEXT(__LINE__) ": " #condition;                             \
    } while (0)

/* The same for a helper that returns what failed. */
#define EXPECT_OK(call)                                                                            \
    do {                                                                                           \
        const char *expect_failure_ = (call);                                                      \
        if (expect_failure_)                                                                       \
            return expect_failure_;                                                                \
    } while (0)

#endif
