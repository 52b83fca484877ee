/* SPDX-License-Identifier: MIT */
/*
 * Finding the tables of ACPI: the first one (RSDP) leads to a list of the others, by 64-bit
 * addresses (XSDT) or by 32-bit ones (RSDT). ACPI 6.4, 5.2.5 to 5.2.8.
 */
#include "arch/x86_64/acpi.h"

#include "core/printk.h"
#include "kmap.h"
#include "lib/string.h"

#define RSDP_SIGNATURE "RSD PTR "
#define RSDP_BYTES_1 20 /* of version 1: what its checksum is over */
#define RSDP_STEP 16
#define BIOS_START 0xe0000UL
#define BIOS_END 0x100000UL
#define TABLES_MAX 256

struct acpi_rsdp {
    char signature[8];
    uint8_t checksum;
    char oem[6];
    uint8_t revision;
    uint32_t rsdt_phys;
    uint32_t bytes; /* from here on since version 2 */
    uint64_t xsdt_phys;
    uint8_t checksum_2, reserved[3];
} __attribute__((packed));

_Static_assert(sizeof(struct acpi_rsdp) == 36, "ACPI 6.4, 5.2.5.3");

/* The list of tables: where it is and how wide its addresses are. */
struct table_list {
    uint64_t phys;
    unsigned width; /* bytes of an address; 0: there is no list */
};

static bool read_rsdp(uint64_t phys, struct acpi_rsdp *rsdp) {
    const struct acpi_rsdp *there = kmap_firmware(phys, sizeof(*there));

    if (!there)
        return false;
    memcpy(rsdp, there, sizeof(*rsdp));
    return memcmp(rsdp->signature, RSDP_SIGNATURE, sizeof(rsdp->signature)) == 0 &&
           acpi_sum_is_zero(rsdp, RSDP_BYTES_1);
}

static bool find_rsdp(uint64_t phys, struct acpi_rsdp *rsdp) {
    if (phys)
        return read_rsdp(phys, rsdp);
    for (phys = BIOS_START; phys < BIOS_END; phys += RSDP_STEP) {
        if (read_rsdp(phys, rsdp))
            return true;
    }
    return false;
}

static struct table_list find_list(uint64_t rsdp_phys) {
    struct acpi_rsdp rsdp;

    if (!find_rsdp(rsdp_phys, &rsdp))
        return (struct table_list){0};
    if (rsdp.revision >= 2 && rsdp.xsdt_phys)
        return (struct table_list){rsdp.xsdt_phys, sizeof(uint64_t)};
    return (struct table_list){rsdp.rsdt_phys, sizeof(uint32_t)};
}

/* A good table with that signature at an address, readable until the next one; NULL: none. */
static const struct acpi_header *read_table(uint64_t phys, const char *signature) {
    const struct acpi_header *header = kmap_firmware(phys, sizeof(*header));
    uint32_t bytes = header ? header->bytes : 0;

    header = kmap_firmware(phys, bytes);
    return header && acpi_table_is_good(header, bytes, signature) ? header : NULL;
}

/* The addresses in a list; how many, or 0 when it is not good. */
static unsigned read_list(struct table_list list, uint64_t phys[TABLES_MAX]) {
    const struct acpi_header *header =
        read_table(list.phys, list.width == sizeof(uint64_t) ? "XSDT" : "RSDT");
    unsigned count;

    if (!header)
        return 0;
    count = (unsigned)((header->bytes - sizeof(*header)) / list.width);
    for (unsigned i = 0; i < count && i < TABLES_MAX; i++) {
        phys[i] = 0;
        memcpy(&phys[i], (const uint8_t *)(header + 1) + i * list.width, list.width);
    }
    return count < TABLES_MAX ? count : TABLES_MAX;
}

void acpi_find_processors(uint64_t rsdp_phys, struct acpi_processors *found) {
    static uint64_t tables[TABLES_MAX];
    struct table_list list = find_list(rsdp_phys);
    unsigned count = list.width ? read_list(list, tables) : 0;

    memset(found, 0, sizeof(*found));
    for (unsigned i = 0; i < count; i++) {
        const struct acpi_header *madt = read_table(tables[i], "APIC");

        if (!madt)
            continue;
        if (!acpi_read_madt(madt, madt->bytes, found))
            printk("acpi: the table of processors is broken; what follows is left out\n");
        return;
    }
    printk("acpi: no table of processors\n");
}
