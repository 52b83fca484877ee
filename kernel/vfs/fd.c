/* SPDX-License-Identifier: MIT */
/*
 * Descriptors of the current process. A number is reserved first, then a file is put there, so that
 * what can fail comes before what is seen.
 */
#include "abi/errno.h"
#include "core/assert.h"
#include "lib/bits.h"
#include "vfs/context.h"
#include "vfs/fdtable_slots.h"

static struct fdtable *fd_table(void) {
    return vfs_context_current()->files;
}

static uint64_t fd_limit(void) {
    return MIN(vfs_context_current()->descriptor_limit, (uint64_t)FD_LIMIT_MAX);
}

/* The lowest number >= minimum that is not taken; may be beyond capacity. */
static unsigned fd_find_free_locked(const struct fdtable *t, unsigned minimum) {
    unsigned fd = MAX(minimum, t->first_free);

    while (fd < t->used) {
        uint32_t busy = t->taken[fd / 32] | ((1u << (fd % 32)) - 1);

        if (busy != UINT32_MAX)
            return (fd & ~31u) + (unsigned)bit_lowest(~busy);
        fd = (fd & ~31u) + 32;
    }
    return fd;
}

static void fd_take_number_locked(struct fdtable *t, unsigned fd, bool cloexec) {
    t->taken[fd / 32] |= 1u << (fd % 32);
    if (cloexec)
        t->cloexec[fd / 32] |= 1u << (fd % 32);
    else
        t->cloexec[fd / 32] &= ~(1u << (fd % 32));
    t->used = MAX(t->used, fd + 1);
}

int fd_reserve(unsigned minimum, bool cloexec) {
    struct fdtable *t = fd_table();
    uint64_t limit = fd_limit();

    if (!t)
        return -EMFILE;
    if (minimum >= limit)
        return -EINVAL;
    for (;;) {
        unsigned fd;
        int error;

        spin_lock(&t->lock);
        fd = fd_find_free_locked(t, minimum);
        if (fd < limit && fd < t->capacity) {
            fd_take_number_locked(t, fd, cloexec);
            if (minimum <= t->first_free)
                t->first_free = fd + 1;
            spin_unlock(&t->lock);
            return (int)fd;
        }
        spin_unlock(&t->lock);
        error = fd < limit ? fdtable_grow(t, fd) : -EMFILE;
        if (error)
            return error;
    }
}

void fd_install(int fd, struct file *f) {
    struct fdtable *t = fd_table();

    spin_lock(&t->lock);
    DEBUG_ASSERT(!t->files[fd]);
    t->files[fd] = f;
    spin_unlock(&t->lock);
}

void fd_cancel(int fd) {
    struct fdtable *t = fd_table();

    spin_lock(&t->lock);
    fdtable_free_number_locked(t, (unsigned)fd);
    spin_unlock(&t->lock);
}

int fd_alloc(struct file *f, bool cloexec) {
    int fd = fd_reserve(0, cloexec);

    if (fd >= 0)
        fd_install(fd, f);
    else
        file_unref(f);
    return fd;
}

struct file *fd_get_any(int fd) {
    struct fdtable *t = fd_table();

    return t && fd >= 0 ? fdtable_get(t, (unsigned)fd) : NULL;
}

struct file *fd_get(int fd) {
    struct file *f = fd_get_any(fd);

    if (f && f->mode & FILE_PATH) {
        file_unref(f);
        return NULL;
    }
    return f;
}

int fd_close(int fd) {
    struct fdtable *t = fd_table();
    struct file *f = NULL;

    if (t && fd >= 0) {
        spin_lock(&t->lock);
        f = fdtable_take_locked(t, (unsigned)fd);
        spin_unlock(&t->lock);
    }
    return f ? file_close(f, t) : -EBADF;
}

/* Puts f at fd. 0 with the file that was there in *old; -EBUSY: only reserved by another thread. */
static int fd_swap_locked(struct fdtable *t, unsigned fd, struct file *f, struct file **old) {
    *old = t->files[fd];
    if (!*old && t->taken[fd / 32] & 1u << (fd % 32))
        return -EBUSY;
    t->files[fd] = f;
    return 0;
}

int fd_replace(int fd, struct file *f, bool cloexec) {
    struct fdtable *t = fd_table();
    struct file *old = NULL;
    int error = fd < 0 || (uint64_t)fd >= fd_limit() ? -EBADF : 0;

    if (!error && (unsigned)fd >= t->capacity)
        error = fdtable_grow(t, (unsigned)fd);
    if (!error) {
        spin_lock(&t->lock);
        error = fd_swap_locked(t, (unsigned)fd, f, &old);
        if (!error)
            fd_take_number_locked(t, (unsigned)fd, cloexec);
        spin_unlock(&t->lock);
    }
    if (error)
        file_unref(f);
    if (old)
        file_close(old, t);
    return error ? error : fd;
}

int fd_get_cloexec(int fd) {
    struct fdtable *t = fd_table();
    int result = -EBADF;

    if (!t || fd < 0)
        return -EBADF;
    spin_lock(&t->lock);
    if ((unsigned)fd < t->used && t->files[fd])
        result = (t->cloexec[fd / 32] >> (fd % 32)) & 1;
    spin_unlock(&t->lock);
    return result;
}

int fd_set_cloexec(int fd, bool cloexec) {
    struct fdtable *t = fd_table();
    int result = -EBADF;

    if (!t || fd < 0)
        return -EBADF;
    spin_lock(&t->lock);
    if ((unsigned)fd < t->used && t->files[fd]) {
        fd_take_number_locked(t, (unsigned)fd, cloexec);
        result = 0;
    }
    spin_unlock(&t->lock);
    return result;
}

static void fd_mark_cloexec_range(struct fdtable *t, unsigned first, unsigned last) {
    spin_lock(&t->lock);
    for (unsigned fd = first; fd <= last && fd < t->used; fd++) {
        if (t->files[fd])
            t->cloexec[fd / 32] |= 1u << (fd % 32);
    }
    spin_unlock(&t->lock);
}

void fd_close_range(unsigned first, unsigned last, bool only_cloexec) {
    if (only_cloexec)
        fd_mark_cloexec_range(fd_table(), first, last);
    else
        fdtable_close_many(fd_table(), first, last, false);
}
