/* SPDX-License-Identifier: MIT */
/*
 * Changing the tree: mkdir, rmdir, link, unlink, rename in all its cases, mknod; reading
 * directories while they change.
 */
#include "scratch.h"

#include <sys/syscall.h>
#include <sys/sysmacros.h>

#define NOREPLACE 1
#define EXCHANGE 2
#define MANY 500

static int rename2(const char *from, const char *to, unsigned flags) {
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags);
}

static void directories(void) {
    scratch_enter();
    CHECK_EQ(mkdir("d", 0755), 0);
    CHECK_FAILS(mkdir("d", 0755), EEXIST);
    CHECK_EQ(stat_of("d").st_nlink, 2);
    CHECK_EQ(mkdir("d/e", 0755), 0);
    CHECK_EQ(stat_of("d").st_nlink, 3);
    file_put("d/f", "x");
    CHECK_FAILS(rmdir("d"), ENOTEMPTY);
    CHECK_FAILS(rmdir("d/f"), ENOTDIR);
    CHECK_FAILS(unlink("d/e"), EISDIR);
    CHECK_FAILS(rmdir("d/e/."), EINVAL);
    CHECK_FAILS(rmdir("d/e/.."), ENOTEMPTY);
    CHECK_FAILS(rmdir("none"), ENOENT);
    CHECK_FAILS(mkdir("d/f/x", 0755), ENOTDIR);
    CHECK_EQ(rmdir("d/e"), 0);
    CHECK_EQ(stat_of("d").st_nlink, 2);
    CHECK_EQ(unlink("d/f"), 0);
    CHECK_EQ(rmdir("d"), 0);
    CHECK(!exists("d"));
}

static void hard_links(void) {
    scratch_enter();
    file_put("a", "x");
    CHECK_EQ(link("a", "b"), 0);
    CHECK_EQ(stat_of("a").st_nlink, 2);
    CHECK_EQ(stat_of("a").st_ino, stat_of("b").st_ino);
    file_put("b", "y");
    CHECK(file_is("a", "y"));
    CHECK_FAILS(link("a", "b"), EEXIST);
    CHECK_FAILS(link("none", "c"), ENOENT);
    CHECK_FAILS(link("a", "c/"), ENOENT);
    CHECK_EQ(mkdir("d", 0755), 0);
    CHECK_FAILS(link("d", "e"), EPERM);
    CHECK_FAILS(link("a", "/dev/x"), EXDEV);
    CHECK_EQ(symlink("a", "s"), 0);
    CHECK_EQ(link("s", "t"), 0);
    CHECK(S_ISLNK(stat_of("t").st_mode));
    CHECK_EQ(linkat(AT_FDCWD, "s", AT_FDCWD, "u", AT_SYMLINK_FOLLOW), 0);
    CHECK_EQ(stat_of("u").st_nlink, 3);
    CHECK_EQ(unlink("a"), 0);
    CHECK_EQ(stat_of("b").st_nlink, 2);
    CHECK(file_is("b", "y"));
}

static void unlinked_files_live_on(void) {
    char text[8] = "";
    struct stat st;
    int fd;

    scratch_enter();
    file_put("f", "still");
    fd = open("f", O_RDWR);
    CHECK_EQ(unlink("f"), 0);
    CHECK_FAILS(unlink("f"), ENOENT);
    CHECK_EQ(fstat(fd, &st), 0);
    CHECK_EQ(st.st_nlink, 0);
    CHECK_EQ(read(fd, text, 5), 5);
    CHECK_EQ(strcmp(text, "still"), 0);
    CHECK_EQ(write(fd, "more", 4), 4);
    file_put("f", "new");
    CHECK_EQ(pread(fd, text, 1, 0), 1);
    CHECK_EQ(text[0], 's');
    CHECK_FAILS(linkat(fd, "", AT_FDCWD, "back", AT_EMPTY_PATH), ENOENT);
}

static void rename_files(void) {
    scratch_enter();
    file_put("a", "A");
    file_put("b", "B");
    CHECK_EQ(rename("a", "c"), 0);
    CHECK(!exists("a") && file_is("c", "A"));
    CHECK_EQ(rename("c", "b"), 0);
    CHECK(!exists("c") && file_is("b", "A"));
    CHECK_EQ(link("b", "same"), 0);
    CHECK_EQ(rename("b", "same"), 0);
    CHECK(exists("b") && exists("same"));
    CHECK_FAILS(rename("none", "x"), ENOENT);
    CHECK_FAILS(rename("b", "x/"), ENOTDIR);
    CHECK_FAILS(rename("b/", "x"), ENOTDIR);
    CHECK_FAILS(rename(".", "x"), EBUSY);
    CHECK_FAILS(rename("b", ".."), EBUSY);
    CHECK_FAILS(rename("b", "/proc/x"), EXDEV);
    CHECK_EQ(symlink("b", "s"), 0);
    CHECK_EQ(rename("s", "t"), 0);
    CHECK(S_ISLNK(stat_of("t").st_mode));
}

