/* SPDX-License-Identifier: MIT */
/*
 * memfd_create(2).
 */
#include "abi/errno.h"
#include "abi/memfd.h"
#include "core/uaccess.h"
#include "fs/tmpfs/memfd.h"
#include "syscall/calls.h"
#include "vfs/fdtable.h"

long sys_memfd_create(const char *name, uint32_t flags) {
    char text[MEMFD_NAME_MAX + 1];
    struct file *f;
    long length;
    int error;

    if (flags & MFD_HUGETLB)
        flags &= ~(MFD_HUGE_MASK << MFD_HUGE_SHIFT);
    if (flags & ~(MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB))
        return -EINVAL;
    length = copy_string_from_user(text, name, sizeof(text));
    if (length < 0)
        return length == -ENAMETOOLONG ? -EINVAL : length;
    if (flags & MFD_HUGETLB)
        return -ENOSYS; /* as where there is no hugetlbfs: huge pages come by themselves */
    error = memfd_file_create(text, flags & MFD_ALLOW_SEALING, &f);
    return error ? error : fd_alloc(f, flags & MFD_CLOEXEC);
}
