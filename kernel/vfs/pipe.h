/* SPDX-License-Identifier: MIT */
/*
 * Pipes: pipe(7). A ring of page frames between readers and writers, anonymous or behind a fifo.
 */
#ifndef QUIRE_VFS_PIPE_H
#define QUIRE_VFS_PIPE_H

#include "vfs/file.h"

#define PIPE_DEFAULT_BYTES 65536u
#define PIPE_MAX_BYTES 1048576u

/* Once, from vfs_init. */
void pipe_init(void);

/* A pipe's two ends as files; `flags` may have O_NONBLOCK, O_DIRECT is -EINVAL. -ENOMEM, -ENFILE.
 */
int pipe_create(unsigned flags, struct file **read_end, struct file **write_end);

/* The open operation of a fifo: may wait for the other side. -EINTR, -ENXIO, -ENOMEM. */
int fifo_open(struct vnode *v, struct file *f);

/* fcntl F_GETPIPE_SZ, F_SETPIPE_SZ: -EBADF when f is no pipe; -EBUSY, -EPERM, -ENOMEM. */
long pipe_get_size(struct file *f);
long pipe_set_size(struct file *f, uint64_t bytes);

#endif
