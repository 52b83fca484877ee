/* SPDX-License-Identifier: MIT */
/*
 * What is in a table of ACPI's; see acpi.h. Nothing here looks beyond the bytes it is given.
 */
#include "arch/x86_64/acpi.h"

#include "lib/string.h"

#define MADT_ENTRIES_AT 44 /* after the header, the address of the local APICs and the flags */
#define MADT_LOCAL_APIC 0
#define MADT_LOCAL_X2APIC 9
#define MADT_ENABLED 1u
#define APIC_ID_MAX 254u /* 255 means all of them */

struct madt_entry {
    uint8_t type, bytes;
} __attribute__((packed));

struct madt_local_apic {
    struct madt_entry entry;
    uint8_t processor, apic_id;
    uint32_t flags;
} __attribute__((packed));

struct madt_local_x2apic {
    struct madt_entry entry;
    uint16_t reserved;
    uint32_t apic_id, flags, processor;
} __attribute__((packed));

_Static_assert(sizeof(struct acpi_header) == 36, "ACPI 6.4, 5.2.6");
_Static_assert(sizeof(struct madt_local_apic) == 8, "ACPI 6.4, 5.2.12.2");
_Static_assert(sizeof(struct madt_local_x2apic) == 16, "ACPI 6.4, 5.2.12.12");

bool acpi_sum_is_zero(const void *bytes, size_t count) {
    const uint8_t *at = bytes;
    uint8_t sum = 0;

    for (size_t i = 0; i < count; i++)
        sum = (uint8_t)(sum + at[i]);
    return sum == 0;
}

bool acpi_table_is_good(const void *table, size_t bytes, const char *signature) {
    const struct acpi_header *header = table;

    return bytes >= sizeof(*header) && header->bytes == bytes &&
           memcmp(header->signature, signature, sizeof(header->signature)) == 0 &&
           acpi_sum_is_zero(table, bytes);
}

static void add(struct acpi_processors *found, uint32_t apic_id, uint32_t flags) {
    if (!(flags & MADT_ENABLED))
        return;
    if (found->count == CPU_MAX || apic_id > APIC_ID_MAX)
        found->left_out++;
    else
        found->apic_id[found->count++] = apic_id;
}

static void read_entry(const struct madt_entry *entry, struct acpi_processors *found) {
    if (entry->type == MADT_LOCAL_APIC && entry->bytes >= sizeof(struct madt_local_apic)) {
        const struct madt_local_apic *local = (const void *)entry;

        add(found, local->apic_id, local->flags);
    } else if (entry->type == MADT_LOCAL_X2APIC &&
               entry->bytes >= sizeof(struct madt_local_x2apic)) {
        const struct madt_local_x2apic *local = (const void *)entry;

        add(found, local->apic_id, local->flags);
    }
}

bool acpi_read_madt(const void *table, size_t bytes, struct acpi_processors *found) {
    const uint8_t *start = table;
    size_t at = MADT_ENTRIES_AT;

    memset(found, 0, sizeof(*found));
    while (at < bytes) {
        const struct madt_entry *entry = (const void *)(start + at);

        if (bytes - at < sizeof(*entry) || entry->bytes < sizeof(*entry) ||
            entry->bytes > bytes - at)
            return false;
        read_entry(entry, found);
        at += entry->bytes;
    }
    return true;
}
