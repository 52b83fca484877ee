/* SPDX-License-Identifier: MIT */
/*
 * The pmap's conformance suite, on the machine's own page tables.
 */
#include "core/printk.h"
#include "kernel/init/selftest.h"
#include "tests/conformance/conformance.h"

static void print_result(void *arg, const char *name, const char *failure) {
    if (!failure) {
        printk("ok %s\n", name);
        return;
    }
    printk("not ok %s: %s\n", name, failure);
    ++*(unsigned *)arg;
}

static unsigned run_pmap(void) {
    unsigned failed = 0;
    const struct conformance_report report = {print_result, &failed};

    pmap_conformance_run(&report);
    return failed;
}

SELFTEST(pmap_selftest, "pmap", run_pmap);
