/* SPDX-License-Identifier: MIT */
/*
 * Finding and running a test inside the kernel.
 */
#include "init/selftest.h"

#include "core/panic.h"
#include "core/power.h"
#include "core/printk.h"
#include "lib/string.h"

/* Made by the linker. */
extern const struct selftest selftests_start[], selftests_end[];

_Noreturn void selftest_run(const char *name) {
    for (const struct selftest *t = selftests_start; t < selftests_end; t++) {
        unsigned failures;

        if (strcmp(name, t->name) != 0)
            continue;
        failures = t->run();
        if (failures)
            panic("selftest %s: %u failed", name, failures);
        printk("selftest %s: ok\n", name);
        power_off();
    }
    panic("there is no selftest '%s' in this kernel", name);
}
