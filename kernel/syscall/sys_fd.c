/* SPDX-License-Identifier: MIT */
/*
 * Descriptors: duplicating, flags, pipes, locks. Sources: dup(2), fcntl(2), close_range(2),
 * pipe(2), flock(2).
 */
#include "abi/fcntl.h"
#include "core/uaccess.h"
#include "lib/bits.h"
#include "proc/unshare.h"
#include "syscall/calls.h"
#include "syscall/user_path.h"
#include "vfs/access.h"
#include "vfs/context.h"
#include "vfs/fdtable.h"
#include "vfs/file_lock.h"
#include "vfs/pipe.h"

/* ---- duplicating ---- */

static long duplicate(struct file *f, unsigned minimum, bool cloexec) {
    int fd = fd_reserve(minimum, cloexec);

    if (fd >= 0) {
        file_ref(f);
        fd_install(fd, f);
    }
    return fd;
}

long sys_dup(int fd) {
    struct file *f = fd_get_any(fd);
    long result;

    if (!f)
        return -EBADF;
    result = duplicate(f, 0, false);
    file_unref(f);
    return result;
}

static long duplicate_to(int from, int to, bool cloexec) {
    struct file *f = fd_get_any(from);

    return f ? fd_replace(to, f, cloexec) : -EBADF;
}

long sys_dup2(int from, int to) {
    struct file *f;

    if (from != to)
        return duplicate_to(from, to, false);
    f = fd_get_any(from);
    if (!f)
        return -EBADF;
    file_unref(f);
    return to;
}

long sys_dup3(int from, int to, int flags) {
    if (flags & ~O_CLOEXEC || from == to)
        return -EINVAL;
    return duplicate_to(from, to, flags & O_CLOEXEC);
}

long sys_close_range(uint32_t first, uint32_t last, uint32_t flags) {
    int error = 0;

    if (flags & ~(uint32_t)(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC) || first > last)
        return -EINVAL;
    if (flags & CLOSE_RANGE_UNSHARE)
        error = task_unshare_files();
    if (!error)
        fd_close_range(first, last, flags & CLOSE_RANGE_CLOEXEC);
    return error;
}

/* ---- locks ---- */

long sys_flock(int fd, uint32_t operation) {
    static const int types[] = {[LOCK_SH] = F_RDLCK, [LOCK_EX] = F_WRLCK, [LOCK_UN] = F_UNLCK};
    uint32_t kind = operation & ~(uint32_t)LOCK_NB;
    struct file_lock_request want = {.kind = FILE_LOCK_WHOLE, .end = INT64_MAX, .pid = -1};
    struct file *f;
    long error;

    if (kind != LOCK_SH && kind != LOCK_EX && kind != LOCK_UN)
        return -EINVAL;
    f = fd_get(fd);
    if (!f)
        return -EBADF;
    want.type = types[kind];
    want.owner = f;
    error = file_lock_set(f, &want, !(operation & LOCK_NB));
    file_unref(f);
    return sys_restartable(error);
}

/* Where l_start counts from, or a negative errno. */
static int64_t lock_base(struct file *f, int whence) {
    switch (whence) {
    case SEEK_SET:
        return 0;
    case SEEK_CUR:
        return (int64_t)f->pos;
    case SEEK_END:
        return (int64_t)f->vnode->size;
    default:
        return -EINVAL;
    }
}

/* Makes bytes [start, end] of the user's start and length, which may be negative. */
static int lock_range(struct file *f, const struct linux_flock *from,
                      struct file_lock_request *to) {
    int64_t base = lock_base(f, from->l_whence), start;

    if (base < 0)
        return -EINVAL;
    if (__builtin_add_overflow(base, from->l_start, &start))
        return -EOVERFLOW;
    to->start = start;
    to->end = INT64_MAX;
    if (from->l_len > 0 && __builtin_add_overflow(start, from->l_len - 1, &to->end))
        return -EOVERFLOW;
    if (from->l_len < 0) {
        to->end = start - 1;
        if (__builtin_add_overflow(start, from->l_len, &to->start))
            return -EINVAL;
    }
    return to->start < 0 ? -EINVAL : 0;
}

static int lock_decode(struct file *f, int command, const struct linux_flock *from,
                       struct file_lock_request *to) {
    bool is_ofd = command >= F_OFD_GETLK && command <= F_OFD_SETLKW;

    *to = (struct file_lock_request){.kind = FILE_LOCK_RANGE, .type = from->l_type};
    if (from->l_type != F_RDLCK && from->l_type != F_WRLCK && from->l_type != F_UNLCK)
        return -EINVAL;
    if (is_ofd && from->l_pid != 0)
        return -EINVAL;
    to->owner = is_ofd ? (const void *)f : vfs_context_current()->files;
    to->pid = is_ofd ? -1 : (int32_t)vfs_pid_current();
    return lock_range(f, from, to);
}

static long lock_get(struct file *f, struct file_lock_request *want, struct linux_flock *l,
                     void *user) {
    if (want->type == F_UNLCK)
        return -EINVAL;
    file_lock_test(f, want);
    l->l_type = (int16_t)want->type;
    if (want->type != F_UNLCK) {
        l->l_whence = SEEK_SET;
        l->l_start = want->start;
        l->l_len = want->end == INT64_MAX ? 0 : want->end - want->start + 1;
        l->l_pid = want->pid;
    }
    return copy_to_user(user, l, sizeof(*l));
}

