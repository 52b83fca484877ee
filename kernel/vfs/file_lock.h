/* SPDX-License-Identifier: MIT */
/*
 * Advisory locks: whole files by flock(2), byte ranges by fcntl(2).
 *
 * Words: an owner is an open file (flock, F_OFD_*) or a descriptor table (POSIX record locks, which
 * a close of any descriptor of the file in that process drops).
 * Lock: file_lock_lock, a spinlock, for all lists; waiters sleep on the vnode's list.
 */
#ifndef QUIRE_VFS_FILE_LOCK_H
#define QUIRE_VFS_FILE_LOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "vfs/file.h"

enum file_lock_kind {
    FILE_LOCK_WHOLE, /* flock(2) */
    FILE_LOCK_RANGE, /* fcntl(2) */
};

/* A lock wanted or held on bytes [start, end]; end inclusive, INT64_MAX is to the end of file. */
struct file_lock_request {
    enum file_lock_kind kind;
    int type; /* F_RDLCK, F_WRLCK, F_UNLCK */
    int64_t start;
    int64_t end;
    const void *owner;
    int32_t pid; /* for F_GETLK; -1: an open file's */
};

/*
 * Take, change or drop a lock. -EAGAIN: another owner's is in the way and wait is false; -EINTR;
 * -EDEADLK: waiting would never end; -ENOLCK: no memory, nothing changed.
 */
int file_lock_set(struct file *f, const struct file_lock_request *want, bool wait);

/* The first lock that stands in the way of *want, written over it; type F_UNLCK when none does. */
void file_lock_test(struct file *f, struct file_lock_request *want);

/* f's last reference goes: its own locks. */
void file_locks_drop_file(struct file *f);

/* What `owner` holds on v. */
void file_locks_drop_owner(struct vnode *v, const void *owner);

/* The vnode goes: its (empty) list. */
void file_locks_free(struct vnode *v);

#endif
