/* SPDX-License-Identifier: MIT */
/*
 * The calls on System V shared memory; see shm.h. The order of the checks is Linux's, since
 * programs see which error comes first.
 */
#include "ipc/shm.h"

#include "abi/errno.h"
#include "abi/shm.h"
#include "core/clock.h"
#include "lib/bits.h"
#include "shm_private.h"
#include "vfs/context.h"
#include "vm/map.h"

#define NS_PER_S 1000000000ull

/* ---- shmget ---- */

/* What shmget gives for a segment that is there. */
static int found_locked(const struct shm_segment *segment, uint64_t size_bytes, int flags) {
    if ((flags & (IPC_CREAT | IPC_EXCL)) == (IPC_CREAT | IPC_EXCL))
        return -EEXIST;
    if (size_bytes > segment->size_bytes)
        return -EINVAL;
    if (!ipc_perm_allows(&segment->perm, (uint32_t)flags & IPC_MODE_BITS))
        return -EACCES;
    return segment->id;
}

/* The id of the segment with the key; -ENOENT: there is none, or the key stands for none. */
static int find_locked(int key, uint64_t size_bytes, int flags) {
    struct shm_segment *segment = key == IPC_PRIVATE ? NULL : shm_find_key_locked(key);

    return segment ? found_locked(segment, size_bytes, flags) : -ENOENT;
}

static int find(int key, uint64_t size_bytes, int flags) {
    int id;

    spin_lock(&shm_table_lock);
    id = find_locked(key, size_bytes, flags);
    spin_unlock(&shm_table_lock);
    return id;
}

/* Puts in what was made, unless somebody else was faster. */
static int insert_or_find(struct shm_segment *segment, uint64_t size_bytes, int flags) {
    int error, id;

    spin_lock(&shm_table_lock);
    id = find_locked(segment->key, size_bytes, flags);
    if (id != -ENOENT) {
        spin_unlock(&shm_table_lock);
        vm_object_unref(&segment->object);
        return id;
    }
    error = shm_insert_locked(segment);
    id = segment->id;
    spin_unlock(&shm_table_lock);
    if (error)
        vm_object_unref(&segment->object);
    return error ? error : id;
}

int shm_get(int key, uint64_t size_bytes, int flags) {
    struct shm_limits limits;
    struct shm_segment *segment;
    int id = find(key, size_bytes, flags);

    if (id != -ENOENT || (key != IPC_PRIVATE && !(flags & IPC_CREAT)))
        return id;
    shm_get_limits(&limits);
    if (size_bytes < SHMMIN || size_bytes > limits.segment_bytes || size_bytes > INT64_MAX)
        return -EINVAL;
    segment = shm_segment_create(key, size_bytes, (uint32_t)flags);
    return segment ? insert_or_find(segment, size_bytes, flags) : -ENOMEM;
}

/* ---- shmat, shmdt ---- */

/* Where it shall go, by the rules of shmat(2). 0 or -EINVAL. */
static int place(uint64_t address, int flags, struct vm_map_request *request) {
    bool rounds = (flags & SHM_RND) && !is_aligned(address, PAGE_SIZE);

    if (address == 0)
        return flags & SHM_REMAP ? -EINVAL : 0;
    if (rounds)
        address = align_down(address, PAGE_SIZE);
    if (!is_aligned(address, PAGE_SIZE) || (address == 0 && (flags & SHM_REMAP)))
        return -EINVAL;
    request->address = address;
    request->flags |= flags & SHM_REMAP ? VM_MAP_FIXED : VM_MAP_NOREPLACE;
    return 0;
}

/* What is asked for: the rights on the segment, and those of the mapping. */
static uint32_t attach_rights(int flags, struct vm_map_request *request) {
    uint32_t wanted = IPC_READ;

    request->prot = VM_READ;
    request->max_prot = VM_READ | VM_EXEC;
    if (!(flags & SHM_RDONLY)) {
        wanted |= IPC_WRITE;
        request->prot |= VM_WRITE;
        request->max_prot |= VM_WRITE;
    }
    if (flags & SHM_EXEC) {
        wanted |= IPC_EXEC;
        request->prot |= VM_EXEC;
    }
    return wanted;
}

/* Finds the segment and holds it, so that it stays while it is mapped. 0, -EINVAL, -EACCES. */
static int attach_begin(int id, uint32_t wanted, struct shm_segment **out) {
    struct shm_segment *segment;
    int error = -EINVAL;

    spin_lock(&shm_table_lock);
    segment = shm_find_locked(id);
    if (segment)
        error = ipc_perm_allows(&segment->perm, wanted) ? 0 : -EACCES;
    if (!error) {
        shm_hold_locked(segment);
        vm_object_ref(&segment->object);
        *out = segment;
    }
    spin_unlock(&shm_table_lock);
    return error;
}

static void attach_end(struct shm_segment *segment) {
    bool is_out;

    spin_lock(&shm_table_lock);
    is_out = shm_drop_locked(segment);
    spin_unlock(&shm_table_lock);
    if (is_out)
        vm_object_unref(&segment->object);
    vm_object_unref(&segment->object);
}

int shm_attach(struct vm_space *space, int id, uint64_t *address, int flags) {
    struct vm_map_request request = {.flags = VM_MAP_SHARED};
    struct shm_segment *segment;
    uint32_t wanted = attach_rights(flags, &request);
    int error = place(*address, flags, &request);

    if (!error)
        error = attach_begin(id, wanted, &segment);
    if (error)
        return error;
    request.length = segment->size_bytes;
    request.object = &segment->object;
    if ((request.flags & VM_MAP_NOREPLACE) && request.address + request.length < request.address)
        error = -EINVAL;
    else
        error = vm_map(space, &request, address);
    attach_end(segment);
    return error == -EEXIST ? -EINVAL : error;
}

