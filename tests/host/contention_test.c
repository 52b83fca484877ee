/* SPDX-License-Identifier: MIT */
/*
 * kernel/sync: what /proc/lock_stat counts, number by number; sync/contention.h.
 */
#include "sync/contention.h"

#include <stdio.h>
#include <string.h>

#include "lib/bits.h"
#include "support/check.h"
#include "support/kernel_model.h"

#define PROCESSORS 3

static struct contention classes[CONTENTION_CLASSES];

static void begin(void) {
    host_cpu_count = PROCESSORS;
    host_cpu_run_on(0);
    contention_reset();
    CHECK_EQ(contention_get(classes), 0);
}

static void note_on(unsigned processor, const char *name, uint64_t waited_ns) {
    host_cpu_run_on(processor);
    contention_note(name, waited_ns);
    host_cpu_run_on(0);
}

static void expect(size_t index, const char *name, uint64_t waits, uint64_t waited_ns,
                   uint64_t longest_ns) {
    CHECK_EQ(strcmp(classes[index].name, name), 0);
    CHECK_EQ(classes[index].waits, waits);
    CHECK_EQ(classes[index].waited_ns, waited_ns);
    CHECK_EQ(classes[index].longest_ns, longest_ns);
}

static void test_counts(void) {
    begin();
    note_on(0, "one", 10);
    note_on(0, "one", 30);
    note_on(0, "one", 20);
    CHECK_EQ(contention_get(classes), 1);
    expect(0, "one", 3, 60, 30);
}

/* Processors count for themselves; who reads adds. */
static void test_all_processors(void) {
    begin();
    note_on(2, "one", 30);
    note_on(1, "one", 50);
    note_on(0, "one", 20);
    CHECK_EQ(contention_get(classes), 1);
    expect(0, "one", 3, 100, 50);
}

static void test_most_waits_first(void) {
    begin();
    note_on(0, "one", 500);
    for (int i = 0; i < 3; i++)
        note_on(1, "three", 1);
    for (int i = 0; i < 2; i++)
        note_on(0, "two", 100);
    CHECK_EQ(contention_get(classes), 3);
    expect(0, "three", 3, 3, 1);
    expect(1, "two", 2, 200, 100);
    expect(2, "one", 1, 500, 500);
}

/* Locks that other files call the same are one class. */
static void test_same_name_elsewhere(void) {
    static const char here[] __attribute__((aligned(4))) = "twin";
    static const char there[] __attribute__((aligned(4))) = "twin";

    begin();
    note_on(0, here, 5);
    note_on(1, there, 7);
    note_on(1, there, 1);
    CHECK_EQ(contention_get(classes), 1);
    expect(0, "twin", 3, 13, 7);
}

/* What is older counts as nothing, of processors that have not waited since as well. */
static void test_reset(void) {
    begin();
    note_on(0, "one", 10);
    note_on(1, "one", 1000);
    contention_reset();
    CHECK_EQ(contention_get(classes), 0);
    note_on(0, "one", 7);
    CHECK_EQ(contention_get(classes), 1);
    expect(0, "one", 1, 7, 7);
}

/* An end before the beginning, as another processor's clock may show it, is no wait for ever. */
static void test_begin_and_end(void) {
    uint64_t begun;

    begin();
    begun = contention_begin();
    CHECK(begun != 0);
    contention_end("one", begun);
    contention_end("one", UINT64_MAX);
    CHECK_EQ(contention_get(classes), 1);
    CHECK_EQ(classes[0].waits, 2);
    CHECK(classes[0].longest_ns < UINT64_MAX / 2);
}

/* More classes than there is room for: the last ones are counted as one. Takes all slots. */
static void test_too_many(void) {
    static char names[CONTENTION_CLASSES + 10][8];
    uint64_t waits = 0;
    size_t count;

    begin();
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        snprintf(names[i], sizeof names[i], "%zu", i);
        note_on((unsigned)i % PROCESSORS, names[i], 1);
    }
    count = contention_get(classes);
    CHECK(count <= CONTENTION_CLASSES);
    for (size_t i = 0; i < count; i++)
        waits += classes[i].waits;
    CHECK_EQ(waits, ARRAY_SIZE(names));
    CHECK_EQ(strcmp(classes[0].name, "(others)"), 0);
    CHECK(classes[0].waits > 10);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        {"counts", test_counts},
        {"all_processors", test_all_processors},
        {"most_waits_first", test_most_waits_first},
        {"same_name_elsewhere", test_same_name_elsewhere},
        {"reset", test_reset},
        {"begin_and_end", test_begin_and_end},
        {"too_many", test_too_many},
    };

    return test_main(argc, argv, "contention", tests, ARRAY_SIZE(tests));
}
