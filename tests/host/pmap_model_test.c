/* SPDX-License-Identifier: MIT */
/*
 * The conformance suite of vm/pmap.h on the model pmap: a fake must pass the tests of the real
 * thing.
 */
#include "lib/bits.h"
#include "support/arena.h"
#include "support/check.h"
#include "support/mmu_model.h"
#include "tests/conformance/conformance.h"
#include "vm/pmap.h"

static void fail_if_not(void *arg, const char *name, const char *failure) {
    (void)arg;
    if (failure)
        FAIL("%s: %s", name, failure);
}

static void test_conformance(void) {
    const struct conformance_report report = {fail_if_not, NULL};
    uint64_t before;

    host_memory_init(64ull << 20);
    pmap_init();
    before = frames_in_use();
    pmap_conformance_run(&report);
    CHECK_EQ(frames_in_use(), before);
    frames_check();
}

int main(int argc, char **argv) {
    static const struct test tests[] = {{"conformance", test_conformance}};

    return test_main(argc, argv, "pmap_model", tests, ARRAY_SIZE(tests));
}
