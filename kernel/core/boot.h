/* SPDX-License-Identifier: MIT */
/*
 * What the loader told us, in a form that no loader's format shows in. Filled by arch before
 * kernel_main, constant after.
 *
 * Words: a range is [start, end) in physical bytes. RAM ranges are sorted, disjoint and whole
 * pages. Reserved ranges lie in RAM but are in use: the kernel image with the page tables made
 * at boot, the loader's data, the initramfs.
 */
#ifndef CORE_BOOT_H
#define CORE_BOOT_H

#include <stddef.h>
#include <stdint.h>

struct boot_range {
    uint64_t start, end; /* bytes */
};

#define BOOT_RANGES_MAX 64
#define BOOT_CMDLINE_MAX 2048

struct boot_info {
    struct boot_range ram[BOOT_RANGES_MAX];
    size_t ram_count;
    struct boot_range kernel;     /* image, bss and boot page tables: never given back */
    struct boot_range trampoline; /* a page for starting processors; given back after that */
    struct boot_range initramfs;  /* empty when there is none; to be given back when unpacked */
    char cmdline[BOOT_CMDLINE_MAX];
};

extern struct boot_info boot_info;

/* The first C code with the final page tables, on the boot stack, interrupts off. */
_Noreturn void kernel_main(void);

#endif
