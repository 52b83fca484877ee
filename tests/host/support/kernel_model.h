/* SPDX-License-Identifier: MIT */
/*
 * What kernel/core and the machine give the layers under test, on the host.
 *
 * A failed assertion or a panic ends the test, unless the test expects one: then control returns
 * to PANICS, whose value says whether the expression panicked. Memory is then in whatever state
 * the broken invariant left it.
 */
#ifndef SUPPORT_KERNEL_MODEL_H
#define SUPPORT_KERNEL_MODEL_H

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>

#include "mm/phys.h"

/* Processors, of which one runs at a time: the others answer calls at once. One, unless a test
 * wants more, up to CPU_MAX. */
extern unsigned host_cpu_count;

/* What follows runs on this processor. */
void host_cpu_run_on(unsigned index);

/* The same; what the one before has loaded is left over there, or not. With no lock held. */
void host_cpu_leave_for(unsigned index, bool leaves_over);

extern jmp_buf host_panic_return;
extern bool host_panic_expected;

/* True when evaluating `expression` panics. */
#define PANICS(expression)                                                                         \
    ({                                                                                             \
        bool panicked_ = true;                                                                     \
        host_panic_expected = true;                                                                \
        if (setjmp(host_panic_return) == 0) {                                                      \
            (void)(expression);                                                                    \
            panicked_ = false;                                                                     \
        }                                                                                          \
        host_panic_expected = false;                                                               \
        panicked_;                                                                                 \
    })

/* The frame that mm/kmap.h's model maps at va, PADDR_NONE if there is none. */
paddr_t kmap_model_lookup(uintptr_t va);

/* Pages that the model maps now. */
unsigned kmap_model_pages(void);

#endif
