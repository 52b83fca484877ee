/* SPDX-License-Identifier: MIT */
/*
 * ioctl: the few requests that every file understands, then the file's own.
 *
 * Source: ioctl(2), and ioctl_tty(2) for FIONBIO, FIONREAD, FIOCLEX and FIONCLEX.
 */
#include "abi/ioctl.h"
#include "abi/errno.h"
#include "abi/fcntl.h"
#include "core/uaccess.h"
#include "syscall/calls.h"
#include "vfs/fdtable.h"
#include "vfs/file.h"

/* Sets or clears a status flag by the int that `user` points to. */
static long set_flag(struct file *f, uint32_t flag, const void *user) {
    uint32_t on;

    if (get_user_u32(&on, user))
        return -EFAULT;
    if (on)
        f->flags |= flag;
    else
        f->flags &= ~flag;
    return 0;
}

/* FIONREAD of a regular file: what lies between the position and the end. */
static long bytes_ahead(struct file *f, void *user) {
    uint64_t size = f->vnode->size, pos = f->pos;

    return put_user_u32(size > pos ? (uint32_t)(size - pos) : 0, user);
}

static long file_size(struct file *f, void *user) {
    return put_user_u64(f->vnode->size, user);
}

static long perform(int fd, struct file *f, uint32_t command, uint64_t argument) {
    void *user = (void *)argument;
    bool is_regular = vnode_is_regular(f->vnode);

    switch (command) {
    case FIOCLEX:
        return fd_set_cloexec(fd, true);
    case FIONCLEX:
        return fd_set_cloexec(fd, false);
    case FIONBIO:
        return set_flag(f, O_NONBLOCK, user);
    case FIONREAD:
        if (is_regular)
            return bytes_ahead(f, user);
        break;
    case FIOQSIZE:
        if (is_regular || vnode_is_dir(f->vnode))
            return file_size(f, user);
        break;
    }
    return f->ops && f->ops->ioctl ? f->ops->ioctl(f, command, argument) : -ENOTTY;
}

long sys_ioctl(int fd, uint32_t command, uint64_t argument) {
    struct file *f = fd_get(fd);

    if (!f)
        return -EBADF;
    long result = perform(fd, f, command, argument);
    file_unref(f);
    return result == -EINTR ? -ERESTARTSYS : result;
}
