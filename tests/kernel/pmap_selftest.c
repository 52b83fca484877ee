/* SPDX-License-Identifier: MIT */
/*
 * The pmap's conformance suite, on the machine's own page tables.
 */
#include <stddef.h>

#include "core/printk.h"
#include "kernel/init/selftest.h"
#include "lib/string.h"
#include "tests/conformance/conformance.h"

/* A line of the log holds a test's name in one word: `pmap: enter twice` is enter-twice. */
static void to_one_word(char *word, size_t size, const char *name) {
    const char *suite_end = strstr(name, ": ");

    string_copy(word, suite_end ? suite_end + 2 : name, size);
    for (; *word; word++) {
        if (*word == ' ')
            *word = '-';
    }
}

static void print_result(void *arg, const char *name, const char *failure) {
    char word[128];

    to_one_word(word, sizeof(word), name);
    if (!failure) {
        printk("ok %s\n", word);
        return;
    }
    printk("not ok %s: %s\n", word, failure);
    ++*(unsigned *)arg;
}

static unsigned run_pmap(void) {
    unsigned failed = 0;
    const struct conformance_report report = {print_result, &failed};

    pmap_conformance_run(&report);
    return failed;
}

SELFTEST(pmap_selftest, "pmap", run_pmap);
