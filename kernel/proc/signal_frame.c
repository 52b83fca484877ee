/* SPDX-License-Identifier: MIT */
/*
 * The frame on the user's stack that a handler runs on, and the way back from it (x86-64).
 *
 *   old rsp, or top of the alternate stack
 *     128 bytes of red zone (not on the alternate stack)
 *     FPU area, 64-byte aligned: XSAVE image with Linux's marks, 4 bytes MAGIC2
 *     struct linux_rt_sigframe: siginfo, ucontext, return address     <- rsp of the handler
 *
 * The handler is called as f(signo, &siginfo, &ucontext) and returns to the action's restorer,
 * which calls rt_sigreturn(2). All that comes back from the user is taken as hostile: segment
 * registers and flags are forced, the FPU image is sanitised.
 *
 * Sources: sigaction(2), sigreturn(2), System V ABI x86-64 3.2.2 (red zone, alignment).
 */
#include "abi/errno.h"
#include "core/context.h"
#include "core/uaccess.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "machine/trapframe.h"
#include "proc/altstack.h"
#include "proc/signal_core.h"

#define RED_ZONE_BYTES 128
#define FXSAVE_BYTES 512
#define XSAVE_HEADER_BYTES 64
#define FXSAVE_PARTS 3                      /* x87 and SSE */
#define RFLAGS_CLEARED_FOR_HANDLER 0x10500u /* TF, DF, RF */

static uint64_t fpu_area_bytes(void) {
    return fpu_state_size() + (fpu_state_parts() ? sizeof(uint32_t) : 0);
}

/* Where the handler's stack begins. */
static uint64_t stack_top(const struct task *task, const struct trapframe *tf, uint64_t flags) {
    if ((flags & SA_ONSTACK) && altstack_is_usable(task, tf->rsp))
        return task->altstack.ss_sp + task->altstack.ss_size;
    return tf->rsp - RED_ZONE_BYTES;
}

/* How much of a saved state means anything: parts that are not there need no bytes. */
static size_t used_bytes(const struct fpu_state *state) {
    const uint64_t *there = (const uint64_t *)((const char *)state + FXSAVE_BYTES);

    if (fpu_state_parts() != 0 && !(*there & ~(uint64_t)FXSAVE_PARTS))
        return FXSAVE_BYTES + XSAVE_HEADER_BYTES;
    return fpu_state_size();
}

static int push_fpu(struct task *task, uint64_t address) {
    struct linux_fpx_sw_bytes marks = {
        .magic1 = FP_XSTATE_MAGIC1,
        .extended_size = (uint32_t)fpu_area_bytes(),
        .xfeatures = fpu_state_parts(),
        .xstate_size = (uint32_t)fpu_state_size(),
    };

    fpu_save(task->thread.fpu);
    if (copy_to_user((void *)address, task->thread.fpu, used_bytes(task->thread.fpu)) != 0)
        return -EFAULT;
    if (marks.xfeatures == 0)
        return 0;
    if (copy_to_user((void *)(address + FP_SW_BYTES_OFFSET), &marks, sizeof(marks)) != 0)
        return -EFAULT;
    return put_user_u32(FP_XSTATE_MAGIC2, (void *)(address + marks.xstate_size));
}

static void save_registers(struct linux_sigcontext *to, const struct trapframe *tf) {
    to->r8 = tf->r8, to->r9 = tf->r9, to->r10 = tf->r10, to->r11 = tf->r11;
    to->r12 = tf->r12, to->r13 = tf->r13, to->r14 = tf->r14, to->r15 = tf->r15;
    to->rdi = tf->rdi, to->rsi = tf->rsi, to->rbp = tf->rbp, to->rbx = tf->rbx;
    to->rdx = tf->rdx, to->rax = tf->rax, to->rcx = tf->rcx;
    to->rsp = tf->rsp, to->rip = tf->rip, to->eflags = tf->rflags;
    to->cs = SELECTOR_USER_CODE;
    to->ss = SELECTOR_USER_DATA;
    to->fs = to->gs = 0;
}

static void load_registers(struct trapframe *tf, const struct linux_sigcontext *from) {
    tf->r8 = from->r8, tf->r9 = from->r9, tf->r10 = from->r10, tf->r11 = from->r11;
    tf->r12 = from->r12, tf->r13 = from->r13, tf->r14 = from->r14, tf->r15 = from->r15;
    tf->rdi = from->rdi, tf->rsi = from->rsi, tf->rbp = from->rbp, tf->rbx = from->rbx;
    tf->rdx = from->rdx, tf->rax = from->rax, tf->rcx = from->rcx;
    tf->rsp = from->rsp, tf->rip = from->rip;
    tf->cs = SELECTOR_USER_CODE;
    tf->ss = SELECTOR_USER_DATA;
    tf->rflags = (tf->rflags & ~RFLAGS_USER_MASK) | (from->eflags & RFLAGS_USER_MASK);
}

