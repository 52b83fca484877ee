/* SPDX-License-Identifier: MIT */
/*
 * File contents: reading and writing at positions and in vectors, holes, sizes, the page cache seen
 * through mmap, limits, copying inside the kernel, advisory locks.
 */
#include "scratch.h"

#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#define PAGE 4096

static int file_open(void) {
    int fd;

    scratch_enter();
    fd = open("f", O_RDWR | O_CREAT, 0644);
    CHECK(fd >= 0);
    return fd;
}

static void positions(void) {
    char text[16] = "";
    int fd = file_open();

    CHECK_EQ(write(fd, "0123456789", 10), 10);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 10);
    CHECK_EQ(read(fd, text, 1), 0);
    CHECK_EQ(lseek(fd, -4, SEEK_END), 6);
    CHECK_EQ(read(fd, text, 16), 4);
    CHECK_EQ(memcmp(text, "6789", 4), 0);
    CHECK_EQ(pread(fd, text, 2, 3), 2);
    CHECK_EQ(memcmp(text, "34", 2), 0);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 10);
    CHECK_EQ(pwrite(fd, "ab", 2, 8), 2);
    CHECK_EQ(lseek(fd, 2, SEEK_CUR), 12);
    CHECK_FAILS(lseek(fd, -1, SEEK_SET), EINVAL);
    CHECK_FAILS(lseek(fd, -100, SEEK_CUR), EINVAL);
    CHECK_FAILS(lseek(fd, 0, 9), EINVAL);
    CHECK_FAILS(lseek(fd, INT64_MAX, SEEK_END), EINVAL);
    CHECK_FAILS(pread(fd, text, 1, -1), EINVAL);
    CHECK_FAILS(pwrite(fd, text, 1, -1), EINVAL);
    CHECK_EQ(write(fd, "", 0), 0);
    CHECK(file_is("f", "01234567ab"));
}

static void holes_read_zero(void) {
    char buffer[3 * PAGE];
    int fd = file_open();

    CHECK_EQ(pwrite(fd, "x", 1, 5 * PAGE + 7), 1);
    CHECK_EQ(stat_of("f").st_size, 5 * PAGE + 8);
    memset(buffer, 'y', sizeof buffer);
    CHECK_EQ(pread(fd, buffer, sizeof buffer, 3 * PAGE), 2 * PAGE + 8);
    for (size_t i = 0; i < 2 * PAGE + 7; i++)
        CHECK_EQ(buffer[i], 0);
    CHECK_EQ(buffer[2 * PAGE + 7], 'x');
}

static void truncation(void) {
    char byte = 'y';
    int fd = file_open();

    CHECK_EQ(write(fd, "0123456789", 10), 10);
    CHECK_EQ(ftruncate(fd, 4), 0);
    CHECK(file_is("f", "0123"));
    CHECK_EQ(ftruncate(fd, 6), 0);
    CHECK_EQ(pread(fd, &byte, 1, 5), 1);
    CHECK_EQ(byte, 0);
    CHECK_EQ(truncate("f", 1 << 20), 0);
    CHECK_EQ(stat_of("f").st_size, 1 << 20);
    CHECK_EQ(truncate("f", 0), 0);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 10);
    CHECK_FAILS(ftruncate(fd, -1), EINVAL);
    CHECK_FAILS(truncate(".", 0), EISDIR);
    CHECK_FAILS(truncate("none", 0), ENOENT);
    fd = open("f", O_RDONLY);
    CHECK_FAILS(ftruncate(fd, 0), EINVAL);
}

static void vectors(void) {
    char a[4] = "", b[8] = "";
    struct iovec out[] = {{"ab", 2}, {NULL, 0}, {"cdefg", 5}};
    struct iovec in[] = {{a, 3}, {b, sizeof b}};
    struct iovec bad[] = {{"xy", 2}, {(void *)8, 10}};
    int fd = file_open();

    CHECK_EQ(writev(fd, out, 3), 7);
    CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
    CHECK_EQ(readv(fd, in, 2), 7);
    CHECK_EQ(strcmp(a, "abc"), 0);
    CHECK_EQ(memcmp(b, "defg", 4), 0);
    CHECK_EQ(preadv(fd, in, 2, 5), 2);
    CHECK_EQ(pwritev(fd, out, 1, 6), 2);
    CHECK_FAILS(writev(fd, out, -1), EINVAL);
    CHECK_FAILS(writev(fd, out, 1025), EINVAL);
    CHECK_FAILS(writev(fd, (void *)8, 1), EFAULT);
    CHECK_EQ(writev(fd, out, 0), 0);
    CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
    CHECK_EQ(writev(fd, bad, 2), 2);
}

