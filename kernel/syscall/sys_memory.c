/* SPDX-License-Identifier: MIT */
/*
 * Memory calls: Linux's numbers to vm/map.h. Arguments are translated and checked here; what they
 * do is the VM's.
 */
#include "abi/errno.h"
#include "abi/mman.h"
#include "abi/personality.h"
#include "lib/bits.h"
#include "proc/permission.h"
#include "proc/process.h"
#include "syscall/calls.h"
#include "vfs/fdtable.h"
#include "vfs/file.h"
#include "vfs/mount.h"
#include "vm/commit.h"
#include "vm/fault.h"
#include "vm/map.h"

/* Flags that change nothing here: ETXTBSY has its own way. */
#define MAP_IGNORED                                                                                \
    (MAP_DENYWRITE | MAP_EXECUTABLE | MAP_NONBLOCK | MAP_STACK | MAP_POPULATE | MAP_LOCKED)
#define MAP_KNOWN                                                                                  \
    (MAP_TYPE | MAP_FIXED | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED_NOREPLACE | MAP_NORESERVE |  \
     MAP_IGNORED)
#define MAP_UNSUPPORTED (MAP_HUGETLB | MAP_32BIT)

static int check_flags(int flags) {
    int type = flags & MAP_TYPE;

    if (type != MAP_SHARED && type != MAP_PRIVATE && type != MAP_SHARED_VALIDATE)
        return -EINVAL;
    if (flags & MAP_UNSUPPORTED)
        return -EINVAL;
    if (type == MAP_SHARED_VALIDATE && (flags & ~MAP_KNOWN))
        return -EOPNOTSUPP;
    if ((flags & MAP_GROWSDOWN) && type != MAP_PRIVATE)
        return -EINVAL;
    return 0;
}

static unsigned map_flags(int flags) {
    unsigned result = 0;

    if ((flags & MAP_TYPE) != MAP_PRIVATE)
        result |= VM_MAP_SHARED;
    if (flags & MAP_FIXED)
        result |= VM_MAP_FIXED;
    if (flags & MAP_FIXED_NOREPLACE)
        result |= VM_MAP_NOREPLACE;
    if (flags & MAP_GROWSDOWN)
        result |= VM_MAP_GROWS_DOWN;
    if (flags & MAP_NORESERVE)
        result |= VM_MAP_NO_RESERVE;
    return result;
}

/* Whether what may be read may also be executed, for programs that were written to expect it. */
static bool reads_execute(unsigned prot) {
    return (prot & VM_READ) && (process_current()->personality & READ_IMPLIES_EXEC);
}

static bool is_on_noexec(const struct file *file) {
    const struct mount *mount = file->name->mount;

    return mount && (mount->flags & MOUNT_NO_EXEC);
}

/* The object behind a file's mapping, referenced, into the request. 0 or a negative errno. */
static int map_file_object(int fd, struct vm_map_request *request) {
    struct file_mmap wanted = {
        .offset = request->offset,
        .length = request->length,
        .prot = request->prot,
        .is_shared = request->flags & VM_MAP_SHARED,
    };
    struct file *file = fd_get(fd);
    int error;

    if (!file)
        return -EBADF;
    if (reads_execute(request->prot) && !is_on_noexec(file))
        wanted.prot = request->prot |= VM_EXEC;
    error = file_mmap(file, &wanted);
    if (error == 0) {
        request->object = wanted.object;
        request->offset = wanted.offset;
        request->max_prot = wanted.max_prot;
    }
    file_unref(file);
    return error;
}

/* The object to map: a file's, new shared memory, or none for private zeroes. */
static int map_object(int fd, int flags, struct vm_map_request *request) {
    request->object = NULL;
    if (!(flags & MAP_ANONYMOUS))
        return map_file_object(fd, request);
    request->offset = 0;
    if (reads_execute(request->prot))
        request->prot |= VM_EXEC;
    if (!(request->flags & VM_MAP_SHARED))
        return 0;
    request->length = align_up(request->length, PAGE_SIZE);
    if ((flags & MAP_NORESERVE) && vm_commit_mode() != VM_COMMIT_NEVER)
        request->object = vm_object_anon_create_unreserved(request->length);
    else
        request->object = vm_object_anon_create(request->length);
    return request->object ? 0 : -ENOMEM;
}

/* MAP_POPULATE and MAP_LOCKED: touches what is mapped, as far as that goes. */
static void populate(uint64_t address, uint64_t length, unsigned prot) {
    unsigned access = prot & VM_WRITE ? VM_WRITE : VM_READ;

    for (uint64_t done = 0; prot && done < length; done += PAGE_SIZE) {
        if (vm_fault(process_current()->space, address + done, access) < 0 || sched_pause())
            break;
    }
}

long sys_mmap(uint64_t address, uint64_t length, int prot, int flags, int fd, uint64_t offset) {
    struct vm_map_request request = {
        .address = address,
        .length = length,
        .prot = (unsigned)prot & VM_RIGHTS,
        .flags = map_flags(flags),
        .offset = offset,
    };
    int error = check_flags(flags);

    if (error < 0)
        return error;
    if (length == 0 || !is_aligned(offset, PAGE_SIZE))
        return -EINVAL;
    if (length > USER_END)
        return -ENOMEM;
    if ((flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) && !permission_to_map_at(address))
        return -EPERM;
    error = map_object(fd, flags, &request);
    if (error < 0)
        return error;
    error = vm_map(process_current()->space, &request, &address);
    if (request.object)
        vm_object_unref(request.object);
    if (error < 0)
        return error;
    if (flags & (MAP_POPULATE | MAP_LOCKED))
        populate(address, length, request.prot);
    return (long)address;
}

long sys_munmap(uint64_t address, uint64_t length) {
    return vm_unmap(process_current()->space, address, length);
}

long sys_mprotect(uint64_t address, uint64_t length, uint64_t prot) {
    struct vm_space *space = process_current()->space;

    if (prot & ~(uint64_t)(VM_RIGHTS | PROT_SEM))
        return -EINVAL;
    prot &= VM_RIGHTS;
    if (reads_execute((unsigned)prot) &&
        vm_protect(space, address, length, (unsigned)prot | VM_EXEC) == 0)
        return 0;
    return vm_protect(space, address, length, (unsigned)prot);
}

long sys_brk(uint64_t address) {
    return (long)vm_brk(process_current()->space, address);
}

long sys_madvise(uint64_t address, uint64_t length, int advice) {
    struct vm_space *space = process_current()->space;

    if (!is_aligned(address, PAGE_SIZE) || advice < MADV_NORMAL || advice > MADV_DONTNEED)
        return -EINVAL;
    if (length == 0)
        return 0;
    if (advice == MADV_DONTNEED)
        return vm_discard(space, address, length);
    return vm_is_mapped(space, address, length); /* advice about order: nothing to do in memory */
}

long sys_msync(uint64_t address, uint64_t length, int flags) {
    bool both = (flags & MS_ASYNC) && (flags & MS_SYNC);

    if (!is_aligned(address, PAGE_SIZE) || (flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) || both)
        return -EINVAL;
    /* Mappings and files are the same pages: there is nothing to write. */
    return length == 0 ? 0 : vm_is_mapped(process_current()->space, address, length);
}
