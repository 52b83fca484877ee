/* SPDX-License-Identifier: MIT */
/*
 * procfs: the tree. Vnodes are made by lookups and live while somebody uses them; procfs.h tells
 * the words.
 */
#include "fs/procfs/procfs.h"

#include "abi/errno.h"
#include "core/assert.h"
#include "lib/bits.h"
#include "lib/hash.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "fs/procfs/procfs_private.h"
#include "vfs/mount.h"
#include "vfs/name.h"

#define PROC_SUPER_MAGIC 0x9fa0
#define SYSFS_MAGIC 0x62656572
#define ROOT_INODE 1

const struct procfs_processes *procfs_processes;

static const struct procfs_subject machine = {.number = -1};
static const struct procfs_entry root_entry = {
    .name = "", .mode = S_IFDIR | 0555, .dir = &procfs_machine_dir};

void procfs_register_processes(const struct procfs_processes *processes) {
    ASSERT(!procfs_processes);
    procfs_processes = processes;
}

bool procfs_is_gone(const struct procfs_node *node) {
    return node->subject.process && procfs_processes->is_gone(node->subject.process);
}

int procfs_check(const struct procfs_node *node) {
    if (!node->entry->is_private || procfs_processes->may_look(node->subject.process))
        return 0;
    return -EACCES;
}

uint64_t procfs_inode(const struct procfs_entry *entry, const struct procfs_subject *subject) {
    if (entry == &root_entry || entry == &procfs_sysfs_root)
        return ROOT_INODE;
    uint64_t inode = hash_u64((uintptr_t)entry) ^ hash_u64((uintptr_t)subject->process + 1) ^
                     hash_u64((uint64_t)subject->task << 32 | (uint32_t)subject->number);
    return (inode & 0xffffffff) | 0x100000000;
}

/* ---- vnodes ---- */

static const struct vnode_ops dir_vnode_ops;
static const struct vnode_ops file_vnode_ops;
static const struct vnode_ops name_link_ops;
static const struct vnode_ops text_link_ops;

static const struct vnode_ops *ops_for(const struct procfs_entry *entry) {
    if (entry->dir)
        return &dir_vnode_ops;
    if (entry->follow)
        return &name_link_ops;
    return entry->readlink ? &text_link_ops : &file_vnode_ops;
}

static void node_refresh(struct vnode *v) {
    struct procfs_node *node = procfs_node_of(v);

    if (node->subject.process)
        procfs_processes->owner(node->subject.process, &v->uid, &v->gid);
}

/* A new vnode. Takes over the subject's reference, also when it fails. */
static int node_create(struct filesystem *fs, const struct procfs_entry *entry,
                       const struct procfs_subject *subject, struct vnode **out) {
    struct procfs_node *node = kzalloc(sizeof(*node));

    if (!node) {
        if (subject->process)
            procfs_processes->put(subject->process);
        return -ENOMEM;
    }
    node->entry = entry;
    node->subject = *subject;
    vnode_init(&node->vnode, fs, ops_for(entry), entry->mode);
    node->vnode.ino = procfs_inode(entry, subject);
    node->vnode.file_ops = entry->dir ? &procfs_dir_ops : &procfs_file_ops;
    if (entry->dir)
        node->vnode.nlink = 2;
    node_refresh(&node->vnode);
    *out = &node->vnode;
    return 0;
}

static void node_release(struct vnode *v) {
    struct procfs_node *node = procfs_node_of(v);

    if (node->subject.process)
        procfs_processes->put(node->subject.process);
    vnode_fini(v);
    kfree(node);
}

static bool node_is_stale(struct vnode *v) {
    return procfs_is_gone(procfs_node_of(v));
}

/* ---- lookup ---- */

static const struct procfs_entry *find_entry(const struct procfs_dir *dir,
                                             const struct component *c) {
    for (size_t i = 0; i < dir->count; i++) {
        const char *name = dir->entries[i].name;
        if (name[0] == c->text[0] && strncmp(name, c->text, c->length) == 0 &&
            name[c->length] == '\0')
            return &dir->entries[i];
    }
    return NULL;
}

/* A decimal number without leading zeroes. */
static bool parse_number(const struct component *c, uint32_t *number) {
    uint64_t value = 0;

    if (c->length == 0 || c->length > 10 || (c->length > 1 && c->text[0] == '0'))
        return false;
    for (size_t i = 0; i < c->length; i++) {
        if (c->text[i] < '0' || c->text[i] > '9')
            return false;
        value = value * 10 + (uint64_t)(c->text[i] - '0');
    }
    *number = (uint32_t)value;
    return value <= INT32_MAX;
}

/* One directory table. Without the entry -ENOENT. */
static int lookup_in(struct procfs_node *node, const struct procfs_dir *dir,
                     const struct component *c, struct vnode **out) {
    const struct procfs_entry *entry = find_entry(dir, c);
    struct procfs_subject subject = node->subject;
    uint32_t number;

    if (entry) {
        if (subject.process)
            procfs_processes->get(subject.process);
        return node_create(node->vnode.fs, entry, &subject, out);
    }
    if (!dir->member || !parse_number(c, &number))
        return -ENOENT;
    int error = dir->find(&node->subject, number, &subject);
    return error ? error : node_create(node->vnode.fs, dir->member, &subject, out);
}

