/* SPDX-License-Identifier: MIT */
/*
 * Paths and opening: path_resolution(7), symlink(7), open(2) with its flags and errors,
 * permissions.
 */
#include "scratch.h"

#include <sys/syscall.h>

static void dots_and_slashes(void) {
    scratch_enter();
    CHECK_EQ(mkdir("d", 0755), 0);
    file_put("d/f", "x");
    CHECK(file_is("d//f", "x"));
    CHECK(file_is("./d/../d/./f", "x"));
    CHECK(file_is("/../../proc/self/cwd/d/f", "x"));
    CHECK_FAILS(open("d/f/", O_RDONLY), ENOTDIR);
    CHECK_FAILS(open("d/f/.", O_RDONLY), ENOTDIR);
    CHECK_FAILS(open("d/f/..", O_RDONLY), ENOTDIR);
    CHECK_FAILS(open("", O_RDONLY), ENOENT);
    CHECK_FAILS(open("none/f", O_RDONLY), ENOENT);
    CHECK_FAILS(open("new/", O_CREAT | O_WRONLY, 0644), EISDIR);
    CHECK_FAILS(mkdir(".", 0755), EEXIST);
    CHECK_FAILS(mkdir("/", 0755), EEXIST);
    CHECK_EQ(mkdir("e/", 0755), 0);
    CHECK_EQ(rmdir("e/"), 0);
}

static void long_names(void) {
    char name[PATH_MAX + 16];

    scratch_enter();
    memset(name, 'n', sizeof name);
    name[256] = '\0';
    CHECK_FAILS(open(name, O_CREAT | O_WRONLY, 0644), ENAMETOOLONG);
    name[255] = '\0';
    CHECK(open(name, O_CREAT | O_WRONLY, 0644) >= 0);
    CHECK_EQ(unlink(name), 0);
    for (size_t i = 0; i + 1 < sizeof name; i += 2)
        memcpy(name + i, "./", 2);
    name[PATH_MAX] = '\0';
    CHECK_FAILS(open(name, O_RDONLY), ENAMETOOLONG);
    name[PATH_MAX - 1] = '\0';
    CHECK(open(name, O_RDONLY) >= 0);
}

static void links_are_followed(void) {
    char text[64];

    scratch_enter();
    CHECK_EQ(mkdir("d", 0755), 0);
    file_put("d/f", "deep");
    CHECK_EQ(symlink("d", "to_d"), 0);
    CHECK_EQ(symlink("../d/f", "d/to_f"), 0);
    CHECK(file_is("to_d/to_f", "deep"));
    CHECK_EQ(readlink("to_d", text, sizeof text), 1);
    CHECK_FAILS(readlink("d", text, sizeof text), EINVAL);
    CHECK_EQ(S_ISLNK(stat_of("to_d").st_mode), 1);
    CHECK_EQ(stat_of("to_d").st_size, 1);
    CHECK_EQ(S_ISDIR(stat_of("to_d/").st_mode), 1);
    CHECK_FAILS(open("to_d", O_RDONLY | O_NOFOLLOW), ELOOP);
    CHECK_FAILS(open("to_d", O_RDONLY | O_NOFOLLOW | O_DIRECTORY), ENOTDIR);
    CHECK(open("to_d/f", O_RDONLY | O_NOFOLLOW) >= 0);
    CHECK_FAILS(symlink("", "empty"), ENOENT);
    CHECK_FAILS(symlink("x", "to_d"), EEXIST);
}

static void link_loops_end(void) {
    char from[16], to[16];

    scratch_enter();
    CHECK_EQ(symlink("b", "a"), 0);
    CHECK_EQ(symlink("a", "b"), 0);
    CHECK_FAILS(open("a", O_RDONLY), ELOOP);
    CHECK_FAILS(open("a", O_CREAT | O_WRONLY, 0644), ELOOP);
    file_put("l0", "end");
    for (int i = 1; i <= 41; i++) {
        snprintf(from, sizeof from, "l%d", i);
        snprintf(to, sizeof to, "l%d", i - 1);
        CHECK_EQ(symlink(to, from), 0);
    }
    CHECK(file_is("l40", "end"));
    CHECK_FAILS(open("l41", O_RDONLY), ELOOP);
}

