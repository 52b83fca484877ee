/* SPDX-License-Identifier: MIT */
/* What the files of this folder share. */
#ifndef PROCFS_PRIVATE_H
#define PROCFS_PRIVATE_H

#include "fs/procfs/procfs.h"
#include "vfs/file.h"
#include "vfs/vnode.h"

/* One place in the tree. */
struct procfs_node {
    struct vnode vnode;
    const struct procfs_entry *entry; /* constant */
    struct procfs_subject subject;    /* constant */
};

static inline struct procfs_node *procfs_node_of(const struct vnode *v) {
    return (struct procfs_node *)(uintptr_t)v;
}

/* NULL until registered. */
extern const struct procfs_processes *procfs_processes;

/* The machine's own files, as the root directory's entries. */
extern const struct procfs_dir procfs_machine_dir;

/* The root of /sys (sysfs.c). */
extern const struct procfs_entry procfs_sysfs_root;

/* Has the process the node is about been reaped? */
bool procfs_is_gone(const struct procfs_node *node);

/* 0, or -EACCES if the entry is private and the caller is neither its owner nor root. */
int procfs_check(const struct procfs_node *node);

/* The inode number of an entry for a subject. */
uint64_t procfs_inode(const struct procfs_entry *entry, const struct procfs_subject *subject);

/* Open files of regular files and of directories. */
extern const struct file_ops procfs_file_ops;
extern const struct file_ops procfs_dir_ops;
int procfs_file_open(struct vnode *v, struct file *f);

/* Reads or sets a setting (setting.c); as show and write of struct procfs_entry. */
int procfs_setting_show(const struct procfs_setting *setting, struct seq *seq);
int procfs_setting_write(const struct procfs_setting *setting, const char *text);

/* A number and nothing else, decimal or 0x and hexadecimal: 1; a line without one: 0; or -EINVAL.
 */
int procfs_number_parse(const char *text, uint64_t *number);

/* Records of physical frames (kpage.c). */
long procfs_read_kpagecount(const struct procfs_subject *subject, struct iobuf *b, uint64_t *pos);
long procfs_read_kpageflags(const struct procfs_subject *subject, struct iobuf *b, uint64_t *pos);

/* Waits for locks (lock_stat.c). */
int procfs_show_lock_stat(struct seq *seq, const struct procfs_subject *subject);
int procfs_write_lock_stat(const struct procfs_subject *subject, const char *text, size_t length);

/* The trace as a stream (trace.c). */
int procfs_open_trace(struct file *f);
int procfs_open_trace_snapshot(struct file *f);

/* Show functions of files about memory (memory.c); the others are in machine.c. */
int procfs_show_meminfo(struct seq *seq, const struct procfs_subject *subject);
int procfs_show_vmstat(struct seq *seq, const struct procfs_subject *subject);
int procfs_show_slabinfo(struct seq *seq, const struct procfs_subject *subject);
int procfs_show_swaps(struct seq *seq, const struct procfs_subject *subject);

#endif
