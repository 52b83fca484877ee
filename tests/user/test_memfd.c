/* SPDX-License-Identifier: MIT */
/*
 * Files without a name and their seals: memfd_create(2), F_ADD_SEALS and F_GET_SEALS of fcntl(2).
 *
 * Each seal is tried against all that it forbids and all that it lets pass: write, pwrite,
 * ftruncate, fallocate in each of its modes, and mappings of every kind. Rows B3 and B5 for shared
 * memory between processes that do not trust each other.
 */
#define CHECK_HELPER helper
#include "catch.h"
#include "facts.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define RW (PROT_READ | PROT_WRITE)
#define NAME_MAX_LENGTH 249
#define BYTES (3 * PAGE_BYTES)
#define ODD_BYTES (PAGE_BYTES + 100)

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x10
#endif

/* Modes of fallocate(2). */
#define KEEP_SIZE 1
#define PUNCH_HOLE 3 /* with KEEP_SIZE */

static int file_of(size_t bytes) {
    int fd = memfd_create("test", MFD_ALLOW_SEALING);

    CHECK(fd >= 0);
    CHECK_EQ(ftruncate(fd, (off_t)bytes), 0);
    return fd;
}

static int sealed_file(size_t bytes, int seals) {
    int fd = file_of(bytes);

    CHECK_EQ(fcntl(fd, F_ADD_SEALS, seals), 0);
    CHECK_EQ(fcntl(fd, F_GET_SEALS), seals);
    return fd;
}

static char *map(int fd, int protection, int flags) {
    return mmap(NULL, BYTES, protection, flags, fd, 0);
}

static char *map_shared(int fd, int protection) {
    char *start = map(fd, protection, MAP_SHARED);

    CHECK(start != MAP_FAILED);
    return start;
}

/* The same file, opened again with other rights. */
static int reopen(int fd, int flags) {
    char path[64];
    int again;

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    again = open(path, flags);
    CHECK(again >= 0);
    return again;
}

/* ---- the call ---- */

static void arguments(void) {
    char name[NAME_MAX_LENGTH + 2];

    CHECK_FAILS(memfd_create("x", 0x40), EINVAL);
    CHECK_FAILS(memfd_create("x", 0x80000000u), EINVAL);
    CHECK_FAILS(memfd_create("x", 1u << 26),
                EINVAL); /* a size of huge pages, without MFD_HUGETLB */
    CHECK_FAILS(memfd_create((char *)8, 0), EFAULT);
    CHECK_FAILS(memfd_create((char *)8, 0x40), EINVAL);
    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = '\0';
    CHECK_FAILS(memfd_create(name, 0), EINVAL);
    name[NAME_MAX_LENGTH] = '\0';
    CHECK(memfd_create(name, 0) >= 0);
    CHECK(memfd_create("", 0) >= 0);
}

/* The name ends on the last byte of a page; then it has no end there. */
static void name_at_a_page_edge(void) {
    char *page = pages_map(2, RW);

    CHECK_EQ(munmap(page + PAGE_BYTES, PAGE_BYTES), 0);
    memcpy(page + PAGE_BYTES - 3, "ab", 3);
    CHECK(memfd_create(page + PAGE_BYTES - 3, 0) >= 0);
    page[PAGE_BYTES - 1] = 'c';
    CHECK_FAILS(memfd_create(page + PAGE_BYTES - 3, 0), EFAULT);
}