static void create_through_dangling_link(void) {
    scratch_enter();
    CHECK_EQ(symlink("target", "link"), 0);
    CHECK_FAILS(open("link", O_RDONLY), ENOENT);
    CHECK_FAILS(open("link", O_CREAT | O_EXCL | O_WRONLY, 0644), EEXIST);
    CHECK_FAILS(open("link", O_CREAT | O_NOFOLLOW | O_WRONLY, 0644), ELOOP);
    file_put("link", "made");
    CHECK(file_is("target", "made"));
    CHECK(S_ISLNK(stat_of("link").st_mode));
}

static void open_flags(void) {
    int fd;

    scratch_enter();
    CHECK_EQ(mkdir("d", 0755), 0);
    file_put("f", "12345");
    CHECK_FAILS(open("f", O_CREAT | O_EXCL | O_WRONLY, 0644), EEXIST);
    CHECK_FAILS(open("d", O_WRONLY), EISDIR);
    CHECK_FAILS(open("d", O_CREAT | O_RDONLY, 0644), EISDIR);
    CHECK_FAILS(open(".", O_CREAT | O_RDONLY, 0644), EISDIR);
    CHECK_FAILS(open("f", O_DIRECTORY), ENOTDIR);
    fd = open("f", O_RDWR | O_APPEND);
    CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
    CHECK_EQ(write(fd, "6", 1), 1);
    CHECK(file_is("f", "123456"));
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 6);
    fd = open("f", O_WRONLY | O_TRUNC);
    CHECK_EQ(stat_of("f").st_size, 0);
    CHECK_FAILS(read(fd, &fd, 1), EBADF);
    fd = open("f", O_RDONLY);
    CHECK_FAILS(write(fd, "x", 1), EBADF);
    fd = open("d", O_RDONLY);
    CHECK_FAILS(read(fd, &fd, 1), EISDIR);
}

static void create_mode_and_umask(void) {
    scratch_enter();
    umask(027);
    CHECK(open("f", O_CREAT | O_WRONLY, 0777) >= 0);
    CHECK_EQ(stat_of("f").st_mode, S_IFREG | 0750);
    CHECK_EQ(mkdir("d", 01777), 0);
    CHECK_EQ(stat_of("d").st_mode, S_IFDIR | 01750);
    CHECK_EQ(umask(0), 027);
    CHECK(open("ro", O_CREAT | O_RDWR, 0000) >= 0);
    CHECK_EQ(stat_of("ro").st_mode, S_IFREG);
}

static void o_path(void) {
    struct stat st;
    char byte;
    int fd;

    scratch_enter();
    file_put("f", "x");
    CHECK_EQ(symlink("f", "link"), 0);
    fd = open("f", O_PATH);
    CHECK(fd >= 0);
    CHECK_FAILS(read(fd, &byte, 1), EBADF);
    CHECK_FAILS(lseek(fd, 0, SEEK_SET), EBADF);
    CHECK_EQ(fstat(fd, &st), 0);
    CHECK_EQ(st.st_size, 1);
    fd = open("link", O_PATH | O_NOFOLLOW);
    CHECK(fd >= 0);
    CHECK_EQ(fstat(fd, &st), 0);
    CHECK(S_ISLNK(st.st_mode));
    CHECK_EQ(readlinkat(fd, "", &byte, 1), 1);
    CHECK_EQ(byte, 'f');
}

static void at_calls(void) {
    struct stat st;
    int dir, file;

    scratch_enter();
    CHECK_EQ(mkdir("d", 0755), 0);
    dir = open("d", O_RDONLY | O_DIRECTORY);
    file = openat(dir, "f", O_CREAT | O_RDWR, 0644);
    CHECK(file >= 0);
    CHECK(exists("d/f"));
    CHECK_EQ(fstatat(dir, "f", &st, 0), 0);
    CHECK_EQ(fstatat(file, "", &st, AT_EMPTY_PATH), 0);
    CHECK_FAILS(fstatat(file, "", &st, 0), ENOENT);
    CHECK_FAILS(fstatat(file, "x", &st, 0), ENOTDIR);
    CHECK_FAILS(fstatat(99, "x", &st, 0), EBADF);
    CHECK_EQ(fstatat(99, "/", &st, 0), 0);
    CHECK_FAILS(fstatat(dir, "f", &st, 0x80000000), EINVAL);
    CHECK_EQ(mkdirat(dir, "e", 0755), 0);
    CHECK_EQ(renameat(dir, "f", AT_FDCWD, "g"), 0);
    CHECK_FAILS(unlinkat(dir, "e", 0), EISDIR);
    CHECK_EQ(unlinkat(dir, "e", AT_REMOVEDIR), 0);
    CHECK(exists("g"));
}

