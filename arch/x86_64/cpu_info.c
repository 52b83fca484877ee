/* SPDX-License-Identifier: MIT */
/*
 * What the processor says it is (core/cpu_info.h), by CPUID.
 *
 * Source: Intel SDM volume 2A, CPUID.
 */
#include "core/cpu_info.h"

#include "core/clock.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "machine/cpu.h"

enum { EAX, EBX, ECX, EDX };

#define LEAF_BRAND 0x80000002u
#define LEAF_EXTENDED 0x80000001u
#define LEAF_ADDRESS_SIZES 0x80000008u

static void cpuid(uint32_t leaf, uint32_t out[4]) {
    __asm__ volatile("cpuid"
                     : "=a"(out[EAX]), "=b"(out[EBX]), "=c"(out[ECX]), "=d"(out[EDX])
                     : "a"(leaf), "c"(0));
}

/* The counter's speed since boot, which the monotonic clock was calibrated to. */
static uint64_t measure_clock(void) {
    uint64_t ns = clock_monotonic_ns(), ticks = rdtsc();

    clock_delay_ns(20000);
    ns = clock_monotonic_ns() - ns;
    ticks = rdtsc() - ticks;
    return ns ? ticks * 1000 / ns * 1000000 : 0;
}

static void get_signature(struct cpu_info *info) {
    uint32_t r[4];

    cpuid(1, r);
    info->stepping = r[EAX] & 0xf;
    info->model = r[EAX] >> 4 & 0xf;
    info->family = r[EAX] >> 8 & 0xf;
    if (info->family == 6 || info->family == 15)
        info->model += (r[EAX] >> 16 & 0xf) << 4;
    if (info->family == 15)
        info->family += r[EAX] >> 20 & 0xff;
}

void cpu_info_get(struct cpu_info *info) {
    uint32_t r[4];

    memset(info, 0, sizeof(*info));
    cpuid(0, r);
    memcpy(info->vendor, &r[EBX], 4);
    memcpy(info->vendor + 4, &r[EDX], 4);
    memcpy(info->vendor + 8, &r[ECX], 4);
    get_signature(info);
    for (uint32_t i = 0; i < 3; i++) {
        cpuid(LEAF_BRAND + i, r);
        memcpy(info->name + i * sizeof(r), r, sizeof(r));
    }
    cpuid(LEAF_ADDRESS_SIZES, r);
    info->physical_bits = r[EAX] & 0xff;
    info->virtual_bits = r[EAX] >> 8 & 0xff;
    info->clock_hz = measure_clock();
}

static const struct {
    uint32_t leaf;
    uint8_t reg, bit;
    const char *name;
} flags[] = {
    {1, EDX, 0, " fpu"},
    {1, EDX, 3, " pse"},
    {1, EDX, 4, " tsc"},
    {1, EDX, 5, " msr"},
    {1, EDX, 6, " pae"},
    {1, EDX, 8, " cx8"},
    {1, EDX, 9, " apic"},
    {1, EDX, 13, " pge"},
    {1, EDX, 15, " cmov"},
    {1, EDX, 16, " pat"},
    {1, EDX, 19, " clflush"},
    {1, EDX, 23, " mmx"},
    {1, EDX, 24, " fxsr"},
    {1, EDX, 25, " sse"},
    {1, EDX, 26, " sse2"},
    {1, ECX, 0, " pni"},
    {1, ECX, 1, " pclmulqdq"},
    {1, ECX, 9, " ssse3"},
    {1, ECX, 12, " fma"},
    {1, ECX, 13, " cx16"},
    {1, ECX, 17, " pcid"},
    {1, ECX, 19, " sse4_1"},
    {1, ECX, 20, " sse4_2"},
    {1, ECX, 21, " x2apic"},
    {1, ECX, 22, " movbe"},
    {1, ECX, 23, " popcnt"},
    {1, ECX, 25, " aes"},
    {1, ECX, 26, " xsave"},
    {1, ECX, 28, " avx"},
    {1, ECX, 29, " f16c"},
    {1, ECX, 30, " rdrand"},
    {1, ECX, 31, " hypervisor"},
    {7, EBX, 0, " fsgsbase"},
    {7, EBX, 3, " bmi1"},
    {7, EBX, 5, " avx2"},
    {7, EBX, 7, " smep"},
    {7, EBX, 8, " bmi2"},
    {7, EBX, 9, " erms"},
    {7, EBX, 18, " rdseed"},
    {7, EBX, 19, " adx"},
    {7, EBX, 20, " smap"},
    {7, EBX, 29, " sha_ni"},
    {7, ECX, 2, " umip"},
    {7, EDX, 4, " fsrm"},
    {LEAF_EXTENDED, EDX, 11, " syscall"},
    {LEAF_EXTENDED, EDX, 20, " nx"},
    {LEAF_EXTENDED, EDX, 26, " pdpe1gb"},
    {LEAF_EXTENDED, EDX, 27, " rdtscp"},
    {LEAF_EXTENDED, EDX, 29, " lm"},
    {LEAF_EXTENDED, ECX, 0, " lahf_lm"},
};

void cpu_info_for_each_flag(void (*fn)(void *arg, const char *name), void *arg) {
    uint32_t r[4], leaf = 0;

    for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
        if (flags[i].leaf != leaf)
            cpuid(flags[i].leaf, r);
        leaf = flags[i].leaf;
        if (r[flags[i].reg] >> flags[i].bit & 1)
            fn(arg, flags[i].name);
    }
}