static void close_on_exec(void) {
    int kept = memfd_create("x", 0), closed = memfd_create("x", MFD_CLOEXEC);

    CHECK_EQ(fcntl(kept, F_GETFD), 0);
    CHECK_EQ(fcntl(closed, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(fcntl(kept, F_GETFL) & O_ACCMODE, O_RDWR);
}

static void descriptors_run_out(void) {
    struct rlimit few = {3, 3};

    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
    CHECK_FAILS(memfd_create("x", 0), EMFILE);
}

/* Without a pool of huge pages: refused now, or when it is mapped. */
static void huge_pages_are_refused(void) {
    int fd = memfd_create("huge", MFD_HUGETLB);

    if (fd < 0) {
        CHECK_EQ(errno, ENOSYS);
        return;
    }
    CHECK_EQ(ftruncate(fd, 2 << 20), 0);
    if (mmap(NULL, 2 << 20, RW, MAP_SHARED, fd, 0) != MAP_FAILED)
        SKIP("this machine has huge pages");
    CHECK_EQ(errno, ENOMEM);
}

static void is_an_ordinary_file(void) {
    char buffer[8] = "";
    int fd = memfd_create("plain", 0);
    struct stat st;

    CHECK_EQ(fstat(fd, &st), 0);
    CHECK_EQ(st.st_mode, S_IFREG | 0777);
    CHECK_EQ(st.st_nlink, 0);
    CHECK_EQ(st.st_size, 0);
    CHECK_EQ(st.st_uid, geteuid());
    CHECK_EQ(write(fd, "hello", 5), 5);
    CHECK_EQ(lseek(fd, 1, SEEK_SET), 1);
    CHECK_EQ(read(fd, buffer, sizeof buffer), 4);
    CHECK(memcmp(buffer, "ello", 4) == 0);
    CHECK_EQ(ftruncate(fd, 1 << 20), 0);
    CHECK_EQ(lseek(fd, 0, SEEK_END), 1 << 20);
    CHECK_EQ(fchmod(fd, 0600), 0);
    CHECK_EQ(fstat(fd, &st), 0);
    CHECK_EQ(st.st_mode, S_IFREG | 0600);
}

static void two_of_one_name_are_two(void) {
    int one = memfd_create("same", 0), two = memfd_create("same", 0);
    struct stat a, b;

    CHECK_EQ(write(one, "x", 1), 1);
    CHECK_EQ(fstat(one, &a) | fstat(two, &b), 0);
    CHECK(a.st_ino != b.st_ino);
    CHECK_EQ(b.st_size, 0);
}

/* In /proc/PID/fd and maps, from the descriptor and without it. */
static void proc_shows_the_name(void) {
    char path[64], text[64] = "";
    int fd = memfd_create("a name", 0);
    struct area area;
    char *start;

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    CHECK(readlink(path, text, sizeof text - 1) > 0);
    CHECK(strcmp(text, "/memfd:a name (deleted)") == 0);
    CHECK_EQ(ftruncate(fd, BYTES), 0);
    start = map_shared(fd, RW);
    close(fd);
    CHECK(area_find(start + PAGE_BYTES, &area));
    CHECK(strcmp(area.name, "/memfd:a name (deleted)") == 0);
    CHECK(strcmp(area.rights, "rw-s") == 0);
}

/* Through fork and after the descriptor is gone, one memory. */
static void mappings_share_one_memory(void) {
    int fd = file_of(BYTES);
    char *one = map_shared(fd, RW), *two = map_shared(fd, PROT_READ);
    char byte = 0;

    if (fork() == 0) {
        one[PAGE_BYTES + 1] = 'c';
        _exit(0);
    }
    CHECK(wait(NULL) > 0);
    CHECK_EQ(two[PAGE_BYTES + 1], 'c');
    CHECK_EQ(pread(fd, &byte, 1, PAGE_BYTES + 1), 1);
    CHECK_EQ(byte, 'c');
    CHECK_EQ(pwrite(fd, "w", 1, 2 * PAGE_BYTES), 1);
    close(fd);
    CHECK_EQ(one[2 * PAGE_BYTES], 'w');
    CHECK_EQ(fault_of(access_read, one + BYTES - 1).number, 0);
}

static int helper(char **argv) {
    return argv[0] && strcmp(argv[0], "from memory") == 0 ? 42 : 1;
}

/* A program that lies in a memfd and nowhere else. */
static void can_be_executed(void) {
    char *const argv[] = {"self", "--helper", "from memory", NULL}, *const envp[] = {NULL};
    int fd = memfd_create("program", MFD_CLOEXEC), in = open(self_path(), O_RDONLY), status;
    static char buffer[1 << 16];
    ssize_t n;

    while ((n = read(in, buffer, sizeof buffer)) > 0)
        CHECK_EQ(write(fd, buffer, (size_t)n), n);
    if (fork() == 0) {
        syscall(SYS_execveat, fd, "", argv, envp, AT_EMPTY_PATH);
        CHECK(!"execveat failed");
    }
    CHECK(wait(&status) > 0);
    CHECK_EQ(WEXITSTATUS(status), 42);
}

/* ---- seals as such ---- */

static void seals_add_up(void) {
    int fd = file_of(BYTES);

    CHECK_EQ(fcntl(fd, F_GET_SEALS), 0);
    CHECK_EQ(fcntl(fd, F_ADD_SEALS, 0), 0);
    CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), 0);
    CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), 0);
    CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
    CHECK_EQ(fcntl(fd, F_GET_SEALS), F_SEAL_GROW | F_SEAL_SHRINK);
    CHECK_FAILS(fcntl(fd, F_ADD_SEALS, 0x1000), EINVAL);
    CHECK_FAILS(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | 0x1000), EINVAL);
    CHECK_EQ(fcntl(fd, F_GET_SEALS), F_SEAL_GROW | F_SEAL_SHRINK);
    CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL), 0);
    CHECK_FAILS(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EPERM);
    CHECK_FAILS(fcntl(fd, F_ADD_SEALS, 0), EPERM);
    CHECK_EQ(fcntl(fd, F_GET_SEALS), F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
}

