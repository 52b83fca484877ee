/* SPDX-License-Identifier: MIT */
/*
 * The random tests of kernel/vm: see vm_random.h. How many operations each makes is here; `make
 * check-long` runs LONG_SCALE times as many sequences. The three programs that are linked with this
 * make 210,000 of them, and over ten million in the long run.
 */
#include "support/vm_random.h"

#include "lib/bits.h"
#include "support/check.h"
#include "support/random_world.h"

#define LONG_SCALE 50u

static void run(struct random_world plan) {
    plan.seed = test_seed(plan.seed);
    plan.sequences *= test_scale() > 1 ? LONG_SCALE : 1;
    random_world_run(&plan);
}

static void test_plain(void) {
    run((struct random_world){.sequences = 60, .length = 300, .seed = 100000});
}

static void test_long(void) {
    run((struct random_world){
        .options = {.forget_one_in = 50}, .sequences = 8, .length = 2000, .seed = 200000});
}

static void test_forgetful(void) {
    run((struct random_world){
        .options = {.forget_one_in = 3}, .sequences = 50, .length = 300, .seed = 300000});
}

static void test_each_allocation_fails(void) {
    run((struct random_world){
        .options = {.failures = WORLD_FAIL_EACH}, .sequences = 30, .length = 150, .seed = 400000});
}

static void test_random_failures(void) {
    run((struct random_world){.options = {.failures = WORLD_FAIL_RANDOMLY, .forget_one_in = 10},
                              .sequences = 60,
                              .length = 300,
                              .seed = 500000});
}

static void test_huge_pages(void) {
    run((struct random_world){.options = {.forget_one_in = 20, .huge = true},
                              .sequences = 40,
                              .length = 300,
                              .seed = 600000});
}

static void test_huge_pages_failing(void) {
    run((struct random_world){.options = {.failures = WORLD_FAIL_EACH, .huge = true},
                              .sequences = 12,
                              .length = 100,
                              .seed = 700000});
}

int vm_random_main(int argc, char **argv, const char *suite) {
    static const struct test tests[] = {
        {"plain", test_plain},
        {"long", test_long},
        {"forgetful", test_forgetful},
        {"each_allocation_fails", test_each_allocation_fails},
        {"random_failures", test_random_failures},
        {"huge_pages", test_huge_pages},
        {"huge_pages_failing", test_huge_pages_failing},
    };

    return test_main(argc, argv, suite, tests, ARRAY_SIZE(tests));
}