int shm_detach(struct vm_space *space, uint64_t address) {
    return vm_detach(space, address, &shm_object_ops);
}

/* ---- shmctl ---- */

static void fill_status_locked(struct shm_segment *segment, struct shm_status *status) {
    *status = (struct shm_status){
        .perm = segment->perm,
        .key = segment->key,
        .id = segment->id,
        .size_bytes = segment->size_bytes,
        .attached_s = segment->attached_s,
        .detached_s = segment->detached_s,
        .changed_s = segment->changed_s,
        .creator_pid = segment->creator_pid,
        .last_pid = segment->last_pid,
        .attachments = segment->attachments,
    };
    spin_lock(&segment->object.lock);
    status->resident_pages = segment->resident_pages;
    spin_unlock(&segment->object.lock);
}

int shm_get_status(int id, enum shm_lookup how, struct shm_status *status) {
    struct shm_segment *segment;
    int error = -EINVAL;

    spin_lock(&shm_table_lock);
    segment = how == SHM_BY_ID ? shm_find_locked(id)
                               : shm_find_index_locked((int)((uint32_t)id % SHM_INDEXES));
    if (segment && how != SHM_BY_INDEX_UNCHECKED && !ipc_perm_allows(&segment->perm, IPC_READ))
        error = -EACCES;
    else if (segment)
        error = 0;
    if (!error)
        fill_status_locked(segment, status);
    spin_unlock(&shm_table_lock);
    return error;
}

int shm_next(int index, struct shm_status *status) {
    struct shm_segment *segment;

    spin_lock(&shm_table_lock);
    segment = shm_first_locked(index);
    if (segment)
        fill_status_locked(segment, status);
    spin_unlock(&shm_table_lock);
    return segment ? (int)((uint32_t)status->id % SHM_INDEXES) : -ENOENT;
}

/* The segment, for who may change it. 0, -EINVAL, -EPERM. */
static int find_own_locked(int id, struct shm_segment **out) {
    *out = shm_find_locked(id);
    if (!*out)
        return -EINVAL;
    return ipc_perm_is_owner(&(*out)->perm) ? 0 : -EPERM;
}

int shm_set_owner(int id, uint32_t uid, uint32_t gid, uint32_t mode) {
    struct shm_segment *segment;
    int error;

    spin_lock(&shm_table_lock);
    error = find_own_locked(id, &segment);
    if (!error && (uid == UINT32_MAX || gid == UINT32_MAX))
        error = -EINVAL;
    if (!error) {
        segment->perm.uid = uid;
        segment->perm.gid = gid;
        segment->perm.mode = (segment->perm.mode & ~IPC_MODE_BITS) | (mode & IPC_MODE_BITS);
        segment->changed_s = (int64_t)(clock_realtime_ns() / NS_PER_S);
    }
    spin_unlock(&shm_table_lock);
    return error;
}

int shm_remove(int id) {
    struct shm_segment *segment;
    bool is_out = false;
    int error;

    spin_lock(&shm_table_lock);
    error = find_own_locked(id, &segment);
    if (!error) {
        shm_doom_locked(segment);
        is_out = shm_sweep_locked(segment);
    }
    spin_unlock(&shm_table_lock);
    if (is_out)
        vm_object_unref(&segment->object);
    return error;
}

/* What the user has locked, in bytes. */
static uint64_t locked_bytes_locked(uint32_t uid) {
    uint64_t bytes = 0;

    for (struct shm_segment *s = shm_first_locked(0); s; s = shm_after_locked(s)) {
        if ((s->perm.mode & SHM_LOCKED) && s->locked_by == uid)
            bytes += align_up(s->size_bytes, PAGE_SIZE);
    }
    return bytes;
}

/* Whether the running process may lock so many bytes more. 0, -EPERM, -ENOMEM. */
static int check_lock_locked(uint64_t bytes, uint64_t limit_bytes) {
    uint32_t euid = vfs_context_current()->credentials.euid;
    uint64_t locked;

    if (euid == 0)
        return 0;
    if (limit_bytes == 0)
        return -EPERM;
    locked = locked_bytes_locked(euid);
    return locked > limit_bytes || bytes > limit_bytes - locked ? -ENOMEM : 0;
}

int shm_lock(int id, uint64_t limit_bytes) {
    struct shm_segment *segment;
    int error;

    spin_lock(&shm_table_lock);
    error = find_own_locked(id, &segment);
    if (!error && !(segment->perm.mode & SHM_LOCKED)) {
        error = check_lock_locked(align_up(segment->size_bytes, PAGE_SIZE), limit_bytes);
        if (!error) {
            segment->perm.mode |= SHM_LOCKED;
            segment->locked_by = vfs_context_current()->credentials.euid;
        }
    }
    spin_unlock(&shm_table_lock);
    return error;
}

int shm_unlock(int id) {
    struct shm_segment *segment;
    int error;

    spin_lock(&shm_table_lock);
    error = find_own_locked(id, &segment);
    if (!error)
        segment->perm.mode &= ~(uint32_t)SHM_LOCKED;
    spin_unlock(&shm_table_lock);
    return error;
}

void shm_get_usage(struct shm_usage *usage) {
    struct shm_status status;

    spin_lock(&shm_table_lock);
    *usage = shm_usage;
    usage->highest_index = 0;
    usage->resident_pages = 0;
    for (struct shm_segment *s = shm_first_locked(0); s; s = shm_after_locked(s)) {
        fill_status_locked(s, &status);
        usage->resident_pages += status.resident_pages;
        usage->highest_index = (int)((uint32_t)status.id % SHM_INDEXES);
    }
    spin_unlock(&shm_table_lock);
}
