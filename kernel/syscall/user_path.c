/* SPDX-License-Identifier: MIT */
/* Paths from the user; see user_path.h. Short ones are kept on the kernel stack. */
#include "syscall/user_path.h"

#include "abi/fcntl.h"
#include "core/uaccess.h"
#include "mm/slab.h"
#include "vfs/fdtable.h"

int user_string_get(char **out, const char *string) {
    long length;

    *out = NULL;
    if (!string)
        return 0;
    *out = kmalloc(VFS_PATH_MAX);
    if (!*out)
        return -ENOMEM;
    length = copy_string_from_user(*out, string, VFS_PATH_MAX);
    if (length >= 0)
        return 0;
    kfree(*out);
    *out = NULL;
    return (int)length;
}

static int path_copy(struct user_path *p, const char *path) {
    long length = copy_string_from_user(p->small, path, USER_PATH_SMALL);

    p->text = p->small;
    if (length != -ENAMETOOLONG)
        return length < 0 ? (int)length : 0;
    if (!path)
        return -EFAULT;
    return user_string_get(&p->text, path);
}

static int path_find_start(struct user_path *p, int dir) {
    struct file *f;

    p->at = NULL;
    if (dir == AT_FDCWD || p->text[0] == '/')
        return 0;
    f = fd_get_any(dir);
    if (!f)
        return -EBADF;
    p->at = f->name;
    name_ref(p->at);
    file_unref(f);
    return 0;
}

int user_path_get(struct user_path *p, int dir, const char *path) {
    int error = path_copy(p, path);

    if (error)
        return error;
    error = path_find_start(p, dir);
    if (error && p->text != p->small)
        kfree(p->text);
    return error;
}

void user_path_put(struct user_path *p) {
    name_unref(p->at);
    if (p->text != p->small)
        kfree(p->text);
}

int user_lookup(int dir, const char *path, unsigned flags, struct name **out) {
    struct user_path p;
    int error = user_path_get(&p, dir, path);

    if (error)
        return error;
    error = vfs_lookup(p.at, p.text, flags, out);
    user_path_put(&p);
    return error;
}

unsigned user_lookup_flags(int at_flags) {
    unsigned flags = at_flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW;

    return at_flags & AT_EMPTY_PATH ? flags | LOOKUP_EMPTY : flags;
}
