/* SPDX-License-Identifier: MIT */
/*
 * Rings of the trace: wrapping, order over several processors, loss, strings and arrays, sinks.
 * Real sources: kernel/core/trace_ring.c. Several writers at a time: threads_test.
 */
#include "core/trace_ring.h"

#include <stdlib.h>
#include <string.h>

#include "core/cpu.h"
#include "core/trace_state.h"
#include "lib/bits.h"
#include "support/check.h"
#include "support/kernel_model.h"

#define RING_BYTES 4096u
#define RING_WORDS (RING_BYTES / 8)

static uint64_t memory[CPU_MAX][RING_WORDS];
static uint64_t buffer[4 * RING_WORDS];

static void setup(unsigned cpus) {
    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++)
        trace_ring_set(cpu, cpu < cpus ? memory[cpu] : NULL, cpu < cpus ? RING_BYTES : 0);
    host_cpu_count = MAX(cpus, 1u);
    host_cpu_run_on(0);
}

static unsigned event_of(const uint64_t *record) {
    return record[0] & 0xffff;
}

static unsigned words_of(const uint64_t *record) {
    return record[0] >> 16 & 0xff;
}

static void test_a_record_is_as_it_was_told(void) {
    setup(1);
    trace_put_copy(3, 4);
    CHECK_EQ(trace_rings_read(buffer, sizeof(buffer), UINT64_MAX), 24);
    CHECK_EQ(event_of(buffer), TRACE_EVENT_COPY);
    CHECK_EQ(words_of(buffer), 3);
    CHECK(buffer[1] > 0);
    CHECK_EQ(buffer[2], 3 | 4ull << 32);
    CHECK_EQ(trace_rings_read(buffer, sizeof(buffer), UINT64_MAX), 0);
}

static void test_off_is_off(void) {
    setup(1);
    trace_copy(3, 4);
    CHECK(!trace_rings_have(UINT64_MAX));
    host_trace_points[TRACE_EVENT_COPY] = true;
    trace_copy(3, 4);
    host_trace_points[TRACE_EVENT_COPY] = false;
    CHECK(trace_rings_have(UINT64_MAX));
}

static void test_rings_wrap(void) {
    setup(1);
    for (unsigned i = 0; i < 3 * RING_WORDS; i++) {
        trace_put_object_size(i, ~(uint64_t)i);
        CHECK_EQ(trace_rings_read(buffer, sizeof(buffer), UINT64_MAX), 32);
        CHECK_EQ(buffer[2], i);
        CHECK_EQ(buffer[3], ~(uint64_t)i);
    }
    CHECK_EQ(trace_rings_lost(), 0);
}

/* Records of all processors come in the order of their stamps, whoever told them. */
static void test_processors_are_merged(void) {
    uint64_t last = 0, *record = buffer;

    setup(4);
    for (unsigned i = 0; i < 200; i++) {
        host_cpu_run_on(i * 7 % 4);
        trace_put_copy(i, 0);
    }
    host_cpu_run_on(0);
    CHECK_EQ(trace_rings_read(buffer, sizeof(buffer), UINT64_MAX), 200 * 24);
    for (unsigned i = 0; i < 200; i++, record += 3) {
        CHECK(record[1] > last);
        last = record[1];
        CHECK_EQ((uint32_t)record[2], i);
        CHECK_EQ(record[0] >> 24 & 0xff, i * 7 % 4);
    }
}

static void test_what_fits_not_is_counted_and_told(void) {
    unsigned told = 0;
    uint64_t *record = buffer;

    setup(1);
    while (trace_rings_lost() < 5) {
        trace_put_copy(told, 0);
        told++;
    }
    CHECK_EQ(told, RING_WORDS / 3 + 5);
    CHECK_EQ(trace_rings_read(buffer, sizeof(buffer), UINT64_MAX), RING_WORDS / 3 * 24);
    trace_put_copy(99, 0);
    CHECK_EQ(trace_rings_read(buffer, sizeof(buffer), UINT64_MAX), 48);
    CHECK_EQ(event_of(record), TRACE_EVENT_LOST);
    CHECK_EQ(record[2], 5);
    CHECK_EQ(event_of(record + 3), TRACE_EVENT_COPY);
    CHECK(record[4] > record[1]);
}

static void test_only_whole_records_are_read(void) {
    setup(1);
    trace_put_copy(1, 2);
    trace_put_object_size(1, 2);
    CHECK_EQ(trace_rings_read(buffer, 48, UINT64_MAX), 24);
    CHECK_EQ(trace_rings_read(buffer, 24, UINT64_MAX), 0);
    CHECK_EQ(trace_rings_read(buffer, 32, UINT64_MAX), 32);
    CHECK_EQ(event_of(buffer), TRACE_EVENT_OBJECT_SIZE);
}

