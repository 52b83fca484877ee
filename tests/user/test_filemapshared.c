/* SPDX-License-Identifier: MIT */
/*
 * Shared file mappings: one memory with read and write, ends, rights, msync(2).
 *
 * Rows B3, B5: what is written to MAP_SHARED reaches the file and everybody who maps it; what lies
 * beyond the end is SIGBUS for the program and EFAULT for the kernel's copies, in private mappings
 * as well; the rest of the last page reads zero, also when the file grows over what a mapping left
 * there. Weenix's groups: one file mapped many times, mapping past the end.
 */
#include "catch.h"
#include "facts.h"

#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#define RW (PROT_READ | PROT_WRITE)
#define PAGES 6
#define BYTES (PAGES * PAGE_BYTES)
#define SHARED_VALIDATE 3
#define SYNC 0x80000

static char path[64];

/* A file of `bytes` zeroes; `path` is its name. */
static int file_make(size_t bytes) {
    int fd;

    strcpy(path, "/tmp/shared-XXXXXX");
    fd = mkstemp(path);
    CHECK(fd >= 0);
    CHECK_EQ(ftruncate(fd, (off_t)bytes), 0);
    return fd;
}

/* The same, without a name to be left behind. */
static int file_of(size_t bytes) {
    int fd = file_make(bytes);

    CHECK_EQ(unlink(path), 0);
    return fd;
}

static char *file_map(int fd, int protection, int flags, off_t offset) {
    char *start = mmap(NULL, BYTES, protection, flags, fd, offset);

    CHECK(start != MAP_FAILED);
    return start;
}

static char *shared(int fd) {
    return file_map(fd, RW, MAP_SHARED, 0);
}

static char byte_at(int fd, off_t at) {
    char byte;

    CHECK_EQ(pread(fd, &byte, 1, at), 1);
    return byte;
}

static bool all_zero(const char *start, size_t from, size_t to) {
    for (size_t i = from; i < to; i++)
        if (start[i])
            return false;
    return true;
}

/* ---- one memory ---- */

static void read_and_write_see_it(void) {
    int fd = file_of(BYTES);
    char *start = shared(fd);

    start[PAGE_BYTES] = 'm';
    CHECK_EQ(byte_at(fd, PAGE_BYTES), 'm');
    CHECK_EQ(pwrite(fd, "ww", 2, PAGE_BYTES - 1), 2);
    CHECK_EQ(start[PAGE_BYTES - 1], 'w');
    CHECK_EQ(start[PAGE_BYTES], 'w');
    start[PAGE_BYTES] = 'n';
    CHECK_EQ(byte_at(fd, PAGE_BYTES), 'n');
    CHECK_EQ(byte_at(fd, 2 * PAGE_BYTES), 0);
}

/* The file has it when mapping and descriptor are gone, without an msync. */
static void writes_reach_the_file(void) {
    int fd = file_make(BYTES);
    char *start = shared(fd);

    close(fd);
    pages_write(start, PAGES, 'f');
    CHECK_EQ(munmap(start, BYTES), 0);
    fd = open(path, O_RDONLY);
    unlink(path);
    for (off_t i = 0; i < PAGES; i++)
        CHECK_EQ(byte_at(fd, i * (off_t)PAGE_BYTES), 'f');
    CHECK_EQ(byte_at(fd, 1), 0);
}

/* By processes that have nothing in common but the file's name. */
static void strangers_share_it(void) {
    int fd = file_make(BYTES);

    if (fork() == 0) {
        char *start = shared(open(path, O_RDWR));
        start[3] = 's';
        _exit(0);
    }
    CHECK(wait(NULL) > 0);
    CHECK_EQ(unlink(path), 0);
    CHECK_EQ(shared(fd)[3], 's');
}

static void mapped_many_times(void) {
    enum { TIMES = 50 };
    int fd = file_of(BYTES);
    char *starts[TIMES];

    for (int i = 0; i < TIMES; i++)
        starts[i] = file_map(fd, RW, i % 5 == 4 ? MAP_PRIVATE : MAP_SHARED, 0);
    for (int i = 0; i < TIMES; i++) {
        starts[i][PAGE_BYTES] = (char)(i + 1);
        CHECK_EQ(starts[(i + 5) % TIMES][PAGE_BYTES] == i + 1, i % 5 != 4);
    }
    for (int i = 0; i < TIMES; i += 2)
        CHECK_EQ(munmap(starts[i], BYTES), 0);
    starts[1][0] = 'l';
    CHECK_EQ(starts[3][0], 'l');
    CHECK_EQ(byte_at(fd, PAGE_BYTES), TIMES - 1);
}

