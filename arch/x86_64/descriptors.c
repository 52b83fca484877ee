/* SPDX-License-Identifier: MIT */
/*
 * Segments and the task state: what x86-64 still wants of them.
 *
 * The selectors are those Linux shows its programs (machine/trapframe.h). There is no 32-bit code
 * segment: index 4, where sysret would look for it, is empty. The task state holds the stack for
 * entries from user code and those of double fault, NMI and machine check, which must work
 * whatever the current stack is.
 */
#include <stdint.h>

#include "boot.h"
#include "core/context.h"
#include "core/cpu.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "machine/layout.h"
#include "machine/trapframe.h"
#include "traps.h"
#include "x86.h"

#define SELECTOR_TSS 0x40

struct tss {
    uint32_t reserved0;
    uint64_t rsp[3];
    uint64_t reserved1;
    uint64_t ist[7];
    uint64_t reserved2;
    uint16_t reserved3, io_map_offset;
} __attribute__((packed));

_Static_assert(sizeof(struct tss) == 104, "Intel, volume 3, 7.7");

struct table_pointer {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed));

extern char double_fault_stack_top[], nmi_stack_top[], machine_check_stack_top[];
extern char boot_stack[], double_fault_stack[], nmi_stack[], machine_check_stack[];

#define GDT_ENTRIES 10

/* Each processor's own. */
struct descriptors {
    struct tss tss;
    uint64_t gdt[GDT_ENTRIES];
};

static struct descriptors cpu_descriptors[CPU_MAX];

static const uint64_t gdt_template[GDT_ENTRIES] = {
    [SELECTOR_KERNEL_CODE / 8] = 0x00af9b000000ffff,
    [SELECTOR_KERNEL_DATA / 8] = 0x00cf93000000ffff,
    [SELECTOR_USER_DATA / 8] = 0x00cff3000000ffff,
    [SELECTOR_USER_CODE / 8] = 0x00affb000000ffff,
};

/* Reloads cs by a far return; the other segments mean nothing in 64-bit kernel code. */
static void segments_load(const uint64_t *gdt) {
    struct table_pointer pointer = {GDT_ENTRIES * sizeof(*gdt) - 1, (uint64_t)gdt};

    __asm__ volatile("lgdt %0\n"
                     "pushq %1\n"
                     "leaq 1f(%%rip), %%rax\n"
                     "pushq %%rax\n"
                     "lretq\n"
                     "1: movl %2, %%eax\n"
                     "movl %%eax, %%ss\n"
                     "movl %%eax, %%ds\n"
                     "movl %%eax, %%es\n"
                     "ltr %w3\n"
                     :
                     : "m"(pointer), "i"(SELECTOR_KERNEL_CODE), "i"(SELECTOR_KERNEL_DATA),
                       "r"(SELECTOR_TSS)
                     : "rax", "memory");
}

const struct trap_stacks boot_trap_stacks = {
    .double_fault = double_fault_stack_top,
    .nmi = nmi_stack_top,
    .machine_check = machine_check_stack_top,
};

void descriptors_init(const struct trap_stacks *stacks) {
    struct descriptors *own = &cpu_descriptors[cpu_index()];
    uint64_t base = (uint64_t)&own->tss;

    own->tss.ist[IST_DOUBLE_FAULT - 1] = (uint64_t)stacks->double_fault;
    own->tss.ist[IST_NMI - 1] = (uint64_t)stacks->nmi;
    own->tss.ist[IST_MACHINE_CHECK - 1] = (uint64_t)stacks->machine_check;
    own->tss.io_map_offset = sizeof(own->tss);
    memcpy(own->gdt, gdt_template, sizeof(gdt_template));
    own->gdt[SELECTOR_TSS / 8] = 0x0000890000000000 | (sizeof(own->tss) - 1) |
                                 (base & 0xffffff) << 16 | (base >> 24 & 0xff) << 56;
    own->gdt[SELECTOR_TSS / 8 + 1] = base >> 32;
    segments_load(own->gdt);
}

void tss_set_kernel_stack(void *top) {
    cpu_descriptors[cpu_index()].tss.rsp[0] = (uint64_t)top;
}

bool boot_stack_guard_hit(uint64_t addr) {
    const char *stacks[] = {boot_stack, double_fault_stack, nmi_stack, machine_check_stack};

    for (size_t i = 0; i < ARRAY_SIZE(stacks); i++) {
        uint64_t bottom = (uint64_t)stacks[i];

        if (addr < bottom && addr >= bottom - PAGE_SIZE)
            return true;
    }
    return false;
}
