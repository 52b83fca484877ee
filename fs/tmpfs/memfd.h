/* SPDX-License-Identifier: MIT */
/*
 * Files in memory that never have a name: memfd_create(2).
 */
#ifndef QUIRE_FS_TMPFS_MEMFD_H
#define QUIRE_FS_TMPFS_MEMFD_H

#include <stdbool.h>

struct file;

/* The longest name, without its NUL. */
#define MEMFD_NAME_MAX 249

/*
 * An empty file, open for reading and writing; shown as `/memfd:NAME (deleted)`. It takes seals
 * (fcntl(2), F_ADD_SEALS) if `sealable`. 0 with *out, or -ENOMEM. May sleep.
 */
int memfd_file_create(const char *name, bool sealable, struct file **out);

#endif
