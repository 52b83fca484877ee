/* SPDX-License-Identifier: MIT */
/*
 * Switching a processor between kernel stacks, and what a thread's user state has besides its
 * trapframe: floating point registers and the bases of fs and gs. Implemented by arch.
 */
#ifndef CORE_CONTEXT_H
#define CORE_CONTEXT_H

#include <stddef.h>
#include <stdint.h>

struct trapframe;

/* A kernel stack that is not running: where its saved registers lie. */
struct context {
    uint64_t rsp;
};

/*
 * Saves the running stack in `from` and goes on with `to`; returns when somebody switches back.
 * Interrupts are off. Address space, kernel stack for entries, FPU and bases are the caller's
 * to switch.
 */
void context_switch(struct context *from, struct context *to);

/*
 * Makes a context that calls entry(arg) on the stack that ends at stack_top, when first switched
 * to; interrupts are off then. entry must not return.
 */
void context_init(struct context *c, void *stack_top, void (*entry)(void *), void *arg);

/*
 * Goes to user code with all registers from tf, which lies at the top of the current kernel
 * stack. Does pending work first (the return_to_user hook), like any return to user code.
 */
_Noreturn void context_enter_user(struct trapframe *tf);

/* The stack that the next entry from user code starts on. Interrupts off. */
void context_set_kernel_stack(void *top);

/*
 * The bases of fs and gs, as user code sees them, of the running thread. Addresses must lie
 * below USER_END. Interrupts off.
 */
void context_set_user_bases(uint64_t fs_base, uint64_t gs_base);

/*
 * The user's floating point and vector registers, in the hardware's format (XSAVE, standard
 * form; the first 512 bytes are FXSAVE's). fpu_state_size() bytes, aligned to FPU_STATE_ALIGN.
 * The kernel itself uses none of them, so they change only at fpu_restore().
 */
struct fpu_state;

#define FPU_STATE_ALIGN 64

size_t fpu_state_size(void);

/* The parts such a state has, as bits of XSAVE's header; 0: FXSAVE's image only, no header. */
uint64_t fpu_state_parts(void);

/* The state of a new program. */
void fpu_init_state(struct fpu_state *s);

/* Gives the registers what fpu_init_state() describes. */
void fpu_reset(void);

/* Registers to memory, and back. */
void fpu_save(struct fpu_state *s);
void fpu_restore(const struct fpu_state *s);

/*
 * The running thread's registers to user memory, which is written to in part only: bytes 416 to
 * 511 stay, and of XSAVE's header all but the bits of the parts. 0 or -EFAULT. May sleep.
 */
int fpu_save_user(void *udst);

/* Makes any bytes (of a signal frame, say) a state that fpu_restore() takes without a fault. */
void fpu_sanitize_state(struct fpu_state *s);

#endif
