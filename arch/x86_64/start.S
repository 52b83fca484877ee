/* SPDX-License-Identifier: MIT */
/*
 * From the loader to C.
 *
 * PVH (Xen's direct boot, which QEMU and others offer for any ELF file with this note): the
 * processor is in 32-bit protected mode without paging, interrupts are off, ebx holds the physical
 * address of struct hvm_start_info.
 *
 * Here: clear the bss, map the first GiB by 2 MiB pages at 0, at DIRECT_MAP_BASE and at
 * KERNEL_BASE, go to long mode and call x86_start(start_info) on the boot stack. These tables
 * serve until kmap_init() has built the real ones, and again each time that another processor is
 * started: it comes from trampoline.S to processor_entry and leaves by x86_start_processor().
 */
#include "machine/layout.h"

#define PHYS(symbol) (symbol - KERNEL_BASE)

#define CR0_PE 0x00000001
#define CR0_WP 0x00010000
#define CR0_PG 0x80000000
#define CR4_PAE 0x20
#define MSR_EFER 0xc0000080
#define EFER_LME 0x100

#define PRESENT_WRITE 0x3
#define PRESENT_WRITE_LARGE 0x83

/* Index of a top-level entry, and of the entry below it for KERNEL_BASE. */
#define DIRECT_MAP_SLOT 273
#define KERNEL_SLOT 511
#define KERNEL_SLOT_2 510

#define XEN_ELFNOTE_PHYS32_ENTRY 18

    .section .note.pvh, "a", @note
    .balign 4
    .long 2f - 1f
    .long 4f - 3f
    .long XEN_ELFNOTE_PHYS32_ENTRY
1:  .asciz "Xen"
2:  .balign 4
3:  .quad pvh_entry_phys
4:  .balign 4

/* From 32-bit protected mode without paging to 64-bit code, on the boot tables. */
    .macro ENTER_LONG_MODE target
    movl $CR4_PAE, %eax
    movl %eax, %cr4
    movl $PHYS(boot_level3), %eax
    movl %eax, %cr3
    movl $MSR_EFER, %ecx
    rdmsr
    orl $EFER_LME, %eax
    wrmsr
    movl $(CR0_PG | CR0_WP | CR0_PE), %eax
    movl %eax, %cr0
    lgdt PHYS(boot_gdt_pointer)
    ljmp $0x8, $PHYS(\target)
    .code64
    .endm

    .macro CLEAR_SEGMENTS
    xorl %eax, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %fs
    movl %eax, %gs
    movl %eax, %ss
    .endm

    .text
    .code32
    .globl pvh_entry
pvh_entry:
    cli
    cld
    movl %ebx, %esi

    xorl %eax, %eax
    movl $PHYS(kernel_bss_start), %edi
    movl $PHYS(kernel_bss_end), %ecx
    subl %edi, %ecx
    shrl $2, %ecx
    rep stosl

    movl $PHYS(boot_level2_low), %eax
    orl $PRESENT_WRITE, %eax
    movl %eax, PHYS(boot_level3)
    movl %eax, PHYS(boot_level3) + DIRECT_MAP_SLOT * 8
    movl $PHYS(boot_level2_high), %eax
    orl $PRESENT_WRITE, %eax
    movl %eax, PHYS(boot_level3) + KERNEL_SLOT * 8
    movl $PHYS(boot_level1), %eax
    orl $PRESENT_WRITE, %eax
    movl %eax, PHYS(boot_level2_low)
    movl %eax, PHYS(boot_level2_high) + KERNEL_SLOT_2 * 8

    movl $PRESENT_WRITE_LARGE, %eax
    xorl %ecx, %ecx
5:  movl %eax, PHYS(boot_level1)(, %ecx, 8)
    addl $0x200000, %eax
    incl %ecx
    cmpl $512, %ecx
    jne 5b

    ENTER_LONG_MODE boot_long_mode
boot_long_mode:
    CLEAR_SEGMENTS
    movq $boot_stack_top, %rsp
    xorl %ebp, %ebp
    movl %esi, %edi
    movq $x86_start, %rax
    pushq $0 /* where backtraces end */
    jmp *%rax

/* Another processor: in 32-bit protected mode as the loader leaves the first one. */
    .code32
    .globl processor_entry
processor_entry:
    ENTER_LONG_MODE processor_long_mode
processor_long_mode:
    CLEAR_SEGMENTS
    movq $1f, %rax /* where only the final tables map the kernel */
    jmp *%rax
1:
/* NX has to be on before the final tables are, and they before a stack that only they map. */
    movl $MSR_EFER, %ecx
    movl processor_start_efer, %eax
    xorl %edx, %edx
    wrmsr
    movq processor_start_root, %rax
    movq %rax, %cr3
    movq processor_start_stack, %rsp
    xorl %ebp, %ebp
    movq $x86_start_processor, %rax
    pushq $0 /* where backtraces end */
    jmp *%rax

    .section .rodata
    .balign 8
boot_gdt:
    .quad 0
    .quad 0x00209b0000000000 /* 64-bit code, until traps_init() */
boot_gdt_pointer:
    .word . - boot_gdt - 1
    .long PHYS(boot_gdt)

    .section .bss.boot_tables, "aw", @nobits
    .balign 4096
boot_level3: .skip 4096
boot_level2_low: .skip 4096
boot_level2_high: .skip 4096
boot_level1: .skip 4096

/* Stacks, each above a guard page. The names are in kmap.c's table of regions. */
    .section .stacks, "aw", @nobits
    .macro STACK name, size
    .balign 4096
    .skip 4096
    .globl \name\()_stack, \name\()_stack_top
\name\()_stack: .skip \size
\name\()_stack_top:
    .endm

    STACK boot, BOOT_STACK_SIZE
    STACK double_fault, 8192
    STACK nmi, 8192
    STACK machine_check, 8192

    .section .note.GNU-stack, "", @progbits
