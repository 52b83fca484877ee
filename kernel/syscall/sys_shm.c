/* SPDX-License-Identifier: MIT */
/*
 * System V shared memory: shmget(2), shmat(2), shmdt(2), shmctl(2).
 */
#include "abi/errno.h"
#include "abi/resource.h"
#include "abi/shm.h"
#include "core/uaccess.h"
#include "ipc/shm.h"
#include "lib/string.h"
#include "proc/permission.h"
#include "proc/process.h"
#include "syscall/calls.h"

long sys_shmget(int key, size_t size, int flags) {
    /* As on a kernel without hugetlbfs: huge pages come by themselves. */
    return flags & SHM_HUGETLB ? -EINVAL : shm_get(key, size, flags);
}

long sys_shmat(int id, uint64_t address, int flags) {
    long error;

    if (address != 0 && !permission_to_map_at(address))
        return -EPERM;
    error = shm_attach(process_current()->space, id, &address, flags);
    return error ? error : (long)address;
}

long sys_shmdt(uint64_t address) {
    return shm_detach(process_current()->space, address);
}

/* ---- shmctl ---- */

static long control_status(int id, enum shm_lookup how, void *buf) {
    struct linux_shmid64_ds ds = {0};
    struct shm_status status;
    long error = shm_get_status(id, how, &status);

    if (error)
        return error;
    ds.shm_perm = (struct linux_ipc64_perm){
        .key = status.key,
        .uid = status.perm.uid,
        .gid = status.perm.gid,
        .cuid = status.perm.cuid,
        .cgid = status.perm.cgid,
        .mode = status.perm.mode,
        .seq = (uint16_t)((uint32_t)status.id / SHM_INDEXES),
    };
    ds.shm_segsz = status.size_bytes;
    ds.shm_atime = status.attached_s;
    ds.shm_dtime = status.detached_s;
    ds.shm_ctime = status.changed_s;
    ds.shm_cpid = status.creator_pid;
    ds.shm_lpid = status.last_pid;
    ds.shm_nattch = status.attachments;
    error = copy_to_user(buf, &ds, sizeof(ds));
    return error || how == SHM_BY_ID ? error : status.id;
}

static long control_limits(void *buf) {
    struct linux_shminfo64 info = {.shmmin = SHMMIN};
    struct shm_limits limits;
    struct shm_usage usage;
    long error;

    shm_get_limits(&limits);
    shm_get_usage(&usage);
    info.shmmax = limits.segment_bytes;
    info.shmmni = info.shmseg = limits.segments;
    info.shmall = limits.total_pages;
    error = copy_to_user(buf, &info, sizeof(info));
    return error ? error : usage.highest_index;
}

static long control_usage(void *buf) {
    struct linux_shm_info info;
    struct shm_usage usage;
    long error;

    memset(&info, 0, sizeof(info)); /* what lies between the fields too */
    shm_get_usage(&usage);
    info.used_ids = (int32_t)usage.segments;
    info.shm_tot = usage.total_pages;
    info.shm_rss = usage.resident_pages;
    error = copy_to_user(buf, &info, sizeof(info));
    return error ? error : usage.highest_index;
}

static long control_set(int id, const void *buf) {
    struct linux_shmid64_ds ds;

    if (copy_from_user(&ds, buf, sizeof(ds)))
        return -EFAULT;
    return shm_set_owner(id, ds.shm_perm.uid, ds.shm_perm.gid, ds.shm_perm.mode);
}

long sys_shmctl(int id, int command, void *buf) {
    if (id < 0)
        return -EINVAL;
    switch (command) {
    case IPC_INFO:
        return control_limits(buf);
    case SHM_INFO:
        return control_usage(buf);
    case IPC_STAT:
        return control_status(id, SHM_BY_ID, buf);
    case SHM_STAT:
        return control_status(id, SHM_BY_INDEX, buf);
    case SHM_STAT_ANY:
        return control_status(id, SHM_BY_INDEX_UNCHECKED, buf);
    case IPC_SET:
        return control_set(id, buf);
    case IPC_RMID:
        return shm_remove(id);
    case SHM_LOCK:
        return shm_lock(id, process_current()->rlimits[RLIMIT_MEMLOCK].rlim_cur);
    case SHM_UNLOCK:
        return shm_unlock(id);
    default:
        return -EINVAL;
    }
}
