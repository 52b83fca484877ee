/* SPDX-License-Identifier: MIT */
/*
 * Files without a path or a vnode of their own: epoll, eventfd.
 */
#ifndef VFS_ANON_FILE_H
#define VFS_ANON_FILE_H

#include "vfs/file.h"

/* Makes the vnode they share. Once, at start, after the slabs are up. */
void anon_file_init(void);

/*
 * A file open for reading and writing, without a position, shown as `text` in /proc/PID/fd. `flags`
 * are O_ status flags. 0 with *out, or -ENOMEM.
 */
int anon_file_create(const char *text, const struct file_ops *ops, void *data, unsigned flags,
                     struct file **out);

#endif
