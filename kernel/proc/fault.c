/* SPDX-License-Identifier: MIT */
/*
 * Page faults and exceptions of user code: repaired by the VM, or turned into signals. When the
 * signal kills, one line in the log says who, why and where.
 *
 *   what vm_fault() says           signal    si_code
 *   -EFAULT   no mapping           SIGSEGV   SEGV_MAPERR
 *   -EACCES   not allowed          SIGSEGV   SEGV_ACCERR
 *   -ENXIO    beyond the object    SIGBUS    BUS_ADRERR
 *   -EIO      cannot be read       SIGBUS    BUS_ADRERR
 *   -ENOMEM   out of memory        SIGKILL, once oom.c knows no better
 *
 * A kernel copy that cannot go on fails with EFAULT and sends nothing, except for lack of memory:
 * EFAULT would blame the program's pointer, so the program is killed as if it had touched the page.
 */
#include "proc/fault.h"

#include "abi/errno.h"
#include "core/printk.h"
#include "core/trace.h"
#include "lib/bits.h"
#include "machine/layout.h"
#include "machine/trapframe.h"
#include "mm/alloc_fail.h"
#include "proc/explain.h"
#include "proc/oom.h"
#include "proc/process.h"
#include "proc/signal_core.h"
#include "vm/check.h"
#include "vm/fault.h"

#define FXSAVE_STATUS_OFFSET 2
#define FXSAVE_MXCSR_OFFSET 24
#define MXCSR_MASKS_SHIFT 7

static const char *reason_of(int error) {
    switch (error) {
    case -EFAULT:
        return "no mapping";
    case -EACCES:
        return "not allowed";
    case -ENOMEM:
        return "out of memory";
    case -EIO:
        return "cannot be read";
    default:
        return "beyond the object";
    }
}

static const char *access_name(unsigned error) {
    if (error & PAGE_FAULT_WRITE)
        return "write";
    return error & PAGE_FAULT_EXEC ? "exec" : "read";
}

static int signal_of(int error) {
    if (error == -ENOMEM)
        return SIGKILL;
    return error == -EFAULT || error == -EACCES ? SIGSEGV : SIGBUS;
}

static int code_of(int error) {
    if (error == -EFAULT)
        return SEGV_MAPERR;
    return error == -EACCES ? SEGV_ACCERR : BUS_ADRERR;
}

/* Out of line, so that fault_page() is short for faults that are repaired. */
static __attribute__((noinline)) void report(const struct trapframe *tf, uint64_t address,
                                             unsigned error, int reason) {
    const struct process *process = process_current();

    printk("quire: %s[%d]: killed by %s: page fault (%s) of %#lx, error %#x, at %#lx: %s\n",
           process->name, process->pid, signal_name(signal_of(reason)), access_name(error), address,
           error, tf->rip, reason_of(reason));
    if (reason != -ENOMEM && __atomic_load_n(&explain_kills, __ATOMIC_RELAXED))
        explain_to_log(address, page_fault_access(error));
}

/*
 * An access that the processor made with the kernel's rights for an instruction of the user's, and
 * SMAP refused: nothing the map could repair. (QEMU before 9.1 does so for the stack of lret.)
 */
static bool is_implicit_supervisor(const struct trapframe *tf, unsigned error) {
    return trapframe_is_user(tf) &&
           (error & (PAGE_FAULT_PRESENT | PAGE_FAULT_USER)) == PAGE_FAULT_PRESENT;
}

/*
 * vm_fault that found no frame: again and again as long as memory is found for it. Apart from
 * fault_page(), as fail() is.
 */
static __attribute__((noinline)) int retry(struct vm_space *space, uint64_t address,
                                           unsigned access) {
    int error = -ENOMEM;

    while (error == -ENOMEM && (alloc_failed_on_purpose() || oom_resolve()))
        error = vm_fault(space, address, access);
    return error;
}

/*
 * Sends what the fault deserves to the running task. Apart from fault_page(), which is to be short
 * for faults that are repaired.
 */
static __attribute__((noinline)) int fail(struct trapframe *tf, uint64_t address, unsigned error,
                                          int reason) {
    int result = trapframe_is_user(tf) ? 0 : reason;
    struct task *task = task_current();

    if (!task->thread.space || (result != 0 && reason != -ENOMEM))
        return reason;
    /* A kernel copy may try again before the task gets around to dying. */
    if (task->forced_signal == SIGKILL || task_must_exit())
        return result;
    trace_signal_fault(task->thread.space->root, address, tf->rip, error,
                       (uint32_t)signal_of(reason));
    task->fault_address = address;
    task->fault_error = error;
    task->fault_trap = TRAP_PAGE_FAULT;
    if (signal_force(signal_of(reason), code_of(reason), address))
        report(tf, address, error, reason);
    return result;
}