/* Each page of the file at every place: offsets are counted in the file. */
static void mapped_at_every_offset(void) {
    int fd = file_of(BYTES);

    for (off_t page = 0; page < PAGES; page++)
        CHECK_EQ(pwrite(fd, &(char){(char)('a' + page)}, 1, page * (off_t)PAGE_BYTES), 1);
    for (off_t page = 0; page < PAGES; page++) {
        char *start = file_map(fd, RW, MAP_SHARED, page * (off_t)PAGE_BYTES);

        CHECK_EQ(start[0], 'a' + page);
        start[1] = (char)('A' + page);
        CHECK_EQ(byte_at(fd, page * (off_t)PAGE_BYTES + 1), 'A' + page);
    }
}

static void shared_and_private_of_one_file(void) {
    int fd = file_of(BYTES);
    char *private = file_map(fd, RW, MAP_PRIVATE, 0), *start = shared(fd);

    start[0] = 'a';
    CHECK_EQ(private[0], 'a');
    private[1] = 'p';
    CHECK_EQ(start[1], 0);
    start[2] = 'b';
    CHECK_EQ(private[2], 0); /* copied by then */
    start[PAGE_BYTES] = 'c';
    CHECK_EQ(private[PAGE_BYTES], 'c');
}

/* The source of a write and the target of a read are the file's own pages. */
static void file_copied_onto_itself(void) {
    int fd = file_of(BYTES);
    char *start = shared(fd);

    memset(start, 'x', PAGE_BYTES);
    CHECK_EQ(pwrite(fd, start, PAGE_BYTES, 2 * PAGE_BYTES + 10), PAGE_BYTES);
    CHECK_EQ(start[2 * PAGE_BYTES + 9], 0);
    CHECK_EQ(start[3 * PAGE_BYTES + 9], 'x');
    CHECK_EQ(pread(fd, start + 4 * PAGE_BYTES, PAGE_BYTES, 0), PAGE_BYTES);
    CHECK_EQ(start[5 * PAGE_BYTES - 1], 'x');
    CHECK_EQ(pwrite(fd, start, 100, 0), 100);
    CHECK_EQ(start[99], 'x');
}

/* ---- ends ---- */

static void mapping_past_the_end(void) {
    int fd = file_of(PAGE_BYTES + 10);
    char *start = shared(fd);
    struct stat st;

    start[PAGE_BYTES + 9] = 'l';
    start[PAGE_BYTES + 10] = 'b'; /* there is memory to the end of the page, and no file */
    CHECK_EQ(fault_of(access_read, start + 2 * PAGE_BYTES).number, SIGBUS);
    CHECK_EQ(fault_of(access_write, start + 2 * PAGE_BYTES).number, SIGBUS);
    CHECK_EQ(fault_of(access_read, start + BYTES - 1).code, BUS_ADRERR);
    CHECK_EQ(fstat(fd, &st), 0);
    CHECK_EQ(st.st_size, PAGE_BYTES + 10);
    start = file_map(fd, RW, MAP_SHARED, BYTES); /* wholly behind */
    CHECK_EQ(fault_of(access_read, start).number, SIGBUS);
    CHECK_EQ(ftruncate(fd, BYTES + 1), 0);
    start[0] = 'n';
    CHECK_EQ(byte_at(fd, BYTES), 'n');
}

static void truncation_is_sigbus(void) {
    int fd = file_of(BYTES);
    char *start = shared(fd), *private = file_map(fd, RW, MAP_PRIVATE, 0);

    pages_write(start, PAGES, 't');
    private[4 * PAGE_BYTES] = 'p';
    CHECK_EQ(private[3 * PAGE_BYTES], 't');
    CHECK_EQ(ftruncate(fd, 2 * PAGE_BYTES + 5), 0);
    CHECK_EQ(start[2 * PAGE_BYTES], 't');
    CHECK_EQ(fault_of(access_read, start + 3 * PAGE_BYTES).number, SIGBUS);
    CHECK_EQ(fault_of(access_write, start + 5 * PAGE_BYTES).number, SIGBUS);
    CHECK_EQ(fault_of(access_read, private + 3 * PAGE_BYTES).number, SIGBUS);
    CHECK_EQ(fault_of(access_write, private + 3 * PAGE_BYTES).number, SIGBUS);
    CHECK_EQ(fault_of(access_read, private + 4 * PAGE_BYTES).number, SIGBUS);
    CHECK_EQ(ftruncate(fd, BYTES), 0);
    for (size_t page = 3; page < PAGES; page++) {
        CHECK_EQ(start[page * PAGE_BYTES], 0);
        CHECK_EQ(private[page * PAGE_BYTES], 0);
    }
}