static long lock_set(struct file *f, const struct file_lock_request *want, bool wait) {
    if (want->type == F_RDLCK && !(f->mode & FILE_READ))
        return -EBADF;
    if (want->type == F_WRLCK && !(f->mode & FILE_WRITE))
        return -EBADF;
    return sys_restartable(file_lock_set(f, want, wait));
}

/* Closing a descriptor drops the locks: one closed meanwhile, by who shares it, must not keep any.
 */
static void lock_recheck(int fd, struct file *f, const struct file_lock_request *want) {
    struct file *now = fd_get_any(fd);

    if (now != f)
        file_locks_drop_owner(f->vnode, want->owner);
    file_unref(now);
}

static long fcntl_lock(int fd, struct file *f, int command, uint64_t argument) {
    struct file_lock_request want;
    struct linux_flock l;
    void *user = (void *)(uintptr_t)argument;
    long error = copy_from_user(&l, user, sizeof(l));

    if (!error)
        error = lock_decode(f, command, &l, &want);
    if (error)
        return error;
    if (command == F_GETLK || command == F_OFD_GETLK)
        return lock_get(f, &want, &l, user);
    error = lock_set(f, &want, command == F_SETLKW || command == F_OFD_SETLKW);
    if (!error && want.owner != f)
        lock_recheck(fd, f, &want);
    return error;
}

/* ---- fcntl ---- */

#define FLAGS_SETTABLE (O_APPEND | O_NONBLOCK | FASYNC | O_DIRECT | O_NOATIME)

static long fcntl_set_flags(struct file *f, uint32_t flags) {
    uint32_t added = flags & FLAGS_SETTABLE & ~f->flags;

    if (added & O_NOATIME && !vfs_is_owner(f->vnode))
        return -EPERM;
    f->flags = (f->flags & ~(uint32_t)FLAGS_SETTABLE) | (flags & FLAGS_SETTABLE);
    return 0;
}

/* Commands that work on any descriptor, O_PATH ones too. -ENOSYS: another one. */
static long fcntl_descriptor(int fd, struct file *f, int command, uint64_t argument) {
    switch (command) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
        if (argument > INT32_MAX)
            return -EINVAL;
        return duplicate(f, (unsigned)argument, command == F_DUPFD_CLOEXEC);
    case F_GETFD:
        return fd_get_cloexec(fd);
    case F_SETFD:
        return fd_set_cloexec(fd, argument & FD_CLOEXEC);
    case F_GETFL:
        return (long)f->flags;
    default:
        return -ENOSYS;
    }
}

static long fcntl_file(int fd, struct file *f, int command, uint64_t argument) {
    switch (command) {
    case F_SETFL:
        return fcntl_set_flags(f, (uint32_t)argument);
    case F_GETLK:
    case F_SETLK:
    case F_SETLKW:
    case F_OFD_GETLK:
    case F_OFD_SETLK:
    case F_OFD_SETLKW:
        return fcntl_lock(fd, f, command, argument);
    case F_GETOWN:
        return (long)(int32_t)f->owner;
    case F_SETOWN:
        f->owner = (uint32_t)argument;
        return 0;
    case F_GETPIPE_SZ:
        return pipe_get_size(f);
    case F_SETPIPE_SZ:
        return pipe_set_size(f, argument & UINT32_MAX);
    case F_ADD_SEALS:
        return argument > UINT32_MAX ? -EINVAL : file_add_seals(f, (unsigned)argument);
    case F_GET_SEALS:
        return file_get_seals(f);
    case F_GETSIG:
        return 0;
    case F_GETLEASE:
        return F_UNLCK;
    default:
        return -EINVAL;
    }
}

long sys_fcntl(int fd, int command, uint64_t argument) {
    struct file *f = fd_get_any(fd);
    long result;

    if (!f)
        return -EBADF;
    result = fcntl_descriptor(fd, f, command, argument);
    if (result == -ENOSYS)
        result = f->mode & FILE_PATH ? -EBADF : fcntl_file(fd, f, command, argument);
    file_unref(f);
    return result;
}

/* ---- pipes ---- */

/* Two numbers for two files, told to the user, or neither. Takes the files over. */
static long install_pair(struct file *const files[2], bool cloexec, void *user) {
    int fds[2], error;

    fds[0] = fd_reserve(0, cloexec);
    error = fds[0] < 0 ? fds[0] : 0;
    if (error)
        goto drop_files;
    fds[1] = fd_reserve(0, cloexec);
    error = fds[1] < 0 ? fds[1] : 0;
    if (error)
        goto cancel_first;
    error = copy_to_user(user, fds, sizeof(fds));
    if (error)
        goto cancel_second;
    fd_install(fds[0], files[0]);
    fd_install(fds[1], files[1]);
    return 0;

cancel_second:
    fd_cancel(fds[1]);
cancel_first:
    fd_cancel(fds[0]);
drop_files:
    file_unref(files[0]);
    file_unref(files[1]);
    return error;
}

long sys_pipe2(void *fds, int flags) {
    struct file *files[2];
    int error;

    if (flags & ~(O_CLOEXEC | O_NONBLOCK))
        return -EINVAL;
    error = pipe_create((unsigned)flags & O_NONBLOCK, &files[0], &files[1]);
    return error ? error : install_pair(files, flags & O_CLOEXEC, fds);
}

long sys_pipe(void *fds) {
    return sys_pipe2(fds, 0);
}
