/* SPDX-License-Identifier: MIT */
/*
 * Descriptor tables as such: making, copying, growing, closing. The calls on the current process's
 * table are in fd.c. See fdtable.h for the invariants.
 */
#include "vfs/fdtable.h"

#include "abi/errno.h"
#include "core/assert.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "vfs/fdtable_slots.h"

static struct slab_cache fdtable_cache;

void fdtable_init(void) {
    slab_cache_init(&fdtable_cache, "fdtable", sizeof(struct fdtable), 0);
}

struct fdtable *fdtable_create(void) {
    struct fdtable *t = slab_alloc_zeroed(&fdtable_cache);

    if (!t)
        return NULL;
    refcount_init(&t->users, 1);
    refcount_init(&t->refs, 1);
    spin_init(&t->lock, "fdtable", LOCK_RANK_FDTABLE);
    t->capacity = FD_INLINE;
    t->files = t->inline_files;
    t->taken = t->inline_taken;
    t->cloexec = t->inline_cloexec;
    return t;
}

void fdtable_ref(struct fdtable *t) {
    refcount_inc(&t->users);
}

void fdtable_hold(struct fdtable *t) {
    refcount_inc(&t->refs);
}

/* Arrays for `capacity` numbers in one block: files, then both maps. */
struct fd_arrays {
    unsigned capacity;
    struct file **files;
};

static size_t fd_map_bytes(unsigned capacity) {
    return capacity / 8;
}

static int fd_arrays_alloc(struct fd_arrays *a, unsigned capacity) {
    a->capacity = capacity;
    a->files = kzalloc(capacity * sizeof(struct file *) + 2 * fd_map_bytes(capacity));
    return a->files ? 0 : -ENOMEM;
}

/* Puts bigger, zeroed arrays in place; returns the old block to free, or NULL. */
static void *fd_arrays_install_locked(struct fdtable *t, const struct fd_arrays *a) {
    void *old = t->files == t->inline_files ? NULL : t->files;
    uint32_t *taken = (uint32_t *)(a->files + a->capacity);
    uint32_t *cloexec = taken + a->capacity / 32;

    memcpy(a->files, t->files, t->used * sizeof(struct file *));
    memcpy(taken, t->taken, fd_map_bytes(t->capacity));
    memcpy(cloexec, t->cloexec, fd_map_bytes(t->capacity));
    t->files = a->files;
    t->taken = taken;
    t->cloexec = cloexec;
    t->capacity = a->capacity;
    return old;
}

int fdtable_grow(struct fdtable *t, unsigned fd) {
    struct fd_arrays a;
    unsigned capacity = FD_INLINE;
    void *unused;

    while (capacity <= fd)
        capacity *= 2;
    if (capacity > FD_LIMIT_MAX)
        return -EMFILE;
    if (fd_arrays_alloc(&a, capacity))
        return -ENOMEM;
    spin_lock(&t->lock);
    if (t->capacity < capacity)
        unused = fd_arrays_install_locked(t, &a);
    else
        unused = a.files;
    spin_unlock(&t->lock);
    kfree(unused);
    return 0;
}

/* Copies what is open; numbers only reserved stay free in the copy. */
static void fdtable_copy_locked(struct fdtable *copy, const struct fdtable *t) {
    for (unsigned fd = 0; fd < t->used; fd++) {
        struct file *f = t->files[fd];

        if (!f)
            continue;
        file_ref(f);
        copy->files[fd] = f;
        copy->taken[fd / 32] |= 1u << (fd % 32);
        copy->used = fd + 1;
    }
    memcpy(copy->cloexec, t->cloexec, fd_map_bytes((unsigned)align_up(copy->used, 32)));
    for (unsigned i = 0; i < align_up(copy->used, 32) / 32; i++)
        copy->cloexec[i] &= copy->taken[i];
    copy->first_free = 0;
}

struct fdtable *fdtable_fork(struct fdtable *t) {
    struct fdtable *copy = fdtable_create();
    unsigned used = 0;