/* In another process, while it runs. */
static void truncation_reaches_others(void) {
    int fd = file_of(BYTES), ready[2], go[2];
    char *start = shared(fd), byte;
    pid_t child;

    pages_write(start, PAGES, 't');
    CHECK_EQ(pipe(ready) | pipe(go), 0);
    child = fork();
    if (child == 0) {
        CHECK_EQ(start[PAGE_BYTES], 't');
        CHECK_EQ(write(ready[1], "", 1), 1);
        CHECK_EQ(read(go[0], &byte, 1), 1);
        _exit(fault_of(access_read, start + PAGE_BYTES).number == SIGBUS ? 0 : 1);
    }
    CHECK_EQ(read(ready[0], &byte, 1), 1);
    CHECK_EQ(ftruncate(fd, 1), 0);
    CHECK_EQ(write(go[1], "", 1), 1);
    CHECK_EQ(child_wait(child), 0);
}

/* Copies that the kernel makes for a program fail where its own accesses would be SIGBUS. */
static void kernel_copies_are_efault(void) {
    int fd = file_of(BYTES), other = file_of(BYTES), pair[2];
    char *start = shared(fd), *private = file_map(fd, RW, MAP_PRIVATE, 0);

    CHECK_EQ(pipe(pair), 0);
    CHECK_EQ(private[PAGE_BYTES] + start[PAGE_BYTES], 0);
    CHECK_EQ(ftruncate(fd, PAGE_BYTES), 0);
    CHECK_FAILS(write(pair[1], start + PAGE_BYTES, 1), EFAULT);
    CHECK_FAILS(write(pair[1], private + PAGE_BYTES, 1), EFAULT);
    CHECK_FAILS(syscall(SYS_fstat, fd, start + PAGE_BYTES), EFAULT);
    CHECK_FAILS(pread(other, start + PAGE_BYTES, 1, 0), EFAULT);
    CHECK_FAILS(pread(other, private + PAGE_BYTES, 1, 0), EFAULT);
    CHECK_FAILS(pwrite(other, start + PAGE_BYTES, 1, 0), EFAULT);
    CHECK_FAILS(open(start + PAGE_BYTES, O_RDONLY), EFAULT);
    CHECK_EQ(pread(other, start + PAGE_BYTES - 10, 20, 0), 10);
    CHECK_EQ(pwrite(other, start + PAGE_BYTES - 10, 20, 0), 10);
}

/* ---- the rest of the last page ---- */

/* The end moves from 100 to 1000 in some way, over bytes that a mapping wrote. */
static void tail_is_cleared(int (*grow)(int fd)) {
    int fd = file_of(100);
    char *start = shared(fd);

    memset(start, 'g', PAGE_BYTES);
    CHECK_EQ(grow(fd), 0);
    CHECK_EQ(start[99], 'g');
    CHECK(all_zero(start, 100, 900));
    CHECK(all_zero(start, 901, 1000));
    CHECK_EQ(byte_at(fd, 100), 0);
    CHECK_EQ(byte_at(fd, 899), 0);
    CHECK_EQ(byte_at(fd, 999), 0);
    CHECK_EQ(ftruncate(fd, BYTES), 0);
    CHECK(all_zero(start, 1000, 2 * PAGE_BYTES));
}

static int grow_by_truncate(int fd) {
    return ftruncate(fd, 1000);
}

static int grow_by_write(int fd) {
    CHECK_EQ(pwrite(fd, "w", 1, 900), 1);
    return ftruncate(fd, 1000);
}

static int grow_by_allocate(int fd) {
    return fallocate(fd, 0, 500, 500);
}

static int grow_by_append(int fd) {
    static char zeroes[900];

    CHECK(lseek(fd, 0, SEEK_END) == 100);
    CHECK_EQ(write(fd, zeroes, 400), 400);
    CHECK_EQ(write(fd, zeroes, 500), 500);
    return 0;
}

static void growing_clears_the_tail(void) {
    tail_is_cleared(grow_by_truncate);
    tail_is_cleared(grow_by_write);
    tail_is_cleared(grow_by_allocate);
    tail_is_cleared(grow_by_append);
}

