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
#include "core/assert.h"
#include "core/context.h"
#include "core/extable.h"
#include "core/uaccess.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "machine/trapframe.h"
#include "machine/user_window.h"
#include "proc/altstack.h"
#include "proc/signal_core.h"

#define INFO_WORDS (SIGINFO_USED_BYTES / sizeof(uint64_t))
#define RED_ZONE_BYTES 128
#define FXSAVE_BYTES 512
#define XSAVE_HEADER_BYTES 64
#define FXSAVE_PARTS 3                      /* x87 and SSE */
#define SS_SHIFT 48                         /* cs, gs, fs and ss are 16 bits each of one word */
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

/*
 * The part of an FPU area that saving leaves alone: Linux's marks, and a header with nothing in
 * it, to which saving adds what is there.
 */
struct fpu_marks {
    struct linux_fpx_sw_bytes software;
    uint8_t header[XSAVE_HEADER_BYTES];
};

STATIC_ASSERT(FP_SW_BYTES_OFFSET + sizeof(struct linux_fpx_sw_bytes) == FXSAVE_BYTES);

static struct fpu_marks marks; /* constant after start */

void signal_frame_init(void) {
    marks.software = (struct linux_fpx_sw_bytes){
        .magic1 = FP_XSTATE_MAGIC1,
        .extended_size = (uint32_t)fpu_area_bytes(),
        .xfeatures = fpu_state_parts(),
        .xstate_size = (uint32_t)fpu_state_size(),
    };
}

/* ---- in a window to the user's stack; false: a fault ---- */

static inline bool store_marks(uint64_t address) {
    if (marks.software.xfeatures == 0)
        return true;
    USER_WINDOW_COPY((void *)(address + FP_SW_BYTES_OFFSET), &marks,
                     sizeof(marks) / sizeof(uint64_t), fault);
    USER_WINDOW_STORE32(address + marks.software.xstate_size, FP_XSTATE_MAGIC2, fault);
    return true;

fault:
    return false;
}

#define STORE(field, value) USER_WINDOW_STORE(&frame->field, value, fault)
#define STORE_REGISTER(name) STORE(uc.uc_mcontext.name, tf->name)

/* reserved1 stays as it was on the stack. */
static inline bool store_registers(struct linux_rt_sigframe *frame, const struct trapframe *tf) {
    STORE_REGISTER(r8);
    STORE_REGISTER(r9);
    STORE_REGISTER(r10);
    STORE_REGISTER(r11);
    STORE_REGISTER(r12);
    STORE_REGISTER(r13);
    STORE_REGISTER(r14);
    STORE_REGISTER(r15);
    STORE_REGISTER(rdi);
    STORE_REGISTER(rsi);
    STORE_REGISTER(rbp);
    STORE_REGISTER(rbx);
    STORE_REGISTER(rdx);
    STORE_REGISTER(rax);
    STORE_REGISTER(rcx);
    STORE_REGISTER(rsp);
    STORE_REGISTER(rip);
    STORE(uc.uc_mcontext.eflags, tf->rflags);
    STORE(uc.uc_mcontext.cs, SELECTOR_USER_CODE | (uint64_t)SELECTOR_USER_DATA << SS_SHIFT);
    return true;

fault:
    return false;
}

static inline bool store_context(struct linux_rt_sigframe *frame,
                                 const struct signal_handling *handling, uint64_t fpu_address) {
    const struct task *task = task_current();
    const uint64_t *stack = (const uint64_t *)&task->altstack;
    uint64_t flags = UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS;

    STORE(return_address, handling->action.restorer);
    STORE(uc.uc_flags, flags | (marks.software.xfeatures ? UC_FP_XSTATE : 0));
    STORE(uc.uc_link, 0);
    STORE(uc.uc_stack.ss_sp, stack[0]);
    STORE(uc.uc_stack.ss_flags, stack[1]);
    STORE(uc.uc_stack.ss_size, stack[2]);
    STORE(uc.uc_mcontext.err, task->fault_error);
    STORE(uc.uc_mcontext.trapno, task->fault_trap);
    STORE(uc.uc_mcontext.oldmask, handling->mask);
    STORE(uc.uc_mcontext.cr2, task->fault_address);
    STORE(uc.uc_mcontext.fpstate, fpu_address);
    STORE(uc.uc_sigmask, handling->mask);
    return true;

fault:
    return false;
}

/* The words of a siginfo that mean anything, then zeroes. */
static inline bool store_info(struct linux_rt_sigframe *frame, const struct linux_siginfo *info) {
    uint64_t *to = (uint64_t *)&frame->info;

    USER_WINDOW_COPY(to, info, INFO_WORDS, fault);
    USER_WINDOW_CLEAR(to + INFO_WORDS, sizeof(*info) / sizeof(*to) - INFO_WORDS, fault);
    return true;

fault:
    return false;
}

/* ---- the whole ---- */

/* The frame and, above it, the FPU area. 0 or -EFAULT. */
static int store(struct linux_rt_sigframe *frame, const struct trapframe *tf,
                 const struct signal_handling *handling, uint64_t fpu) {
    uint64_t end = fpu + marks.software.extended_size;
    bool good;

    if (!user_range_ok(frame, end - (uint64_t)frame))
        return -EFAULT;
    user_window_open();
    good = store_marks(fpu) && store_registers(frame, tf) && store_context(frame, handling, fpu) &&
           store_info(frame, &handling->info);
    user_window_close();
    return good ? fpu_save_user((void *)fpu) : -EFAULT;
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
    uint64_t fpu = align_down(top - marks.software.extended_size, (uint64_t)FPU_STATE_ALIGN);
    uint64_t address = align_down(fpu - sizeof(struct linux_rt_sigframe), 16ul) - 8;

    if (!(handling->action.flags & SA_RESTORER) ||
        (task->altstack.ss_size != 0 && altstack_is_overrun(task, tf->rsp, address)))
        return -EFAULT;
    if (store((struct linux_rt_sigframe *)address, tf, handling, fpu) != 0)
        return -EFAULT;
    if (task->altstack.ss_flags & (int32_t)SS_AUTODISARM)
        task->altstack = (struct linux_sigaltstack){.ss_flags = SS_DISABLE};
    enter(tf, address, handling);
    /* Handlers start with fresh registers. */
    fpu_reset();
    return 0;
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
