/* SPDX-License-Identifier: MIT */
/*
 * Descriptor tables: small numbers to open files, close-on-exec per number.
 *
 * Invariants: slot i >= used is empty; a reserved slot (fd_reserve) is in the `taken` map and has
 * no file yet, so that a call which makes a descriptor can fail before it commits.
 * Lock: table->lock, a spinlock; nothing is released under it.
 */
#ifndef QUIRE_VFS_FDTABLE_H
#define QUIRE_VFS_FDTABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/refcount.h"
#include "sync/spinlock.h"
#include "vfs/file.h"

#define FD_INLINE 32
#define FD_LIMIT_MAX (1u << 20)

struct fdtable {
    struct refcount users; /* contexts that have it: the last one closes everything */
    struct refcount refs;  /* of the memory: one for all users, one for each who looks into it */
    struct spinlock lock;
    unsigned capacity;   /* a multiple of 32 */
    unsigned used;       /* one more than the highest taken */
    unsigned first_free; /* no free number is below */
    struct file **files;
    uint32_t *taken;
    uint32_t *cloexec;
    struct file *inline_files[FD_INLINE];
    uint32_t inline_taken[FD_INLINE / 32];
    uint32_t inline_cloexec[FD_INLINE / 32];
};

/* An empty table: NULL without memory. */
struct fdtable *fdtable_create(void);

/* A copy for fork: the same open files, positions shared. NULL without memory. */
struct fdtable *fdtable_fork(struct fdtable *t);

void fdtable_ref(struct fdtable *t);

/* The last user closes everything. May sleep. */
void fdtable_unref(struct fdtable *t);

/*
 * For who looks into the table of others, found where its users let go of it only under a lock that
 * is held: the table stays until fdtable_drop(), empty once it has no users any more.
 */
void fdtable_hold(struct fdtable *t);
void fdtable_drop(struct fdtable *t);

/* execve: close what has close-on-exec. May sleep. */
void fdtable_close_on_exec(struct fdtable *t);

/*
 * The current process's table, from here on.
 *
 * fd_reserve: the lowest free number >= minimum; -EMFILE beyond RLIMIT_NOFILE, -EINVAL minimum
 * beyond it, -ENOMEM. Then either fd_install (takes the caller's reference) or fd_cancel.
 */
int fd_reserve(unsigned minimum, bool cloexec);
void fd_install(int fd, struct file *f);
void fd_cancel(int fd);

/* fd_reserve and fd_install: takes the reference also when it fails (closing f). */
int fd_alloc(struct file *f, bool cloexec);

/* The file with a reference, NULL when there is none (-EBADF) or it is O_PATH. */
struct file *fd_get(int fd);

/* The same where O_PATH files are welcome (fstat, fchdir, *at). */
struct file *fd_get_any(int fd);

/* -EBADF, else what flush says. The number is free in any case. */
int fd_close(int fd);

/* dup2, dup3: f (reference taken over) at exactly fd, closing what was there. */
int fd_replace(int fd, struct file *f, bool cloexec);

/* FD_CLOEXEC of a number: 0/1 or -EBADF; set: 0 or -EBADF. */
int fd_get_cloexec(int fd);
int fd_set_cloexec(int fd, bool cloexec);

/* close_range(2): close, or only mark close-on-exec, all from first to last. */
void fd_close_range(unsigned first, unsigned last, bool only_cloexec);

/* For /proc/PID/fd: the first taken number >= from in t, with its file (a reference), or -ENOENT.
 */
int fdtable_next(struct fdtable *t, unsigned from, struct file **out);

/* The file at a number of another process's table, with a reference, or NULL. */
struct file *fdtable_get(struct fdtable *t, unsigned fd);

#endif