/* A write far behind the end, and one that fails half-way. */
static void growing_by_writes(void) {
    char *source = pages_map(2, RW);
    int fd = file_of(10);
    char *start = shared(fd);
    struct stat st;

    memset(start, 'g', PAGE_BYTES);
    memset(source, 's', PAGE_BYTES);
    CHECK_EQ(munmap(source + PAGE_BYTES, PAGE_BYTES), 0);
    CHECK_FAILS(pwrite(fd, source + PAGE_BYTES, 10, 10), EFAULT);
    CHECK_EQ(fstat(fd, &st), 0);
    CHECK_EQ(st.st_size, 10);
    CHECK_EQ(pwrite(fd, source + PAGE_BYTES - 5, 10, 20), 5);
    CHECK_EQ(fstat(fd, &st), 0);
    CHECK_EQ(st.st_size, 25);
    CHECK(all_zero(start, 10, 20));
    CHECK_EQ(start[24], 's');
    CHECK_EQ(pwrite(fd, "x", 1, 3 * PAGE_BYTES), 1);
    CHECK(all_zero(start, 25, 3 * PAGE_BYTES));
    CHECK_EQ(start[3 * PAGE_BYTES], 'x');
}

static void shrinking_clears_the_tail(void) {
    int fd = file_of(BYTES);
    char *start = shared(fd);

    memset(start, 's', 2 * PAGE_BYTES);
    CHECK_EQ(ftruncate(fd, 50), 0);
    CHECK_EQ(start[49], 's');
    CHECK(all_zero(start, 50, PAGE_BYTES));
    CHECK_EQ(ftruncate(fd, BYTES), 0);
    CHECK(all_zero(start, 50, BYTES));
}

/* ---- rights ---- */

static void shared_of_a_reader(void) {
    int fd = file_make(BYTES), reader = open(path, O_RDONLY), writer = open(path, O_WRONLY);
    char *start, *seen = shared(fd);

    CHECK_EQ(unlink(path), 0);
    CHECK_FAILS((long)mmap(NULL, BYTES, RW, MAP_SHARED, reader, 0), EACCES);
    CHECK_FAILS((long)mmap(NULL, BYTES, PROT_WRITE, MAP_SHARED, reader, 0), EACCES);
    CHECK_FAILS((long)mmap(NULL, BYTES, RW, SHARED_VALIDATE, reader, 0), EACCES);
    CHECK_FAILS((long)mmap(NULL, BYTES, RW, MAP_SHARED, writer, 0), EACCES);
    CHECK_FAILS((long)mmap(NULL, BYTES, PROT_WRITE, MAP_SHARED, writer, 0), EACCES);
    CHECK_FAILS((long)mmap(NULL, BYTES, PROT_READ, MAP_PRIVATE, writer, 0), EACCES);
    CHECK_FAILS((long)mmap(NULL, BYTES, PROT_NONE, MAP_SHARED, writer, 0), EACCES);
    start = file_map(reader, PROT_READ, MAP_SHARED, 0);
    seen[0] = 'w';
    CHECK_EQ(start[0], 'w');
    CHECK(!can_write(start));
    CHECK_FAILS(mprotect(start, BYTES, RW), EACCES);
    CHECK_FAILS(mprotect(start + PAGE_BYTES, PAGE_BYTES, PROT_WRITE), EACCES);
    CHECK_EQ(mprotect(start, BYTES, PROT_NONE), 0);
    CHECK_EQ(mprotect(start, BYTES, PROT_READ), 0);
    CHECK_FAILS(pread(fd, start, 1, 0), EFAULT);
}

static void private_of_a_reader(void) {
    int fd = file_make(BYTES), reader = open(path, O_RDONLY);
    char *start = file_map(reader, RW, MAP_PRIVATE, 0);
    char *later = file_map(reader, PROT_READ, MAP_PRIVATE, 0);

    CHECK_EQ(unlink(path), 0);
    start[0] = 'p';
    CHECK_EQ(mprotect(later, BYTES, RW), 0);
    later[0] = 'q';
    CHECK_EQ(byte_at(fd, 0), 0);
    CHECK_EQ(start[0], 'p');
}

