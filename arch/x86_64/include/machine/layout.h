/* SPDX-License-Identifier: MIT */
/*
 * The layout of virtual addresses on x86-64 with four levels of page tables.
 *
 *   0000000000001000 .. 00007ffffffff000   user
 *   ffff888000000000 .. ffffc88000000000   direct map: all RAM, at its physical address
 *   ffffc90000000000 .. ffffc98000000000   KVA: kernel stacks and other mapped-on-demand ranges
 *   ffffffff80000000 .. ffffffffc0000000   kernel image, at its physical address
 *   ffffffffc0000000 .. ffffffffd0000000   device registers, uncached
 *
 * Invariant: the top-level entries of the kernel half are all made at boot and never change.
 * USER_MIN leaves out the page at 0, for ever: what the kernel does with a null pointer faults.
 * USER_END leaves the last user page out: a syscall instruction there would return to a
 * non-canonical address.
 */
#ifndef MACHINE_LAYOUT_H
#define MACHINE_LAYOUT_H

#define PAGE_SHIFT 12

/* The linker script and assembly read these too, and know no suffixes. */
#ifdef __ASSEMBLER__
#define LAYOUT_ADDRESS(x) x
#else
#define LAYOUT_ADDRESS(x) x##UL
#endif

#define PAGE_SIZE LAYOUT_ADDRESS(4096)

#define USER_MIN LAYOUT_ADDRESS(0x1000)
#define USER_END LAYOUT_ADDRESS(0x00007ffffffff000)

#define DIRECT_MAP_BASE LAYOUT_ADDRESS(0xffff888000000000)
#define DIRECT_MAP_END LAYOUT_ADDRESS(0xffffc88000000000)
#define KVA_BASE LAYOUT_ADDRESS(0xffffc90000000000)
#define KVA_END LAYOUT_ADDRESS(0xffffc98000000000)
#define KERNEL_BASE LAYOUT_ADDRESS(0xffffffff80000000)
#define KERNEL_END LAYOUT_ADDRESS(0xffffffffc0000000)
#define DEVICE_BASE LAYOUT_ADDRESS(0xffffffffc0000000)
#define DEVICE_END LAYOUT_ADDRESS(0xffffffffd0000000)

/* Where the kernel image is loaded in physical memory. */
#define KERNEL_LOAD_PHYS LAYOUT_ADDRESS(0x100000)

/* The page that other processors start in: below 1 MiB, for they start in real mode. */
#define TRAMPOLINE_PHYS LAYOUT_ADDRESS(0x8000)

/* The stack the boot processor starts on; its idle thread keeps it. One guard page below. */
#define BOOT_STACK_SIZE LAYOUT_ADDRESS(16384)

#endif
