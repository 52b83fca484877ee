/* SPDX-License-Identifier: MIT */
/*
 * POSIX shared memory: shm_open(3), ftruncate, mmap, shm_unlink, over the tmpfs at /dev/shm.
 *
 * The library does the work, so it is a program with musl, test_posixshm.c, and one with glibc.
 */
#ifndef TESTS_USER_POSIXSHM_H
#define TESTS_USER_POSIXSHM_H

#include "facts.h"

#include <semaphore.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#define RW (PROT_READ | PROT_WRITE)
#define BYTES (4 * PAGE_BYTES)
#define TMPFS_MAGIC 0x01021994

static const char *name_of(void) {
    static char name[64];

    snprintf(name, sizeof name, "/quire-%d", getpid());
    return name;
}

static int memory_make(void) {
    int fd = shm_open(name_of(), O_RDWR | O_CREAT | O_EXCL, 0600);

    CHECK(fd >= 0);
    CHECK_EQ(ftruncate(fd, BYTES), 0);
    return fd;
}

static char *memory_map(int fd, int protection) {
    char *start = mmap(NULL, BYTES, protection, MAP_SHARED, fd, 0);

    CHECK(start != MAP_FAILED);
    return start;
}

static void lies_in_a_tmpfs(void) {
    struct stat st, dev;
    struct statfs fs;

    CHECK_EQ(stat("/dev/shm", &st) | stat("/dev", &dev) | statfs("/dev/shm", &fs), 0);
    CHECK_EQ(st.st_mode, S_IFDIR | 01777);
    CHECK_EQ(fs.f_type, TMPFS_MAGIC);
    CHECK(st.st_dev != dev.st_dev);
}

static void open_and_unlink(void) {
    const char *name = name_of();
    struct stat st;
    int fd;

    CHECK_FAILS(shm_open(name, O_RDWR, 0600), ENOENT);
    CHECK_FAILS(shm_unlink(name), ENOENT);
    fd = memory_make();
    CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(fstat(fd, &st), 0);
    CHECK_EQ(st.st_mode, S_IFREG | 0600);
    CHECK_EQ(st.st_size, BYTES);
    CHECK_FAILS(shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600), EEXIST);
    CHECK(shm_open(name, O_RDWR | O_CREAT, 0600) >= 0);
    CHECK_FAILS(shm_open("/a/b", O_RDWR | O_CREAT, 0600), EINVAL);
    CHECK_EQ(shm_unlink(name), 0);
    CHECK_FAILS(shm_unlink(name), ENOENT);
    CHECK_FAILS(shm_open(name, O_RDWR, 0600), ENOENT);
}

/* By processes that know only the name, and after the name is gone. */
static void memory_is_shared(void) {
    int fd = memory_make();
    char *start = memory_map(fd, RW);
    const char *name = name_of();

    close(fd);
    start[PAGE_BYTES] = 'p';
    if (fork() == 0) {
        char *theirs = memory_map(shm_open(name, O_RDWR, 0), RW);
        CHECK_EQ(theirs[PAGE_BYTES], 'p');
        CHECK_EQ(shm_unlink(name), 0);
        theirs[2 * PAGE_BYTES] = 'c';
        _exit(0);
    }
    CHECK(wait(NULL) > 0);
    CHECK_EQ(start[2 * PAGE_BYTES], 'c');
    CHECK_FAILS(shm_open(name, O_RDWR, 0600), ENOENT);
}

static void readers_do_not_write(void) {
    char *writable = memory_map(memory_make(), RW), *start;
    int fd = shm_open(name_of(), O_RDONLY, 0);

    CHECK_EQ(shm_unlink(name_of()), 0);
    CHECK_FAILS((long)mmap(NULL, BYTES, RW, MAP_SHARED, fd, 0), EACCES);
    start = memory_map(fd, PROT_READ);
    writable[0] = 'w';
    CHECK_EQ(start[0], 'w');
    CHECK_FAILS(ftruncate(fd, 0), EINVAL);
    CHECK_FAILS(mprotect(start, BYTES, RW), EACCES);
}