static void without_sealing_it_is_sealed(void) {
    int fd = memfd_create("x", 0);

    CHECK_EQ(fcntl(fd, F_GET_SEALS), F_SEAL_SEAL);
    CHECK_FAILS(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EPERM);
    CHECK_EQ(write(fd, "x", 1), 1);
}

/* Seals belong to the file; to add one takes a descriptor that may write. */
static void seals_are_the_files(void) {
    int fd = file_of(BYTES), reader = reopen(fd, O_RDONLY), writer = reopen(fd, O_RDWR);

    CHECK_FAILS(fcntl(reader, F_ADD_SEALS, F_SEAL_GROW), EPERM);
    CHECK_FAILS(fcntl(reader, F_ADD_SEALS, 0x1000), EPERM);
    CHECK_EQ(fcntl(writer, F_ADD_SEALS, F_SEAL_GROW), 0);
    CHECK_EQ(fcntl(reader, F_GET_SEALS), F_SEAL_GROW);
    CHECK_FAILS(ftruncate(fd, BYTES + 1), EPERM);
    if (fork() == 0) {
        CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
        _exit(0);
    }
    CHECK(wait(NULL) > 0);
    CHECK_EQ(fcntl(fd, F_GET_SEALS), F_SEAL_GROW | F_SEAL_SHRINK);
}

static void other_files_take_none(void) {
    int pair[2], path = open("/", O_PATH), null = open("/dev/null", O_RDWR);

    CHECK_EQ(pipe(pair), 0);
    CHECK_FAILS(fcntl(pair[0], F_GET_SEALS), EINVAL);
    CHECK_FAILS(fcntl(pair[1], F_ADD_SEALS, F_SEAL_SEAL), EINVAL);
    CHECK_FAILS(fcntl(pair[0], F_ADD_SEALS, F_SEAL_SEAL), EPERM);
    CHECK_FAILS(fcntl(null, F_GET_SEALS), EINVAL);
    CHECK_FAILS(fcntl(null, F_ADD_SEALS, F_SEAL_SEAL), EINVAL);
    CHECK_FAILS(fcntl(path, F_GET_SEALS), EBADF);
    CHECK_FAILS(fcntl(path, F_ADD_SEALS, F_SEAL_SEAL), EBADF);
    CHECK_FAILS(fcntl(99, F_GET_SEALS), EBADF);
}