static void bad_pointers(void) {
    struct stat st;

    scratch_enter();
    CHECK_FAILS(syscall(SYS_open, (char *)1, O_RDONLY), EFAULT);
    CHECK_FAILS(syscall(SYS_open, (char *)-1, O_RDONLY), EFAULT);
    CHECK_FAILS(syscall(SYS_open, NULL, O_RDONLY), EFAULT);
    CHECK_FAILS(syscall(SYS_stat, "/", (void *)8), EFAULT);
    CHECK_FAILS(syscall(SYS_stat, (char *)8, &st), EFAULT);
    CHECK_FAILS(syscall(SYS_rename, "x", (char *)8), EFAULT);
    CHECK_FAILS(syscall(SYS_getcwd, (char *)8, 100), EFAULT);
    CHECK_FAILS(syscall(SYS_symlink, NULL, "x"), EFAULT);
    CHECK_FAILS(syscall(SYS_mkdir, (char *)8, 0755), EFAULT);
}

static void permissions(void) {
    scratch_enter();
    CHECK_EQ(mkdir("closed", 0700), 0);
    file_put("closed/f", "x");
    file_put("secret", "x");
    CHECK_EQ(chmod("secret", 0600), 0);
    file_put("shared", "x");
    CHECK_EQ(chmod("shared", 0604), 0);
    CHECK_EQ(mkdir("listed", 0755), 0);
    drop_root();
    CHECK_FAILS(open("closed/f", O_RDONLY), EACCES);
    CHECK_FAILS(open("closed", O_RDONLY), EACCES);
    CHECK_FAILS(open("secret", O_RDONLY), EACCES);
    CHECK(open("shared", O_RDONLY) >= 0);
    CHECK_FAILS(open("shared", O_RDONLY | O_TRUNC), EACCES);
    CHECK_FAILS(open("listed/new", O_CREAT | O_WRONLY, 0644), EACCES);
    CHECK_FAILS(access("secret", R_OK), EACCES);
    CHECK_EQ(access("secret", F_OK), 0);
    CHECK_FAILS(chmod("shared", 0666), EPERM);
    CHECK_FAILS(chown("shared", 1234, 1234), EPERM);
    CHECK_FAILS(unlink("listed"), EISDIR);
    CHECK_FAILS(mknod("dev", S_IFCHR | 0666, 0x103), EPERM);
    CHECK_FAILS(chroot("listed"), EPERM);
}

static void sticky_directory(void) {
    scratch_enter();
    CHECK_EQ(mkdir("t", 0777), 0);
    CHECK_EQ(chmod("t", 01777), 0);
    file_put("t/roots", "x");
    drop_root();
    file_put("t/mine", "x");
    CHECK_FAILS(unlink("t/roots"), EPERM);
    CHECK_FAILS(rename("t/roots", "t/other"), EPERM);
    CHECK_EQ(rename("t/mine", "t/ours"), 0);
    CHECK_EQ(unlink("t/ours"), 0);
}

static void group_rights(void) {
    gid_t group = 777;

    scratch_enter();
    if (geteuid() != 0)
        SKIP("needs root");
    file_put("f", "x");
    CHECK_EQ(chmod("f", 0640), 0);
    CHECK_EQ(chown("f", 0, 777), 0);
    CHECK_EQ(mkdir("d", 0755), 0);
    CHECK_EQ(chown("d", 0, 777), 0);
    CHECK_EQ(chmod("d", 02777), 0);
    CHECK_EQ(syscall(SYS_setgroups, 1, &group), 0);
    drop_root();
    CHECK(open("f", O_RDONLY) >= 0);
    CHECK_FAILS(open("f", O_WRONLY), EACCES);
    file_put("d/f", "x");
    CHECK_EQ(stat_of("d/f").st_gid, 777);
    CHECK_EQ(mkdir("d/d", 0755), 0);
    CHECK_EQ(stat_of("d/d").st_mode, S_IFDIR | 02755);
}

static void set_id_bits_go(void) {
    int fd;

    scratch_enter();
    if (geteuid() != 0)
        SKIP("needs root");
    file_put("f", "x");
    CHECK_EQ(chown("f", 1234, 1234), 0);
    CHECK_EQ(chmod("f", 06755), 0);
    CHECK_EQ(stat_of("f").st_mode, S_IFREG | 06755);
    CHECK_EQ(chown("f", 1234, 1234), 0);
    CHECK_EQ(stat_of("f").st_mode, S_IFREG | 0755);
    CHECK_EQ(chmod("f", 04755), 0);
    drop_root();
    fd = open("f", O_WRONLY);
    CHECK(fd >= 0);
    CHECK_EQ(write(fd, "y", 1), 1);
    CHECK_EQ(stat_of("f").st_mode, S_IFREG | 0755);
}

