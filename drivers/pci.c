/* SPDX-License-Identifier: MIT */
/*
 * Configuration space by ports, and what is read there. Contracts: drivers/pci.h.
 *
 * Only buses that are there are looked at: reading a register costs a microsecond or more where the
 * machine is emulated, and there are 65,536 places where a function could be.
 *
 * Locks: pci.lock keeps address and data of an access together.
 */
#include "drivers/pci.h"

#include "lib/bits.h"
#include "machine/cpu.h"
#include "sync/spinlock.h"

#define PORT_ADDRESS 0xcf8
#define PORT_DATA 0xcfc
#define ADDRESS_ENABLE 0x80000000u

#define SLOTS 32
#define FUNCTIONS 8
#define BUSES 256

/* Configuration space: registers that all functions have, then those of one kind. */
#define REG_VENDOR 0x00
#define REG_DEVICE 0x02
#define REG_COMMAND 0x04
#define REG_STATUS 0x06
#define REG_REVISION 0x08
#define REG_CLASS 0x0a /* with the subclass below */
#define REG_HEADER_TYPE 0x0e
#define REG_BAR 0x10
#define REG_CAPABILITIES 0x34
#define BRIDGE_SECONDARY_BUS 0x19

#define VENDOR_NONE 0xffff
#define COMMAND_MEMORY 0x0002
#define COMMAND_MASTER 0x0004
#define COMMAND_NO_INTX 0x0400
#define STATUS_CAPABILITIES 0x0010
#define CLASS_BRIDGE 0x0604
#define HEADER_MANY_FUNCTIONS 0x80

#define BAR_IO 0x1u
#define BAR_TYPE 0x6u
#define BAR_64 0x4u
#define BAR_FLAGS 0xfu

/* Capabilities lie from 0x40 on, four bytes at least each. */
#define CAPABILITY_FIRST 0x40u
#define CAPABILITIES_MAX 48u

static struct { struct spinlock lock; } pci = {.lock = SPINLOCK_INIT("pci", LOCK_RANK_PCI)};

static uint32_t address_of(const struct pci_function *at, unsigned offset) {
    return ADDRESS_ENABLE | (uint32_t)at->bus << 16 | (uint32_t)at->slot << 11 |
           (uint32_t)at->function << 8 | (offset & 0xfcu);
}

uint32_t pci_read32(const struct pci_function *function, unsigned offset) {
    uint32_t value;

    spin_lock(&pci.lock);
    io_out32(PORT_ADDRESS, address_of(function, offset));
    value = io_in32(PORT_DATA);
    spin_unlock(&pci.lock);
    return value;
}

uint16_t pci_read16(const struct pci_function *function, unsigned offset) {
    return (uint16_t)(pci_read32(function, offset) >> 8 * (offset & 2));
}

uint8_t pci_read8(const struct pci_function *function, unsigned offset) {
    return (uint8_t)(pci_read32(function, offset) >> 8 * (offset & 3));
}

static void write32(const struct pci_function *function, unsigned offset, uint32_t value) {
    spin_lock(&pci.lock);
    io_out32(PORT_ADDRESS, address_of(function, offset));
    io_out32(PORT_DATA, value);
    spin_unlock(&pci.lock);
}

/* The status register beside it is one whose bits are cleared by writing ones. */
static void set_command(const struct pci_function *function, uint16_t set, uint16_t clear) {
    uint16_t command = pci_read16(function, REG_COMMAND);

    write32(function, REG_COMMAND, (uint16_t)((command & ~clear) | set));
}

void pci_enable(const struct pci_function *function) {
    set_command(function, COMMAND_MEMORY | COMMAND_MASTER | COMMAND_NO_INTX, 0);
}

void pci_stop_mastering(const struct pci_function *function) {
    set_command(function, 0, COMMAND_MASTER);
}

/* ---- capabilities and BARs ---- */