static void test_a_limit_holds_back_what_is_later(void) {
    uint64_t between;

    setup(1);
    trace_put_copy(1, 0);
    between = trace_stamp();
    trace_put_copy(2, 0);
    CHECK(trace_rings_have(between));
    CHECK_EQ(trace_rings_read(buffer, sizeof(buffer), between), 24);
    CHECK(!trace_rings_have(between));
    CHECK_EQ(trace_rings_read(buffer, sizeof(buffer), between), 0);
    CHECK_EQ(trace_rings_read(buffer, sizeof(buffer), UINT64_MAX), 24);
    CHECK_EQ((uint32_t)buffer[2], 2);
}

static void test_strings_end_with_nul_and_zeroes(void) {
    char text[2 * TRACE_STRING_MAX];

    setup(1);
    trace_put_mark("eight by");
    CHECK_EQ(trace_rings_read(buffer, sizeof(buffer), UINT64_MAX), 32);
    CHECK_EQ(strcmp((char *)&buffer[2], "eight by"), 0);
    CHECK_EQ(buffer[3], 0);
    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = 0;
    trace_put_mark(text);
    CHECK_EQ(trace_rings_read(buffer, sizeof(buffer), UINT64_MAX), 16 + 256);
    CHECK_EQ(strlen((char *)&buffer[2]), TRACE_STRING_MAX - 1);
}

static void test_arrays_are_padded(void) {
    const uint32_t pfns[] = {5, 6, 7};
    const uint64_t values[] = {8, 0, 9};

    setup(1);
    trace_put_pages(1, 2, pfns, 3);
    CHECK_EQ(trace_rings_read(buffer, sizeof(buffer), UINT64_MAX), 48);
    CHECK_EQ(buffer[4], 5 | 6ull << 32);
    CHECK_EQ(buffer[5], 7 | 0xffffffffull << 32);
    trace_put_entries(1, 2, values, 3);
    CHECK_EQ(trace_rings_read(buffer, sizeof(buffer), UINT64_MAX), 48);
    CHECK_EQ(buffer[3], 8);
    CHECK_EQ(buffer[5], 9);
}

/* ---- snapshots ---- */

static uint64_t sunk[64];
static size_t sunk_bytes;

static void sink_put(struct trace_sink *sink, const void *bytes, size_t size) {
    (void)sink;
    CHECK(sunk_bytes + size <= sizeof(sunk));
    memcpy((char *)sunk + sunk_bytes, bytes, size);
    sunk_bytes += size;
}

static void tell_two(uint64_t *seen) {
    CHECK(!trace_seen_mark(seen, 70));
    CHECK(trace_seen_mark(seen, 70));
    trace_put_copy(1, 2);
    trace_put_copy(3, 4);
}

static void test_a_snapshot_goes_into_its_sink(void) {
    struct trace_sink sink = {.put = sink_put};
    uint64_t seen[2] = {0};

    setup(1);
    trace_frame_count = 100;
    trace_teller_add(tell_two);
    trace_state_tell(&sink, seen, TRACE_SNAPSHOT_REASON_ASKED);
    CHECK(!trace_rings_have(UINT64_MAX));
    CHECK_EQ(sink.records, 4);
    CHECK_EQ(sink.first_stamp, sunk[1]);
    CHECK_EQ(event_of(sunk), TRACE_EVENT_SNAPSHOT_BEGIN);
    CHECK_EQ(sunk[2], 100);
    CHECK_EQ(event_of(sunk + 4), TRACE_EVENT_COPY);
    CHECK_EQ(event_of(sunk + 10), TRACE_EVENT_SNAPSHOT_END);
    CHECK_EQ(sunk[12], 2);
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        {"a_record_is_as_it_was_told", test_a_record_is_as_it_was_told},
        {"off_is_off", test_off_is_off},
        {"rings_wrap", test_rings_wrap},
        {"processors_are_merged", test_processors_are_merged},
        {"what_fits_not_is_counted_and_told", test_what_fits_not_is_counted_and_told},
        {"only_whole_records_are_read", test_only_whole_records_are_read},
        {"a_limit_holds_back_what_is_later", test_a_limit_holds_back_what_is_later},
        {"strings_end_with_nul_and_zeroes", test_strings_end_with_nul_and_zeroes},
        {"arrays_are_padded", test_arrays_are_padded},
        {"a_snapshot_goes_into_its_sink", test_a_snapshot_goes_into_its_sink},
    };

    return test_main(argc, argv, "trace_ring", tests, ARRAY_SIZE(tests));
}
