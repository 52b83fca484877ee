/* SPDX-License-Identifier: MIT */
/*
 * Linux signals (x86-64): numbers, flags, and the structures that travel between kernel and
 * program, the signal frame included. Sources: signal(7), sigaction(2), rt_sigreturn(2), the x86-64
 * psABI for the FPU area. See include/abi/README for the naming.
 */
#ifndef ABI_SIGNAL_H
#define ABI_SIGNAL_H

#include <stdint.h>

#define SIGHUP 1
#define SIGINT 2
#define SIGQUIT 3
#define SIGILL 4
#define SIGTRAP 5
#define SIGABRT 6
#define SIGBUS 7
#define SIGFPE 8
#define SIGKILL 9
#define SIGUSR1 10
#define SIGSEGV 11
#define SIGUSR2 12
#define SIGPIPE 13
#define SIGALRM 14
#define SIGTERM 15
#define SIGSTKFLT 16
#define SIGCHLD 17
#define SIGCONT 18
#define SIGSTOP 19
#define SIGTSTP 20
#define SIGTTIN 21
#define SIGTTOU 22
#define SIGURG 23
#define SIGXCPU 24
#define SIGXFSZ 25
#define SIGVTALRM 26
#define SIGPROF 27
#define SIGWINCH 28
#define SIGIO 29
#define SIGPWR 30
#define SIGSYS 31
#define SIGRTMIN 32
#define SIGRTMAX 64
#define SIGNAL_COUNT 64 /* valid numbers are 1..64 */

#define SA_NOCLDSTOP 0x00000001
#define SA_NOCLDWAIT 0x00000002
#define SA_SIGINFO 0x00000004
#define SA_RESTORER 0x04000000
#define SA_ONSTACK 0x08000000
#define SA_RESTART 0x10000000
#define SA_NODEFER 0x40000000
#define SA_RESETHAND 0x80000000

#define SIG_DFL 0
#define SIG_IGN 1

#define SIG_BLOCK 0
#define SIG_UNBLOCK 1
#define SIG_SETMASK 2

#define SS_ONSTACK 1
#define SS_DISABLE 2
#define SS_AUTODISARM 0x80000000u
#define MINSIGSTKSZ 2048

#define SI_USER 0
#define SI_KERNEL 0x80
#define SI_QUEUE (-1)
#define SI_TIMER (-2)
#define SI_TKILL (-6)
#define ILL_ILLOPN 2
#define ILL_PRVOPC 5
#define FPE_INTDIV 1
#define FPE_INTOVF 2
#define FPE_FLTDIV 3
#define FPE_FLTOVF 4
#define FPE_FLTUND 5
#define FPE_FLTRES 6
#define FPE_FLTINV 7
#define SEGV_MAPERR 1
#define SEGV_ACCERR 2
#define SEGV_BNDERR 3
#define BUS_ADRALN 1
#define BUS_ADRERR 2
#define TRAP_BRKPT 1
#define TRAP_TRACE 2
#define TRAP_HWBKPT 4
#define CLD_EXITED 1
#define CLD_KILLED 2
#define CLD_DUMPED 3
#define CLD_STOPPED 5
#define CLD_CONTINUED 6

/* As rt_sigaction(2) takes it. */
struct linux_sigaction {
    uint64_t handler; /* SIG_DFL, SIG_IGN or a user address */
    uint64_t flags;   /* SA_* */
    uint64_t restorer;
    uint64_t mask; /* bit n-1: signal n */
};

struct linux_sigaltstack {
    uint64_t ss_sp;
    int32_t ss_flags;
    uint32_t padding;
    uint64_t ss_size;
};

/*
 * Which member of the union counts follows from signo and code; see sigaction(2). No member but the
 * filler is longer than SIGINFO_USED_BYTES, and a handler sees zeroes behind.
 */
#define SIGINFO_USED_BYTES 48
struct linux_siginfo {
    int32_t si_signo;
    int32_t si_errno;
    int32_t si_code;
    uint32_t padding;
    union {
        struct {
            int32_t pid;
            uint32_t uid;
            uint64_t value; /* sigqueue(3) */
        } rt;
        struct {
            int32_t id;
            int32_t overrun;
            uint64_t value;
        } timer;
        struct {
            int32_t pid;
            uint32_t uid;
            int32_t status;
            uint32_t padding;
            int64_t utime;
            int64_t stime;
        } child;
        struct {
            uint64_t address;
        } fault;
        struct {
            int64_t band;
            int32_t fd;
        } poll;
        uint8_t size[112];
    } u;
};

struct linux_sigcontext {
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
    uint64_t rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip;
    uint64_t eflags;
    uint16_t cs, gs, fs, ss;
    uint64_t err;
    uint64_t trapno;
    uint64_t oldmask;
    uint64_t cr2;
    uint64_t fpstate; /* user address of the FPU area; 0: none */
    uint64_t reserved1[8];
};

#define UC_FP_XSTATE 0x1
#define UC_SIGCONTEXT_SS 0x2
#define UC_STRICT_RESTORE_SS 0x4

struct linux_ucontext {
    uint64_t uc_flags;
    uint64_t uc_link;
    struct linux_sigaltstack uc_stack;
    struct linux_sigcontext uc_mcontext;
    uint64_t uc_sigmask;
};

/* What the handler's stack pointer points at on entry. The FPU area lies above, 64-byte aligned. */
struct linux_rt_sigframe {
    uint64_t return_address; /* the action's restorer */
    struct linux_ucontext uc;
    struct linux_siginfo info;
};

/* In bytes 464..511 of the FXSAVE image in the FPU area, where software may put what it likes. */
#define FP_XSTATE_MAGIC1 0x46505853U
#define FP_XSTATE_MAGIC2 0x46505845U /* follows the extended state */
#define FP_SW_BYTES_OFFSET 464
struct linux_fpx_sw_bytes {
    uint32_t magic1;
    uint32_t extended_size; /* whole area, MAGIC2 included */
    uint64_t xfeatures;
    uint32_t xstate_size;
    uint32_t padding[7];
};

#endif
