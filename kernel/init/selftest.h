/* SPDX-License-Identifier: MIT */
/*
 * The seam for tests that run inside the kernel: selftest=NAME on the command line. Each test is
 * an entry in the section .selftests, which the linker collects; the ordinary kernel has none,
 * and tests/kernel is linked into another one.
 */
#ifndef INIT_SELFTEST_H
#define INIT_SELFTEST_H

struct selftest {
    const char *name;
    unsigned (*run)(void); /* how many failures; some tests are meant to panic */
};

#define SELFTEST(identifier, test_name, function)                                                  \
    static const struct selftest identifier                                                        \
        __attribute__((section(".selftests"), used)) = {test_name, function}

/*
 * Runs the test of a name in the boot context, with memory, spaces and threads ready and no
 * processes yet. Says `selftest NAME: ok` in the log and powers off; a failure, or a name that is
 * not known, is a panic.
 */
_Noreturn void selftest_run(const char *name);

#endif
