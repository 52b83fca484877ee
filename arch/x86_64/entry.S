/* SPDX-License-Identifier: MIT */
/*
 * Every way into the kernel and out of it. machine/trapframe.h is the layout of the stack.
 *
 * Words: gs leads to struct cpu (core/cpu.h) in the kernel and is the user's own in user code;
 * swapgs exchanges the two at each crossing. AC set would let the kernel touch user pages: it is
 * cleared on the way in.
 *
 * Three ways in:
 *   syscall_entry   the syscall instruction; interrupts off, still on the user's stack
 *   trap_common     exceptions and interrupts, on the thread's stack (user code: its top)
 *   paranoid_common NMI, double fault and machine check: on stacks of their own, at any
 *                   instruction, even between a swapgs and its crossing; gs is looked up
 * Two ways out to user code: user_return, with iretq, gives every register what the frame says;
 * a system call that has no work to do on its way out takes the short one, with sysretq.
 *
 * The short way relies on C: functions keep rbx, rbp and r12 to r15, so a system call neither
 * saves nor restores them, and the frame has nothing in their places (PRESERVED below). They are
 * put into the frame where somebody may look at them or change them:
 *   syscall_long_way   on the way out, before signals and the like
 *   syscall_whole_*    on the way in, for the calls that copy or replace the whole frame; these
 *                      never come back to the short way (WHOLE in syscall/calls.def)
 *
 * Invariant: the frame's cs, ss and rflags are such as user code may have. Its rip may be
 * anything: an address that iretq would refuse is dealt with before. A frame on the short way is
 * as syscall made it: rip is below USER_END, which sysretq can return to.
 */
#include "abi/errno.h"
#include "machine/layout.h"

#define TF_R15 0
#define TF_R14 8
#define TF_R13 16
#define TF_R12 24
#define TF_RBP 32
#define TF_RBX 40
#define TF_R10 56
#define TF_R9 64
#define TF_R8 72
#define TF_RAX 80
#define TF_RDX 96
#define TF_RSI 104
#define TF_RDI 112
#define TF_RIP 144
#define TF_CS 152
#define TF_RFLAGS 160
#define TF_RSP 168

#define CPU_KERNEL_STACK 16
#define CPU_USER_RSP 24
#define CPU_WORK 32

#define USER_DATA 0x2b
#define USER_CODE 0x33
#define TRAP_SYSCALL 256

#define PRESERVED_BYTES 48 /* r15 to rbx, the lowest of the frame */

/* With TF sysretq traps one instruction too early; RF it cannot give back. */
#define RFLAGS_TF_RF 0x10100
#define MSR_GS_BASE 0xc0000101

/* Replaced by a no-op at boot where there is no SMAP: see cpu.c. */
    .macro USER_ACCESS_OFF
777: clac
    .pushsection __smap_sites, "a"
    .quad 777b
    .popsection
    .endm

    .macro PUSH_SCRATCH
    pushq %rdi
    pushq %rsi
    pushq %rdx
    pushq %rcx
    pushq %rax
    pushq %r8
    pushq %r9
    pushq %r10
    pushq %r11
    .endm

    .macro PUSH_REGISTERS
    PUSH_SCRATCH
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    .endm

/* What PUSH_SCRATCH left out, into the frame at rsp. */
    .macro STORE_PRESERVED
    movq %rbx, TF_RBX(%rsp)
    movq %rbp, TF_RBP(%rsp)
    movq %r12, TF_R12(%rsp)
    movq %r13, TF_R13(%rsp)
    movq %r14, TF_R14(%rsp)
    movq %r15, TF_R15(%rsp)
    .endm

    .macro POP_SCRATCH
    popq %r11
    popq %r10
    popq %r9
    popq %r8
    popq %rax
    popq %rcx
    popq %rdx
    popq %rsi
    popq %rdi
    .endm

    .macro POP_REGISTERS
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    POP_SCRATCH
    .endm

    .text
    .balign 64
    .globl syscall_entry
syscall_entry:
    swapgs
    movq %rsp, %gs:CPU_USER_RSP
    movq %gs:CPU_KERNEL_STACK, %rsp
    pushq $USER_DATA
    pushq %gs:CPU_USER_RSP
    pushq %r11
    pushq $USER_CODE
    pushq %rcx
    pushq $0
    pushq $TRAP_SYSCALL
    pushq %rax
    PUSH_SCRATCH
    subq $PRESERVED_BYTES, %rsp
    sti
/* The number is an int. The arguments are where the psABI wants them, but for the fourth. */
    movl %eax, %eax
    movq %r10, %rcx
    cmpq syscall_table_size(%rip), %rax
    jae .Lsyscall_unknown
    call *syscall_table(, %rax, 8)
.Lsyscall_result:
    cmpq $-ERESTART_RESTARTBLOCK, %rax
    jae .Lsyscall_error
