/* SPDX-License-Identifier: MIT */
/*
 * Making files of cpio entries; see initramfs.h.
 *
 * Entries of one archive with the same (dev, ino) and more than one link are hard links of one
 * file; whichever of them has data gives it. They are remembered until the archive's trailer.
 */
#include "abi/errno.h"
#include "abi/fcntl.h"
#include "core/boot.h"
#include "core/printk.h"
#include "cpio.h"
#include "initramfs.h"
#include "lib/bits.h"
#include "lib/list.h"
#include "lib/string.h"
#include "mm/frame.h"
#include "mm/slab.h"
#include "vfs/attr.h"
#include "vfs/change.h"
#include "vfs/file.h"
#include "vfs/mount.h"

#define NS_PER_SEC 1000000000ll

/* A file with several links, made already. */
struct linked_file {
    struct list_node link;
    uint64_t ino;
    uint64_t dev;
    struct name *name;
};

struct unpacker {
    struct cpio_reader reader;
    struct list_node linked;
};

/* The entry's place from the root: no leading slash, "" for the root itself. */
static const char *entry_path(const struct cpio_entry *e) {
    const char *p = e->name;

    while (*p == '/' || (p[0] == '.' && p[1] == '/'))
        p++;
    return strcmp(p, ".") == 0 ? "" : p;
}

static struct linked_file *linked_find(struct unpacker *u, const struct cpio_entry *e) {
    struct linked_file *l;

    LIST_FOR_EACH (&u->linked, l, link) {
        if (l->ino == e->ino && l->dev == e->dev)
            return l;
    }
    return NULL;
}

/* Takes over the reference to name. */
static int linked_remember(struct unpacker *u, const struct cpio_entry *e, struct name *name) {
    struct linked_file *l = kmalloc(sizeof(*l));

    if (!l) {
        name_unref(name);
        return -ENOMEM;
    }
    l->ino = e->ino;
    l->dev = e->dev;
    l->name = name;
    list_push_back(&u->linked, &l->link);
    return 0;
}

static void linked_forget_all(struct unpacker *u) {
    struct list_node *node;

    while ((node = list_pop_front(&u->linked))) {
        struct linked_file *l = LIST_ENTRY(node, struct linked_file, link);

        name_unref(l->name);
        kfree(l);
    }
}

/* Owner first: changing it takes set-ID bits away. */
static int set_attributes(struct name *n, const struct cpio_entry *e) {
    struct vfs_times times = {.mask = VATTR_ATIME | VATTR_MTIME};
    int error = vfs_set_owner(n, e->uid, e->gid);

    times.atime_ns = times.mtime_ns = (int64_t)e->mtime * NS_PER_SEC;
    if (!error && (e->mode & S_IFMT) != S_IFLNK)
        error = vfs_set_mode(n, e->mode);
    return error ? error : vfs_set_times(n, &times);
}

static int write_data(struct name *n, const struct cpio_entry *e) {
    struct file *f;
    struct iobuf b;
    long put;
    int error;

    if (e->size == 0)
        return 0;
    error = vfs_open_name(n, O_WRONLY | O_TRUNC, &f);
    if (error)
        return error;
    iobuf_init_kernel(&b, (char *)(uintptr_t)e->data, e->size);
    put = file_write_at(f, &b, 0);
    file_unref(f);
    if (put < 0)
        return (int)put;
    return (size_t)put == e->size ? 0 : -ENOSPC;
}

static int make_symlink(const char *path, const struct cpio_entry *e) {
    char *target;
    int error;

    if (e->size == 0 || e->size >= VFS_PATH_MAX)
        return -EINVAL;
    target = kmalloc(e->size + 1);
    if (!target)
        return -ENOMEM;
    memcpy(target, e->data, e->size);
    target[e->size] = '\0';
    error = vfs_make_symlink(vfs_root_name(), path, target);
    kfree(target);
    return error;
}