    if (!copy)
        return NULL;
    for (;;) {
        spin_lock(&t->lock);
        used = t->used;
        if (used <= copy->capacity)
            break;
        spin_unlock(&t->lock);
        if (fdtable_grow(copy, used - 1)) {
            fdtable_unref(copy);
            return NULL;
        }
    }
    fdtable_copy_locked(copy, t);
    spin_unlock(&t->lock);
    return copy;
}

/* Takes fd's file out: the file, whose reference is now the caller's, or NULL. */
struct file *fdtable_take_locked(struct fdtable *t, unsigned fd) {
    struct file *f;

    DEBUG_ASSERT(spin_held(&t->lock));
    if (fd >= t->used || !t->files[fd])
        return NULL;
    f = t->files[fd];
    t->files[fd] = NULL;
    fdtable_free_number_locked(t, fd);
    return f;
}

void fdtable_free_number_locked(struct fdtable *t, unsigned fd) {
    t->taken[fd / 32] &= ~(1u << (fd % 32));
    t->cloexec[fd / 32] &= ~(1u << (fd % 32));
    t->first_free = MIN(t->first_free, fd);
    while (t->used > 0 && !(t->taken[(t->used - 1) / 32] & 1u << ((t->used - 1) % 32)))
        t->used--;
}

/* Closes all open numbers in [first, last] that have close-on-exec, or just all. */
void fdtable_close_many(struct fdtable *t, unsigned first, unsigned last, bool only_cloexec) {
    for (unsigned fd = first; fd <= last; fd++) {
        struct file *f = NULL;

        spin_lock(&t->lock);
        if (fd >= t->used) {
            spin_unlock(&t->lock);
            break;
        }
        if (!only_cloexec || t->cloexec[fd / 32] & 1u << (fd % 32))
            f = fdtable_take_locked(t, fd);
        spin_unlock(&t->lock);
        if (f)
            file_close(f, t);
    }
}

/* Closes what is open in a table that nobody can reach any more: no lock, and no books kept. */
static void fdtable_drain(struct fdtable *t) {
    for (unsigned fd = 0; fd < t->used; fd++) {
        if (t->files[fd])
            file_close(t->files[fd], t);
    }
}

void fdtable_drop(struct fdtable *t) {
    if (!refcount_dec_and_test(&t->refs))
        return;
    if (t->files != t->inline_files)
        kfree(t->files);
    slab_free(&fdtable_cache, t);
}

void fdtable_unref(struct fdtable *t) {
    if (!t || !refcount_dec_and_test(&t->users))
        return;
    if (refcount_get(&t->refs) == 1) /* nobody finds it any more */
        fdtable_drain(t);
    else
        fdtable_close_many(t, 0, UINT32_MAX, false);
    fdtable_drop(t);
}

static bool fdtable_has_cloexec(const struct fdtable *t) {
    for (unsigned i = 0; i < align_up(t->used, 32) / 32; i++) {
        if (t->cloexec[i])
            return true;
    }
    return false;
}

void fdtable_close_on_exec(struct fdtable *t) {
    if (fdtable_has_cloexec(t))
        fdtable_close_many(t, 0, UINT32_MAX, true);
}

struct file *fdtable_get(struct fdtable *t, unsigned fd) {
    struct file *f = NULL;

    spin_lock(&t->lock);
    if (fd < t->used && t->files[fd]) {
        f = t->files[fd];
        file_ref(f);
    }
    spin_unlock(&t->lock);
    return f;
}

int fdtable_next(struct fdtable *t, unsigned from, struct file **out) {
    int found = -ENOENT;

    spin_lock(&t->lock);
    for (unsigned fd = from; fd < t->used; fd++) {
        if (!t->files[fd])
            continue;
        *out = t->files[fd];
        file_ref(*out);
        found = (int)fd;
        break;
    }
    spin_unlock(&t->lock);
    return found;
}
