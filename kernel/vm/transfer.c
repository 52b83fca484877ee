/* SPDX-License-Identifier: MIT */
/*
 * Reaching into an address space from outside: rights of ranges, and bytes of another process.
 *
 * Bytes are moved page by page under the space's lock, through the same fault path that the process
 * itself would take: the direct map never goes round copy on write.
 */
#include "abi/errno.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "vm/fault.h"
#include "vm/space.h"
#include "vm/space_lock.h"

bool vm_space_allows(struct vm_space *space, uint64_t address, uint64_t size, unsigned rights) {
    uint64_t end = address + size;
    bool allowed = end >= address && end <= USER_END;

    vm_space_lock_beside(space, VM_RANGE_NONE);
    while (allowed && address < end) {
        struct vm_area *area = vm_area_find(&space->areas, address);

        allowed = area && !(rights & ~vm_area_grants(area));
        address = allowed ? area->end : end;
    }
    vm_space_unlock(space);
    return allowed;
}

/* One page's worth of a transfer. */
struct transfer {
    char *buffer;
    size_t offset; /* in the page */
    size_t size;
};

static void copy_from_page(void *arg, void *page) {
    struct transfer *transfer = arg;

    memcpy(transfer->buffer, (char *)page + transfer->offset, transfer->size);
}

static void copy_to_page(void *arg, void *page) {
    struct transfer *transfer = arg;

    memcpy((char *)page + transfer->offset, transfer->buffer, transfer->size);
}

static int space_transfer(struct vm_space *space, uint64_t address, size_t size,
                          struct transfer *transfer, unsigned access) {
    while (size > 0) {
        transfer->offset = address % PAGE_SIZE;
        transfer->size = MIN(size, PAGE_SIZE - transfer->offset);
        int error = vm_fault_use(space, address, access,
                                 access & VM_WRITE ? copy_to_page : copy_from_page, transfer);

        if (error < 0)
            return error == -ENOMEM ? error : -EFAULT;
        transfer->buffer += transfer->size;
        address += transfer->size;
        size -= transfer->size;
    }
    return 0;
}

int vm_space_read(struct vm_space *space, uint64_t address, void *buffer, size_t size) {
    struct transfer transfer = {.buffer = buffer};

    return space_transfer(space, address, size, &transfer, VM_READ);
}

int vm_space_write(struct vm_space *space, uint64_t address, const void *buffer, size_t size) {
    struct transfer transfer = {.buffer = (char *)(uintptr_t)buffer};

    return space_transfer(space, address, size, &transfer, VM_WRITE);
}

int vm_space_read_forced(struct vm_space *space, uint64_t address, void *buffer, size_t size) {
    struct transfer transfer = {.buffer = buffer};

    return space_transfer(space, address, size, &transfer, VM_READ | VM_FORCE);
}

int vm_space_write_forced(struct vm_space *space, uint64_t address, const void *buffer,
                          size_t size) {
    struct transfer transfer = {.buffer = (char *)(uintptr_t)buffer};

    return space_transfer(space, address, size, &transfer, VM_WRITE | VM_FORCE);
}