/* A copy that meets a page that is not there ends with what went well before. */
static void faulting_buffers(void) {
    char *pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int fd = file_open();

    CHECK(pages != MAP_FAILED);
    memset(pages, 'p', PAGE);
    CHECK_EQ(munmap(pages + PAGE, PAGE), 0);
    CHECK_FAILS(write(fd, pages + PAGE, 10), EFAULT);
    CHECK_EQ(stat_of("f").st_size, 0);
    CHECK(write(fd, pages + PAGE - 10, 20) <= 10);
    CHECK(stat_of("f").st_size <= 10);
    CHECK_EQ(pwrite(fd, pages, 20, 0), 20);
    CHECK_EQ(pread(fd, pages + PAGE - 10, 10, 0), 10);
    CHECK_FAILS(pread(fd, pages + PAGE, 10, 0), EFAULT);
    CHECK_FAILS(read(fd, (void *)0xffff800000000000, 1), EFAULT);
}

static void append_goes_to_the_end(void) {
    int one = file_open(), two;

    CHECK_EQ(fcntl(one, F_SETFL, O_APPEND), 0);
    two = open("f", O_WRONLY | O_APPEND);
    CHECK_EQ(write(one, "a", 1), 1);
    CHECK_EQ(write(two, "b", 1), 1);
    CHECK_EQ(write(one, "c", 1), 1);
    CHECK(file_is("f", "abc"));
}

