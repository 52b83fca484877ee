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
 * .cfi lines tell debuggers where the interrupted code's registers are, so that a backtrace goes on
 * behind a trap or a system call, into the program that made it.
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
#define TF_ORIG_RAX 120
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

#define TF_SIZE 184

#define PRESERVED_BYTES 48 /* r15 to rbx, the lowest of the frame */

/* With TF sysretq traps one instruction too early; RF it cannot give back. */
#define RFLAGS_TF_RF 0x10100
#define MSR_GS_BASE 0xc0000101

    .cfi_sections .debug_frame

/* The registers of the code that was interrupted: rip, rflags and rsp where hardware or we put them,
 * `bytes` of the frame being on the stack. */
    .macro CFI_FRAME bytes
    .cfi_def_cfa rsp, \bytes
    .cfi_offset rip, TF_RIP - TF_SIZE
    .cfi_offset rsp, TF_RSP - TF_SIZE
    .endm

/* The other registers, once they are in the frame. */
    .macro CFI_SCRATCH
    .cfi_offset rdi, TF_RDI - TF_SIZE
    .cfi_offset rsi, TF_RSI - TF_SIZE
    .cfi_offset rdx, TF_RDX - TF_SIZE
    .cfi_offset rax, TF_RAX - TF_SIZE
    .cfi_offset r8, TF_R8 - TF_SIZE
    .cfi_offset r9, TF_R9 - TF_SIZE
    .cfi_offset r10, TF_R10 - TF_SIZE
    .endm

    .macro CFI_PRESERVED
    .cfi_offset rbx, TF_RBX - TF_SIZE
    .cfi_offset rbp, TF_RBP - TF_SIZE
    .cfi_offset r12, TF_R12 - TF_SIZE
    .cfi_offset r13, TF_R13 - TF_SIZE
    .cfi_offset r14, TF_R14 - TF_SIZE
    .cfi_offset r15, TF_R15 - TF_SIZE
    .endm

/* Replaced by a no-op at boot where there is no SMAP: see cpu.c. */
    .macro USER_ACCESS_OFF
777: clac
    .pushsection __smap_sites, "a"
    .quad 777b
    .popsection
    .endm

    .macro PUSH register
    pushq \register
    .cfi_adjust_cfa_offset 8
    .endm

    .macro PUSH_SCRATCH
    PUSH %rdi
    PUSH %rsi
    PUSH %rdx
    PUSH %rcx
    PUSH %rax
    PUSH %r8
    PUSH %r9
    PUSH %r10
    PUSH %r11
    .endm

    .macro PUSH_REGISTERS
    PUSH_SCRATCH
    PUSH %rbx
    PUSH %rbp
    PUSH %r12
    PUSH %r13
    PUSH %r14
    PUSH %r15
    CFI_SCRATCH
    CFI_PRESERVED
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

    .macro POP register
    popq \register
    .cfi_adjust_cfa_offset -8
    .cfi_restore \register
    .endm

    .macro POP_SCRATCH
    POP %r11
    POP %r10
    POP %r9
    POP %r8
    POP %rax
    POP %rcx
    POP %rdx
    POP %rsi
    POP %rdi
    .endm

    .macro POP_REGISTERS
    POP %r15
    POP %r14
    POP %r13
    POP %r12
    POP %rbp
    POP %rbx
    POP_SCRATCH
    .endm

    .text
    .balign 64
    .globl syscall_entry
    .cfi_startproc
    .cfi_signal_frame
    .cfi_def_cfa rsp, 0
    .cfi_register rip, rcx
syscall_entry:
    swapgs
    movq %rsp, %gs:CPU_USER_RSP
    movq %gs:CPU_KERNEL_STACK, %rsp
    .cfi_undefined rip /* where the user's rsp is, no directive can say */
    pushq $USER_DATA
    pushq %gs:CPU_USER_RSP
    pushq %r11
    pushq $USER_CODE
    pushq %rcx
    CFI_FRAME (TF_SIZE - TF_RIP)
    PUSH $0
    PUSH $TRAP_SYSCALL
    PUSH %rax
    PUSH_SCRATCH
    subq $PRESERVED_BYTES, %rsp
    CFI_FRAME TF_SIZE
    CFI_SCRATCH
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
    .cfi_remember_state
    movq TF_RIP(%rsp), %rcx
    movq TF_R10(%rsp), %r10
    movq TF_R9(%rsp), %r9
    movq TF_R8(%rsp), %r8
    movq TF_RDX(%rsp), %rdx
    movq TF_RSI(%rsp), %rsi
    movq TF_RDI(%rsp), %rdi
    movq TF_RSP(%rsp), %rsp
    .cfi_def_cfa rsp, 0
    .cfi_register rip, rcx
    .cfi_same_value rsp
    .cfi_same_value rdi
    .cfi_same_value rsi
    .cfi_same_value rdx
    .cfi_same_value rax
    .cfi_same_value r8
    .cfi_same_value r9
    .cfi_same_value r10
    swapgs
    sysretq
    .cfi_restore_state

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
    .cfi_endproc

