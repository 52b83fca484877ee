/* SPDX-License-Identifier: MIT */
/*
 * What the file calls share: paths and directory descriptors from the user, small helpers.
 */
#ifndef QUIRE_SYSCALL_USER_PATH_H
#define QUIRE_SYSCALL_USER_PATH_H

#include "abi/errno.h"
#include "vfs/file.h"
#include "vfs/lookup.h"

#define USER_PATH_SMALL 128

/* A path given by the user, with the name it is relative to. */
struct user_path {
    struct name *at; /* a reference; NULL: the working directory */
    char *text;
    char small[USER_PATH_SMALL];
};

/*
 * Takes the string in and looks up what `dir` (a descriptor or AT_FDCWD) stands for, which matters
 * only for relative paths. Errors: -EFAULT, -ENAMETOOLONG, -ENOMEM, -EBADF. user_path_put gives it
 * back; after an error nothing is held.
 */
int user_path_get(struct user_path *p, int dir, const char *path);
void user_path_put(struct user_path *p);

/* A string of at most VFS_PATH_MAX bytes with its NUL, for kfree: an error, or 0. NULL stays NULL.
 */
int user_string_get(char **out, const char *string);

/* Looks `path` up relative to `dir`: LOOKUP_ flags; *out has a reference. */
int user_lookup(int dir, const char *path, unsigned flags, struct name **out);

/* Makes LOOKUP_ flags of AT_ flags, where links are followed unless AT_SYMLINK_NOFOLLOW. */
unsigned user_lookup_flags(int at_flags);

/* A wait that a signal broke starts over when the signal's action says so. */
static inline long sys_restartable(long result) {
    return result == -EINTR ? -ERESTARTSYS : result;
}

#endif
