/* SPDX-License-Identifier: MIT */
/*
 * Opening by path. Source: open(2); the order of the checks is Linux's.
 *
 * Without O_CREAT: walk, then open the name. With it: walk to the directory, and under its lock
 * either make the file or find the one that is there; a link found there is followed by another
 * turn, since a dangling link with O_CREAT makes its target.
 */
#include "abi/errno.h"
#include "abi/fcntl.h"
#include "vfs/access.h"
#include "vfs/attr.h"
#include "vfs/change.h"
#include "vfs/context.h"
#include "vfs/device.h"
#include "vfs/file.h"
#include "vfs/file_private.h"
#include "vfs/mount.h"
#include "vfs/pipe.h"

/* Flags that F_GETFL shows; the others act once, at open. */
#define FLAGS_KEPT                                                                                 \
    (O_ACCMODE | O_APPEND | O_NONBLOCK | O_DSYNC | O_SYNC | FASYNC | O_DIRECT | O_LARGEFILE |      \
     O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_PATH)
#define TMPFILE_BIT (O_TMPFILE & ~O_DIRECTORY)

struct open_request {
    unsigned flags;
    unsigned mode;   /* for creation, with S_IFREG */
    bool is_created; /* by this open: no permission check */
};

static unsigned open_lookup_flags(unsigned flags) {
    unsigned lookup = 0;

    if (!(flags & O_NOFOLLOW))
        lookup |= LOOKUP_FOLLOW;
    if (flags & O_DIRECTORY)
        lookup |= LOOKUP_DIRECTORY;
    return lookup;
}

/* FILE_READ, FILE_WRITE as the access mode says; 3 opens for ioctl only. */
static unsigned open_file_mode(unsigned flags) {
    static const unsigned modes[] = {FILE_READ, FILE_WRITE, FILE_READ | FILE_WRITE, 0};

    return modes[flags & O_ACCMODE];
}

static unsigned open_wanted_access(unsigned flags) {
    static const unsigned wants[] = {ACCESS_READ, ACCESS_WRITE, ACCESS_READ | ACCESS_WRITE,
                                     ACCESS_READ | ACCESS_WRITE};
    unsigned want = wants[flags & O_ACCMODE];

    return flags & O_TRUNC ? want | ACCESS_WRITE : want;
}

/* Is the thing of a kind that may be opened like this at all? */
static int open_check_type(struct name *n, const struct open_request *r, unsigned want) {
    struct vnode *v = n->vnode;

    switch (vnode_type(v)) {
    case S_IFLNK:
        return -ELOOP;
    case S_IFDIR:
        return want & ACCESS_WRITE || r->flags & O_CREAT ? -EISDIR : 0;
    case S_IFCHR:
    case S_IFBLK:
        return n->mount && n->mount->flags & MOUNT_NO_DEV ? -EACCES : 0;
    case S_IFREG:
        return want & ACCESS_WRITE ? mount_check_write(n) : 0;
    default:
        return 0;
    }
}

static int open_check(struct name *n, const struct open_request *r) {
    unsigned want = open_wanted_access(r->flags);
    int error = open_check_type(n, r, want);

    if (!error && !r->is_created)
        error = vfs_access(n->vnode, want);
    if (!error && r->flags & O_NOATIME && !vfs_is_owner(n->vnode))
        error = -EPERM;
    return error;
}

static int open_device(struct vnode *v, struct file *f) {
    struct device *d = device_find(vnode_type(v), v->rdev);

    if (!d)
        return -ENXIO;
    f->ops = d->ops;
    f->data = d->data;
    if (d->is_stream)
        f->mode |= FILE_STREAM;
    return d->open ? d->open(d, f) : 0;
}

/* Lets what lies behind the vnode take part: driver, pipe, file system. */
static int open_behind(struct vnode *v, struct file *f) {
    if (v->ops->open)
        return v->ops->open(v, f);
    switch (vnode_type(v)) {
    case S_IFCHR:
    case S_IFBLK:
        return open_device(v, f);
    case S_IFIFO:
        return fifo_open(v, f);
    case S_IFSOCK:
        return -ENXIO;
    default:
        return 0;
    }
}

