/* SPDX-License-Identifier: MIT */
/*
 * Copying between the caller's memory and another process's. Source: process_vm_readv(2).
 *
 * Bytes go through a page of the kernel's own: the other space is entered with its lock held, by
 * the path that its own accesses take (vm/transfer.c), and the caller's memory is copied with none.
 * So a page that the other process shares is copied before it is written to, and nobody can see
 * what is written but who shares it by intention.
 *
 * A transfer ends at the first page that cannot be had, in either space: as Linux does it, and
 * finer than the manual, which promises whole ranges only.
 */
#include "abi/errno.h"
#include "lib/bits.h"
#include "mm/slab.h"
#include "proc/permission.h"
#include "proc/process.h"
#include "syscall/calls.h"
#include "syscall/user_vector.h"
#include "vm/space.h"

/* A copy on its way. */
struct transfer {
    struct iobuf *local;
    struct vm_space *space; /* the other one */
    bool is_write;          /* into it */
    char *page;
    long done; /* bytes */
};

/* From the other space. Bytes copied, fewer than n where the caller's memory ends, or an error. */
static long read_part(struct transfer *t, uint64_t address, size_t n) {
    int error = vm_space_read(t->space, address, t->page, n);

    return error ? error : iobuf_copy_out(t->local, t->page, n);
}

static long write_part(struct transfer *t, uint64_t address, size_t n) {
    long got = iobuf_copy_in(t->local, t->page, n);
    int error = got > 0 ? vm_space_write(t->space, address, t->page, (size_t)got) : 0;

    return error ? error : got;
}

/* n bytes within one page of the other space. 0: go on; else the transfer ends. */
static int move_part(struct transfer *t, uint64_t address, size_t n) {
    unsigned rights = t->is_write ? VM_WRITE : VM_READ;
    long moved;

    /* Asked first, since an access beside a stack would make it grow. */
    if (!vm_space_allows(t->space, address, n, rights))
        return -EFAULT;
    moved = t->is_write ? write_part(t, address, n) : read_part(t, address, n);
    if (moved < 0)
        return (int)moved;
    t->done += moved;
    (void)sched_pause();
    if (task_must_exit())
        return -EINTR;
    return (size_t)moved < n ? -EFAULT : 0;
}

static int move_range(struct transfer *t, const struct linux_iovec *range) {
    uint64_t address = range->iov_base, left = range->iov_len;
    int error = 0;

    while (left > 0 && t->local->left > 0 && !error) {
        size_t n = MIN(left, PAGE_SIZE - address % PAGE_SIZE);

        n = MIN(n, t->local->left);
        error = move_part(t, address, n);
        address += n;
        left -= n;
    }
    return error;
}

static long transfer_ranges(struct transfer *t, const struct user_vector *remote) {
    int error = 0;

    t->page = kmalloc(PAGE_SIZE);
    if (!t->page)
        return -ENOMEM;
    for (unsigned i = 0; i < remote->count && !error; i++)
        error = move_range(t, &remote->ranges[i]);
    kfree(t->page);
    return t->done > 0 ? t->done : error;
}

/* The space of a process that the caller may change. 0 with a reference, -ESRCH, -EPERM. */
static int peer_space(int pid, struct vm_space **space) {
    struct process *process = process_get(pid);
    int error = 0;

    if (!process)
        return -ESRCH;
    *space = process_space_get(process);
    if (!*space)
        error = -ESRCH;
    else if (!permission_to_attach(process))
        error = -EPERM;
    if (error && *space)
        vm_space_unref(*space);
    process_put(process);
    return error;
}

static bool is_empty(const struct user_vector *v) {
    uint64_t any = 0;

    for (unsigned i = 0; i < v->count; i++)
        any |= v->ranges[i].iov_len;
    return any == 0;
}

static long transfer_process(int pid, struct iobuf *local, const struct user_vector *remote,
                             bool is_write) {
    struct transfer t = {.local = local, .is_write = is_write};
    long result;

    if (is_empty(remote))
        return 0;
    result = peer_space(pid, &t.space);
    if (result)
        return result;
    result = transfer_ranges(&t, remote);
    vm_space_unref(t.space);
    return result;
}

/* The ranges of both sides, as the calls give them. */
struct arguments {
    const void *local, *remote;
    uint64_t local_count, remote_count, flags;
};

static long transfer(int pid, const struct arguments *a, bool is_write) {
    struct user_vector local, remote;
    long result;

    if (a->flags)
        return -EINVAL;
    result = user_vector_get(&local, a->local, a->local_count);
    if (result)
        return result;
    if (local.b.left == 0)
        goto put_local;
    result = user_vector_get_foreign(&remote, a->remote, a->remote_count);
    if (result)
        goto put_local;
    result = transfer_process(pid, &local.b, &remote, is_write);
    user_vector_put(&remote);
put_local:
    user_vector_put(&local);
    return result;
}

long sys_process_vm_readv(int pid, const void *local, uint64_t local_count, const void *remote,
                          uint64_t remote_count, uint64_t flags) {
    const struct arguments a = {local, remote, local_count, remote_count, flags};

    return transfer(pid, &a, false);
}

long sys_process_vm_writev(int pid, const void *local, uint64_t local_count, const void *remote,
                           uint64_t remote_count, uint64_t flags) {
    const struct arguments a = {local, remote, local_count, remote_count, flags};

    return transfer(pid, &a, true);
}
