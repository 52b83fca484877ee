/* SPDX-License-Identifier: MIT */
/*
 * The random tests of kernel/vm: see vm_random.h.
 */
#include "support/vm_random.h"

#include "lib/bits.h"
#include "support/check.h"
#include "support/random_world.h"

static void test_plain(void) {
    random_world_run(&(struct random_world){
        .options = {.failures = WORLD_FAIL_NEVER},
        .sequences = 40 * test_scale(),
        .length = 300,
        .seed = test_seed(1000),
    });
}

static void test_long(void) {
    random_world_run(&(struct random_world){
        .options = {.failures = WORLD_FAIL_NEVER, .forget_one_in = 50},
        .sequences = 4 * test_scale(),
        .length = 2000,
        .seed = test_seed(2000),
    });
}

static void test_forgetful(void) {
    random_world_run(&(struct random_world){
        .options = {.failures = WORLD_FAIL_NEVER, .forget_one_in = 3},
        .sequences = 20 * test_scale(),
        .length = 300,
        .seed = test_seed(3000),
    });
}

static void test_each_allocation_fails(void) {
    random_world_run(&(struct random_world){
        .options = {.failures = WORLD_FAIL_EACH},
        .sequences = 20 * test_scale(),
        .length = 150,
        .seed = test_seed(4000),
    });
}

static void test_random_failures(void) {
    random_world_run(&(struct random_world){
        .options = {.failures = WORLD_FAIL_RANDOMLY, .forget_one_in = 10},
        .sequences = 20 * test_scale(),
        .length = 300,
        .seed = test_seed(5000),
    });
}

int vm_random_main(int argc, char **argv, const char *suite) {
    static const struct test tests[] = {
        {"plain", test_plain},
        {"long", test_long},
        {"forgetful", test_forgetful},
        {"each_allocation_fails", test_each_allocation_fails},
        {"random_failures", test_random_failures},
    };

    return test_main(argc, argv, suite, tests, ARRAY_SIZE(tests));
}