static int make_entry(const char *path, const struct cpio_entry *e) {
    switch (e->mode & S_IFMT) {
    case S_IFLNK:
        return make_symlink(path, e);
    case S_IFREG:
    case S_IFDIR:
    case S_IFCHR:
    case S_IFBLK:
    case S_IFIFO:
    case S_IFSOCK:
        return vfs_make_node(vfs_root_name(), path, e->mode & (S_IFMT | 07777), e->rdev);
    default:
        return -EINVAL;
    }
}

/* Makes the entry in place of what is there; a directory that is there stays. */
static int replace_entry(const char *path, const struct cpio_entry *e) {
    bool is_dir = (e->mode & S_IFMT) == S_IFDIR;
    int error = *path ? make_entry(path, e) : -EEXIST;

    if (error != -EEXIST)
        return error;
    error = *path ? vfs_remove(vfs_root_name(), path) : -EISDIR;
    if (error == -EISDIR)
        return is_dir ? 0 : -EISDIR;
    return error ? error : make_entry(path, e);
}

/* A further name of a file made before. */
static int link_entry(struct linked_file *l, const char *path, const struct cpio_entry *e) {
    int error = vfs_make_link(l->name, vfs_root_name(), path);

    if (error == -EEXIST) {
        error = vfs_remove(vfs_root_name(), path);
        if (!error)
            error = vfs_make_link(l->name, vfs_root_name(), path);
    }
    if (!error)
        error = write_data(l->name, e);
    return error ? error : set_attributes(l->name, e);
}

static int unpack_new(struct unpacker *u, const char *path, const struct cpio_entry *e) {
    bool is_regular = (e->mode & S_IFMT) == S_IFREG;
    struct name *n;
    int error = replace_entry(path, e);

    if (!error)
        error = vfs_lookup(vfs_root_name(), *path ? path : "/", 0, &n);
    if (error)
        return error;
    if (is_regular)
        error = write_data(n, e);
    if (!error)
        error = set_attributes(n, e);
    if (!error && is_regular && e->nlink > 1)
        return linked_remember(u, e, n);
    name_unref(n);
    return error;
}

static int unpack_entry(struct unpacker *u, const struct cpio_entry *e) {
    struct linked_file *l = NULL;
    const char *path = entry_path(e);

    if ((e->mode & S_IFMT) == S_IFREG && e->nlink > 1)
        l = linked_find(u, e);
    return l ? link_entry(l, path, e) : unpack_new(u, path, e);
}

int initramfs_unpack(const void *archive, size_t size, void (*consumed)(size_t offset)) {
    struct unpacker u = {.reader = {.archive = archive, .size = size}};
    struct cpio_entry e;
    int result = 0, status;

    list_init(&u.linked);
    while ((status = cpio_next(&u.reader, &e)) > 0) {
        int error = 0;

        if (cpio_is_trailer(&e))
            linked_forget_all(&u);
        else
            error = unpack_entry(&u, &e);
        if (error) {
            printk("initramfs: %s: error %d\n", e.name, -error);
            result = error;
        }
        if (consumed)
            consumed(u.reader.offset);
    }
    linked_forget_all(&u);
    if (status < 0) {
        printk("initramfs: malformed at byte %zu of %zu\n", u.reader.offset, size);
        result = status;
    }
    return result;
}

/* Physical address up to which the archive has been given back. */
static paddr_t released_to;

static void release_consumed(size_t offset) {
    paddr_t end = align_down(boot_info.initramfs.start + offset, PAGE_SIZE);

    if (end <= released_to)
        return;
    frame_release_range(released_to, end);
    released_to = end;
}

int initramfs_unpack_boot(void) {
    paddr_t start = boot_info.initramfs.start, end = boot_info.initramfs.end;
    int error;

    if (start >= end)
        return 0;
    released_to = align_up(start, PAGE_SIZE);
    error = initramfs_unpack(phys_to_virt(start), end - start, release_consumed);
    release_consumed(end - start);
    return error;
}
