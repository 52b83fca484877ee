/* SPDX-License-Identifier: MIT */
/*
 * A model processor: see model_cpu.h.
 */
#include "support/model_cpu.h"

#include "lib/bits.h"
#include "mm/frame.h"
#include "support/check.h"
#include "support/mmu_model.h"
#include "vm/access.h"
#include "vm/fault.h"
#include "vm/space.h"

/* An access that faults this often in a row is never going to succeed. */
#define FAULTS_MAX 100

/* What a user's access may find: never memory that is free, a table's, or the kernel's. */
static void check_frame(paddr_t pa, unsigned access) {
    const struct frame *frame = phys_to_frame_checked(pa);

    CHECK(frame != NULL);
    if (frame->use != FRAME_ANON && frame->use != FRAME_FILE && frame->use != FRAME_SHMEM &&
        frame->use != FRAME_ZERO)
        FAIL("an access of %#llx reaches a frame in use as %s", (unsigned long long)pa,
             frame_use_name(frame->use));
    CHECK(frame_refs(frame) > 0);
    if (access & VM_WRITE)
        CHECK(frame->use != FRAME_ZERO);
}

static int cpu_access(struct vm_space *space, uint64_t va, unsigned access, unsigned char **byte) {
    paddr_t pa;

    vm_space_activate(space);
    for (unsigned faults = 0; faults < FAULTS_MAX; faults++) {
        int error;

        if (mmu_translate(va, access, &pa)) {
            check_frame(pa, access);
            *byte = phys_to_virt(pa);
            return 0;
        }
        error = vm_fault(space, va, access | VM_USER);
        if (error < 0)
            return error;
    }
    FAIL("an access %u of %#llx faults for ever", access, (unsigned long long)va);
}

int model_cpu_read(struct vm_space *space, uint64_t va, unsigned char *byte) {
    unsigned char *at;
    int error = cpu_access(space, va, VM_READ, &at);

    if (error == 0)
        *byte = *at;
    return error;
}

int model_cpu_fetch(struct vm_space *space, uint64_t va, unsigned char *byte) {
    unsigned char *at;
    int error = cpu_access(space, va, VM_EXEC, &at);

    if (error == 0)
        *byte = *at;
    return error;
}

int model_cpu_write(struct vm_space *space, uint64_t va, unsigned char byte) {
    unsigned char *at;
    int error = cpu_access(space, va, VM_WRITE, &at);

    if (error == 0)
        *at = byte;
    return error;
}

int model_cpu_read_page(struct vm_space *space, uint64_t va, const unsigned char **page) {
    unsigned char *at;
    int error = cpu_access(space, align_down(va, PAGE_SIZE), VM_READ, &at);

    if (error == 0)
        *page = at;
    return error;
}

int model_cpu_find(struct vm_space *space, uint64_t va, unsigned access, unsigned char **at) {
    return cpu_access(space, va, access, at);
}

void model_cpu_leave(void) {
    vm_space_activate(NULL);
}
