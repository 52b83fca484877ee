/* SPDX-License-Identifier: MIT */
/*
 * Page faults: finding the page an access should find, and letting the pmap know.
 */
#ifndef QUIRE_VM_FAULT_H
#define QUIRE_VM_FAULT_H

#include <stdint.h>

#include "vm/space.h"

/* Which case of the fault path an access came to; see the drawing at the head of fault.c. */
enum vm_fault_case {
    VM_FAULT_NO_AREA,      /* 0: nothing there */
    VM_FAULT_FORBIDDEN,    /* 0: the area forbids it */
    VM_FAULT_STALE,        /* 1: only the table was behind the truth */
    VM_FAULT_SHARED,       /* 2: a shared object's page */
    VM_FAULT_READ_PRIVATE, /* 3R: a page of the shadow */
    VM_FAULT_READ_OBJECT,  /* 3R: a page of the object below */
    VM_FAULT_READ_ZERO,    /* 3R: the zero frame */
    VM_FAULT_REUSE,        /* 3Wa: ours alone: made writable, nothing copied */
    VM_FAULT_COPY,         /* 3Wb: seen by others: copied */
    VM_FAULT_COPY_OBJECT,  /* 3Wc: copied from the object below */
    VM_FAULT_ZERO_FILL,    /* 3Wd: a new page of zeroes */
    VM_FAULT_WAITED,       /* 4: had to come from a device first */
    VM_FAULT_STACK_GROWN,  /* counted beside the case that repaired it */
    VM_FAULT_CASES,
};

/*
 * Repairs an access to address (access: VM_READ, VM_WRITE or VM_EXEC, with VM_USER from user mode).
 * 0: try again. -EFAULT: no area, no stack to grow (SIGSEGV, SEGV_MAPERR). -EACCES: the area lacks
 * the right (SIGSEGV, SEGV_ACCERR). -ENXIO: beyond the object's end (SIGBUS). -EIO: SIGBUS.
 * -ENOMEM: no frame; nothing has changed. Takes the space's lock; sleeps only in case 4, without
 * it.
 */
int vm_fault(struct vm_space *space, uint64_t address, unsigned access);

/*
 * As vm_fault (access may be with VM_FORCE), and calls use with the page's bytes (size PAGE_SIZE at
 * page) while the space's lock holds it in place. For vm_space_read and _write.
 */
int vm_fault_use(struct vm_space *space, uint64_t address, unsigned access,
                 void (*use)(void *arg, void *page), void *arg);

/* The name of a case, for reports. */
const char *vm_fault_case_name(enum vm_fault_case which);

/* Faults by case since boot, all processors. */
void vm_fault_counts(uint64_t counts[VM_FAULT_CASES]);

#endif
