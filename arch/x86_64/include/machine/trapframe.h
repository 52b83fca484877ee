/* SPDX-License-Identifier: MIT */
/*
 * The saved state of a thread that entered the kernel: by system call, exception or interrupt,
 * always the same. It lies at the top of the thread's kernel stack, so any thread can be resumed
 * with iretq. arch/x86_64/entry.S knows every offset; they are asserted below.
 *
 * While an ordinary system call runs, the registers that C functions preserve (the first line of
 * the structure) and rax are not in the frame: entry.S puts them there for the calls that
 * syscall/calls.def marks WHOLE, and before signals are looked at.
 *
 * Here too: how the parts that Linux's interface names are found in it, and what the error word
 * of a page fault says.
 */
#ifndef MACHINE_TRAPFRAME_H
#define MACHINE_TRAPFRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct trapframe {
    uint64_t r15, r14, r13, r12, rbp, rbx;
    uint64_t r11, r10, r9, r8;
    uint64_t rax, rcx, rdx, rsi, rdi;
    uint64_t orig_rax; /* number of the system call, or -1 when it was none */
    uint64_t vector;   /* TRAP_* */
    uint64_t error;    /* the hardware's error word, 0 when it gives none */
    uint64_t rip, cs, rflags, rsp, ss;
};

_Static_assert(offsetof(struct trapframe, r15) == 0, "entry.S");
_Static_assert(offsetof(struct trapframe, r14) == 8, "entry.S");
_Static_assert(offsetof(struct trapframe, r13) == 16, "entry.S");
_Static_assert(offsetof(struct trapframe, r12) == 24, "entry.S");
_Static_assert(offsetof(struct trapframe, rbp) == 32, "entry.S");
_Static_assert(offsetof(struct trapframe, rbx) == 40, "entry.S");
_Static_assert(offsetof(struct trapframe, r11) == 48, "entry.S");
_Static_assert(offsetof(struct trapframe, r10) == 56, "entry.S");
_Static_assert(offsetof(struct trapframe, r9) == 64, "entry.S");
_Static_assert(offsetof(struct trapframe, r8) == 72, "entry.S");
_Static_assert(offsetof(struct trapframe, rax) == 80, "entry.S");
_Static_assert(offsetof(struct trapframe, rdx) == 96, "entry.S");
_Static_assert(offsetof(struct trapframe, rsi) == 104, "entry.S");
_Static_assert(offsetof(struct trapframe, rdi) == 112, "entry.S");
_Static_assert(offsetof(struct trapframe, orig_rax) == 120, "entry.S");
_Static_assert(offsetof(struct trapframe, rip) == 144, "entry.S");
_Static_assert(sizeof(struct trapframe) == 184, "entry.S");

enum trap_vector {
    TRAP_DIVIDE = 0,
    TRAP_DEBUG = 1,
    TRAP_NMI = 2,
    TRAP_BREAKPOINT = 3,
    TRAP_OVERFLOW = 4,
    TRAP_BOUND = 5,
    TRAP_INVALID_OPCODE = 6,
    TRAP_NO_DEVICE = 7,
    TRAP_DOUBLE_FAULT = 8,
    TRAP_INVALID_TSS = 10,
    TRAP_NO_SEGMENT = 11,
    TRAP_STACK = 12,
    TRAP_PROTECTION = 13,
    TRAP_PAGE_FAULT = 14,
    TRAP_FPU = 16,
    TRAP_ALIGNMENT = 17,
    TRAP_MACHINE_CHECK = 18,
    TRAP_SIMD = 19,
    TRAP_SYSCALL = 256, /* by the syscall instruction; not a vector of the hardware's */
};

/* Selectors, the same as Linux gives its programs. */
#define SELECTOR_KERNEL_CODE 0x10
#define SELECTOR_KERNEL_DATA 0x18
#define SELECTOR_USER_DATA 0x2b
#define SELECTOR_USER_CODE 0x33

/* Flags a user may change (for sigreturn), and those a new program starts with. */
#define RFLAGS_USER_MASK 0x250dd5UL /* CF PF AF ZF SF TF DF OF RF AC ID */
#define RFLAGS_USER_START 0x202UL   /* interrupts on */

/* Bits of the error word of a page fault. */
#define PAGE_FAULT_PRESENT 0x01u
#define PAGE_FAULT_WRITE 0x02u
#define PAGE_FAULT_USER 0x04u
#define PAGE_FAULT_RESERVED 0x08u
#define PAGE_FAULT_EXEC 0x10u

static inline bool trapframe_is_user(const struct trapframe *tf) {
    return (tf->cs & 3) == 3;
}

/*
 * What a page fault wanted, in the bits of mmap(2): 1 read, 2 write, 4 execute, and 8 when the
 * user did it (VM_READ, VM_WRITE, VM_EXEC, VM_USER).
 */
static inline unsigned page_fault_access(unsigned error) {
    unsigned access = 1;

    if (error & PAGE_FAULT_WRITE)
        access = 2;
    else if (error & PAGE_FAULT_EXEC)
        access = 4;
    return access | (error & PAGE_FAULT_USER ? 8 : 0);
}

/* The state in which a new program starts: all registers 0, interrupts on. */
static inline void trapframe_init_user(struct trapframe *tf, uint64_t rip, uint64_t rsp) {
    *tf = (struct trapframe){
        .orig_rax = UINT64_MAX,
        .vector = TRAP_SYSCALL,
        .rip = rip,
        .cs = SELECTOR_USER_CODE,
        .rflags = RFLAGS_USER_START,
        .rsp = rsp,
        .ss = SELECTOR_USER_DATA,
    };
}

#endif
