/* SPDX-License-Identifier: MIT */
/*
 * What the firmware says of the processors: the tables of ACPI, as far as that goes.
 *
 * Reading them is apart from finding them: what is in a table is judged by its bytes alone, so that
 * the host's tests can hand in broken ones.
 */
#ifndef X86_ACPI_H
#define X86_ACPI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/cpu.h"

/* The processors that may be started, by the numbers of their local APICs. */
struct acpi_processors {
    unsigned count;
    uint32_t apic_id[CPU_MAX];
    unsigned left_out; /* usable ones beyond CPU_MAX, or with numbers that only an x2APIC takes */
};

/* The start of each table but the first. */
struct acpi_header {
    char signature[4];
    uint32_t bytes; /* of the whole table */
    uint8_t revision, checksum;
    char oem[6], oem_table[8];
    uint32_t oem_revision, creator, creator_revision;
} __attribute__((packed));

/* Whether the bytes add up to 0, as those of each table do. */
bool acpi_sum_is_zero(const void *bytes, size_t count);

/*
 * Whether a table of `bytes` bytes is whole: its length says so, its signature is the one asked
 * for, it adds up.
 */
bool acpi_table_is_good(const void *table, size_t bytes, const char *signature);

/*
 * Reads a good MADT ("APIC"; ACPI 6.4, 5.2.12). False: an entry does not fit into the table; then
 * *found has what came before it.
 */
bool acpi_read_madt(const void *table, size_t bytes, struct acpi_processors *found);

/*
 * Finds the MADT from the address that the loader gave of the first table (0: looks where a PC's
 * firmware puts it) and reads it. Without one *found is empty. At boot, after kmap_init(): reads
 * through kmap_firmware().
 */
void acpi_find_processors(uint64_t rsdp_phys, struct acpi_processors *found);

#endif
