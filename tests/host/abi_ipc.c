/* SPDX-License-Identifier: MIT */
/*
 * Compares abi/memfd.h and abi/shm.h with the host's kernel headers. Compiling this file is the
 * test; include/abi/README tells how it works.
 */
#include <stddef.h>

#include "abi/memfd.h"
#include "abi/shm.h"

/* clang-format off */
#define IPC_LIST(X) \
    X(MFD_CLOEXEC) X(MFD_ALLOW_SEALING) X(MFD_HUGETLB) X(MFD_HUGE_SHIFT) X(MFD_HUGE_MASK) \
    X(F_SEAL_SEAL) X(F_SEAL_SHRINK) X(F_SEAL_GROW) X(F_SEAL_WRITE) X(F_SEAL_FUTURE_WRITE) \
    X(IPC_PRIVATE) X(IPC_CREAT) X(IPC_EXCL) X(IPC_RMID) X(IPC_SET) X(IPC_STAT) X(IPC_INFO) \
    X(SHM_R) X(SHM_W) X(SHM_HUGETLB) X(SHM_NORESERVE) X(SHM_RDONLY) X(SHM_RND) X(SHM_REMAP) \
    X(SHM_EXEC) X(SHM_LOCK) X(SHM_UNLOCK) X(SHM_STAT) X(SHM_INFO) X(SHM_STAT_ANY) X(SHMMIN) \
    X(SHMMNI)
/* clang-format on */

#define SAVE(name) quire_##name = name,
enum { IPC_LIST(SAVE) };

#undef MFD_HUGE_SHIFT
#undef MFD_HUGE_MASK
#undef IPC_PRIVATE
#include <linux/fcntl.h>
#include <linux/memfd.h>
#include <linux/shm.h>

#define SAME(name) _Static_assert(quire_##name == (long)name, #name);
IPC_LIST(SAME)

#define SAME_SIZE(ours, theirs) _Static_assert(sizeof(struct ours) == sizeof(struct theirs), #ours)
#define SAME_FIELD(ours, theirs, field)                                                            \
    _Static_assert(offsetof(struct ours, field) == offsetof(struct theirs, field), #field)

SAME_SIZE(linux_ipc64_perm, ipc64_perm);
SAME_FIELD(linux_ipc64_perm, ipc64_perm, key);
SAME_FIELD(linux_ipc64_perm, ipc64_perm, uid);
SAME_FIELD(linux_ipc64_perm, ipc64_perm, gid);
SAME_FIELD(linux_ipc64_perm, ipc64_perm, cuid);
SAME_FIELD(linux_ipc64_perm, ipc64_perm, cgid);
SAME_FIELD(linux_ipc64_perm, ipc64_perm, mode);
SAME_FIELD(linux_ipc64_perm, ipc64_perm, seq);
SAME_SIZE(linux_shmid64_ds, shmid64_ds);
SAME_FIELD(linux_shmid64_ds, shmid64_ds, shm_perm);
SAME_FIELD(linux_shmid64_ds, shmid64_ds, shm_segsz);
SAME_FIELD(linux_shmid64_ds, shmid64_ds, shm_atime);
SAME_FIELD(linux_shmid64_ds, shmid64_ds, shm_dtime);
SAME_FIELD(linux_shmid64_ds, shmid64_ds, shm_ctime);
SAME_FIELD(linux_shmid64_ds, shmid64_ds, shm_cpid);
SAME_FIELD(linux_shmid64_ds, shmid64_ds, shm_lpid);
SAME_FIELD(linux_shmid64_ds, shmid64_ds, shm_nattch);
SAME_SIZE(linux_shminfo64, shminfo64);
SAME_FIELD(linux_shminfo64, shminfo64, shmmax);
SAME_FIELD(linux_shminfo64, shminfo64, shmmin);
SAME_FIELD(linux_shminfo64, shminfo64, shmmni);
SAME_FIELD(linux_shminfo64, shminfo64, shmseg);
SAME_FIELD(linux_shminfo64, shminfo64, shmall);
SAME_SIZE(linux_shm_info, shm_info);
SAME_FIELD(linux_shm_info, shm_info, used_ids);
SAME_FIELD(linux_shm_info, shm_info, shm_tot);
SAME_FIELD(linux_shm_info, shm_info, shm_rss);
SAME_FIELD(linux_shm_info, shm_info, shm_swp);
SAME_FIELD(linux_shm_info, shm_info, swap_attempts);
SAME_FIELD(linux_shm_info, shm_info, swap_successes);
