/* SPDX-License-Identifier: MIT */
/*
 * devfs: filling /dev; see devfs.h.
 */
#include "fs/devfs/devfs.h"

#include "abi/errno.h"
#include "abi/stat.h"
#include "fs/tmpfs/tmpfs.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "vfs/device.h"
#include "vfs/mount.h"

/* One entry of the new root directory; an error leaves it out of /dev and is the caller's. */
static int add(struct vnode *root, const char *name, const struct vnode_new *what) {
    struct component c = {name, strlen(name), component_hash(name, strlen(name))};
    struct vnode *made;

    mutex_lock(&root->lock);
    int error = root->ops->create(root, &c, what, &made);
    mutex_unlock(&root->lock);
    if (!error)
        vnode_unref(made);
    return error;
}

static int add_devices(struct vnode *root) {
    int error = 0;

    for (struct device *d = device_next(NULL); d && !error; d = device_next(d)) {
        struct vnode_new what = {.mode = d->type | d->mode, .rdev = d->dev};
        error = add(root, d->name, &what);
    }
    return error;
}

static const struct {
    const char *name;
    struct vnode_new what;
} extras[] = {
    {"fd", {.mode = S_IFLNK | 0777, .target = "/proc/self/fd"}},
    {"stdin", {.mode = S_IFLNK | 0777, .target = "/proc/self/fd/0"}},
    {"stdout", {.mode = S_IFLNK | 0777, .target = "/proc/self/fd/1"}},
    {"stderr", {.mode = S_IFLNK | 0777, .target = "/proc/self/fd/2"}},
    {"shm", {.mode = S_IFDIR | 01777}},
    {"pts", {.mode = S_IFDIR | 0755}},
};

static int devfs_create(const char *source, const char *options, struct filesystem **out) {
    int error = tmpfs_create(source, options && *options ? options : "mode=755", out);

    if (error)
        return error;
    (*out)->type = "devtmpfs";
    error = add_devices((*out)->root);
    for (size_t i = 0; i < ARRAY_SIZE(extras) && !error; i++)
        error = add((*out)->root, extras[i].name, &extras[i].what);
    if (error) {
        (*out)->ops->detach(*out);
        filesystem_unref(*out);
    }
    return error;
}

static struct filesystem_type devfs_type = {.name = "devtmpfs", .create = devfs_create};

void devfs_init(void) {
    filesystem_register(&devfs_type);
}