static int open_claim_write(struct file *f) {
    int error;

    if (!(f->mode & FILE_WRITE) || !vnode_is_regular(f->vnode))
        return 0;
    error = vnode_get_write(f->vnode);
    if (!error)
        f->mode |= FILE_HAS_WRITE;
    return error;
}

/* Sets the size to 0 for O_TRUNC, which is allowed with O_RDONLY too. */
static int open_truncate(struct file *f, const struct open_request *r) {
    struct vnode *v = f->vnode;
    int error;

    if (!(r->flags & O_TRUNC) || r->is_created || !vnode_is_regular(v))
        return 0;
    error = vnode_get_write(v);
    if (error)
        return error;
    error = v->ops->truncate ? vnode_set_size(v, 0) : 0;
    vnode_put_write(v);
    return error;
}

/* A file on n, not opened behind yet. */
static int open_make_file(struct name *n, unsigned mode, unsigned flags, struct file **out) {
    int error;

    name_ref(n);
    error = file_create(n, n->vnode->file_ops, mode, flags & (FLAGS_KEPT | O_NOCTTY), out);
    if (error)
        name_unref(n);
    return error;
}

static int open_name(struct name *n, const struct open_request *r, struct file **out) {
    struct file *f;
    int error;

    if (r->flags & O_PATH)
        return open_make_file(n, FILE_PATH, r->flags, out);
    error = open_check(n, r);
    if (!error)
        error = open_make_file(n, open_file_mode(r->flags), r->flags, &f);
    if (error)
        return error;
    error = open_claim_write(f);
    if (!error)
        error = open_truncate(f, r);
    if (!error)
        error = open_behind(n->vnode, f);
    if (error) {
        file_discard(f);
        return error;
    }
    f->flags &= ~(unsigned)O_NOCTTY; /* only the driver's open looks at it */
    *out = f;
    return 0;
}

int vfs_open_name(struct name *name, unsigned flags, struct file **out) {
    struct open_request r = {.flags = flags | O_LARGEFILE};

    return open_name(name, &r, out);
}

static int open_existing(struct name *at, const char *path, struct open_request *r,
                         struct file **out) {
    struct name *n;
    int error = vfs_lookup(at, path, open_lookup_flags(r->flags), &n);

    if (error)
        return error;
    error = open_name(n, r, out);
    name_unref(n);
    return error;
}

/* Under the directory's lock: the name that is there, or one just made. */
static int open_find_or_create(struct lookup_last *last, struct open_request *r,
                               struct name **out) {
    struct vnode_new what = {.mode = r->mode};
    struct vnode *dir = last->dir->vnode;
    int error;

    mutex_lock(&dir->lock);
    error = name_lookup_locked(last->dir, &last->c, out);
    if (error == -ENOENT) {
        error = vfs_create_locked(last->dir, &last->c, &what, out);
        r->is_created = !error;
    }
    mutex_unlock(&dir->lock);
    return error;
}

/* The path ended in ".", "..", "/" or a link straight to a name: nothing to make there. */
static int open_not_plain(struct lookup_last *last, struct open_request *r, struct file **out) {
    if (r->flags & O_EXCL)
        return -EEXIST;
    if (last->is_dot || last->is_dotdot || vnode_is_dir(last->dir->vnode))
        return -EISDIR;
    return last->has_trailing_slash ? -ENOTDIR : open_name(last->dir, r, out);
}

/*
 * One turn at the last component: 0 with *out, an error, or 1 when a link was followed and there is
 * a new last component. -ELOOP and the like from following leave *last released.
 */