/* A file of a tmpfs with a name could have seals, but takes none. */
static void named_files_are_sealed_against_it(void) {
    char path[] = "/dev/shm/memfd-XXXXXX";
    int fd = mkstemp(path);

    if (fd < 0)
        SKIP("no /dev/shm");
    unlink(path);
    CHECK_EQ(fcntl(fd, F_GET_SEALS), F_SEAL_SEAL);
    CHECK_FAILS(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), EPERM);
}

/* ---- one after the other ---- */

static void seal_shrink(void) {
    int fd = sealed_file(BYTES, F_SEAL_SHRINK);

    CHECK_FAILS(ftruncate(fd, BYTES - 1), EPERM);
    CHECK_FAILS(ftruncate(fd, 0), EPERM);
    CHECK_EQ(ftruncate(fd, BYTES), 0);
    CHECK_EQ(ftruncate(fd, 2 * BYTES), 0);
    CHECK_FAILS(ftruncate(fd, BYTES), EPERM);
    CHECK_EQ(pwrite(fd, "x", 1, 3 * BYTES), 1);
    CHECK_EQ(fallocate(fd, PUNCH_HOLE, 0, PAGE_BYTES), 0);
    CHECK_EQ(fallocate(fd, 0, 0, 4 * BYTES), 0);
    CHECK(map(fd, RW, MAP_SHARED) != MAP_FAILED);
}

/* By a path as well: truncate(2), and open(2) with O_TRUNC. */
static void seal_shrink_by_path(void) {
    int fd = sealed_file(BYTES, F_SEAL_SHRINK);
    char path[64];
    struct stat st;

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    CHECK_FAILS(truncate(path, 1), EPERM);
    CHECK_FAILS(open(path, O_RDWR | O_TRUNC), EPERM);
    CHECK_EQ(fstat(fd, &st), 0);
    CHECK_EQ(st.st_size, BYTES);
}

static void seal_grow(void) {
    static char buffer[BYTES];
    int fd = sealed_file(ODD_BYTES, F_SEAL_GROW);

    CHECK_FAILS(ftruncate(fd, ODD_BYTES + 1), EPERM);
    CHECK_EQ(ftruncate(fd, ODD_BYTES), 0);
    CHECK_EQ(pwrite(fd, buffer, ODD_BYTES, 0), ODD_BYTES);
    CHECK_EQ(pwrite(fd, "x", 1, ODD_BYTES - 1), 1);
    CHECK_FAILS(pwrite(fd, "x", 1, ODD_BYTES), EPERM);
    CHECK_FAILS(pwrite(fd, "x", 1, 10 * BYTES), EPERM);
    CHECK_EQ(pwrite(fd, "x", 0, 10 * BYTES), 0);
    CHECK_FAILS(pwrite(fd, buffer, 101, PAGE_BYTES), EPERM);
    CHECK_EQ(pwrite(fd, buffer, BYTES, 0), PAGE_BYTES); /* the pages that lie wholly inside */
    CHECK_FAILS(fallocate(fd, 0, 0, ODD_BYTES + 1), EPERM);
    CHECK_FAILS(fallocate(fd, KEEP_SIZE, 0, ODD_BYTES + 1), EPERM);
    CHECK_EQ(fallocate(fd, 0, 0, ODD_BYTES), 0);
    CHECK_EQ(fallocate(fd, PUNCH_HOLE, 0, 2 * BYTES), 0);
    CHECK_EQ(ftruncate(fd, 10), 0);
    CHECK_FAILS(ftruncate(fd, 11), EPERM);
    CHECK_EQ(lseek(fd, 0, SEEK_END), 10);
    CHECK_FAILS(write(fd, "x", 1), EPERM);
}