/*
 * The calls that see or change every register of the caller. They are called with the return
 * address above the frame; they return to the long way.
 */
    .macro SYSCALL_WHOLE name
    .globl syscall_whole_\name
    .cfi_startproc
    .cfi_signal_frame
    CFI_FRAME (TF_SIZE + 8)
    CFI_SCRATCH
syscall_whole_\name:
    addq $8, %rsp
    .cfi_adjust_cfa_offset -8
    STORE_PRESERVED
    call sys_\name
    jmp .Lsyscall_whole_result
    .cfi_endproc
    .endm

    SYSCALL_WHOLE clone
    SYSCALL_WHOLE clone3
    SYSCALL_WHOLE execve
    SYSCALL_WHOLE execveat
    SYSCALL_WHOLE fork
    SYSCALL_WHOLE rt_sigreturn
    SYSCALL_WHOLE vfork

    .balign 16
    .cfi_startproc
    .cfi_signal_frame
    CFI_FRAME (TF_SIZE - TF_ORIG_RAX - 8)
trap_common:
    PUSH $-1
    PUSH_REGISTERS
    .cfi_remember_state
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
    .cfi_adjust_cfa_offset -24
    swapgs
    iretq
    .cfi_restore_state
    .cfi_remember_state

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
    .cfi_adjust_cfa_offset -24
    iretq
    .cfi_endproc

/* void context_enter_user(struct trapframe *tf) */
    .globl context_enter_user
    .cfi_startproc
    .cfi_undefined rip
context_enter_user:
    movq %rdi, %rsp
    xorl %ebp, %ebp
    jmp user_return
    .cfi_endproc

    .balign 16
    .cfi_startproc
    .cfi_signal_frame
    CFI_FRAME (TF_SIZE - TF_ORIG_RAX - 8)
paranoid_common:
    PUSH $-1
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
    .cfi_adjust_cfa_offset -24
    iretq
    .cfi_endproc

/*
 * One stub for each vector that the IDT has, 16 bytes apart: vector and an error word on the
 * stack, where the hardware gave none.
 */
#define VECTORS 64
    .balign 16
    .globl trap_stubs
    .cfi_startproc
    .cfi_signal_frame
trap_stubs:
    .set vector, 0
    .rept VECTORS
    .balign 16
    .if !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21)
    CFI_FRAME (TF_SIZE - TF_RIP)
    PUSH $0
    .else
    CFI_FRAME (TF_SIZE - TF_RIP + 8)
    .endif
    PUSH $vector
    .if vector == 2 || vector == 8 || vector == 18
    jmp paranoid_common
    .else
    jmp trap_common
    .endif
    .set vector, vector + 1
    .endr
    .cfi_endproc

/* See machine_answer_calls(). */
    .globl answer_calls_keeping_registers
    .cfi_startproc
answer_calls_keeping_registers:
    PUSH_SCRATCH
    call cpu_call_answer
    POP_SCRATCH
    ret
    .cfi_endproc

/* See machine/trace_point.h: the record is on the stack, above the return address. */
    .globl trace_emit_keeping_registers
    .cfi_startproc
trace_emit_keeping_registers:
    PUSH_SCRATCH
    leaq 9 * 8 + 8(%rsp), %rdi
    cld
    call trace_emit
    POP_SCRATCH
    ret
    .cfi_endproc

/* See machine_call_rarely(). */
    .globl call_keeping_registers
    .cfi_startproc
call_keeping_registers:
    PUSH %rcx
    PUSH %rdx
    PUSH %rsi
    PUSH %rdi
    PUSH %r8
    PUSH %r9
    PUSH %r10
    PUSH %r11
    call *%rax
    POP %r11
    POP %r10
    POP %r9
    POP %r8
    POP %rdi
    POP %rsi
    POP %rdx
    POP %rcx
    ret
    .cfi_endproc

/* void context_switch(struct context *from, struct context *to) */
    .balign 16
    .globl context_switch
    .cfi_startproc
context_switch:
    PUSH %rbp
    PUSH %rbx
    PUSH %r12
    PUSH %r13
    PUSH %r14
    PUSH %r15
    movq %rsp, (%rdi)
    movq (%rsi), %rsp
    POP %r15
    POP %r14
    POP %r13
    POP %r12
    POP %rbx
    POP %rbp
    ret
    .cfi_endproc

/* Where a new context starts: r12 is the function, r13 its argument. */
    .globl context_start
    .cfi_startproc
    .cfi_undefined rip
context_start:
    movq %r13, %rdi
    xorl %ebp, %ebp
    call *%r12
    ud2
    .cfi_endproc

    .section .note.GNU-stack, "", @progbits
