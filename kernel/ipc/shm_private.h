/* SPDX-License-Identifier: MIT */
/*
 * What shm.c and shm_table.c share: segments and the table of them. Private to this folder.
 *
 * Locks:
 *   s  shm_table_lock, inside a space's lock and outside an object's
 *   o  the object's lock
 *   c  constant
 */
#ifndef QUIRE_IPC_SHM_PRIVATE_H
#define QUIRE_IPC_SHM_PRIVATE_H

#include "ipc/shm.h"
#include "lib/rbtree.h"
#include "sync/spinlock.h"
#include "vm/object.h"

/*
 * Its references are the table's, one, and those of everybody who maps it. `attachments` are the
 * areas that map it, and shmat(2) on its way: when they are gone, and it is to be removed, the
 * table lets go.
 */
struct shm_segment {
    struct vm_object object;
    struct rb_node by_index;                   /* s */
    struct rb_node by_key;                     /* s: if key is not IPC_PRIVATE */
    struct ipc_perm perm;                      /* s */
    int key;                                   /* s: IPC_PRIVATE once it is to be removed */
    int first_key;                             /* c */
    int id;                                    /* s, c once it is in the table */
    uint64_t size_bytes;                       /* c */
    int64_t attached_s, detached_s, changed_s; /* s */
    int creator_pid;                           /* c */
    int last_pid;                              /* s */
    uint32_t locked_by;                        /* s: user id, if SHM_LOCKED */
    uint64_t attachments;                      /* s */
    uint64_t resident_pages;                   /* o */
};

extern struct spinlock shm_table_lock;
extern struct shm_usage shm_usage; /* s; resident_pages and highest_index are not kept */

/* A new segment in no table, with one reference; NULL: no memory. */
struct shm_segment *shm_segment_create(int key, uint64_t size_bytes, uint32_t mode);

/* Whether an object is a segment's. */
extern const struct vm_object_ops shm_object_ops;

/* Finds by id, by index, by key; NULL: there is none. */
struct shm_segment *shm_find_locked(int id);
struct shm_segment *shm_find_index_locked(int index);
struct shm_segment *shm_find_key_locked(int key);

/* The one with the smallest index, or the next; NULL: no more. */
struct shm_segment *shm_first_locked(int from_index);
struct shm_segment *shm_after_locked(const struct shm_segment *segment);

/* Gives it an id and puts it in, with the caller's reference. 0, or -ENOSPC (limits). */
int shm_insert_locked(struct shm_segment *segment);

/* To be removed: no key any more, and out of the table as soon as nothing is attached. */
void shm_doom_locked(struct shm_segment *segment);

/* One attachment more. */
void shm_hold_locked(struct shm_segment *segment);

/* One attachment less. True: it left the table, whose reference is the caller's now. */
bool shm_drop_locked(struct shm_segment *segment) __attribute__((warn_unused_result));

/* Takes it out of the table if it is to be removed and nothing is attached, as shm_drop_locked. */
bool shm_sweep_locked(struct shm_segment *segment) __attribute__((warn_unused_result));

#endif
