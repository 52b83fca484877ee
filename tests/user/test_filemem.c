/* SPDX-License-Identifier: MIT */
/*
 * Memory behind files: every page and record comes back when files go (Quire: counted in frames),
 * and running out is an error that leaves things as they were (K7, B9).
 */
#include "facts.h"
#include "scratch.h"

#include <sys/mount.h>
#include <sys/statfs.h>
#include <sys/syscall.h>

#define ROUNDS 3
#define FILES 300
#define BIG_BYTES (4 << 20)

/* Runs `work` until what it leaves behind on its first rounds is there, then exact rounds. */
static void frames_come_back(void (*work)(void)) {
    struct memory_use before;

    frames_exact_or_skip();
    scratch_enter();
    work();
    work();
    for (int i = 0; i < ROUNDS; i++) {
        before = memory_use();
        work();
        CHECK_MEMORY_SAME(memory_settled(before), before);
    }
}

static void files_work(void) {
    char name[32];

    for (int i = 0; i < FILES; i++) {
        snprintf(name, sizeof name, "file-%d", i);
        file_put(name, i % 2 ? "contents" : "");
    }
    for (int i = 0; i < FILES; i++) {
        snprintf(name, sizeof name, "file-%d", i);
        CHECK_EQ(unlink(name), 0);
    }
}

static void files_leave_nothing(void) {
    frames_come_back(files_work);
}

static void big_file_work(void) {
    static char buffer[1 << 16];
    int fd = open("big", O_CREAT | O_RDWR, 0644);

    for (size_t done = 0; done < BIG_BYTES; done += sizeof buffer)
        CHECK_EQ(write(fd, buffer, sizeof buffer), sizeof buffer);
    CHECK_EQ(pwrite(fd, "x", 1, 1LL << 40), 1);
    CHECK_EQ(unlink("big"), 0);
    CHECK_EQ(close(fd), 0);
}

static void big_files_leave_nothing(void) {
    frames_come_back(big_file_work);
}

static void truncate_work(void) {
    int fd = open("cut", O_CREAT | O_RDWR, 0644);
    long before = frames_free();

    CHECK_EQ(fallocate(fd, 0, 0, 256 * PAGE_BYTES), 0);
    CHECK(before - frames_free() >= 256);
    CHECK_EQ(ftruncate(fd, 10), 0);
    CHECK(before - frames_free() <= 4);
    CHECK_EQ(close(fd), 0);
    CHECK_EQ(unlink("cut"), 0);
}

static void truncation_gives_back(void) {
    frames_come_back(truncate_work);
}

static void tree_work(void) {
    char path[512] = "d";

    CHECK_EQ(mkdir("d", 0755), 0);
    for (int i = 0; i < 40; i++) {
        strcat(path, "/deeper");
        CHECK_EQ(mkdir(path, 0755), 0);
    }
    CHECK_EQ(symlink("a long target that needs memory of its own, more than a few bytes", "s"), 0);
    CHECK_EQ(link("s", "t"), 0);
    CHECK_EQ(rename("s", "a_name_of_a_good_length_so_that_it_does_not_fit_inside"), 0);
    CHECK_EQ(rename("a_name_of_a_good_length_so_that_it_does_not_fit_inside", "t2"), 0);
    CHECK_EQ(unlink("t"), 0);
    CHECK_EQ(unlink("t2"), 0);
    CHECK_FAILS(open("d/none", O_RDONLY), ENOENT);
    while (strlen(path) > 0) {
        CHECK_EQ(rmdir(path), 0);
        *(strrchr(path, '/') ? strrchr(path, '/') : path) = '\0';
    }
}

static void trees_leave_nothing(void) {
    frames_come_back(tree_work);
}

static void pipes_work(void) {
    static char buffer[65536];
    int pairs[50][2];

    for (int i = 0; i < 50; i++) {
        CHECK_EQ(pipe2(pairs[i], O_NONBLOCK), 0);
        CHECK_EQ(write(pairs[i][1], buffer, sizeof buffer), sizeof buffer);
        CHECK_EQ(read(pairs[i][0], buffer, 30000), 30000);
    }
    for (int i = 0; i < 50; i++) {
        close(pairs[i][0]);
        close(pairs[i][1]);
    }
}

static void pipes_leave_nothing(void) {
    frames_come_back(pipes_work);
}

static void errors_work(void) {
    int fd = open("f", O_CREAT | O_RDWR, 0644);

    CHECK_FAILS(write(fd, (void *)8, 100000), EFAULT);
    CHECK_FAILS(open("f", O_CREAT | O_EXCL, 0644), EEXIST);
    CHECK_FAILS(open("f/x", O_RDONLY), ENOTDIR);
    CHECK_FAILS(syscall(SYS_pipe2, (void *)8, 0), EFAULT);
    CHECK_FAILS(link("f", "f"), EEXIST);
    CHECK_FAILS(rename("f", "none/f"), ENOENT);
    CHECK_FAILS(mkdir("f", 0755), EEXIST);
    CHECK_EQ(close(fd), 0);
    CHECK_EQ(unlink("f"), 0);
}

static void errors_leave_nothing(void) {
    frames_come_back(errors_work);
}

/* A small tmpfs of our own at "m". */
static void small_mount(const char *options) {
    scratch_enter();
    CHECK_EQ(mkdir("m", 0755), 0);
    if (mount("none", "m", "tmpfs", 0, options) < 0)
        SKIP("may not mount here");
}