.Lsyscall_exit:
    cli
    cmpl $0, %gs:CPU_WORK
    jne .Lsyscall_long_way
    movq TF_RFLAGS(%rsp), %r11
    testl $RFLAGS_TF_RF, %r11d
    jne .Lsyscall_long_way
    movq TF_RIP(%rsp), %rcx
    movq TF_R10(%rsp), %r10
    movq TF_R9(%rsp), %r9
    movq TF_R8(%rsp), %r8
    movq TF_RDX(%rsp), %rdx
    movq TF_RSI(%rsp), %rsi
    movq TF_RDI(%rsp), %rdi
    movq TF_RSP(%rsp), %rsp
    swapgs
    sysretq

.Lsyscall_unknown:
    movq $-ENOSYS, %rax
    jmp .Lsyscall_exit

/* Most errors are the program's; those from ERESTARTSYS on are for the signal code. */
.Lsyscall_error:
    cmpq $-ERESTARTSYS, %rax
    ja .Lsyscall_exit
.Lsyscall_long_way:
    STORE_PRESERVED
.Lsyscall_whole_result:
    sti
    movq %rsp, %rdi
    movq %rax, %rsi
    call syscall_finish
    jmp user_return

/*
 * The calls that see or change every register of the caller. They are called with the return
 * address above the frame; they return to the long way.
 */
    .macro SYSCALL_WHOLE name
    .globl syscall_whole_\name
syscall_whole_\name:
    addq $8, %rsp
    STORE_PRESERVED
    call sys_\name
    jmp .Lsyscall_whole_result
    .endm

    SYSCALL_WHOLE clone
    SYSCALL_WHOLE clone3
    SYSCALL_WHOLE execve
    SYSCALL_WHOLE execveat
    SYSCALL_WHOLE fork
    SYSCALL_WHOLE rt_sigreturn
    SYSCALL_WHOLE vfork

    .balign 16
trap_common:
    pushq $-1
    PUSH_REGISTERS
    cld
    USER_ACCESS_OFF
    movq %rsp, %rdi
    testb $3, TF_CS(%rsp)
    je trap_from_kernel
    swapgs
    call trap_dispatch
/* Interrupts may be on or off here; rsp is the trapframe. */
user_return:
    cli
    cmpl $0, %gs:CPU_WORK
    jne user_work
    movq TF_RIP(%rsp), %rax
    shrq $47, %rax
    jne user_bad_rip
    POP_REGISTERS
    addq $24, %rsp
    swapgs
    iretq

user_work:
    sti
    movq %rsp, %rdi
    call trap_user_work
    jmp user_return

user_bad_rip:
    sti
    movq %rsp, %rdi
    call trap_user_bad_rip
    jmp user_return

trap_from_kernel:
    call trap_dispatch
    POP_REGISTERS
    addq $24, %rsp
    iretq

/* void context_enter_user(struct trapframe *tf) */
    .globl context_enter_user
context_enter_user:
    movq %rdi, %rsp
    xorl %ebp, %ebp
    jmp user_return

    .balign 16
paranoid_common:
    pushq $-1
    PUSH_REGISTERS
    cld
    USER_ACCESS_OFF
    xorl %ebx, %ebx
    movl $MSR_GS_BASE, %ecx
    rdmsr
    testl %edx, %edx
    js 1f
    swapgs
    incl %ebx
1:  movq %rsp, %rdi
    call trap_dispatch
    testl %ebx, %ebx
    je 2f
    swapgs
2:  POP_REGISTERS
    addq $24, %rsp
    iretq

/*
 * One stub for each vector that the IDT has, 16 bytes apart: vector and an error word on the
 * stack, where the hardware gave none.
 */
#define VECTORS 64
    .balign 16
    .globl trap_stubs
trap_stubs:
    .set vector, 0
    .rept VECTORS
    .balign 16
    .if !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21)
    pushq $0
    .endif
    pushq $vector
    .if vector == 2 || vector == 8 || vector == 18
    jmp paranoid_common
    .else
    jmp trap_common
    .endif
    .set vector, vector + 1
    .endr

/* See machine_answer_calls(). */
    .globl answer_calls_keeping_registers
answer_calls_keeping_registers:
    PUSH_SCRATCH
    call cpu_call_answer
    POP_SCRATCH
    ret

/* See machine_call_rarely(). */
    .globl call_keeping_registers
call_keeping_registers:
    pushq %rcx
    pushq %rdx
    pushq %rsi
    pushq %rdi
    pushq %r8
    pushq %r9
    pushq %r10
    pushq %r11
    call *%rax
    popq %r11
    popq %r10
    popq %r9
    popq %r8
    popq %rdi
    popq %rsi
    popq %rdx
    popq %rcx
    ret

/* void context_switch(struct context *from, struct context *to) */
    .balign 16
    .globl context_switch
context_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq (%rsi), %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret

/* Where a new context starts: r12 is the function, r13 its argument. */
    .globl context_start
context_start:
    movq %r13, %rdi
    xorl %ebp, %ebp
    call *%r12
    ud2

    .section .note.GNU-stack, "", @progbits
