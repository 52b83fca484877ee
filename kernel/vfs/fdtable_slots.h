/* SPDX-License-Identifier: MIT */
/* What fdtable.c and fd.c share. Private to this folder. */
#ifndef QUIRE_VFS_FDTABLE_SLOTS_H
#define QUIRE_VFS_FDTABLE_SLOTS_H

#include "vfs/fdtable.h"

/* Once, from vfs_init. */
void fdtable_init(void);

/* Make room for number fd: 0, -EMFILE, -ENOMEM. Lock not held. */
int fdtable_grow(struct fdtable *t, unsigned fd);

struct file *fdtable_take_locked(struct fdtable *t, unsigned fd);
void fdtable_free_number_locked(struct fdtable *t, unsigned fd);
void fdtable_close_many(struct fdtable *t, unsigned first, unsigned last, bool only_cloexec);

#endif