static int dir_lookup(struct vnode *v, const struct component *c, struct vnode **out) {
    struct procfs_node *node = procfs_node_of(v);

    if (procfs_is_gone(node))
        return -ENOENT;
    int error = lookup_in(node, node->entry->dir, c, out);
    if (error == -ENOENT && node->entry == &root_entry && procfs_processes)
        error = lookup_in(node, procfs_processes->root, c, out);
    return error;
}

/* ---- links ---- */

static int link_follow(struct vnode *v, struct name **out) {
    struct procfs_node *node = procfs_node_of(v);

    if (procfs_is_gone(node))
        return -ENOENT;
    int error = procfs_check(node);
    if (!error)
        error = node->entry->follow(&node->subject, out);
    if (error)
        return error;
    error = procfs_check(node); /* again: it may have executed a set-user-id program */
    if (error)
        name_unref(*out);
    return error;
}

static long link_name_text(struct vnode *v, char *buf, size_t size) {
    struct name *name;
    int error = link_follow(v, &name);

    if (error)
        return error;
    char *path = kmalloc(VFS_PATH_MAX);
    long length = path ? name_path(name, path, VFS_PATH_MAX) : -ENOMEM;
    if (length > 0) {
        length = MIN(length, (long)size);
        memcpy(buf, path, (size_t)length);
    }
    kfree(path);
    name_unref(name);
    return length;
}

static long link_text(struct vnode *v, char *buf, size_t size) {
    struct procfs_node *node = procfs_node_of(v);

    return procfs_is_gone(node) ? -ENOENT : node->entry->readlink(&node->subject, buf, size);
}

/* /proc files say that they may be set to length 0, so that `echo x > file` works, and do nothing.
 */
static int file_truncate(struct vnode *v, uint64_t size) {
    (void)v, (void)size;
    return 0;
}

static int refuse_attributes(struct vnode *v, const struct vnode_attr *attr) {
    (void)v, (void)attr;
    return -EPERM;
}

/* What is not there cannot be made: Linux says that it is not there. */
static int dir_create(struct vnode *dir, const struct component *c, const struct vnode_new *what,
                      struct vnode **out) {
    (void)dir, (void)c, (void)what, (void)out;
    return -ENOENT;
}

static const struct vnode_ops dir_vnode_ops = {
    .lookup = dir_lookup,
    .create = dir_create,
    .is_stale = node_is_stale,
    .refresh = node_refresh,
    .setattr = refuse_attributes,
    .release = node_release,
};

static const struct vnode_ops file_vnode_ops = {
    .is_stale = node_is_stale,
    .refresh = node_refresh,
    .setattr = refuse_attributes,
    .truncate = file_truncate,
    .open = procfs_file_open,
    .release = node_release,
};

static const struct vnode_ops name_link_ops = {
    .readlink = link_name_text,
    .follow = link_follow,
    .is_stale = node_is_stale,
    .refresh = node_refresh,
    .setattr = refuse_attributes,
    .release = node_release,
};

static const struct vnode_ops text_link_ops = {
    .readlink = link_text,
    .is_stale = node_is_stale,
    .refresh = node_refresh,
    .setattr = refuse_attributes,
    .release = node_release,
};

/* ---- the file system ---- */

static bool is_sysfs(const struct filesystem *fs) {
    return procfs_node_of(fs->root)->entry == &procfs_sysfs_root;
}

static int procfs_statfs(struct filesystem *fs, struct statfs_info *out) {
    *out = (struct statfs_info){.magic = is_sysfs(fs) ? SYSFS_MAGIC : PROC_SUPER_MAGIC,
                                .block_bytes = 4096};
    return 0;
}

static void procfs_destroy(struct filesystem *fs) {
    kfree(fs);
}

static const struct filesystem_ops procfs_ops = {
    .statfs = procfs_statfs,
    .destroy = procfs_destroy,
};

static int create(const char *type, const struct procfs_entry *root, struct filesystem **out) {
    struct filesystem *fs = kzalloc(sizeof(*fs));

    if (!fs)
        return -ENOMEM;
    filesystem_init(fs, type, &procfs_ops);
    int error = node_create(fs, root, &machine, &fs->root);
    if (error) {
        filesystem_unref(fs);
        return error;
    }
    *out = fs;
    return 0;
}

static int proc_create(const char *source, const char *options, struct filesystem **out) {
    (void)source, (void)options;
    return create("proc", &root_entry, out);
}

static int sys_create(const char *source, const char *options, struct filesystem **out) {
    (void)source, (void)options;
    return create("sysfs", &procfs_sysfs_root, out);
}

static struct filesystem_type proc_type = {.name = "proc", .create = proc_create};
static struct filesystem_type sys_type = {.name = "sysfs", .create = sys_create};

void procfs_init(void) {
    filesystem_register(&proc_type);
    filesystem_register(&sys_type);
}