/* What F_SEAL_WRITE and F_SEAL_FUTURE_WRITE have in common. */
static void check_not_writable(int fd) {
    char byte;

    CHECK_FAILS(pwrite(fd, "x", 1, 0), EPERM);
    CHECK_FAILS(write(fd, "x", 1), EPERM);
    CHECK_FAILS(pwrite(fd, "x", 1, 4 * BYTES), EPERM);
    CHECK_EQ(pwrite(fd, "x", 0, 0), 0);
    CHECK_FAILS(fallocate(fd, PUNCH_HOLE, 0, PAGE_BYTES), EPERM);
    CHECK_FAILS(fallocate(fd, PUNCH_HOLE, 10, 10), EPERM);
    CHECK_EQ(fallocate(fd, 0, 0, PAGE_BYTES), 0);
    CHECK_EQ(fallocate(fd, 0, 0, 2 * BYTES), 0);
    CHECK_EQ(ftruncate(fd, 4 * BYTES), 0);
    CHECK_EQ(ftruncate(fd, BYTES), 0);
    CHECK_EQ(pread(fd, &byte, 1, 1), 1);
    CHECK_EQ(byte, 'b');
    CHECK_FAILS((long)map(fd, RW, MAP_SHARED), EPERM);
    CHECK_FAILS((long)map(fd, PROT_WRITE, MAP_SHARED), EPERM);
    CHECK_FAILS((long)map(fd, RW, MAP_SHARED_VALIDATE), EPERM);
}

/* Modes of fallocate(2) that tmpfs has not: for every file, whatever the seals. */
static void fallocate_modes(void) {
    static const int unknown[] = {2, 4, 8, 0x10, 0x11, 0x20, 0x21, 0x40, 0x41, 0x100};
    int fd = file_of(BYTES);

    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < COUNT_OF(unknown); i++) {
            errno = 0;
            CHECK_EQ(fallocate(fd, unknown[i], 0, PAGE_BYTES), -1);
            CHECK(errno == EOPNOTSUPP || errno == EINVAL);
        }
        CHECK_FAILS(fallocate(fd, 0, -1, PAGE_BYTES), EINVAL);
        CHECK_FAILS(fallocate(fd, 0, 0, 0), EINVAL);
        CHECK_FAILS(fallocate(fd, 0, INT64_MAX, 1), EFBIG);
        CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK), 0);
    }
    CHECK_FAILS(fallocate(reopen(fd, O_RDONLY), 0, 0, 1), EBADF);
}

/* Shared memory that is only read stays so; private memory is our own. */
static void check_maps_read_only(int fd) {
    char *start = map_shared(fd, PROT_READ);

    CHECK_EQ(start[1], 'b');
    CHECK_FAILS(mprotect(start, BYTES, RW), EACCES);
    CHECK_FAILS(mprotect(start + PAGE_BYTES, PAGE_BYTES, PROT_WRITE), EACCES);
    CHECK_EQ(mprotect(start, BYTES, PROT_NONE), 0);
    CHECK_EQ(mprotect(start, BYTES, PROT_READ | PROT_EXEC), 0);
    CHECK(!can_write(start));
    start = map(fd, RW, MAP_PRIVATE);
    CHECK(start != MAP_FAILED);
    start[1] = 'p';
    CHECK_EQ(mprotect(start, BYTES, PROT_READ), 0);
    CHECK_EQ(mprotect(start, BYTES, RW), 0);
    start[2] = 'q';
    CHECK_EQ(map_shared(fd, PROT_READ)[1], 'b');
}

static void seal_write(void) {
    int fd = file_of(BYTES);

    CHECK_EQ(pwrite(fd, "abc", 3, 0), 3);
    CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
    check_not_writable(fd);
    check_maps_read_only(fd);
    CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
}

