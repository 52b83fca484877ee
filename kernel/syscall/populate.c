/* SPDX-License-Identifier: MIT */
/*
 * Bringing pages in, in steps: see populate.h. Between steps others may run, and a process that is
 * being killed stops.
 */
#include "syscall/populate.h"

#include "abi/errno.h"
#include "lib/bits.h"
#include "proc/process.h"

/* Lets others run. True: the process is to end, and the loop with it. */
static bool pause_is_end(void) {
    return sched_pause() && task_must_exit();
}

static struct vm_populate pages_of(uint64_t address, uint64_t length, enum vm_populate_mode mode) {
    return (struct vm_populate){align_down(address, PAGE_SIZE),
                                align_up(address + length, PAGE_SIZE), mode};
}

int populate(uint64_t address, uint64_t length, enum vm_populate_mode mode) {
    struct vm_populate pages = pages_of(address, length, mode);
    int result;

    while ((result = vm_populate(process_current()->space, &pages)) > 0) {
        if (pause_is_end())
            return -EINTR;
    }
    return result;
}

void populate_all(uint64_t address, uint64_t length, enum vm_populate_mode mode) {
    struct vm_space *space = process_current()->space;
    struct vm_populate pages = pages_of(address, length, mode);
    int result;

    while ((result = vm_populate(space, &pages)) != 0) {
        if (result < 0)
            vm_populate_skip(space, &pages);
        if (pause_is_end())
            return;
    }
}

void populate_locked(uint64_t address, uint64_t length) {
    if (vm_space_locks(process_current()->space))
        populate_all(address, length, VM_POPULATE_LOCKED);
}
