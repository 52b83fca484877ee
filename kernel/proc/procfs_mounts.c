/* SPDX-License-Identifier: MIT */
/*
 * /proc/PID/mounts and mountinfo, as seen from the process's root directory.
 */
#include "abi/errno.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "proc/procfs_private.h"
#include "vfs/mount.h"
#include "vfs/name.h"

/* Bytes that would break the lines apart. */
#define SPECIAL " \t\n\\#"
#define OPTIONS_BYTES 128u

struct listing {
    struct seq *seq;
    struct name *root;
    char *path; /* VFS_PATH_MAX bytes */
};

/* Runs show for each mount with a listing for the process. */
static int show_each(struct seq *seq, struct process *process,
                     int (*show)(const struct mount *, void *)) {
    struct listing listing = {seq, task_root_get(process, 0), kmalloc(VFS_PATH_MAX)};
    int error = -ENOMEM;

    if (listing.path)
        error = mount_for_each(show, &listing);
    kfree(listing.path);
    name_unref(listing.root);
    return error;
}

/* The mount's place into listing->path. False: the process cannot see it. */
static bool place_get(struct listing *listing, const struct mount *m) {
    if (!listing->root)
        return name_path(m->root, listing->path, VFS_PATH_MAX) > 0;
    return name_is_within(m->root, listing->root) &&
           name_path_from(m->root, listing->root, listing->path, VFS_PATH_MAX) > 0;
}

static void show_flags(struct seq *seq, const struct mount *m) {
    seq_string(seq, m->flags & MOUNT_READ_ONLY ? "ro" : "rw");
    seq_string(seq, m->flags & MOUNT_NO_SUID ? ",nosuid" : "");
    seq_string(seq, m->flags & MOUNT_NO_DEV ? ",nodev" : "");
    seq_string(seq, m->flags & MOUNT_NO_EXEC ? ",noexec" : "");
    seq_string(seq, m->flags & MOUNT_NO_ATIME ? ",noatime" : ",relatime");
}

static void show_options(struct seq *seq, const struct mount *m) {
    char options[OPTIONS_BYTES] = "";

    if (m->fs->ops->show_options)
        m->fs->ops->show_options(m->fs, options, sizeof(options));
    seq_string(seq, options);
}

static void show_source(struct seq *seq, const struct mount *m) {
    seq_escaped(seq, m->source && m->source[0] ? m->source : "none", SPECIAL);
}

static int show_mount(const struct mount *m, void *arg) {
    struct listing *listing = arg;
    struct seq *seq = listing->seq;

    if (!place_get(listing, m))
        return 0;
    show_source(seq, m);
    seq_string(seq, " ");
    seq_escaped(seq, listing->path, SPECIAL);
    seq_printf(seq, " %s ", m->fs->type);
    show_flags(seq, m);
    show_options(seq, m);
    seq_string(seq, " 0 0\n");
    return 0;
}

int procfs_show_mounts(struct seq *seq, const struct procfs_subject *subject) {
    return show_each(seq, subject->process, show_mount);
}

/* A mount is known by its file system's device: each is mounted once. */
static unsigned mount_id(const struct mount *m) {
    return dev_minor(m->fs->dev) + 1;
}

static int show_mountinfo(const struct mount *m, void *arg) {
    struct listing *listing = arg;
    struct seq *seq = listing->seq;
    const struct mount *parent = m->covered ? m->covered->mount : NULL;

    if (!place_get(listing, m))
        return 0;
    seq_printf(seq, "%u %u %u:%u / ", mount_id(m), mount_id(parent ? parent : m),
               dev_major(m->fs->dev), dev_minor(m->fs->dev));
    seq_escaped(seq, listing->path, SPECIAL);
    seq_string(seq, " ");
    show_flags(seq, m);
    seq_printf(seq, " - %s ", m->fs->type);
    show_source(seq, m);
    seq_string(seq, m->flags & MOUNT_READ_ONLY ? " ro" : " rw");
    show_options(seq, m);
    seq_string(seq, "\n");
    return 0;
}

int procfs_show_mountinfo(struct seq *seq, const struct procfs_subject *subject) {
    return show_each(seq, subject->process, show_mountinfo);
}