static void full_file_system(void) {
    static char buffer[16384];
    struct statfs sf;
    ssize_t n, total = 0;
    int fd;

    small_mount("size=64k");
    CHECK_EQ(statfs("m", &sf), 0);
    CHECK_EQ(sf.f_blocks, 16);
    fd = open("m/f", O_CREAT | O_RDWR, 0644);
    while ((n = write(fd, buffer, sizeof buffer)) > 0)
        total += n;
    CHECK_EQ(errno, ENOSPC);
    CHECK(total > 0 && total <= 65536);
    CHECK_EQ(stat_of("m/f").st_size, total);
    CHECK_EQ(ftruncate(fd, 0), 0);
    CHECK_EQ(statfs("m", &sf), 0);
    CHECK_EQ(sf.f_bfree, 16);
    CHECK_EQ(write(fd, buffer, sizeof buffer), sizeof buffer);
    CHECK_FAILS(umount("m"), EBUSY);
    CHECK_EQ(close(fd), 0);
    CHECK_EQ(umount("m"), 0);
    CHECK(!exists("m/f"));
    CHECK_FAILS(umount("m"), EINVAL);
}

/* Files, and names beyond a file's first, are limited, so that empty ones cannot eat memory. */
static void files_are_limited(void) {
    struct statfs sf;

    small_mount("nr_inodes=4");
    file_put("m/a", "x"); /* the root is one, too */
    file_put("m/b", "x");
    CHECK_EQ(link("m/a", "m/c"), 0);
    CHECK_FAILS(open("m/d", O_CREAT | O_WRONLY, 0644), ENOSPC);
    CHECK_FAILS(mkdir("m/d", 0755), ENOSPC);
    CHECK_FAILS(symlink("x", "m/d"), ENOSPC);
    CHECK_FAILS(link("m/a", "m/d"), ENOSPC);
    CHECK_EQ(rename("m/b", "m/c"), 0);
    CHECK_EQ(link("m/c", "m/d"), 0);
    CHECK_EQ(unlink("m/c"), 0);
    CHECK_EQ(unlink("m/d"), 0);
    CHECK_EQ(statfs("m", &sf), 0);
    CHECK_EQ(sf.f_files, 4);
    CHECK_EQ(sf.f_ffree, 2);
    CHECK_EQ(umount("m"), 0);
}

static void default_limits(void) {
    struct statfs sf;

    small_mount("");
    CHECK_EQ(statfs("m", &sf), 0);
    CHECK_EQ(sf.f_files, sf.f_blocks);
    CHECK_EQ(umount("m"), 0);
}

static void mount_rules(void) {
    small_mount("mode=0700");
    CHECK_EQ(stat_of("m").st_mode, S_IFDIR | 0700);
    CHECK(stat_of("m").st_dev != stat_of(".").st_dev);
    CHECK_EQ(stat_of("m/..").st_ino, stat_of(".").st_ino);
    file_put("m/f", "x");
    CHECK_FAILS(rename("m/f", "f"), EXDEV);
    CHECK_FAILS(rmdir("m"), EBUSY);
    CHECK_FAILS(rename("m", "n"), EBUSY);
    CHECK_EQ(mount("none", "m", "tmpfs", MS_REMOUNT | MS_RDONLY, NULL), 0);
    CHECK_FAILS(open("m/new", O_CREAT | O_WRONLY, 0644), EROFS);
    CHECK_FAILS(open("m/f", O_WRONLY), EROFS);
    CHECK_FAILS(unlink("m/f"), EROFS);
    CHECK(file_is("m/f", "x"));
    CHECK_FAILS(mount("none", "m/f", "tmpfs", 0, NULL), ENOTDIR);
    CHECK_FAILS(mount("none", "m", "no such type", 0, NULL), ENODEV);
    CHECK_EQ(umount2("m", MNT_DETACH), 0);
}

static void mount_work(void) {
    static char buffer[65536];
    int fd;

    CHECK_EQ(mount("none", "m", "tmpfs", 0, NULL), 0);
    CHECK_EQ(mkdir("m/d", 0755), 0);
    file_put("m/d/f", "x");
    fd = open("m/big", O_CREAT | O_WRONLY, 0644);
    CHECK_EQ(write(fd, buffer, sizeof buffer), sizeof buffer);
    CHECK_EQ(umount2("m", MNT_DETACH), 0);
    CHECK_EQ(write(fd, buffer, 100), 100);
    CHECK_EQ(close(fd), 0);
    rmdir("m");
    CHECK_EQ(mkdir("m", 0755), 0);
}

static void mount_work_first(void) {
    mkdir("m", 0755);
    mount_work();
}

static void mounts_leave_nothing(void) {
    frames_come_back(mount_work_first);
}

CHECK_MAIN({"files_leave_nothing", files_leave_nothing},
           {"big_files_leave_nothing", big_files_leave_nothing},
           {"truncation_gives_back", truncation_gives_back},
           {"trees_leave_nothing", trees_leave_nothing},
           {"pipes_leave_nothing", pipes_leave_nothing},
           {"errors_leave_nothing", errors_leave_nothing}, {"full_file_system", full_file_system},
           {"files_are_limited", files_are_limited}, {"default_limits", default_limits},
           {"mount_rules", mount_rules}, {"mounts_leave_nothing", mounts_leave_nothing})
