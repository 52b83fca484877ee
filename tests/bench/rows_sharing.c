/* SPDX-License-Identifier: MIT */
/*
 * bench: memory of other processes, and memory made to be shared.
 */

#define _GNU_SOURCE
#include "tests/bench/bench.h"

#include <fcntl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/uio.h>
#include <unistd.h>

#define SEGMENT_PAGES 16UL
#define SEGMENT_BYTES (SEGMENT_PAGES * PAGE_BYTES)

typedef ssize_t (*transfer)(pid_t, const struct iovec *, unsigned long, const struct iovec *,
                            unsigned long, unsigned long);

/* 1 MiB of a child's memory, once to warm up and then counted. */
static ticks transfer_mib(transfer call) {
    char *pages = pages_map(MIB / PAGE_BYTES);
    struct iovec here = {.iov_base = resident, .iov_len = MIB};
    struct iovec there = {.iov_base = pages, .iov_len = MIB};
    struct idler idler;
    ssize_t first, second;
    ticks start, result;

    pages_write(pages, MIB / PAGE_BYTES);
    idler = idler_start();
    first = call(idler.pid, &here, 1, &there, 1, 0);
    start = now();
    second = call(idler.pid, &here, 1, &there, 1, 0);
    result = now() - start;
    idler_end(idler);
    pages_unmap(pages, MIB / PAGE_BYTES);
    need(first == (ssize_t)MIB && second == (ssize_t)MIB, "process_vm_readv or writev");
    return per(result, MIB / 1024);
}

static ticks process_vm_read(void) {
    return transfer_mib(process_vm_readv);
}

static ticks process_vm_write(void) {
    return transfer_mib(process_vm_writev);
}

/* Sizes, maps and writes a file of its own, and closes it. */
static void segment_use(int fd) {
    char *pages;

    need(fd >= 0, "a file to share");
    need(ftruncate(fd, SEGMENT_BYTES) == 0, "ftruncate");
    pages = mmap(NULL, SEGMENT_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    need(pages != MAP_FAILED, "mmap of a shared file");
    pages_write(pages, SEGMENT_PAGES);
    munmap(pages, SEGMENT_BYTES);
    close(fd);
}

static ticks memfd(void) {
    ticks start = now();

    segment_use(memfd_create("bench", MFD_CLOEXEC));
    return per(now() - start, 1);
}

static ticks shm_posix(void) {
    static const char path[] = "/dev/shm/bench";
    ticks start;

    if (access("/dev/shm", W_OK) < 0)
        row_skip();
    start = now();
    segment_use(open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    unlink(path);
    return per(now() - start, 1);
}

static ticks shm_system_v(void) {
    ticks start = now();
    int id = shmget(IPC_PRIVATE, SEGMENT_BYTES, IPC_CREAT | 0600);
    char *pages;

    need(id >= 0, "shmget");
    pages = shmat(id, NULL, 0);
    need((intptr_t)pages != -1, "shmat");
    pages_write(pages, SEGMENT_PAGES);
    need(shmdt(pages) == 0, "shmdt");
    need(shmctl(id, IPC_RMID, NULL) == 0, "shmctl");
    return per(now() - start, 1);
}

static const struct row rows[] = {
    {"process_vm_readv", "process_vm_readv of 1 MiB, per KiB", process_vm_read, 3, BIG_PAGES,
     ROW_TIME},
    {"process_vm_writev", "process_vm_writev of 1 MiB, per KiB", process_vm_write, 3, BIG_PAGES,
     ROW_TIME},
    {"memfd", "memfd_create, size, map, write 16 pages, unmap, close", memfd, 5, 0, ROW_TIME},
    {"shm_posix", "a file in /dev/shm: the same calls, and unlink", shm_posix, 5, 0, ROW_TIME},
    {"shm_system_v", "shmget, shmat, write 16 pages, shmdt, `IPC_RMID`", shm_system_v, 5, 0,
     ROW_TIME},
};

const struct rows sharing_rows = ROWS("Shared between processes", rows);