static int open_create_turn(struct lookup_last *last, struct open_request *r, struct file **out) {
    struct name *n;
    int status;

    if (!last->is_plain)
        return open_not_plain(last, r, out);
    if (last->has_trailing_slash)
        return -EISDIR;
    status = open_find_or_create(last, r, &n);
    if (status)
        return status;
    lookup_cross_mounts(&n);
    if (!r->is_created && r->flags & O_EXCL)
        status = -EEXIST;
    else if (!vnode_is_symlink(n->vnode))
        status = open_name(n, r, out);
    else if (r->flags & O_NOFOLLOW)
        status = -ELOOP;
    else
        status = lookup_last_follow(last, n);
    if (!status && vnode_is_symlink(n->vnode))
        status = 1;
    name_unref(n);
    return status;
}

static int open_creating(struct name *at, const char *path, struct open_request *r,
                         struct file **out) {
    struct lookup_last last;
    int status = vfs_lookup_parent(at, path, LOOKUP_FOLLOW, &last);

    if (status)
        return status;
    do
        status = open_create_turn(&last, r, out);
    while (status == 1);
    if (last.dir)
        lookup_last_release(&last);
    return status;
}

static int open_unnamed(struct name *at, const char *path, struct open_request *r,
                        struct file **out) {
    struct name *dir, *n;
    int error;

    if (!(open_file_mode(r->flags) & FILE_WRITE))
        return -EINVAL;
    error = vfs_lookup(at, path, open_lookup_flags(r->flags), &dir);
    if (error)
        return error;
    error = vfs_make_unnamed(dir, r->mode, &n);
    name_unref(dir);
    if (error)
        return error;
    r->is_created = true;
    r->flags &= ~(unsigned)O_TMPFILE;
    error = open_name(n, r, out);
    name_unref(n);
    return error;
}

int vfs_open(struct name *at, const char *path, unsigned flags, unsigned mode, struct file **out) {
    struct open_request r = {.flags = flags, .mode = (mode & 07777) | S_IFREG};

    if (flags & O_PATH)
        r.flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    if (r.flags & TMPFILE_BIT)
        return open_unnamed(at, path, &r, out);
    if ((r.flags & (O_CREAT | O_DIRECTORY)) == (O_CREAT | O_DIRECTORY))
        return -EINVAL;
    if (r.flags & O_CREAT)
        return open_creating(at, path, &r, out);
    return open_existing(at, path, &r, out);
}

static int exec_check(struct name *n) {
    if (vnode_is_symlink(n->vnode))
        return -ELOOP;
    if (!vnode_is_regular(n->vnode))
        return -EACCES;
    if (n->mount && n->mount->flags & MOUNT_NO_EXEC)
        return -EACCES;
    return vfs_access(n->vnode, ACCESS_EXEC);
}

/* Opens for reading by the kernel; with deny_write nobody may write while it is open. */
static int open_for_kernel(struct name *n, bool deny_write, struct file **out) {
    int error = deny_write ? vnode_deny_write(n->vnode) : 0;

    if (error)
        return error;
    error = open_make_file(n, FILE_READ | (deny_write ? FILE_DENIES_WRITE : 0), O_RDONLY, out);
    if (error) {
        if (deny_write)
            vnode_allow_write(n->vnode);
        return error;
    }
    error = open_behind(n->vnode, *out);
    if (error)
        file_discard(*out);
    return error;
}

int vfs_open_exec(struct name *at, const char *path, unsigned lookup_flags, struct file **out) {
    struct name *n;
    int error = vfs_lookup(at, path, lookup_flags, &n);

    if (error)
        return error;
    error = exec_check(n);
    if (!error)
        error = open_for_kernel(n, true, out);
    name_unref(n);
    return error;
}

int vfs_kernel_open(const char *path, struct file **out) {
    struct name *n;
    int error = vfs_lookup(NULL, path, LOOKUP_FOLLOW, &n);

    if (error)
        return error;
    error = vnode_is_dir(n->vnode) ? -EISDIR : open_for_kernel(n, false, out);
    name_unref(n);
    return error;
}
