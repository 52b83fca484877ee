/* SPDX-License-Identifier: MIT */
/*
 * What the files of arch/x86_64 do for each other while the kernel starts, in the order in which
 * x86_start() calls it. Everything here runs once, on the boot processor, interrupts off.
 */
#ifndef X86_BOOT_H
#define X86_BOOT_H

#include <stdbool.h>
#include <stdint.h>

/* gs and struct cpu of the boot processor. */
void cpu_init_self(void);

/* Finds out what the processor can do, and turns NX on. */
void cpu_detect_features(void);

/* Replaces stac and clac by no-ops where there is no SMAP. Before the text is read-only. */
void cpu_patch_smap(void);

/* GDT, TSS and IDT: from here on a trap is told, not a triple fault. */
void descriptors_init(void);
void traps_init(void);

/* WP, SMEP, SMAP, UMIP, global pages; with the final page tables. */
void cpu_protect(void);

/* XSAVE or FXSAVE, and all that it may save. */
void fpu_init(void);

/* The syscall instruction. */
void syscall_init(void);

/* Local APIC and IOAPIC; the 8259s are silenced. */
void apic_init(void);

/* Calibrates the clocks and reads the date. After apic_init(). */
void clock_init(void);

/* Puts the start of kernel code and its end of stack into the TSS. */
void tss_set_kernel_stack(void *top);

/* True when addr is in the guard page of one of the stacks of start.S. */
bool boot_stack_guard_hit(uint64_t addr);

/*
 * A zeroed page after the kernel image, for page tables made before frame_init(). Below 1 GiB,
 * where the boot tables reach. 0 when there is none.
 */
uint64_t early_alloc_page(void);

/* Gives back every page since `mark`, an end of boot_info.kernel noted before. */
void early_alloc_rewind(uint64_t mark);

#endif
