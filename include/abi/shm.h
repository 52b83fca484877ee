/* SPDX-License-Identifier: MIT */
/*
 * System V IPC and its shared memory: shmget(2), shmat(2), shmctl(2). Compared with the host's
 * headers by tests/host/abi_ipc.c.
 */
#ifndef ABI_SHM_H
#define ABI_SHM_H

#include <stdint.h>

#define IPC_PRIVATE 0

#define IPC_CREAT 01000
#define IPC_EXCL 02000

#define IPC_RMID 0
#define IPC_SET 1
#define IPC_STAT 2
#define IPC_INFO 3

#define SHM_R 0400
#define SHM_W 0200
#define SHM_HUGETLB 04000
#define SHM_NORESERVE 010000

#define SHM_RDONLY 010000
#define SHM_RND 020000
#define SHM_REMAP 040000
#define SHM_EXEC 0100000

#define SHM_LOCK 11
#define SHM_UNLOCK 12
#define SHM_STAT 13
#define SHM_INFO 14
#define SHM_STAT_ANY 15

#define SHMMIN 1
#define SHMMNI 4096

/* Bits of the mode that IPC_STAT shows. */
#define SHM_DEST 01000
#define SHM_LOCKED 02000

struct linux_ipc64_perm {
    int32_t key;
    uint32_t uid;
    uint32_t gid;
    uint32_t cuid;
    uint32_t cgid;
    uint32_t mode;
    uint16_t seq;
    uint16_t pad;
    uint64_t unused[2];
};

struct linux_shmid64_ds {
    struct linux_ipc64_perm shm_perm;
    uint64_t shm_segsz;
    int64_t shm_atime;
    int64_t shm_dtime;
    int64_t shm_ctime;
    int32_t shm_cpid;
    int32_t shm_lpid;
    uint64_t shm_nattch;
    uint64_t unused[2];
};

struct linux_shminfo64 {
    uint64_t shmmax;
    uint64_t shmmin;
    uint64_t shmmni;
    uint64_t shmseg;
    uint64_t shmall;
    uint64_t unused[4];
};

struct linux_shm_info {
    int32_t used_ids;
    uint64_t shm_tot;
    uint64_t shm_rss;
    uint64_t shm_swp;
    uint64_t swap_attempts;
    uint64_t swap_successes;
};

#endif