static void rename_directories(void) {
    scratch_enter();
    CHECK_EQ(mkdir("a", 0755), 0);
    CHECK_EQ(mkdir("a/in", 0755), 0);
    CHECK_EQ(mkdir("b", 0755), 0);
    CHECK_EQ(mkdir("full", 0755), 0);
    file_put("full/f", "x");
    file_put("f", "x");
    CHECK_FAILS(rename("a", "a/in/x"), EINVAL);
    CHECK_EQ(rename("a", "a"), 0);
    CHECK_FAILS(rename("a/in", "a"), ENOTEMPTY);
    CHECK_FAILS(rename("a", "f"), ENOTDIR);
    CHECK_FAILS(rename("f", "a"), EISDIR);
    CHECK_FAILS(rename("a", "full"), ENOTEMPTY);
    CHECK_EQ(rename("a/", "b/"), 0);
    CHECK(exists("b/in") && !exists("a"));
    CHECK_EQ(stat_of(".").st_nlink, 4);
    CHECK_EQ(rename("b", "full/b"), 0);
    CHECK_EQ(stat_of(".").st_nlink, 3);
    CHECK_EQ(stat_of("full").st_nlink, 3);
    CHECK_EQ(stat_of("full/b/..").st_ino, stat_of("full").st_ino);
}

static void rename_flags(void) {
    scratch_enter();
    file_put("a", "A");
    file_put("b", "B");
    CHECK_EQ(mkdir("d", 0755), 0);
    file_put("d/in", "x");
    CHECK_FAILS(rename2("a", "b", NOREPLACE), EEXIST);
    CHECK_EQ(rename2("a", "c", NOREPLACE), 0);
    CHECK_FAILS(rename2("c", "b", NOREPLACE | EXCHANGE), EINVAL);
    CHECK_FAILS(rename2("c", "b", 64), EINVAL);
    CHECK_EQ(rename2("b", "c", EXCHANGE), 0);
    CHECK(file_is("b", "A") && file_is("c", "B"));
    CHECK_FAILS(rename2("b", "none", EXCHANGE), ENOENT);
    CHECK_EQ(rename2("b", "d", EXCHANGE), 0);
    CHECK(file_is("d", "A") && exists("b/in"));
    CHECK_EQ(rename2("d", "b/in", EXCHANGE), 0);
    CHECK(file_is("b/in", "A") && file_is("d", "x"));
}

static void open_files_follow_renames(void) {
    char target[PATH_MAX], link_name[64];
    ssize_t n;
    int fd;

    scratch_enter();
    CHECK_EQ(mkdir("d", 0755), 0);
    file_put("d/f", "x");
    fd = open("d/f", O_RDONLY);
    CHECK_EQ(rename("d", "e"), 0);
    CHECK_EQ(rename("e/f", "e/a_name_that_is_longer_than_the_other_one"), 0);
    snprintf(link_name, sizeof link_name, "/proc/self/fd/%d", fd);
    n = readlink(link_name, target, sizeof target - 1);
    CHECK(n > 0);
    target[n] = '\0';
    CHECK(strstr(target, "/e/a_name_that_is_longer_than_the_other_one"));
    CHECK_EQ(unlink(target), 0);
    n = readlink(link_name, target, sizeof target - 1);
    target[n] = '\0';
    CHECK(strstr(target, " (deleted)"));
}

static void special_nodes(void) {
    struct stat st;

    scratch_enter();
    CHECK_EQ(mkfifo("fifo", 0600), 0);
    CHECK(S_ISFIFO(stat_of("fifo").st_mode));
    CHECK_EQ(mknod("socket", S_IFSOCK | 0600, 0), 0);
    CHECK_FAILS(open("socket", O_RDONLY), ENXIO);
    CHECK_EQ(mknod("plain", 0600, 0), 0);
    CHECK(S_ISREG(stat_of("plain").st_mode));
    CHECK_FAILS(mknod("dir", S_IFDIR | 0700, 0), EPERM);
    CHECK_FAILS(mknod("bad", 0170000 | 0700, 0), EINVAL);
    if (geteuid() != 0 || mknod("null", S_IFCHR | 0666, makedev(1, 3)) != 0)
        SKIP("cannot make devices here");
    st = stat_of("null");
    CHECK(S_ISCHR(st.st_mode));
    CHECK_EQ(major(st.st_rdev), 1);
    CHECK_EQ(minor(st.st_rdev), 3);
}

