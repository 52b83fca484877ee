/* SPDX-License-Identifier: MIT */
/*
 * What the files of arch/x86_64 do for each other while the kernel starts, in the order in which
 * x86_start() calls it; interrupts off. Some of it is each processor's own and runs once on each;
 * the rest runs once, on the boot processor.
 */
#ifndef X86_BOOT_H
#define X86_BOOT_H

#include <stdbool.h>
#include <stdint.h>

/* gs and struct cpu of the running processor, which is to have this index. Each processor. */
void cpu_init_self(unsigned index);

/* Finds out what the processor can do, and turns NX on. */
void cpu_detect_features(void);

/* Replaces stac and clac by no-ops where there is no SMAP. Before the text is read-only. */
void cpu_patch_smap(void);

/* The tops of the stacks for traps that must not use the current one. */
struct trap_stacks {
    void *double_fault, *nmi, *machine_check;
};

/* Those of start.S, for the boot processor. */
extern const struct trap_stacks boot_trap_stacks;

/* GDT and TSS, then IDT: from here on a trap is told, not a triple fault. Each processor. */
void descriptors_init(const struct trap_stacks *stacks);
void traps_init(void);
void traps_init_self(void);

/* WP, SMEP, SMAP, UMIP, global pages; with the final page tables. Each processor. */
void cpu_protect(void);
void cpu_print_features(void);

/* XSAVE or FXSAVE, and all that it may save; each processor, after the boot processor. */
void fpu_init(void);
void fpu_init_self(void);

/* The syscall instruction. Each processor. */
void syscall_init(void);

/* Local APIC and IOAPIC; the 8259s are silenced. */
void apic_init(void);
void apic_init_self(void);

/* Reads which processors there are. After kmap_init(). */
void processors_find(uint64_t rsdp_phys);

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