static void flags_are_validated(void) {
    int fd = file_of(BYTES), directory = open("/tmp", O_RDONLY), name = open("/tmp", O_PATH);
    char *start = file_map(fd, RW, SHARED_VALIDATE, 0);

    start[0] = 'v';
    CHECK_EQ(byte_at(fd, 0), 'v');
    CHECK(mmap(NULL, BYTES, RW, SHARED_VALIDATE | MAP_POPULATE, fd, 0) != MAP_FAILED);
    CHECK_FAILS((long)mmap(NULL, BYTES, RW, SHARED_VALIDATE | SYNC, fd, 0), EOPNOTSUPP);
    CHECK_FAILS((long)mmap(NULL, BYTES, RW, SHARED_VALIDATE | 1 << 22, fd, 0), EOPNOTSUPP);
    CHECK(mmap(NULL, BYTES, RW, MAP_SHARED | 1 << 22, fd, 0) != MAP_FAILED); /* as ever */
    CHECK_FAILS((long)mmap(NULL, BYTES, RW, 0, fd, 0), EINVAL);
    CHECK_FAILS((long)mmap(NULL, BYTES, RW, 4, fd, 0), EINVAL);
    CHECK_FAILS((long)mmap(NULL, 0, RW, MAP_SHARED, fd, 0), EINVAL);
    CHECK_FAILS((long)mmap(NULL, BYTES, RW, MAP_SHARED, 99, 0), EBADF);
    CHECK_FAILS((long)mmap(NULL, BYTES, PROT_READ, MAP_SHARED, name, 0), EBADF);
    CHECK_FAILS((long)mmap(NULL, BYTES, PROT_READ, MAP_SHARED, directory, 0), ENODEV);
}

/* ---- msync ---- */

static void msync_arguments(void) {
    int fd = file_of(BYTES);
    char *start = shared(fd);

    CHECK_EQ(msync(start, BYTES, MS_SYNC), 0);
    CHECK_EQ(msync(start, BYTES, MS_ASYNC), 0);
    CHECK_EQ(msync(start, BYTES, MS_INVALIDATE), 0);
    CHECK_EQ(msync(start, BYTES, MS_SYNC | MS_INVALIDATE), 0);
    CHECK_EQ(msync(start, BYTES, 0), 0);
    CHECK_EQ(msync(start, 1, MS_SYNC), 0);
    CHECK_EQ(msync(start, 0, MS_SYNC), 0);
    CHECK_FAILS(msync(start, BYTES, MS_SYNC | MS_ASYNC), EINVAL);
    CHECK_FAILS(msync(start, 0, MS_SYNC | MS_ASYNC), EINVAL);
    CHECK_FAILS(msync(start, BYTES, 8), EINVAL);
    CHECK_FAILS(msync(start, BYTES, -1), EINVAL);
    CHECK_FAILS(msync(start + 1, BYTES, MS_SYNC), EINVAL);
    CHECK_FAILS(msync(start + 1, 0, MS_SYNC), EINVAL);
    CHECK_FAILS(msync(start, -1UL - PAGE_BYTES, MS_SYNC), ENOMEM);
    CHECK_FAILS(msync((char *)-PAGE_BYTES, 2 * PAGE_BYTES, MS_SYNC), ENOMEM);
    CHECK_EQ(msync((char *)-PAGE_BYTES, 0, MS_SYNC), 0);
    CHECK_EQ(munmap(start + PAGE_BYTES, PAGE_BYTES), 0);
    CHECK_FAILS(msync(start, BYTES, MS_SYNC), ENOMEM);
    CHECK_FAILS(msync(start + PAGE_BYTES, PAGE_BYTES, MS_ASYNC), ENOMEM);
    CHECK_FAILS(msync(start + PAGE_BYTES, 2 * PAGE_BYTES, MS_SYNC), ENOMEM);
    CHECK_EQ(msync(start, PAGE_BYTES, MS_SYNC), 0);
}

/* Memory of any kind, whatever its rights. */
static void msync_of_other_memory(void) {
    char *start = pages_map(2, RW);

    CHECK_EQ(msync(start, 2 * PAGE_BYTES, MS_SYNC), 0);
    CHECK_EQ(mprotect(start, PAGE_BYTES, PROT_NONE), 0);
    CHECK_EQ(msync(start, 2 * PAGE_BYTES, MS_SYNC), 0);
}

/* ---- limits ---- */

