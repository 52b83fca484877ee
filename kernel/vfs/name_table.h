/* SPDX-License-Identifier: MIT */
/*
 * What name.c, name_path.c and name_move.c share: the lock and the table. Private to this folder.
 */
#ifndef QUIRE_VFS_NAME_TABLE_H
#define QUIRE_VFS_NAME_TABLE_H

#include "sync/spinlock.h"
#include "vfs/name.h"

/* Guards the table and parent, text, mounted, is_deleted of all names. */
extern struct spinlock name_lock;

/* Makes the table. Once, from vfs_init. */
void name_init(void);

uint32_t name_hash(const struct name *parent, const struct component *c);

/* Puts n (in no table) where its hash says. name_lock held. */
void name_table_insert_locked(struct name *n);

#endif