static void cache_is_what_is_mapped(void) {
    int fd = file_open();
    char *map;

    CHECK_EQ(ftruncate(fd, 2 * PAGE), 0);
    map = mmap(NULL, 2 * PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
    CHECK(map != MAP_FAILED);
    CHECK_EQ(map[10], 0);
    CHECK_EQ(pwrite(fd, "seen", 4, 10), 4);
    CHECK_EQ(memcmp(map + 10, "seen", 4), 0);
    CHECK_EQ(pwrite(fd, "too", 3, PAGE), 3);
    CHECK_EQ(memcmp(map + PAGE, "too", 3), 0);
}

/* Reading a file into a mapping of the same page of the same file must not lock up. */
static void read_into_own_mapping(void) {
    int fd = file_open();
    char *map;

    CHECK_EQ(ftruncate(fd, 2 * PAGE), 0);
    CHECK_EQ(pwrite(fd, "abc", 3, 0), 3);
    map = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(map != MAP_FAILED);
    CHECK_EQ(pread(fd, map + PAGE, 3, 0), 3);
    CHECK_EQ(memcmp(map + PAGE, "abc", 3), 0);
    CHECK_EQ(pwrite(fd, map, 3, PAGE + 3), 3);
    CHECK_EQ(memcmp(map + PAGE, "abcabc", 6), 0);
}

static void data_and_holes(void) {
    int fd = file_open();
    off_t data;

    CHECK_EQ(ftruncate(fd, 64 * PAGE), 0);
    CHECK_EQ(pwrite(fd, "x", 1, 32 * PAGE), 1);
    data = lseek(fd, 0, SEEK_DATA);
    CHECK(data >= 0 && data <= 32 * PAGE);
    CHECK_EQ(lseek(fd, 0, SEEK_HOLE), 0);
    CHECK(lseek(fd, 32 * PAGE, SEEK_HOLE) > 32 * PAGE);
    CHECK_FAILS(lseek(fd, 64 * PAGE, SEEK_DATA), ENXIO);
    CHECK_FAILS(lseek(fd, 64 * PAGE, SEEK_HOLE), ENXIO);
}

static void allocation(void) {
    char buffer[3 * PAGE];
    int fd = file_open();

    CHECK_EQ(fallocate(fd, 0, 0, 3 * PAGE), 0);
    CHECK_EQ(stat_of("f").st_size, 3 * PAGE);
    CHECK_EQ(stat_of("f").st_blocks >= 3 * PAGE / 512, 1);
    memset(buffer, 'x', sizeof buffer);
    CHECK_EQ(pwrite(fd, buffer, sizeof buffer, 0), sizeof buffer);
    CHECK_EQ(fallocate(fd, 3, 100, 2 * PAGE), 0);
    CHECK_EQ(pread(fd, buffer, sizeof buffer, 0), sizeof buffer);
    CHECK_EQ(buffer[99], 'x');
    for (size_t i = 100; i < 100 + 2 * PAGE; i++)
        CHECK_EQ(buffer[i], 0);
    CHECK_EQ(buffer[100 + 2 * PAGE], 'x');
    CHECK_FAILS(fallocate(fd, 0, 0, 0), EINVAL);
    CHECK_FAILS(fallocate(fd, 0, -1, 5), EINVAL);
}

static void size_limit(void) {
    struct rlimit limit = {100, RLIM_INFINITY};
    int fd = file_open();

    signal(SIGXFSZ, SIG_IGN);
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
    CHECK_EQ(pwrite(fd, "0123456789", 10, 95), 5);
    CHECK_FAILS(pwrite(fd, "x", 1, 100), EFBIG);
    CHECK_FAILS(ftruncate(fd, 101), EFBIG);
    CHECK_EQ(ftruncate(fd, 50), 0);
}

static void copies_inside_the_kernel(void) {
    off_t from = 2, at = 1;
    int in = file_open(), out, pair[2];
    char text[8] = "";

    CHECK_EQ(write(in, "0123456789", 10), 10);
    out = open("out", O_RDWR | O_CREAT, 0644);
    CHECK_EQ(sendfile(out, in, &from, 5), 5);
    CHECK_EQ(from, 7);
    CHECK(file_is("out", "23456"));
    CHECK_EQ(lseek(in, 0, SEEK_CUR), 10);
    CHECK_EQ(lseek(in, 0, SEEK_SET), 0);
    CHECK_EQ(sendfile(out, in, NULL, 100), 10);
    CHECK(file_is("out", "234560123456789"));
    CHECK_EQ(pipe(pair), 0);
    CHECK_EQ(lseek(in, 7, SEEK_SET), 7);
    CHECK_EQ(sendfile(pair[1], in, NULL, 100), 3);
    CHECK_EQ(read(pair[0], text, sizeof text), 3);
    CHECK_EQ(memcmp(text, "789", 3), 0);
    CHECK_FAILS(sendfile(out, pair[0], NULL, 1), EINVAL);
    CHECK_FAILS(sendfile(99, in, NULL, 1), EBADF);
    from = 0;
    CHECK_EQ(syscall(SYS_copy_file_range, in, &from, out, &at, 3, 0), 3);
    CHECK(file_is("out", "201260123456789"));
    CHECK_EQ(from, 3);
    CHECK_EQ(at, 4);
    CHECK_FAILS(syscall(SYS_copy_file_range, in, &from, out, &at, 3, 1), EINVAL);
}

static void whole_file_locks(void) {
    int one = file_open(), two = open("f", O_RDWR), copy = dup(one);

    CHECK_EQ(flock(one, LOCK_EX), 0);
    CHECK_FAILS(flock(two, LOCK_SH | LOCK_NB), EAGAIN);
    CHECK_EQ(flock(copy, LOCK_SH), 0);
    CHECK_EQ(flock(two, LOCK_SH | LOCK_NB), 0);
    CHECK_FAILS(flock(one, LOCK_EX | LOCK_NB), EAGAIN);
    CHECK_EQ(close(two), 0);
    CHECK_EQ(flock(one, LOCK_EX | LOCK_NB), 0);
    CHECK_FAILS(flock(one, 77), EINVAL);
    CHECK_FAILS(flock(99, LOCK_SH), EBADF);
}

static struct flock range(short type, off_t start, off_t length) {
    return (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
}

static void expect_locked(void *argument) {
    struct flock lock = range(F_WRLCK, 5, 1);
    int fd = open("f", O_RDWR);

    (void)argument;
    CHECK_FAILS(fcntl(fd, F_SETLK, &lock), EAGAIN);
    CHECK_EQ(fcntl(fd, F_GETLK, &lock), 0);
    CHECK_EQ(lock.l_type, F_WRLCK);
    CHECK_EQ(lock.l_start, 5);
    CHECK_EQ(lock.l_len, 5);
    CHECK_EQ(lock.l_pid, getppid());
    lock = range(F_WRLCK, 4, 1);
    CHECK_EQ(fcntl(fd, F_SETLK, &lock), 0);
    lock = range(F_WRLCK, 10, 0);
    CHECK_EQ(fcntl(fd, F_SETLK, &lock), 0);
}

static void expect_free(void *argument) {
    struct flock lock = range(F_WRLCK, 0, 0);
    int fd = open("f", O_RDWR);

    (void)argument;
    CHECK_EQ(fcntl(fd, F_SETLK, &lock), 0);
}

static void range_locks(void) {
    struct flock lock = range(F_WRLCK, 0, 20);
    int fd = file_open();

    CHECK_EQ(fcntl(fd, F_SETLK, &lock), 0);
    lock = range(F_UNLCK, 0, 5);
    CHECK_EQ(fcntl(fd, F_SETLK, &lock), 0);
    lock = range(F_UNLCK, 10, 0);
    CHECK_EQ(fcntl(fd, F_SETLK, &lock), 0);
    CHECK_CHILD_OK(expect_locked, NULL);
    CHECK_EQ(close(dup(fd)), 0);
    CHECK_CHILD_OK(expect_free, NULL);
    lock = range(9, 0, 1);
    CHECK_FAILS(fcntl(fd, F_SETLK, &lock), EINVAL);
    lock = range(F_RDLCK, -1, 1);
    CHECK_FAILS(fcntl(fd, F_SETLK, &lock), EINVAL);
    CHECK_FAILS(fcntl(fd, F_SETLK, (void *)8), EFAULT);
}

static void waiting_for_a_lock(void) {
    struct flock lock = range(F_WRLCK, 0, 1);
    int fd = file_open(), pair[2];
    char byte;
    pid_t pid;

    CHECK_EQ(pipe(pair), 0);
    CHECK_EQ(fcntl(fd, F_SETLK, &lock), 0);
    pid = fork();
    if (pid == 0) {
        CHECK_EQ(write(pair[1], "r", 1), 1);
        CHECK_EQ(fcntl(fd, F_SETLKW, &lock), 0);
        _exit(0);
    }
    CHECK_EQ(read(pair[0], &byte, 1), 1);
    usleep(20000);
    CHECK_EQ(waitpid(pid, NULL, WNOHANG), 0);
    lock.l_type = F_UNLCK;
    CHECK_EQ(fcntl(fd, F_SETLK, &lock), 0);
    CHECK_EQ(child_wait(pid), 0);
}

static void file_systems(void) {
    struct statfs sf;
    int fd = file_open();

    CHECK_EQ(statfs("f", &sf), 0);
    CHECK(sf.f_bsize > 0 && sf.f_namelen == 255);
    CHECK_EQ(fstatfs(fd, &sf), 0);
    CHECK_FAILS(statfs("none", &sf), ENOENT);
    CHECK_FAILS(fstatfs(99, &sf), EBADF);
    CHECK_FAILS(syscall(SYS_statfs, "f", 8), EFAULT);
    CHECK_EQ(fsync(fd), 0);
    CHECK_EQ(fdatasync(fd), 0);
    CHECK_FAILS(fsync(99), EBADF);
    CHECK_EQ(posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL), 0);
    CHECK_EQ(posix_fadvise(fd, 0, 0, 77), EINVAL);
}

static void unnamed_files(void) {
    char name[64];
    int fd;

    scratch_enter();
    fd = open(".", O_TMPFILE | O_RDWR, 0600);
    if (fd < 0 && errno == EOPNOTSUPP)
        SKIP("no O_TMPFILE here");
    CHECK(fd >= 0);
    CHECK_EQ(write(fd, "x", 1), 1);
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    CHECK_EQ(linkat(AT_FDCWD, name, AT_FDCWD, "named", AT_SYMLINK_FOLLOW), 0);
    CHECK(file_is("named", "x"));
    CHECK_FAILS(open(".", O_TMPFILE | O_RDONLY, 0600), EINVAL);
}

CHECK_MAIN({"positions", positions}, {"holes_read_zero", holes_read_zero},
           {"truncation", truncation}, {"vectors", vectors}, {"faulting_buffers", faulting_buffers},
           {"append_goes_to_the_end", append_goes_to_the_end},
           {"cache_is_what_is_mapped", cache_is_what_is_mapped},
           {"read_into_own_mapping", read_into_own_mapping}, {"data_and_holes", data_and_holes},
           {"allocation", allocation}, {"size_limit", size_limit},
           {"copies_inside_the_kernel", copies_inside_the_kernel},
           {"whole_file_locks", whole_file_locks}, {"range_locks", range_locks},
           {"waiting_for_a_lock", waiting_for_a_lock}, {"file_systems", file_systems},
           {"unnamed_files", unnamed_files})
