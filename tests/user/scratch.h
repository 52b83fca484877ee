/* SPDX-License-Identifier: MIT */
/*
 * A directory of its own for each file test, and small helpers over files in it.
 */
#ifndef TESTS_USER_SCRATCH_H
#define TESTS_USER_SCRATCH_H

#include "check.h"

#include <dirent.h>
#include <limits.h>
#include <sys/stat.h>

/* Make a fresh directory and go there. Left behind: /tmp is memory on Quire and cleaned elsewhere.
 */
static inline void scratch_enter(void) {
    static char path[] = "/tmp/scratch-XXXXXX";

    CHECK(mkdtemp(path));
    CHECK_EQ(chdir(path), 0);
    CHECK_EQ(chmod(".", 0777), 0);
    umask(022);
}

static inline void file_put(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

    CHECK(fd >= 0);
    CHECK_EQ(write(fd, text, strlen(text)), strlen(text));
    CHECK_EQ(close(fd), 0);
}

/* Is `text` all that the file has? */
static inline bool file_is(const char *path, const char *text) {
    char buffer[4096];
    int fd = open(path, O_RDONLY);
    ssize_t n;

    if (fd < 0)
        return false;
    n = read(fd, buffer, sizeof buffer);
    close(fd);
    return n == (ssize_t)strlen(text) && memcmp(buffer, text, (size_t)n) == 0;
}

static inline bool exists(const char *path) {
    struct stat st;

    return lstat(path, &st) == 0;
}

static inline struct stat stat_of(const char *path) {
    struct stat st;

    CHECK_EQ(lstat(path, &st), 0);
    return st;
}

/* Become a user without rights, in this process. */
static inline void drop_root(void) {
    if (geteuid() != 0)
        SKIP("needs root");
    CHECK_EQ(setgid(1234), 0);
    CHECK_EQ(setuid(1234), 0);
}

#endif