/* Who has it mapped may go on; nobody else may begin. */
static void seal_future_write(void) {
    int fd = file_of(BYTES);
    char *before = map_shared(fd, RW), *later = map_shared(fd, PROT_READ);

    CHECK_EQ(pwrite(fd, "abc", 3, 0), 3);
    CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE), 0);
    check_not_writable(fd);
    check_maps_read_only(fd);
    before[2] = 'B';
    CHECK_EQ(mprotect(later, BYTES, RW), 0);
    later[PAGE_BYTES] = 'L';
    CHECK_EQ(before[PAGE_BYTES], 'L');
    CHECK_FAILS(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY);
    CHECK_EQ(munmap(before, BYTES) | munmap(later, BYTES), 0);
    CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
}

/* ---- F_SEAL_WRITE while it is mapped ---- */

static void seal_is_busy(int fd) {
    CHECK_FAILS(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY);
    CHECK_FAILS(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW), EBUSY);
    CHECK_EQ(fcntl(fd, F_GET_SEALS), 0);
}

/* A refusal changes nothing: the file is written to as before. */
static void busy_while_mapped_writable(void) {
    int fd = file_of(BYTES);
    char *start = map_shared(fd, RW);

    seal_is_busy(fd);
    start[0] = 'x';
    CHECK_EQ(pwrite(fd, "y", 1, 1), 1);
    CHECK_EQ(mprotect(start, BYTES, PROT_READ), 0);
    seal_is_busy(fd); /* it could be made writable again */
    CHECK_EQ(mprotect(start, BYTES, RW), 0);
    CHECK_EQ(munmap(start, BYTES), 0);
    CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
}

/* Mappings that never become writable to others do not count. */
static void busy_not_with_other_mappings(void) {
    int fd = file_of(BYTES), reader = reopen(fd, O_RDONLY);
    char *private = map(fd, RW, MAP_PRIVATE), *shared;

    CHECK(private != MAP_FAILED);
    private[0] = 1;
    shared = map_shared(reader, PROT_READ);
    CHECK_EQ(shared[0], 0);
    CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
    private[PAGE_BYTES] = 1;
    CHECK_EQ(shared[PAGE_BYTES], 0);
}

/* A mapping in parts is there as long as one part is. */
static void busy_until_the_last_part_is_gone(void) {
    int fd = file_of(BYTES);
    char *start = map_shared(fd, RW), *second = map_shared(fd, RW);

    CHECK_EQ(mprotect(start + PAGE_BYTES, PAGE_BYTES, PROT_READ), 0);
    CHECK_EQ(munmap(start, PAGE_BYTES), 0);
    CHECK_EQ(munmap(second, BYTES), 0);
    seal_is_busy(fd);
    CHECK_EQ(munmap(start + PAGE_BYTES, PAGE_BYTES), 0);
    seal_is_busy(fd);
    CHECK(mmap(start + 2 * PAGE_BYTES, PAGE_BYTES, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
               0) != MAP_FAILED);
    CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
}

static void hold(int fd, int ready, int go, char **exec_argv) {
    char byte;

    map_shared(fd, RW)[0] = 'h';
    CHECK_EQ(write(ready, "", 1), 1);
    CHECK_EQ(read(go, &byte, 1), 1);
    if (exec_argv)
        execv(self_path(), exec_argv);
    _exit(0);
}

/* A child holds a mapping until it is told to end, or to execute something else. */
static void busy_until_child_ends(char **exec_argv) {
    int fd = file_of(BYTES), ready[2], go[2];
    char byte;

    CHECK_EQ(pipe(ready) | pipe(go), 0);
    if (fork() == 0)
        hold(fd, ready[1], go[0], exec_argv);
    CHECK_EQ(read(ready[0], &byte, 1), 1);
    seal_is_busy(fd);
    CHECK_EQ(write(go[1], "", 1), 1);
    CHECK(wait(NULL) > 0);
    CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
}

static void busy_until_exit(void) {
    busy_until_child_ends(NULL);
}

static void busy_until_exec(void) {
    busy_until_child_ends((char *[]){"self", "--helper", NULL});
}

