/* SPDX-License-Identifier: MIT */
/*
 * The user's floating point and vector registers: x87, SSE, AVX and AVX-512, as far as the
 * processor has them. XSAVE in its standard form, or FXSAVE where there is no XSAVE.
 *
 * Layout: 512 bytes as FXSAVE has them, a header of 64 bytes, then the rest. Bits of the header's
 * first word say which parts are there; a part that is not is taken for initial.
 */
#include <stdbool.h>

#include "abi/errno.h"
#include "boot.h"
#include "core/assert.h"
#include "core/context.h"
#include "core/extable.h"
#include "core/uaccess.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "machine/user_window.h"
#include "x86.h"

#define XCR0_X87 0x01u
#define XCR0_SSE 0x02u
#define XCR0_AVX 0x04u
#define XCR0_AVX512 0xe0u
#define CPUID_XSAVE 0xd

#define FCW_START 0x37f
#define MXCSR_START 0x1f80
#define MXCSR_MASK_DEFAULT 0xffbf

struct fpu_state {
    uint16_t control, status;
    uint8_t tags, reserved0;
    uint16_t opcode;
    uint64_t ip, data;
    uint32_t mxcsr, mxcsr_mask;
    uint8_t registers[480];
    uint64_t parts; /* from here on XSAVE's header */
    uint64_t compact;
    uint64_t reserved1[6];
};

STATIC_ASSERT(sizeof(struct fpu_state) == 576);

static uint64_t fpu_parts;
static size_t fpu_size = 512;
static uint32_t fpu_mxcsr_mask = MXCSR_MASK_DEFAULT;

static void xcr0_write(uint64_t value) {
    __asm__ volatile("xsetbv" : : "c"(0), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

void fpu_init_self(void) {
    write_cr4(read_cr4() | CR4_OSFXSR | CR4_OSXMMEXCPT);
    __asm__ volatile("fninit");
    if (!cpu_features.xsave)
        return;
    write_cr4(read_cr4() | CR4_OSXSAVE);
    xcr0_write(fpu_parts);
}

void fpu_init(void) {
    static struct fpu_state now __attribute__((aligned(FPU_STATE_ALIGN)));

    if (cpu_features.xsave) {
        fpu_parts = XCR0_X87 | XCR0_SSE;
        fpu_parts |= cpu_features.avx ? XCR0_AVX : 0;
        fpu_parts |= cpu_features.avx512 ? XCR0_AVX512 : 0;
        fpu_parts &= cpuid(CPUID_XSAVE, 0).eax;
    }
    fpu_init_self();
    __asm__ volatile("fxsave64 %0" : "=m"(now));
    if (now.mxcsr_mask)
        fpu_mxcsr_mask = now.mxcsr_mask;
    if (cpu_features.xsave)
        fpu_size = cpuid(CPUID_XSAVE, 0).ebx; /* as much as is turned on by now */
}

size_t fpu_state_size(void) {
    return align_up(fpu_size, FPU_STATE_ALIGN);
}

uint64_t fpu_state_parts(void) {
    return fpu_parts;
}

void fpu_init_state(struct fpu_state *s) {
    memset(s, 0, fpu_size);
    s->control = FCW_START;
    s->mxcsr = MXCSR_START;
}

void fpu_state_prepare(struct fpu_state *s) {
    s->parts = s->compact = 0;
    memset(s->reserved1, 0, sizeof(s->reserved1));
}

void fpu_reset(void) {
    /* No part is marked as there, so XRSTOR makes all initial and reads no more than this. */
    static const struct fpu_state initial __attribute__((aligned(FPU_STATE_ALIGN))) = {
        .control = FCW_START,
        .mxcsr = MXCSR_START,
    };

    fpu_restore(&initial);
}

void fpu_save(struct fpu_state *s) {
    if (cpu_features.xsave)
        __asm__ volatile("xsave64 (%0)"
                         :
                         : "r"(s), "a"((uint32_t)fpu_parts), "d"((uint32_t)(fpu_parts >> 32))
                         : "memory");
    else
        __asm__ volatile("fxsave64 (%0)" : : "r"(s) : "memory");
}

void fpu_restore(const struct fpu_state *s) {
    if (cpu_features.xsave)
        __asm__ volatile("xrstor64 (%0)"
                         :
                         : "r"(s), "a"((uint32_t)fpu_parts), "d"((uint32_t)(fpu_parts >> 32))
                         : "memory");
    else
        __asm__ volatile("fxrstor64 (%0)" : : "r"(s) : "memory");
}

#define SAVE_TO_USER(error, instruction, dst, parts)                                               \
    __asm__ volatile(                                                                              \
        SMAP_SITE("stac") "1: " instruction " (%1)\n"                                              \
                          "2: " SMAP_SITE("clac") ".pushsection .text.fixup, \"ax\"\n"             \
                                                  "3: movl %4, %0\n"                               \
                                                  "jmp 2b\n"                                       \
                                                  ".popsection\n" EXTABLE("1b", "3b")              \
        : "+r"(error)                                                                              \
        : "r"(dst), "a"((uint32_t)(parts)), "d"((uint32_t)((parts) >> 32)), "i"(-EFAULT)           \
        : "memory")

int fpu_save_user(void *udst) {
    int error = 0;

    if ((uintptr_t)udst % FPU_STATE_ALIGN != 0 || !user_range_ok(udst, fpu_size))
        return -EFAULT;
    if (cpu_features.xsave)
        SAVE_TO_USER(error, "xsave64", udst, fpu_parts);
    else
        SAVE_TO_USER(error, "fxsave64", udst, fpu_parts);
    return error;
}

void fpu_sanitize_state(struct fpu_state *s) {
    s->mxcsr &= fpu_mxcsr_mask;
    if (!cpu_features.xsave)
        return;
    s->parts &= fpu_parts;
    s->compact = 0;
    memset(s->reserved1, 0, sizeof(s->reserved1));
}