static void truncated_and_grown(void) {
    int fd = memory_make();
    char *start = memory_map(fd, RW);

    CHECK_EQ(shm_unlink(name_of()), 0);
    pages_write(start, 4, 'x');
    CHECK_EQ(shm_open(name_of(), O_RDWR | O_TRUNC, 0600), -1);
    CHECK_EQ(ftruncate(fd, PAGE_BYTES), 0);
    CHECK_EQ(ftruncate(fd, BYTES), 0);
    CHECK_EQ(start[0], 'x');
    CHECK_EQ(start[PAGE_BYTES], 0);
}

static void maps_name_it(void) {
    char *start = memory_map(memory_make(), RW), path[80];
    struct area area;

    snprintf(path, sizeof path, "/dev/shm%s", name_of());
    CHECK(area_find(start, &area));
    CHECK(strcmp(area.name, path) == 0);
    CHECK(strcmp(area.rights, "rw-s") == 0);
    CHECK_EQ(shm_unlink(name_of()), 0);
}

static void strangers_are_kept_out(void) {
    int status;

    if (geteuid() != 0)
        SKIP("needs root");
    memory_make();
    if (fork() == 0) {
        const char *name = strdup(name_of()); /* of another process: not there */
        char theirs[64];

        snprintf(theirs, sizeof theirs, "/quire-%d", getppid());
        CHECK_EQ(setgid(1234) | setuid(1234), 0);
        CHECK_FAILS(shm_open(theirs, O_RDONLY, 0), EACCES);
        CHECK_FAILS(shm_open(theirs, O_RDWR, 0), EACCES);
        CHECK_EQ(shm_unlink(theirs), -1);
        CHECK(errno == EACCES || errno == EPERM);
        CHECK(shm_open(name, O_RDWR | O_CREAT, 0600) >= 0);
        CHECK_EQ(shm_unlink(name), 0);
        _exit(0);
    }
    CHECK(wait(&status) > 0);
    CHECK_EQ(status, 0);
    CHECK_EQ(shm_unlink(name_of()), 0);
}

/* A semaphore in the memory, waited for by a futex between processes; and one with a name. */
static void semaphores_work(void) {
    sem_t *here = (sem_t *)(void *)memory_map(memory_make(), RW), *named;
    char name[64];

    CHECK_EQ(shm_unlink(name_of()), 0);
    snprintf(name, sizeof name, "/quire-sem-%d", getpid());
    CHECK_EQ(sem_init(here, 1, 0), 0);
    named = sem_open(name, O_CREAT | O_EXCL, 0600, 0);
    CHECK(named != SEM_FAILED);
    CHECK_EQ(sem_unlink(name), 0);
    if (fork() == 0) {
        CHECK_EQ(sem_wait(here), 0);
        CHECK_EQ(sem_post(named), 0);
        _exit(0);
    }
    usleep(20000);
    CHECK_EQ(sem_post(here), 0);
    CHECK_EQ(sem_wait(named), 0);
    CHECK(wait(NULL) > 0);
    CHECK_EQ(sem_close(named), 0);
}

static void memory_comes_back(void) {
    struct memory_use before = memory_use();

    frames_exact_or_skip();
    for (int round = 0; round < 4; round++) {
        int fd = memory_make();
        char *start = memory_map(fd, RW);

        pages_write(start, 4, 'm');
        close(fd);
        CHECK_EQ(shm_unlink(name_of()), 0);
        CHECK_EQ(memory_use().files,
                 before.files + (round ? 4 : memory_use().files - before.files));
        CHECK_EQ(munmap(start, BYTES), 0);
        if (round > 1)
            CHECK_MEMORY_SAME(memory_use(), before);
        before = memory_use();
    }
}

CHECK_MAIN({"lies_in_a_tmpfs", lies_in_a_tmpfs}, {"open_and_unlink", open_and_unlink},
           {"memory_is_shared", memory_is_shared}, {"readers_do_not_write", readers_do_not_write},
           {"truncated_and_grown", truncated_and_grown}, {"maps_name_it", maps_name_it},
           {"strangers_are_kept_out", strangers_are_kept_out}, {"semaphores_work", semaphores_work},
           {"memory_comes_back", memory_comes_back})

#endif
