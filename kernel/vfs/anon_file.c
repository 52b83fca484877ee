/* SPDX-License-Identifier: MIT */
/*
 * Files without a path; see anon_file.h.
 */
#include "vfs/anon_file.h"

#include "abi/errno.h"
#include "abi/fcntl.h"

static struct filesystem anon_fs;
static struct vnode anon_vnode;

/* The vnode is never given up. */
static void release(struct vnode *v) {
    (void)v;
}

static const struct filesystem_ops anon_fs_ops = {0};
static const struct vnode_ops anon_vnode_ops = {.release = release};

void anon_file_init(void) {
    filesystem_init(&anon_fs, "anon_inodefs", &anon_fs_ops);
    vnode_init(&anon_vnode, &anon_fs, &anon_vnode_ops, S_IRUSR | S_IWUSR);
    anon_vnode.ino = 1;
}

int anon_file_create(const char *text, const struct file_ops *ops, void *data, unsigned flags,
                     struct file **out) {
    struct name *name;
    int error = name_create_anonymous(text, &anon_vnode, &name);

    if (error)
        return error;
    error = file_create(name, ops, FILE_READ | FILE_WRITE | FILE_STREAM, flags | O_RDWR, out);
    if (error) {
        name_unref(name);
        return error;
    }
    (*out)->data = data;
    return 0;
}