/* fallocate is held to RLIMIT_FSIZE, with the signal and without. */
static void allocation_is_limited(void) {
    struct rlimit limit = {2 * PAGE_BYTES, 2 * PAGE_BYTES};
    int fd = file_of(PAGE_BYTES);
    struct stat st;

    CHECK(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
    CHECK_EQ(fallocate(fd, 0, 0, 2 * PAGE_BYTES), 0);
    CHECK_FAILS(fallocate(fd, 0, 0, 2 * PAGE_BYTES + 1), EFBIG);
    CHECK_FAILS(fallocate(fd, 0, PAGE_BYTES, 2 * PAGE_BYTES), EFBIG);
    CHECK_FAILS(fallocate(fd, 0, 1L << 40, 1), EFBIG);
    CHECK_EQ(fstat(fd, &st), 0);
    CHECK_EQ(st.st_size, 2 * PAGE_BYTES);
    CHECK(signal(SIGXFSZ, SIG_DFL) != SIG_ERR);
    if (fork() == 0) {
        struct rlimit no_core = {0, 0};
        setrlimit(RLIMIT_CORE, &no_core);
        fallocate(fd, 0, 0, 2 * PAGE_BYTES + 1);
        _exit(0);
    }
    int status;
    CHECK(wait(&status) > 0);
    CHECK_EQ(WTERMSIG(status), SIGXFSZ);
}

/* A file system without room left is SIGBUS, not a kill. */
static void full_file_system_is_sigbus(void) {
    char where[] = "/tmp/full-XXXXXX", name[64];
    char *start;
    int fd;

    CHECK(mkdtemp(where) != NULL);
    if (mount("none", where, "tmpfs", 0, "size=8k") < 0)
        SKIP("may not mount here");
    snprintf(name, sizeof name, "%s/f", where);
    fd = open(name, O_RDWR | O_CREAT, 0600);
    CHECK_EQ(ftruncate(fd, BYTES), 0);
    start = shared(fd);
    start[0] = start[PAGE_BYTES] = 'f';
    CHECK_EQ(fault_of(access_write, start + 2 * PAGE_BYTES).number, SIGBUS);
    CHECK_EQ(fault_of(access_read, start + 3 * PAGE_BYTES).number, SIGBUS);
    CHECK_FAILS(pread(open("/dev/zero", O_RDONLY), start + 3 * PAGE_BYTES, 1, 0), EFAULT);
    CHECK_EQ(start[0], 'f');
    CHECK_EQ(ftruncate(fd, PAGE_BYTES), 0);
    CHECK_EQ(ftruncate(fd, BYTES), 0);
    start[4 * PAGE_BYTES] = 'r';
    CHECK_EQ(munmap(start, BYTES), 0);
    close(fd);
    CHECK_EQ(umount(where), 0);
    CHECK_EQ(rmdir(where), 0);
}

static void memory_comes_back(void) {
    struct memory_use before = memory_use();

    frames_exact_or_skip();
    for (int round = 0; round < 4; round++) {
        int fd = file_of(BYTES);
        char *start = shared(fd), *private = file_map(fd, RW, MAP_PRIVATE, 0);

        pages_write(start, PAGES, 's');
        pages_write(private, PAGES, 'p');
        CHECK_EQ(ftruncate(fd, PAGE_BYTES + 1), 0);
        CHECK_EQ(ftruncate(fd, BYTES), 0);
        pages_write(start, PAGES, 's');
        close(fd);
        CHECK_EQ(munmap(private, BYTES) | munmap(start, BYTES), 0);
        if (round > 1)
            CHECK_MEMORY_SAME(memory_use(), before);
        before = memory_use();
    }
}

CHECK_MAIN({"read_and_write_see_it", read_and_write_see_it},
           {"writes_reach_the_file", writes_reach_the_file},
           {"strangers_share_it", strangers_share_it}, {"mapped_many_times", mapped_many_times},
           {"mapped_at_every_offset", mapped_at_every_offset},
           {"shared_and_private_of_one_file", shared_and_private_of_one_file},
           {"file_copied_onto_itself", file_copied_onto_itself},
           {"mapping_past_the_end", mapping_past_the_end},
           {"truncation_is_sigbus", truncation_is_sigbus},
           {"truncation_reaches_others", truncation_reaches_others},
           {"kernel_copies_are_efault", kernel_copies_are_efault},
           {"growing_clears_the_tail", growing_clears_the_tail},
           {"growing_by_writes", growing_by_writes},
           {"shrinking_clears_the_tail", shrinking_clears_the_tail},
           {"shared_of_a_reader", shared_of_a_reader}, {"private_of_a_reader", private_of_a_reader},
           {"flags_are_validated", flags_are_validated}, {"msync_arguments", msync_arguments},
           {"msync_of_other_memory", msync_of_other_memory},
           {"allocation_is_limited", allocation_is_limited},
           {"full_file_system_is_sigbus", full_file_system_is_sigbus},
           {"memory_comes_back", memory_comes_back})
