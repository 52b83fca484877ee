/* SPDX-License-Identifier: MIT */
/* What the files of this folder share about open files. */
#ifndef QUIRE_VFS_FILE_PRIVATE_H
#define QUIRE_VFS_FILE_PRIVATE_H

#include "vfs/file.h"

/* Once, from vfs_init. */
void file_init(void);

/* Give back a file whose release must not run (its open failed). */
void file_discard(struct file *f);

#endif