unsigned pci_capability(const struct pci_function *function, uint8_t number, unsigned after) {
    unsigned at;

    if (!(pci_read16(function, REG_STATUS) & STATUS_CAPABILITIES))
        return 0;
    at = pci_read8(function, after ? after + 1 : REG_CAPABILITIES) & 0xfcu;
    for (unsigned seen = 0; at >= CAPABILITY_FIRST && seen < CAPABILITIES_MAX; seen++) {
        if (pci_read8(function, at) == number)
            return at;
        at = pci_read8(function, at + 1) & 0xfcu;
    }
    return 0;
}

/* The BAR's register with all its writable bits set: the others say how large it is. */
static uint32_t bar_mask(const struct pci_function *function, unsigned offset) {
    uint32_t value = pci_read32(function, offset), mask;

    write32(function, offset, UINT32_MAX);
    mask = pci_read32(function, offset);
    write32(function, offset, value);
    return mask;
}

struct pci_bar pci_bar(const struct pci_function *function, unsigned index) {
    unsigned offset = REG_BAR + 4 * index;
    uint16_t command = pci_read16(function, REG_COMMAND);
    uint32_t low = pci_read32(function, offset);
    uint64_t start = low & ~BAR_FLAGS, mask;
    bool wide = (low & BAR_TYPE) == BAR_64 && index + 1 < PCI_BARS;

    if (low & BAR_IO || (low & BAR_TYPE && !wide))
        return (struct pci_bar){0};
    set_command(function, 0, COMMAND_MEMORY);
    mask = (bar_mask(function, offset) & ~BAR_FLAGS) | (uint64_t)UINT32_MAX << 32;
    if (wide) {
        start |= (uint64_t)pci_read32(function, offset + 4) << 32;
        mask = (mask & UINT32_MAX) | (uint64_t)bar_mask(function, offset + 4) << 32;
    }
    set_command(function, command & COMMAND_MEMORY, 0);
    if (start == 0 || !(mask & UINT32_MAX & ~BAR_FLAGS))
        return (struct pci_bar){0};
    return (struct pci_bar){.start = start, .bytes = ~mask + 1};
}

/* ---- what there is ---- */

struct search {
    bool (*found)(void *arg, const struct pci_function *function);
    void *arg;
    uint64_t buses[BUSES / 64]; /* that are to be looked at, a bit each */
};

/* Looks at one place. True: what is there was what was looked for. */
static bool look(struct search *search, struct pci_function *at) {
    uint8_t behind;

    at->device = pci_read16(at, REG_DEVICE);
    at->revision = pci_read8(at, REG_REVISION);
    if (pci_read16(at, REG_CLASS) == CLASS_BRIDGE) {
        behind = pci_read8(at, BRIDGE_SECONDARY_BUS);
        if (behind > at->bus) /* the firmware counts them in this order */
            search->buses[behind / 64] |= 1ull << behind % 64;
    }
    return search->found(search->arg, at);
}

static bool look_at_slot(struct search *search, uint8_t bus, uint8_t slot) {
    struct pci_function at = {.bus = bus, .slot = slot};
    unsigned functions = 1;

    for (; at.function < functions; at.function++) {
        at.vendor = pci_read16(&at, REG_VENDOR);
        if (at.vendor == VENDOR_NONE)
            continue;
        if (at.function == 0 && pci_read8(&at, REG_HEADER_TYPE) & HEADER_MANY_FUNCTIONS)
            functions = FUNCTIONS;
        if (look(search, &at))
            return true;
    }
    return false;
}

bool pci_find(bool (*found)(void *arg, const struct pci_function *function), void *arg) {
    struct search search = {.found = found, .arg = arg, .buses = {1}};

    for (unsigned bus = 0; bus < BUSES; bus++) {
        if (!(search.buses[bus / 64] >> bus % 64 & 1))
            continue;
        for (unsigned slot = 0; slot < SLOTS; slot++)
            if (look_at_slot(&search, (uint8_t)bus, (uint8_t)slot))
                return true;
    }
    return false;
}