int fault_page(struct trapframe *tf, uint64_t address, unsigned error) {
    struct task *task = task_current();
    int reason = -EFAULT;

    if (is_implicit_supervisor(tf, error))
        reason = -EACCES;
    else if (task->thread.space && address < USER_END)
        reason = vm_fault(task->thread.space, address, page_fault_access(error) | VM_USER);
    if (reason == -ENOMEM)
        reason = retry(task->thread.space, address, page_fault_access(error) | VM_USER);
    if (reason != 0)
        return fail(tf, address, error, reason);
    task->minor_faults++;
    return 0;
}

/* ---- exceptions other than page faults ---- */

struct exception {
    const char *name;
    int signo;
    int code;
    bool has_address; /* si_addr is the instruction */
};

static const struct exception exceptions[] = {
    [TRAP_DIVIDE] = {"divide error", SIGFPE, FPE_INTDIV, true},
    [TRAP_DEBUG] = {"debug trap", SIGTRAP, TRAP_TRACE, true},
    [TRAP_BREAKPOINT] = {"breakpoint", SIGTRAP, SI_KERNEL, false},
    [TRAP_OVERFLOW] = {"overflow", SIGSEGV, SI_KERNEL, false},
    [TRAP_BOUND] = {"bound exceeded", SIGSEGV, SI_KERNEL, false},
    [TRAP_INVALID_OPCODE] = {"invalid opcode", SIGILL, ILL_ILLOPN, true},
    [TRAP_NO_DEVICE] = {"no floating point", SIGFPE, FPE_FLTINV, true},
    [TRAP_NO_SEGMENT] = {"segment not present", SIGBUS, SI_KERNEL, false},
    [TRAP_STACK] = {"stack fault", SIGBUS, SI_KERNEL, false},
    [TRAP_PROTECTION] = {"general protection fault", SIGSEGV, SI_KERNEL, false},
    [TRAP_FPU] = {"floating point exception", SIGFPE, FPE_FLTINV, true},
    [TRAP_ALIGNMENT] = {"alignment check", SIGBUS, BUS_ADRALN, true},
    [TRAP_SIMD] = {"SIMD exception", SIGFPE, FPE_FLTINV, true},
};

static const struct exception unknown_exception = {"unknown exception", SIGSEGV, SI_KERNEL, false};

static const struct exception *exception_of(uint64_t vector) {
    if (vector < ARRAY_SIZE(exceptions) && exceptions[vector].name)
        return &exceptions[vector];
    return &unknown_exception;
}

/* si_code by the lowest exception flag: x87 status and MXCSR have them in the same order. */
static int float_code(uint32_t flags) {
    static const int codes[] = {FPE_FLTINV, FPE_FLTUND, FPE_FLTDIV,
                                FPE_FLTOVF, FPE_FLTUND, FPE_FLTRES};

    for (unsigned i = 0; i < ARRAY_SIZE(codes); i++) {
        if (flags & 1u << i)
            return codes[i];
    }
    return FPE_FLTINV;
}

static int float_code_of(uint64_t vector) {
    char *state = (char *)task_current()->thread.fpu;
    uint32_t mxcsr;

    fpu_save((struct fpu_state *)state);
    if (vector == TRAP_FPU) {
        uint16_t control = *(uint16_t *)state;

        return float_code(*(uint16_t *)(state + FXSAVE_STATUS_OFFSET) & ~(uint32_t)control);
    }
    mxcsr = *(uint32_t *)(state + FXSAVE_MXCSR_OFFSET);
    return float_code(mxcsr & ~(mxcsr >> MXCSR_MASKS_SHIFT));
}

void fault_exception(struct trapframe *tf) {
    const struct exception *exception = exception_of(tf->vector);
    struct task *task = task_current();
    const struct process *process = task->thread.process;
    int code = exception->code;

    if (tf->vector == TRAP_FPU || tf->vector == TRAP_SIMD)
        code = float_code_of(tf->vector);
    task->fault_error = tf->error;
    task->fault_trap = tf->vector;
    if (signal_force(exception->signo, code, exception->has_address ? tf->rip : 0))
        printk("quire: %s[%d]: killed by %s: %s, error %#lx, at %#lx\n", process->name,
               process->pid, signal_name(exception->signo), exception->name, tf->error, tf->rip);
}
