/* SPDX-License-Identifier: MIT */
/*
 * Path walks: from a string to a name, as path_resolution(7) says.
 *
 * A walk starts at the root for "/...", else at `at`. It checks the right to search each directory
 * it goes through, crosses mounts, follows symbolic links (40 at most: -ELOOP) and never leaves
 * the process's root. It holds no lock between components.
 */
#ifndef QUIRE_VFS_LOOKUP_H
#define QUIRE_VFS_LOOKUP_H

#include <stdbool.h>
#include <stddef.h>

#include "vfs/name.h"

enum lookup_flags {
    LOOKUP_FOLLOW = 1 << 0,    /* follow a link that is the last component */
    LOOKUP_DIRECTORY = 1 << 1, /* -ENOTDIR where the result is none */
    LOOKUP_EMPTY = 1 << 2,     /* an empty path means `at` itself */
    LOOKUP_REAL_IDS = 1 << 3,  /* search with the real ids: access(2) */
};

/*
 * A walk that has come to the last component of a path. `dir` is a directory that may be searched,
 * unless the path has ended there (c is empty): then it is what the path names.
 */
struct lookup_last {
    struct name *dir;        /* a reference */
    struct component c;      /* empty for "/" and after a link that led straight to a name */
    bool is_plain;           /* c is neither empty, ".", nor ".." */
    bool is_dot;             /* "." */
    bool is_dotdot;          /* ".." */
    bool has_trailing_slash; /* "x/": must be a directory */

    /* private to lookup.c */
    struct name *root; /* a reference */
    const char *rest;
    char *buffer; /* what rest and c point into once a link was followed */
    unsigned links;
    unsigned flags;
};

/*
 * Find what `path` names. `at` NULL means the working directory. *out gets a reference.
 * Errors: -ENOENT, -ENOTDIR, -EACCES, -ELOOP, -ENAMETOOLONG, -ENOMEM. May sleep.
 */
int vfs_lookup(struct name *at, const char *path, unsigned flags, struct name **out);

/*
 * Find the directory of the last component and leave that one alone: for calls that make or remove
 * it. `path` must stay as long as *last is used; lookup_last_release gives it back.
 * Errors: as above.
 */
int vfs_lookup_parent(struct name *at, const char *path, unsigned flags, struct lookup_last *last);
void lookup_last_release(struct lookup_last *last);

/*
 * The last component turned out to be the link `link`: go on with its text, giving a new last
 * component. On an error *last is released. -ELOOP after 40.
 */
int lookup_last_follow(struct lookup_last *last, struct name *link);

/* Replace *n by the root of what is mounted on it, all the way up. */
void lookup_cross_mounts(struct name **n);

#endif
