/* SPDX-License-Identifier: MIT */
/*
 * Reading the firmware's table of processors: good ones, broken ones, and bytes at random. Each
 * table ends where the memory it lies in does, so that the address sanitizer sees a look beyond it.
 */
#include "arch/x86_64/acpi.h"

#include <stdlib.h>
#include <string.h>

#include "lib/bits.h"
#include "support/check.h"
#include "support/random.h"

#define ENTRIES_AT 44

/* A table that is being put together. */
struct table {
    uint8_t *bytes;
    size_t size;
};

static void append(struct table *t, const void *bytes, size_t size) {
    uint8_t *grown = malloc(t->size + size);

    if (t->size)
        memcpy(grown, t->bytes, t->size);
    memcpy(grown + t->size, bytes, size);
    free(t->bytes);
    t->bytes = grown;
    t->size += size;
}

static struct table table_begin(void) {
    static const uint8_t head[ENTRIES_AT] = "APIC";
    struct table t = {0};

    append(&t, head, sizeof(head));
    return t;
}

/* Says the length and makes the bytes add up to 0. */
static void table_end(struct table *t) {
    uint32_t size = (uint32_t)t->size;
    uint8_t sum = 0;

    memcpy(t->bytes + 4, &size, sizeof(size));
    t->bytes[9] = 0;
    for (size_t i = 0; i < t->size; i++)
        sum = (uint8_t)(sum + t->bytes[i]);
    t->bytes[9] = (uint8_t)-sum;
}

static void add_local(struct table *t, uint8_t id, uint8_t flags) {
    const uint8_t entry[8] = {0, 8, id, id, flags};

    append(t, entry, sizeof(entry));
}

static void add_x2(struct table *t, uint32_t id, uint8_t flags) {
    uint8_t entry[16] = {9, 16, 0, 0, 0, 0, 0, 0, flags};

    memcpy(entry + 4, &id, sizeof(id));
    append(t, entry, sizeof(entry));
}

static bool read(const struct table *t, struct acpi_processors *found) {
    return acpi_read_madt(t->bytes, t->size, found);
}

static void processors_in_order(void) {
    struct table t = table_begin();
    struct acpi_processors found;
    const uint8_t io_apic[12] = {1, 12};

    add_local(&t, 0, 1);
    append(&t, io_apic, sizeof(io_apic));
    add_local(&t, 4, 1);
    add_local(&t, 5, 0); /* a socket with nothing in it */
    add_x2(&t, 6, 1);
    table_end(&t);
    CHECK(acpi_table_is_good(t.bytes, t.size, "APIC"));
    CHECK(read(&t, &found));
    CHECK_EQ(found.count, 3);
    CHECK_EQ(found.apic_id[0], 0);
    CHECK_EQ(found.apic_id[1], 4);
    CHECK_EQ(found.apic_id[2], 6);
    CHECK_EQ(found.left_out, 0);
    free(t.bytes);
}

static void more_than_can_be_started(void) {
    struct table t = table_begin();
    struct acpi_processors found;

    add_x2(&t, 255, 1); /* would be all of them */
    add_x2(&t, 4000, 1);
    for (unsigned i = 0; i < CPU_MAX + 3; i++)
        add_local(&t, (uint8_t)i, 1);
    CHECK(read(&t, &found));
    CHECK_EQ(found.count, CPU_MAX);
    CHECK_EQ(found.left_out, 5);
    CHECK_EQ(found.apic_id[CPU_MAX - 1], CPU_MAX - 1);
    free(t.bytes);
}

static void broken_tables(void) {
    struct table t = table_begin();

    add_local(&t, 1, 1);
    table_end(&t);
    CHECK(!acpi_table_is_good(t.bytes, t.size, "XSDT"));
    CHECK(!acpi_table_is_good(t.bytes, t.size - 1, "APIC"));
    CHECK(!acpi_table_is_good(t.bytes, sizeof(struct acpi_header) - 1, "APIC"));
    CHECK(!acpi_table_is_good(t.bytes, 0, "APIC"));
    t.bytes[20]++;
    CHECK(!acpi_table_is_good(t.bytes, t.size, "APIC"));
    free(t.bytes);
}

/* What comes before a broken entry counts. */
static void broken_entries(void) {
    static const struct {
        uint8_t bytes[8];
        size_t size;
        bool good;
    } last[] = {
        {{0, 0}, 2, false},          /* would never end */
        {{0, 1}, 2, false},          /* shorter than its own head */
        {{0}, 1, false},             /* half a head */
        {{0, 9, 1, 1, 1}, 8, false}, /* beyond the end */
        {{0, 7, 1, 1, 1}, 7, true},  /* too short for what it is: passed over */
        {{9, 8, 1, 1, 1}, 8, true},
        {{77, 5, 1, 1, 1}, 5, true}, /* of a kind that nobody knows */
    };

    for (size_t i = 0; i < ARRAY_SIZE(last); i++) {
        struct table t = table_begin();
        struct acpi_processors found;

        test_context("entry %zu", i);
        add_local(&t, 7, 1);
        append(&t, last[i].bytes, last[i].size);
        CHECK_EQ(read(&t, &found), last[i].good);
        CHECK_EQ(found.count, 1);
        CHECK_EQ(found.apic_id[0], 7);
        free(t.bytes);
    }
}

static void shorter_than_a_table(void) {
    struct table t = table_begin();
    struct acpi_processors found;

    for (size_t size = 0; size <= ENTRIES_AT; size++) {
        CHECK(acpi_read_madt(t.bytes, size, &found));
        CHECK_EQ(found.count, 0);
    }
    free(t.bytes);
}

static void bytes_at_random(void) {
    struct random r = {test_seed(11)};
    struct acpi_processors found;

    for (unsigned round = 0; round < 20000 * test_scale(); round++) {
        size_t size = ENTRIES_AT + random_below(&r, 200);
        uint8_t *bytes = malloc(size);

        for (size_t i = 0; i < size; i++)
            bytes[i] =
                (uint8_t)(random_below(&r, 3) ? random_below(&r, 18) : random_below(&r, 256));
        (void)acpi_read_madt(bytes, size, &found);
        CHECK(found.count <= CPU_MAX);
        free(bytes);
    }
}

static const struct test tests[] = {
    {"processors_in_order", processors_in_order},
    {"more_than_can_be_started", more_than_can_be_started},
    {"broken_tables", broken_tables},
    {"broken_entries", broken_entries},
    {"shorter_than_a_table", shorter_than_a_table},
    {"bytes_at_random", bytes_at_random},
};

int main(int argc, char **argv) {
    return test_main(argc, argv, "acpi", tests, ARRAY_SIZE(tests));
}
