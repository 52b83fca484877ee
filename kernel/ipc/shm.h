/* SPDX-License-Identifier: MIT */
/*
 * System V shared memory. Sources: shmget(2), shmop(2), shmctl(2), sysvipc(7).
 *
 * Words: a `segment` is a piece of memory with a number (its id) and perhaps a key; to attach it is
 * to map it. A segment lives until it is removed and nothing maps it any more.
 *
 * No locks to call with; the calls sleep only where they say so.
 */
#ifndef QUIRE_IPC_SHM_H
#define QUIRE_IPC_SHM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ipc/ipc_perm.h"

struct vm_space;

/* /proc/sys/kernel/shm*: set there at any time, so loaded with __ATOMIC_RELAXED. */
struct shm_limits {
    uint64_t segment_bytes; /* shmmax */
    uint64_t total_pages;   /* shmall */
    uint64_t segments;      /* shmmni, at most SHM_INDEXES */
};
extern struct shm_limits shm_limits;

/* Ids are an index below this and a sequence number that makes old ids invalid. */
#define SHM_INDEXES 32768u

/* What there is to know of a segment. */
struct shm_status {
    struct ipc_perm perm; /* mode with SHM_DEST and SHM_LOCKED */
    int key, id;
    uint64_t size_bytes;
    int64_t attached_s, detached_s, changed_s; /* seconds since 1970; 0: never */
    int creator_pid, last_pid;
    uint64_t attachments;
    uint64_t resident_pages;
};

/* What there is of all segments together. */
struct shm_usage {
    uint32_t segments;
    int highest_index; /* 0 where there is none */
    uint64_t total_pages, resident_pages;
};

/*
 * The id of the segment with the key, or of a new one. `flags`: permission bits, IPC_CREAT,
 * IPC_EXCL. -EINVAL (size), -ENOENT, -EEXIST, -EACCES, -ENOSPC (limits), -ENOMEM.
 */
int shm_get(int key, uint64_t size_bytes, int flags);

/*
 * Maps a segment at *address, or where there is room for 0; `flags` are SHM_*. 0 with *address;
 * -EINVAL (id, address), -EACCES, those of vm_map.
 */
int shm_attach(struct vm_space *space, int id, uint64_t *address, int flags);

/* Unmaps what is left of the segment that was attached at address. 0, -EINVAL: there is none. */
int shm_detach(struct vm_space *space, uint64_t address);

enum shm_lookup { SHM_BY_ID, SHM_BY_INDEX, SHM_BY_INDEX_UNCHECKED };

/* Fills in the status of a segment. -EINVAL: there is none; -EACCES, unless unchecked. */
int shm_get_status(int id, enum shm_lookup how, struct shm_status *status);

/* The first segment at or behind an index, whoever asks. Its index, or -ENOENT. */
int shm_next(int index, struct shm_status *status);

/* IPC_SET: owner and permission bits. -EINVAL, -EPERM. */
int shm_set_owner(int id, uint32_t uid, uint32_t gid, uint32_t mode);

/* IPC_RMID: now, or with the last detach. -EINVAL, -EPERM. */
int shm_remove(int id);

/*
 * SHM_LOCK, SHM_UNLOCK; what one user locks may take limit_bytes. -EINVAL, -EPERM, -ENOMEM.
 * Nothing is ever swapped out here, so this is bookkeeping.
 */
int shm_lock(int id, uint64_t limit_bytes);
int shm_unlock(int id);

void shm_get_usage(struct shm_usage *usage);
void shm_get_limits(struct shm_limits *limits);

#endif
