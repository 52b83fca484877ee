/* SPDX-License-Identifier: MIT */
/*
 * Calls about memory that is mapped: Linux's numbers to vm/advise.h and vm/lock.h. What changes the
 * mappings themselves is in sys_mmap.c.
 *
 * Sources: madvise(2), mincore(2), mlock(2), msync(2).
 */
#include "abi/errno.h"
#include "abi/mman.h"
#include "core/uaccess.h"
#include "lib/bits.h"
#include "proc/process.h"
#include "syscall/calls.h"
#include "syscall/populate.h"
#include "vm/advise.h"
#include "vm/lock.h"
#include "vm/map.h"

/* ---- madvise ---- */

/* Linux's advice to the VM's, which is one less here: 0 is what is not known. */
#define ADVICE(name) (VM_ADVICE_##name + 1)

static const uint8_t advice_table[] = {
    [MADV_NORMAL] = ADVICE(NORMAL),           [MADV_RANDOM] = ADVICE(RANDOM),
    [MADV_SEQUENTIAL] = ADVICE(SEQUENTIAL),   [MADV_WILLNEED] = ADVICE(WILL_NEED),
    [MADV_DONTNEED] = ADVICE(DONT_NEED),      [MADV_FREE] = ADVICE(FREE),
    [MADV_REMOVE] = ADVICE(REMOVE),           [MADV_DONTFORK] = ADVICE(DONT_FORK),
    [MADV_DOFORK] = ADVICE(DO_FORK),          [MADV_HUGEPAGE] = ADVICE(HUGE),
    [MADV_NOHUGEPAGE] = ADVICE(NO_HUGE),      [MADV_DONTDUMP] = ADVICE(DONT_DUMP),
    [MADV_DODUMP] = ADVICE(DO_DUMP),          [MADV_WIPEONFORK] = ADVICE(WIPE_ON_FORK),
    [MADV_KEEPONFORK] = ADVICE(KEEP_ON_FORK), [MADV_COLD] = ADVICE(COLD),
    [MADV_PAGEOUT] = ADVICE(PAGE_OUT),        [MADV_DONTNEED_LOCKED] = ADVICE(DONT_NEED_LOCKED),
};

/* MADV_POPULATE_READ and _WRITE. */
static long advise_populate(uint64_t address, uint64_t length, enum vm_populate_mode mode) {
    uint64_t size = align_up(length, PAGE_SIZE);

    if (!is_aligned(address, PAGE_SIZE) || size < length || address + size < address)
        return -EINVAL;
    return populate(address, size, mode);
}

long sys_madvise(uint64_t address, uint64_t length, int advice) {
    uint32_t number = (uint32_t)advice;

    if (advice == MADV_POPULATE_READ)
        return advise_populate(address, length, VM_POPULATE_READ);
    if (advice == MADV_POPULATE_WRITE)
        return advise_populate(address, length, VM_POPULATE_WRITE);
    if (number >= ARRAY_SIZE(advice_table) || advice_table[number] == 0)
        return -EINVAL;
    return vm_advise(process_current()->space, address, length,
                     (enum vm_advice)(advice_table[number] - 1));
}

/* ---- mincore ---- */

/* Answers for this many pages are made at a time, and copied with no lock held. */
#define CHUNK_PAGES 256u

long sys_mincore(uint64_t address, uint64_t length, void *vector) {
    uint64_t pages = length / PAGE_SIZE + (length % PAGE_SIZE != 0);
    uint8_t chunk[CHUNK_PAGES];

    if (!is_aligned(address, PAGE_SIZE))
        return -EINVAL;
    if (address > USER_END || length > USER_END - address)
        return -ENOMEM;
    for (uint64_t done = 0; done < pages; done += CHUNK_PAGES) {
        size_t count = MIN(pages - done, CHUNK_PAGES);
        int error = vm_resident(process_current()->space, address + done * PAGE_SIZE, count, chunk);

        if (error < 0)
            return error;
        if (copy_to_user((uint8_t *)vector + done, chunk, count) != 0)
            return -EFAULT;
        if (sched_pause())
            continue; /* it is bounded; only others had to run */
    }
    return 0;
}

/* ---- mlock ---- */

/* How mlock(2) reports what keeps pages out. */
static long lock_error(int error) {
    switch (error) {
    case -EFAULT:
        return -ENOMEM;
    case -ENOMEM:
        return -EAGAIN;
    default:
        return error;
    }
}

static long lock_range(uint64_t address, uint64_t length, unsigned flags) {
    int error = vm_lock(process_current()->space, address, length, flags);

    if (error < 0 || length == 0)
        return error;
    return lock_error(populate(address, length, VM_POPULATE_LOCKED));
}

long sys_mlock(uint64_t address, uint64_t length) {
    return lock_range(address, length, 0);
}

long sys_mlock2(uint64_t address, uint64_t length, int flags) {
    if (flags & ~MLOCK_ONFAULT)
        return -EINVAL;
    return lock_range(address, length, flags & MLOCK_ONFAULT ? VM_LOCK_ON_FAULT : 0);
}

long sys_munlock(uint64_t address, uint64_t length) {
    return vm_unlock(process_current()->space, address, length);
}

long sys_mlockall(int flags) {
    unsigned what = (flags & MCL_CURRENT ? VM_LOCK_CURRENT : 0) |
                    (flags & MCL_FUTURE ? VM_LOCK_FUTURE : 0) |
                    (flags & MCL_ONFAULT ? VM_LOCK_ON_FAULT : 0);
    int error;

    if (flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT))
        return -EINVAL;
    error = vm_lock_all(process_current()->space, what);
    if (error == 0 && (flags & MCL_CURRENT))
        populate_all(USER_MIN, USER_END - USER_MIN, VM_POPULATE_LOCKED);
    return error;
}

long sys_munlockall(void) {
    vm_unlock_all(process_current()->space);
    return 0;
}

/* ---- msync ---- */

long sys_msync(uint64_t address, uint64_t length, int flags) {
    bool both = (flags & MS_ASYNC) && (flags & MS_SYNC);

    if (!is_aligned(address, PAGE_SIZE) || (flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) || both)
        return -EINVAL;
    /* Mappings and files are the same pages: there is nothing to write. */
    return vm_is_mapped(process_current()->space, address, length, flags & MS_INVALIDATE);
}
