/* SPDX-License-Identifier: MIT */
/*
 * Calls that change what is mapped: Linux's numbers to vm/map.h and vm/remap.h. Arguments are
 * translated and checked here; what they do is the VM's. What they make and is locked is populated
 * here too, since that may take long.
 *
 * Sources: mmap(2), munmap(2), mremap(2), mprotect(2), brk(2).
 */
#include "abi/errno.h"
#include "abi/mman.h"
#include "abi/personality.h"
#include "lib/bits.h"
#include "proc/permission.h"
#include "proc/process.h"
#include "syscall/calls.h"
#include "syscall/populate.h"
#include "vfs/fdtable.h"
#include "vfs/file.h"
#include "vfs/mount.h"
#include "vm/map.h"
#include "vm/remap.h"
#include "vm/trace_vm.h"

/* What MAP_SHARED_VALIDATE knows; other types ignore what they do not know. */
#define MAP_KNOWN                                                                                  \
    (MAP_TYPE | MAP_FIXED | MAP_ANONYMOUS | MAP_32BIT | MAP_GROWSDOWN | MAP_DENYWRITE |            \
     MAP_EXECUTABLE | MAP_LOCKED | MAP_NORESERVE | MAP_POPULATE | MAP_NONBLOCK | MAP_STACK |       \
     MAP_HUGETLB)

/* MAP_HUGETLB: there is no pool of huge pages, so what asks for one of its sizes finds it empty. */
static int huge_pool_error(int flags) {
    unsigned log = (unsigned)flags >> MAP_HUGE_SHIFT & MAP_HUGE_MASK;

    if (!(flags & MAP_ANONYMOUS))
        return -EINVAL;
    return log == 0 || log == 21 || log == 30 ? -ENOMEM : -EINVAL;
}

static int check_flags(int flags) {
    int type = flags & MAP_TYPE;
    bool validated = type == MAP_SHARED_VALIDATE && !(flags & MAP_ANONYMOUS);

    if (type != MAP_SHARED && type != MAP_PRIVATE && !validated)
        return -EINVAL;
    if (validated && (flags & ~MAP_KNOWN))
        return -EOPNOTSUPP;
    if ((flags & MAP_GROWSDOWN) && type != MAP_PRIVATE)
        return -EINVAL;
    return flags & MAP_HUGETLB ? huge_pool_error(flags) : 0;
}

/* Flags with another number in the VM. */
#define MAP_TRANSLATED                                                                             \
    (MAP_FIXED | MAP_32BIT | MAP_FIXED_NOREPLACE | MAP_LOCKED | MAP_GROWSDOWN | MAP_NORESERVE)

static inline unsigned map_flag(int flags, int map, unsigned vm) {
    return flags & map ? vm : 0;
}

static unsigned map_flags(int flags) {
    unsigned shared = map_flag(flags, MAP_SHARED, VM_MAP_SHARED);

    if (!(flags & MAP_TRANSLATED))
        return shared;
    return shared | map_flag(flags, MAP_FIXED, VM_MAP_FIXED) |
           map_flag(flags, MAP_32BIT, VM_MAP_LOW) |
           map_flag(flags, MAP_FIXED_NOREPLACE, VM_MAP_NOREPLACE) |
           map_flag(flags, MAP_LOCKED, VM_MAP_LOCKED) |
           map_flag(flags, MAP_GROWSDOWN, VM_MAP_GROWS_DOWN) |
           map_flag(flags, MAP_NORESERVE, VM_MAP_NO_RESERVE);
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
        vm_object_trace_name(wanted.object);
    }
    file_unref(file);
    return error;
}

/* New shared memory. All of it is promised now, unless that is not wanted and need not be. */
static struct vm_object *shared_object(int flags, uint64_t length) {
    if (flags & MAP_NORESERVE)
        return vm_object_anon_create_unreserved(length);
    return vm_object_anon_create(length);
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
    request->object = shared_object(flags, align_up(request->length, PAGE_SIZE));
    return request->object ? 0 : -ENOMEM;
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
    if ((request.flags & VM_MAP_EXACT) && !permission_to_map_at(address))
        return -EPERM;
    error = map_object(fd, flags, &request);
    if (error < 0)
        return error;
    error = vm_map(process_current()->space, &request, &address);
    if (request.object)
        vm_object_unref(request.object);
    if (error < 0)
        return error;
    if ((flags & (MAP_POPULATE | MAP_NONBLOCK)) == MAP_POPULATE)
        populate_all(address, length, VM_POPULATE_AREA);
    else
        populate_locked(address, length);
    return (long)address;
}

long sys_munmap(uint64_t address, uint64_t length) {
    return vm_unmap(process_current()->space, address, length);
}

long sys_mremap(uint64_t address, uint64_t old_length, uint64_t new_length, uint64_t flags,
                uint64_t target) {
    const struct vm_remap_request request = {
        .address = address,
        .old_length = old_length,
        .new_length = new_length,
        .flags = (flags & MREMAP_MAYMOVE ? VM_REMAP_MAY_MOVE : 0) |
                 (flags & MREMAP_FIXED ? VM_REMAP_FIXED : 0) |
                 (flags & MREMAP_DONTUNMAP ? VM_REMAP_KEEP : 0),
        .target = target,
    };
    uint64_t moved;
    int error;

    if (flags & ~(uint64_t)(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP))
        return -EINVAL;
    if ((flags & MREMAP_FIXED) && !permission_to_map_at(target))
        return -EPERM;
    error = vm_remap(process_current()->space, &request, &moved);
    if (error < 0)
        return error;
    populate_locked(moved, new_length);
    return (long)moved;
}

/* Where the right to execute comes along with that to read, it does so as far as it may. */
static int protect(uint64_t address, uint64_t length, unsigned prot) {
    struct vm_space *space = process_current()->space;

    if (reads_execute(prot) && vm_protect(space, address, length, prot | VM_EXEC) == 0)
        return 0;
    return vm_protect(space, address, length, prot);
}

long sys_mprotect(uint64_t address, uint64_t length, uint64_t prot) {
    const uint64_t grows = PROT_GROWSDOWN | PROT_GROWSUP;
    unsigned rights = prot & VM_RIGHTS;
    int error;

    if ((prot & grows) == grows || !is_aligned(address, PAGE_SIZE))
        return -EINVAL;
    if (length == 0)
        return 0;
    if (prot & ~(uint64_t)(VM_RIGHTS | PROT_SEM | PROT_GROWSDOWN)) /* nothing grows up */
        return -EINVAL;
    error = protect(address, length, rights | (prot & PROT_GROWSDOWN ? VM_PROTECT_GROWS_DOWN : 0));
    if (error == 0 && (rights & VM_WRITE))
        populate_locked(address, length);
    return error;
}

long sys_brk(uint64_t address) {
    struct vm_space *space = process_current()->space;
    uint64_t old = space->brk;
    uint64_t brk = vm_brk(space, address);

    if (brk > old)
        populate_locked(old, brk - old);
    return (long)brk;
}
