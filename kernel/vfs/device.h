/* SPDX-License-Identifier: MIT */
/*
 * Devices by number: what opening a character or block node finds, wherever the node lies.
 *
 * Drivers register static records at start; lock: device_lock, a spinlock.
 */
#ifndef QUIRE_VFS_DEVICE_H
#define QUIRE_VFS_DEVICE_H

#include "lib/list.h"
#include "vfs/file.h"

struct device {
    struct list_node link;
    const char *name;                              /* the node's name in /dev */
    uint32_t type;                                 /* S_IFCHR or S_IFBLK */
    uint64_t dev;                                  /* dev_make(major, minor) */
    uint32_t mode;                                 /* permission bits of the node in /dev */
    const struct file_ops *ops;                    /* what an open file gets */
    bool is_stream;                                /* no position (a terminal) */
    int (*open)(struct device *d, struct file *f); /* may be NULL; may set f->ops, f->data */
    void *data;
};

/* -EEXIST where type and number are taken. */
int device_register(struct device *d);

/* NULL: none. */
struct device *device_find(uint32_t type, uint64_t dev);

/* In order of registration; NULL starts. For devfs. */
struct device *device_next(struct device *d);

#endif