/* Sets every byte of the frame: it goes to the user. */
static void fill_frame(struct linux_rt_sigframe *frame, const struct trapframe *tf,
                       const struct signal_handling *handling, uint64_t fpu_address) {
    struct linux_sigcontext *registers = &frame->uc.uc_mcontext;
    const struct task *task = task_current();

    frame->return_address = handling->action.restorer;
    frame->info = handling->info;
    frame->uc.uc_flags = UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS;
    if (fpu_state_parts())
        frame->uc.uc_flags |= UC_FP_XSTATE;
    frame->uc.uc_link = 0;
    frame->uc.uc_stack = task->altstack;
    frame->uc.uc_sigmask = handling->mask;
    save_registers(registers, tf);
    registers->err = task->fault_error;
    registers->trapno = task->fault_trap;
    registers->cr2 = task->fault_address;
    registers->oldmask = handling->mask;
    registers->fpstate = fpu_address;
    memset(registers->reserved1, 0, sizeof(registers->reserved1));
}

static void enter(struct trapframe *tf, uint64_t address, const struct signal_handling *handling) {
    tf->rdi = (uint64_t)handling->signo;
    tf->rsi = address + offsetof(struct linux_rt_sigframe, info);
    tf->rdx = address + offsetof(struct linux_rt_sigframe, uc);
    tf->rax = 0;
    tf->rip = handling->action.handler;
    tf->rsp = address;
    tf->rflags &= ~(uint64_t)RFLAGS_CLEARED_FOR_HANDLER;
    tf->orig_rax = UINT64_MAX;
}

int signal_frame_push(struct trapframe *tf, const struct signal_handling *handling) {
    struct task *task = task_current();
    uint64_t top = stack_top(task, tf, handling->action.flags);
    uint64_t fpu = align_down(top - fpu_area_bytes(), (uint64_t)FPU_STATE_ALIGN);
    uint64_t address = align_down(fpu - sizeof(struct linux_rt_sigframe), 16ul) - 8;
    struct linux_rt_sigframe frame;

    if (!(handling->action.flags & SA_RESTORER) || altstack_is_overrun(task, tf->rsp, address))
        return -EFAULT;
    fill_frame(&frame, tf, handling, fpu);
    if (push_fpu(task, fpu) != 0 || copy_to_user((void *)address, &frame, sizeof(frame)) != 0)
        return -EFAULT;
    if (task->altstack.ss_flags & (int32_t)SS_AUTODISARM)
        task->altstack = (struct linux_sigaltstack){.ss_flags = SS_DISABLE};
    enter(tf, address, handling);
    /* Handlers start with fresh registers. */
    fpu_reset();
    return 0;
}

/* Does the image at `address` (its first part is in `state`) carry the marks of a whole one? */
static bool is_whole_image(const struct fpu_state *state, uint64_t address) {
    struct linux_fpx_sw_bytes marks;
    uint32_t magic2;

    memcpy(&marks, (const char *)state + FP_SW_BYTES_OFFSET, sizeof(marks));
    return fpu_state_parts() != 0 && marks.magic1 == FP_XSTATE_MAGIC1 &&
           marks.xstate_size == fpu_state_size() &&
           get_user_u32(&magic2, (const void *)(address + marks.xstate_size)) == 0 &&
           magic2 == FP_XSTATE_MAGIC2;
}

/* Fills the thread's FPU state, which is detached from the registers, from the user's image. */
static int read_fpu(struct fpu_state *state, uint64_t address) {
    fpu_init_state(state);
    if (address == 0)
        return 0;
    if (copy_from_user(state, (const void *)address, FXSAVE_BYTES) != 0)
        return -EFAULT;
    if (is_whole_image(state, address)) {
        if (copy_from_user(state, (const void *)address, fpu_state_size()) != 0)
            return -EFAULT;
    } else if (fpu_state_parts()) {
        *(uint64_t *)((char *)state + FXSAVE_BYTES) = FXSAVE_PARTS;
    }
    return 0;
}

static int pop_fpu(struct thread *thread, uint64_t address) {
    irq_flags_t flags;
    int error;

    thread->fpu_detached = true;
    error = read_fpu(thread->fpu, address);
    fpu_sanitize_state(thread->fpu);
    flags = irq_save();
    fpu_restore(thread->fpu);
    thread->fpu_detached = false;
    irq_restore(flags);
    return error;
}

int signal_frame_pop(struct trapframe *tf, uint64_t *mask) {
    /* The handler's ret has taken the return address. */
    uint64_t address = tf->rsp - sizeof(uint64_t);
    struct task *task = task_current();
    struct linux_ucontext uc;

    if (copy_from_user(&uc, (const void *)(address + offsetof(struct linux_rt_sigframe, uc)),
                       sizeof(uc)) != 0)
        return -EFAULT;
    if (pop_fpu(&task->thread, uc.uc_mcontext.fpstate) != 0)
        return -EFAULT;
    load_registers(tf, &uc.uc_mcontext);
    tf->orig_rax = UINT64_MAX;
    altstack_set(task, &uc.uc_stack, tf->rsp);
    *mask = uc.uc_sigmask;
    return 0;
}