static void working_directory(void) {
    char before[PATH_MAX], after[PATH_MAX];
    int fd;

    scratch_enter();
    CHECK(getcwd(before, sizeof before));
    CHECK_EQ(mkdir("d", 0755), 0);
    CHECK_EQ(chdir("d"), 0);
    CHECK(getcwd(after, sizeof after));
    CHECK_EQ(strncmp(after, before, strlen(before)), 0);
    CHECK_EQ(strcmp(after + strlen(before), "/d"), 0);
    CHECK_FAILS(syscall(SYS_getcwd, after, 3), ERANGE);
    CHECK_EQ(rename("../d", "../renamed"), 0);
    CHECK(getcwd(after, sizeof after));
    CHECK_EQ(strcmp(after + strlen(before), "/renamed"), 0);
    CHECK_EQ(rmdir("../renamed"), 0);
    CHECK_FAILS(syscall(SYS_getcwd, after, sizeof after), ENOENT);
    CHECK_FAILS(open("x", O_CREAT | O_WRONLY, 0644), ENOENT);
    CHECK_EQ(chdir(".."), 0);
    file_put("f", "x");
    CHECK_FAILS(chdir("f"), ENOTDIR);
    fd = open("/", O_RDONLY);
    CHECK_EQ(fchdir(fd), 0);
    CHECK(getcwd(after, sizeof after));
    CHECK_EQ(strcmp(after, "/"), 0);
}

static void root_directory(void) {
    char path[PATH_MAX];

    scratch_enter();
    if (geteuid() != 0)
        SKIP("needs root");
    CHECK_EQ(mkdir("r", 0755), 0);
    file_put("outside", "x");
    file_put("r/inside", "y");
    CHECK_EQ(symlink("/inside", "r/link"), 0);
    CHECK_EQ(chroot("r"), 0);
    CHECK(file_is("outside", "x"));
    CHECK_EQ(chdir("/"), 0);
    CHECK(file_is("/inside", "y"));
    CHECK(file_is("../../link", "y"));
    CHECK(!exists("../outside"));
    CHECK(getcwd(path, sizeof path));
    CHECK_EQ(strcmp(path, "/"), 0);
}

static void descriptors_as_paths(void) {
    char text[64], byte;
    int pair[2], fd;

    scratch_enter();
    file_put("f", "abc");
    fd = open("f", O_RDONLY);
    CHECK_EQ(lseek(fd, 2, SEEK_SET), 2);
    snprintf(text, sizeof text, "/proc/self/fd/%d", fd);
    CHECK(file_is(text, "abc"));
    CHECK_EQ(unlink("f"), 0);
    CHECK(file_is(text, "abc"));
    CHECK_EQ(pipe(pair), 0);
    snprintf(text, sizeof text, "/dev/fd/%d", pair[1]);
    fd = open(text, O_CREAT | O_WRONLY | O_TRUNC, 0666);
    CHECK(fd >= 0);
    CHECK_EQ(write(fd, "p", 1), 1);
    CHECK_EQ(read(pair[0], &byte, 1), 1);
    CHECK_EQ(byte, 'p');
    CHECK_EQ(write(fd, "q", 1), 1);
    CHECK_EQ(close(fd), 0);
    CHECK_EQ(close(pair[1]), 0);
    snprintf(text, sizeof text, "/dev/fd/%d", pair[0]);
    CHECK(file_is(text, "q"));
}

CHECK_MAIN({"dots_and_slashes", dots_and_slashes}, {"long_names", long_names},
           {"links_are_followed", links_are_followed}, {"link_loops_end", link_loops_end},
           {"create_through_dangling_link", create_through_dangling_link},
           {"open_flags", open_flags}, {"create_mode_and_umask", create_mode_and_umask},
           {"o_path", o_path}, {"at_calls", at_calls}, {"bad_pointers", bad_pointers},
           {"permissions", permissions}, {"sticky_directory", sticky_directory},
           {"group_rights", group_rights}, {"set_id_bits_go", set_id_bits_go},
           {"working_directory", working_directory}, {"root_directory", root_directory},
           {"descriptors_as_paths", descriptors_as_paths})