/* What a fork inherits counts for itself. */
static void busy_in_a_forked_child(void) {
    int fd = file_of(BYTES), go[2];
    char *start = map_shared(fd, RW);
    char byte;
    pid_t child;

    CHECK_EQ(pipe(go), 0);
    child = fork();
    if (child == 0) {
        CHECK_EQ(read(go[0], &byte, 1), 1);
        start[0] = 'c';
        _exit(0);
    }
    CHECK_EQ(munmap(start, BYTES), 0);
    seal_is_busy(fd);
    CHECK_EQ(write(go[1], "", 1), 1);
    CHECK_EQ(child_wait(child), 0);
    CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
    CHECK_EQ(pread(fd, &byte, 1, 0), 1);
    CHECK_EQ(byte, 'c');
}

/* Madvised away and touched again, it is the same mapping. */
static void busy_whatever_is_resident(void) {
    int fd = file_of(BYTES);
    char *start = map_shared(fd, RW);

    seal_is_busy(fd);
    start[0] = 1;
    CHECK_EQ(madvise(start, BYTES, MADV_DONTNEED), 0);
    seal_is_busy(fd);
    CHECK_EQ(ftruncate(fd, 0), 0);
    seal_is_busy(fd);
    CHECK_EQ(munmap(start, BYTES), 0);
    CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
}

/* ---- memory ---- */

static void frames_come_back(void) {
    struct memory_use before, now;

    frames_exact_or_skip();
    for (int round = 0; round < 3; round++) {
        int fd = file_of(64 * PAGE_BYTES);
        char *start = mmap(NULL, 64 * PAGE_BYTES, RW, MAP_SHARED, fd, 0);

        pages_write(start, 64, 'f');
        CHECK_EQ(memory_use().files, (round ? before.files : memory_use().files - 64) + 64);
        close(fd);
        CHECK_EQ(start[63 * PAGE_BYTES], 'f');
        CHECK_EQ(munmap(start, 64 * PAGE_BYTES), 0);
        CHECK_FAILS(memfd_create((char *)8, 0), EFAULT);
        now = memory_use();
        if (round > 1)
            CHECK_MEMORY_SAME(now, before);
        before = now;
    }
}

CHECK_MAIN({"arguments", arguments}, {"name_at_a_page_edge", name_at_a_page_edge},
           {"close_on_exec", close_on_exec}, {"descriptors_run_out", descriptors_run_out},
           {"huge_pages_are_refused", huge_pages_are_refused},
           {"is_an_ordinary_file", is_an_ordinary_file},
           {"two_of_one_name_are_two", two_of_one_name_are_two},
           {"proc_shows_the_name", proc_shows_the_name},
           {"mappings_share_one_memory", mappings_share_one_memory},
           {"can_be_executed", can_be_executed}, {"seals_add_up", seals_add_up},
           {"without_sealing_it_is_sealed", without_sealing_it_is_sealed},
           {"seals_are_the_files", seals_are_the_files},
           {"other_files_take_none", other_files_take_none},
           {"named_files_are_sealed_against_it", named_files_are_sealed_against_it},
           {"seal_shrink", seal_shrink}, {"seal_shrink_by_path", seal_shrink_by_path},
           {"seal_grow", seal_grow}, {"fallocate_modes", fallocate_modes},
           {"seal_write", seal_write}, {"seal_future_write", seal_future_write},
           {"busy_while_mapped_writable", busy_while_mapped_writable},
           {"busy_not_with_other_mappings", busy_not_with_other_mappings},
           {"busy_until_the_last_part_is_gone", busy_until_the_last_part_is_gone},
           {"busy_until_exit", busy_until_exit}, {"busy_until_exec", busy_until_exec},
           {"busy_in_a_forked_child", busy_in_a_forked_child},
           {"busy_whatever_is_resident", busy_whatever_is_resident},
           {"frames_come_back", frames_come_back})
