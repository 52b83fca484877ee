/* SPDX-License-Identifier: MIT */
/*
 * /dev: null, zero, full, random, urandom, and mapping zero (row B7 in part).
 */
#include "facts.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>

#define NOBODY ((void *)8) /* an address where nothing is */

static int device_open(const char *path) {
    int fd = open(path, O_RDWR);

    CHECK(fd >= 0);
    return fd;
}

static void numbers(void) {
    static const struct {
        const char *path;
        unsigned minor;
    } devices[] = {{"/dev/null", 3},
                   {"/dev/zero", 5},
                   {"/dev/full", 7},
                   {"/dev/random", 8},
                   {"/dev/urandom", 9}};
    struct stat info;

    for (size_t i = 0; i < COUNT_OF(devices); i++) {
        CHECK_EQ(stat(devices[i].path, &info), 0);
        CHECK(S_ISCHR(info.st_mode));
        CHECK_EQ(major(info.st_rdev), 1);
        CHECK_EQ(minor(info.st_rdev), devices[i].minor);
    }
}

static void null(void) {
    char bytes[16];
    int fd = device_open("/dev/null");

    CHECK_EQ(write(fd, bytes, 16), 16);
    CHECK_EQ(read(fd, bytes, 16), 0);
    CHECK_EQ(lseek(fd, 1000, SEEK_SET), 0);
    CHECK_EQ(write(fd, NOBODY, 16), 16); /* it never looks */
    close(fd);
    fd = open("/dev/null", O_WRONLY | O_CREAT | O_TRUNC, 0666);
    CHECK(fd >= 0);
    CHECK_FAILS(read(fd, bytes, 1), EBADF);
}

static void zero(void) {
    static char bytes[100000];
    int fd = device_open("/dev/zero");

    memset(bytes, 1, sizeof bytes);
    CHECK_EQ(read(fd, bytes, sizeof bytes - 1), sizeof bytes - 1);
    for (size_t i = 0; i < sizeof bytes - 1; i++)
        CHECK_EQ(bytes[i], 0);
    CHECK_EQ(bytes[sizeof bytes - 1], 1);
    CHECK_EQ(write(fd, bytes, 10), 10);
    CHECK_FAILS(read(fd, NOBODY, 10), EFAULT);
    struct iovec parts[2] = {{bytes, 3}, {bytes + 99990, 10}};
    CHECK_EQ(readv(fd, parts, 2), 13);
    CHECK_EQ(bytes[sizeof bytes - 1], 0);
}

static void full(void) {
    char byte = 1;
    int fd = device_open("/dev/full");

    CHECK_FAILS(write(fd, &byte, 1), ENOSPC);
    CHECK_EQ(read(fd, &byte, 1), 1);
    CHECK_EQ(byte, 0);
}

static void random_bytes(void) {
    static unsigned char first[4096], second[4096];
    int fd = device_open("/dev/urandom"), other = device_open("/dev/random");
    int counts[256] = {0};

    CHECK_EQ(read(fd, first, sizeof first), sizeof first);
    CHECK_EQ(read(other, second, 256), 256);
    CHECK(memcmp(first, second, 256) != 0);
    for (size_t i = 0; i < sizeof first; i++)
        counts[first[i]]++;
    for (int i = 0; i < 256; i++)
        CHECK(counts[i] < 60); /* 16 are expected of each */
    CHECK_EQ(write(fd, "stir", 4), 4);
}

static void zero_mapped_private(void) {
    int fd = device_open("/dev/zero");
    char *map = mmap(NULL, 3 * PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);

    CHECK(map != MAP_FAILED);
    close(fd);
    for (size_t i = 0; i < 3 * PAGE_BYTES; i++)
        CHECK_EQ(map[i], 0);
    map[PAGE_BYTES] = 7;
    pid_t child = fork();
    if (child == 0) {
        CHECK_EQ(map[PAGE_BYTES], 7);
        map[PAGE_BYTES] = 8;
        _exit(0);
    }
    CHECK_EQ(child_wait(child), 0);
    CHECK_EQ(map[PAGE_BYTES], 7);
}

static void zero_mapped_shared(void) {
    int fd = device_open("/dev/zero");
    volatile char *map = mmap(NULL, 2 * PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    volatile char *other = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    CHECK(map != MAP_FAILED && other != MAP_FAILED);
    pid_t child = fork();
    if (child == 0) {
        map[PAGE_BYTES] = 9;
        _exit(0);
    }
    CHECK_EQ(child_wait(child), 0);
    CHECK_EQ(map[PAGE_BYTES], 9);
    CHECK_EQ(map[0], 0);
    CHECK_EQ(other[0], 0); /* each mapping has its own memory */
    map[0] = 1;
    CHECK_EQ(other[0], 0);
}

static void not_mappable(void) {
    int fd = device_open("/dev/null");

    CHECK_FAILS(mmap(NULL, PAGE_BYTES, PROT_READ, MAP_PRIVATE, fd, 0), ENODEV);
}

static void links(void) {
    char text[64];
    int pair[2];

    CHECK_EQ(readlink("/dev/fd", text, sizeof text), 13);
    CHECK_EQ(strncmp(text, "/proc/self/fd", 13), 0);
    CHECK_EQ(pipe(pair), 0);
    CHECK_EQ(dup2(pair[0], 0), 0);
    CHECK_EQ(write(pair[1], "x", 1), 1);
    int fd = open("/dev/stdin", O_RDONLY);
    CHECK(fd >= 0);
    CHECK_EQ(read(fd, text, 1), 1);
    CHECK_EQ(text[0], 'x');
}

static void shared_memory_directory(void) {
    int fd = open("/dev/shm/quire-test", O_RDWR | O_CREAT | O_EXCL, 0600);

    CHECK(fd >= 0);
    CHECK_EQ(unlink("/dev/shm/quire-test"), 0);
    CHECK_EQ(ftruncate(fd, 2 * PAGE_BYTES), 0);
    volatile char *map = mmap(NULL, 2 * PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(map != MAP_FAILED);
    map[5000] = 'y';
    char byte;
    CHECK_EQ(pread(fd, &byte, 1, 5000), 1);
    CHECK_EQ(byte, 'y');
}

static void no_device(void) {
    char path[] = "/tmp/nodeXXXXXX";

    CHECK(mkdtemp(path) != NULL);
    CHECK_EQ(chdir(path), 0);
    if (mknod("none", S_IFCHR | 0600, makedev(1, 200)) != 0)
        SKIP("may not make device nodes here");
    CHECK_FAILS(open("none", O_RDWR), ENXIO);
    CHECK_EQ(unlink("none"), 0);
    rmdir(path);
}

CHECK_MAIN({"numbers", numbers}, {"null", null}, {"zero", zero}, {"full", full},
           {"random_bytes", random_bytes}, {"zero_mapped_private", zero_mapped_private},
           {"zero_mapped_shared", zero_mapped_shared}, {"not_mappable", not_mappable},
           {"links", links}, {"shared_memory_directory", shared_memory_directory},
           {"no_device", no_device});