/* Names "nNNN" seen, each counted; everything else is an error. */
static void count_entries(DIR *dir, unsigned char seen[MANY]) {
    struct dirent *e;

    memset(seen, 0, MANY);
    while ((errno = 0, e = readdir(dir))) {
        if (e->d_name[0] != 'n')
            continue;
        CHECK_EQ(e->d_type, DT_REG);
        seen[atoi(e->d_name + 1)]++;
    }
    CHECK_EQ(errno, 0);
}

static void make_many(void) {
    char name[16];

    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "n%d", i);
        file_put(name, "");
    }
}

static void reading_sees_each_once(void) {
    unsigned char seen[MANY];
    DIR *dir;

    scratch_enter();
    make_many();
    dir = opendir(".");
    for (int round = 0; round < 2; round++) {
        count_entries(dir, seen);
        for (int i = 0; i < MANY; i++)
            CHECK_EQ(seen[i], 1);
        rewinddir(dir);
    }
}

/* Removing while reading: what is removed behind does not make the rest be skipped. */
static void removing_while_reading(void) {
    unsigned count = 0;
    struct dirent *e;
    DIR *dir;

    scratch_enter();
    make_many();
    dir = opendir(".");
    while ((e = readdir(dir))) {
        if (e->d_name[0] != 'n')
            continue;
        CHECK_EQ(unlink(e->d_name), 0);
        count++;
    }
    CHECK_EQ(count, MANY);
    CHECK_EQ(closedir(dir), 0);
    CHECK_EQ(chdir(".."), 0);
}

static void getdents_errors(void) {
    char buffer[512];
    int dir, file;

    scratch_enter();
    file_put("f", "x");
    dir = open(".", O_RDONLY);
    file = open("f", O_RDONLY);
    CHECK_FAILS(syscall(SYS_getdents64, dir, buffer, 10), EINVAL);
    CHECK_FAILS(syscall(SYS_getdents64, file, buffer, sizeof buffer), ENOTDIR);
    CHECK_FAILS(syscall(SYS_getdents64, 99, buffer, sizeof buffer), EBADF);
    CHECK_FAILS(syscall(SYS_getdents64, dir, (void *)8, 512), EFAULT);
    CHECK(syscall(SYS_getdents64, dir, buffer, sizeof buffer) > 0);
    CHECK_EQ(syscall(SYS_getdents64, dir, buffer, sizeof buffer), 0);
    CHECK_EQ(lseek(dir, 0, SEEK_SET), 0);
    CHECK(syscall(SYS_getdents, dir, buffer, sizeof buffer) > 0);
}

static void times_change(void) {
    struct timespec set[2] = {{1000, 5}, {-2000, 999999999}};
    struct stat before, after;

    scratch_enter();
    file_put("f", "x");
    CHECK_EQ(utimensat(AT_FDCWD, "f", set, 0), 0);
    before = stat_of("f");
    CHECK_EQ(before.st_atim.tv_sec, 1000);
    CHECK_EQ(before.st_atim.tv_nsec, 5);
    CHECK_EQ(before.st_mtim.tv_sec, -2000);
    CHECK_EQ(before.st_mtim.tv_nsec, 999999999);
    set[0].tv_nsec = UTIME_OMIT;
    set[1].tv_nsec = UTIME_NOW;
    CHECK_EQ(utimensat(AT_FDCWD, "f", set, 0), 0);
    after = stat_of("f");
    CHECK_EQ(after.st_atim.tv_sec, 1000);
    CHECK(after.st_mtim.tv_sec > 1000000000);
    set[0].tv_nsec = 1000000000;
    CHECK_FAILS(utimensat(AT_FDCWD, "f", set, 0), EINVAL);
    CHECK(file_is("f", "x"));
    CHECK(stat_of("f").st_atim.tv_sec > 1000000000);
    CHECK_EQ(mkdir("d", 0755), 0);
    set[0] = set[1] = (struct timespec){5, 0};
    CHECK_EQ(utimensat(AT_FDCWD, "d", set, 0), 0);
    file_put("d/f", "x");
    CHECK(stat_of("d").st_mtim.tv_sec > 1000000000);
}

CHECK_MAIN({"directories", directories}, {"hard_links", hard_links},
           {"unlinked_files_live_on", unlinked_files_live_on}, {"rename_files", rename_files},
           {"rename_directories", rename_directories}, {"rename_flags", rename_flags},
           {"open_files_follow_renames", open_files_follow_renames},
           {"special_nodes", special_nodes}, {"reading_sees_each_once", reading_sees_each_once},
           {"removing_while_reading", removing_while_reading}, {"getdents_errors", getdents_errors},
           {"times_change", times_change})
