/* SPDX-License-Identifier: MIT */
/*
 * tmpfs: files in memory. Registers the file-system type "tmpfs"; the root is one.
 */
#ifndef QUIRE_FS_TMPFS_H
#define QUIRE_FS_TMPFS_H

struct filesystem;

/*
 * A new instance with the options of tmpfs(5), NULL for none; one reference. For devfs, which
 * fills one with device nodes. -EINVAL, -ENOMEM.
 */
int tmpfs_create(const char *source, const char *options, struct filesystem **out);

/* Registers the type. Once, before vfs_init. */
void tmpfs_init(void);

#endif
