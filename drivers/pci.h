/* SPDX-License-Identifier: MIT */
/*
 * PCI: which devices there are, their configuration space, and where their registers lie.
 *
 * Words: a function is what is addressed by bus, slot and function; most devices have one. A BAR
 * says where in memory or in I/O ports a function's registers are; the firmware has set them, and
 * nothing here changes them. A capability is a piece of the configuration space with a number that
 * says what it is for.
 *
 * Configuration space is reached by the ports 0xCF8 and 0xCFC (mechanism 1), 256 bytes a function.
 *
 * Locks: LOCK_RANK_PCI around each access, taken inside. Nothing sleeps. Not in interrupts.
 *
 * Source: PCI Local Bus Specification 3.0, chapter 6; 3.2.2.3.2 for the mechanism.
 */
#ifndef DRIVERS_PCI_H
#define DRIVERS_PCI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mm/phys.h"

#define PCI_BARS 6
#define PCI_CAP_VENDOR 0x09 /* a capability that the vendor defines */

/* A function that is there. Constant once found. */
struct pci_function {
    uint8_t bus, slot, function;
    uint16_t vendor, device;
    uint8_t revision;
};

/* Registers of a function in memory. bytes 0: there are none. */
struct pci_bar {
    paddr_t start;
    uint64_t bytes;
};

/*
 * Calls found(arg, function) for every function of the bus 0 and of those behind its bridges, until
 * it returns true. Returns whether it did. For start: bridges are as the firmware has set them.
 */
bool pci_find(bool (*found)(void *arg, const struct pci_function *function), void *arg);

/* Registers of the configuration space; `offset` is a multiple of the size. */
uint32_t pci_read32(const struct pci_function *function, unsigned offset);
uint16_t pci_read16(const struct pci_function *function, unsigned offset);
uint8_t pci_read8(const struct pci_function *function, unsigned offset);

/*
 * Where the next capability with this number lies after the one at `after` (0: the first); 0 when
 * there is none. A list that leads in circles ends.
 */
unsigned pci_capability(const struct pci_function *function, uint8_t number, unsigned after);

/* What a BAR in memory covers. The function does not answer there meanwhile: at start only. */
struct pci_bar pci_bar(const struct pci_function *function, unsigned index);

/* Lets the function answer in memory and read and write memory by itself; its interrupt line stays
 * quiet. */
void pci_enable(const struct pci_function *function);

/* Takes from it what pci_enable gave, but that it answers. */
void pci_stop_mastering(const struct pci_function *function);

#endif
