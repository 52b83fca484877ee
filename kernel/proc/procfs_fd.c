/* SPDX-License-Identifier: MIT */
/*
 * /proc/PID/fd, fdinfo, and the links exe, cwd and root.
 */
#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/stat.h"
#include "lib/bits.h"
#include "proc/procfs_private.h"
#include "proc/tree.h"
#include "vfs/fdtable.h"
#include "vfs/name.h"

/* ---- descriptors by number ---- */

static long fd_next(const struct procfs_subject *dir, uint32_t from) {
    struct fdtable *files = task_files_get(dir->process, dir->task);
    struct file *file;

    if (!files)
        return -ESRCH;
    int fd = fdtable_next(files, from, &file);
    if (fd >= 0)
        file_unref(file);
    fdtable_drop(files);
    return fd;
}

/* The file at a descriptor, with a reference; NULL: there is none. */
static struct file *file_get(const struct procfs_subject *subject, int fd) {
    struct fdtable *files = task_files_get(subject->process, subject->task);
    struct file *file;

    if (!files)
        return NULL;
    file = fdtable_get(files, (unsigned)fd);
    fdtable_drop(files);
    return file;
}

static int fd_find(const struct procfs_subject *dir, uint32_t number, struct procfs_subject *out) {
    struct file *file = file_get(dir, (int)number);

    if (!file)
        return -ENOENT;
    file_unref(file);
    process_ref(dir->process);
    *out =
        (struct procfs_subject){.process = dir->process, .task = dir->task, .number = (int)number};
    return 0;
}

static int follow_fd(const struct procfs_subject *subject, struct name **out) {
    struct file *file = file_get(subject, subject->number);

    if (!file)
        return -ENOENT;
    *out = file->name;
    name_ref(*out);
    file_unref(file);
    return 0;
}

static int show_fdinfo(struct seq *seq, const struct procfs_subject *subject) {
    struct file *file = file_get(subject, subject->number);

    if (!file)
        return -ENOENT;
    seq_printf(seq, "pos:\t%llu\n", file->mode & FILE_STREAM ? 0 : (unsigned long long)file->pos);
    seq_printf(seq, "flags:\t0%o\n", file->flags);
    seq_printf(seq, "mnt_id:\t%u\n", file->vnode->fs ? dev_minor(file->vnode->fs->dev) + 1 : 0);
    seq_printf(seq, "ino:\t%llu\n", (unsigned long long)file->vnode->ino);
    file_unref(file);
    return 0;
}

static const struct procfs_entry fd_entry = {
    .name = "", .mode = S_IFLNK | 0700, .is_private = true, .follow = follow_fd};
static const struct procfs_entry fdinfo_entry = {
    .name = "", .mode = S_IFREG | 0444, .show = show_fdinfo};

const struct procfs_dir procfs_fd_dir = {.member = &fd_entry, .next = fd_next, .find = fd_find};
const struct procfs_dir procfs_fdinfo_dir = {
    .member = &fdinfo_entry, .next = fd_next, .find = fd_find};

/* ---- links ---- */

static int give(struct name *name, struct name **out) {
    *out = name;
    return name ? 0 : -ENOENT;
}

int procfs_follow_exe(const struct procfs_subject *subject, struct name **out) {
    return give(process_exe_get(subject->process), out);
}

int procfs_follow_cwd(const struct procfs_subject *subject, struct name **out) {
    return give(task_cwd_get(subject->process, subject->task), out);
}

int procfs_follow_root(const struct procfs_subject *subject, struct name **out) {
    return give(task_root_get(subject->process, subject->task), out);
}
