/* SPDX-License-Identifier: MIT */
/*
 * The processor itself: its struct cpu, what it can do, and the protections it is asked to
 * enforce.
 */
#include "core/cpu.h"

#include "boot.h"
#include "core/printk.h"
#include "lib/string.h"
#include "x86.h"

struct cpu_features cpu_features;

static struct cpu cpus[CPU_MAX];

/* Addresses of every stac and clac in the text; both are three bytes long. */
extern const uint64_t smap_sites_start[], smap_sites_end[];

struct cpu *cpu_get(unsigned index) {
    ASSERT(index < CPU_MAX);
    return &cpus[index];
}

void cpu_init_self(unsigned index) {
    struct cpu *cpu = &cpus[index];

    cpu->self = cpu;
    cpu->index = index;
    cpu->mask = 1ull << index;
    wrmsr(MSR_GS_BASE, (uint64_t)cpu);
    wrmsr(MSR_KERNEL_GS_BASE, 0);
}

static bool bit(uint32_t word, unsigned index) {
    return word >> index & 1;
}

/* Leaves 1, 7 and 0x80000001: Intel's manual, volume 2, CPUID. */
void cpu_detect_features(void) {
    uint32_t leaf_max = cpuid(0, 0).eax;
    struct cpuid_result basic = cpuid(1, 0);
    struct cpuid_result extended = cpuid(0x80000001, 0);
    struct cpuid_result seven = leaf_max >= 7 ? cpuid(7, 0) : (struct cpuid_result){0};

    cpu_features = (struct cpu_features){
        .gigabyte_pages = bit(extended.edx, 26),
        .no_execute = bit(extended.edx, 20),
        .smep = bit(seven.ebx, 7),
        .smap = bit(seven.ebx, 20),
        .umip = bit(seven.ecx, 2),
        .pge = bit(basic.edx, 13),
        .pcid = bit(basic.ecx, 17),
        .invpcid = bit(seven.ebx, 10),
        .xsave = bit(basic.ecx, 26),
        .avx = bit(basic.ecx, 28),
        .avx512 = bit(seven.ebx, 16),
    };
    if (cpu_features.no_execute)
        wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_NXE);
}

void cpu_patch_smap(void) {
    static const uint8_t no_op[3] = {0x0f, 0x1f, 0x00};

    if (cpu_features.smap)
        return;
    for (const uint64_t *site = smap_sites_start; site < smap_sites_end; site++)
        memcpy((void *)*site, no_op, sizeof(no_op));
}

void cpu_protect(void) {
    uint64_t cr4 = read_cr4() | CR4_DE | CR4_MCE;

    cr4 |= cpu_features.smep ? CR4_SMEP : 0;
    cr4 |= cpu_features.smap ? CR4_SMAP : 0;
    cr4 |= cpu_features.umip ? CR4_UMIP : 0;
    cr4 |= cpu_features.pge ? CR4_PGE : 0;
    write_cr4(cr4);
    write_cr0((read_cr0() | CR0_WP | CR0_NE | CR0_MP) & ~(CR0_EM | CR0_TS | CR0_AM));
}

void cpu_print_features(void) {
    printk("cpu: wp%s%s%s%s%s\n", cpu_features.no_execute ? " nx" : "",
           cpu_features.smep ? " smep" : "", cpu_features.smap ? " smap" : "",
           cpu_features.umip ? " umip" : "", cpu_features.gigabyte_pages ? " 1GiB-pages" : "");
}
