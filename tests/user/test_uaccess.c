/* SPDX-License-Identifier: MIT */
/*
 * Bad pointers to every system call that takes one: EFAULT, never a crash.
 *
 * Row B6. A table says for each call where its pointer goes and how many bytes it means; each
 * call is tried with pointers that are null, unmapped, without rights, the kernel's, not
 * canonical, wrapping, and with an object that begins on a good page and ends on a missing one.
 * Good arguments come from a small set that setup() prepares.
 */
#include "facts.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>

#define RW (PROT_READ | PROT_WRITE)

/* Stand-ins in the table for values known only at run time. */
enum {
    BAD = -1000, /* the pointer under test */
    FILE_FD,     /* an open file of a page */
    PIPE_OUT,    /* write end */
    FULL_PIPE,   /* read end with bytes in it */
    DIR_FD,      /* an open directory */
    GOOD,        /* a good buffer */
    NAME,        /* a good path */
    PROGRAM,     /* the path of a program */
    CHILD,       /* a child that has exited */
    EPOLL_FD,
    LAST_STAND_IN
};

enum {
    IN = 1,       /* the kernel reads */
    OUT = 2,      /* the kernel writes: a read-only page is bad as well */
    PATH = 4,     /* a string: bad if it runs into a missing page */
    NULL_OK = 8,  /* null means "none" */
    PARTIAL = 16, /* may do a part and count it */
};

struct call {
    const char *name;
    long number;
    int kind;
    size_t size; /* bytes the kernel must reach */
    long arguments[6];
};

#define AT_CWD AT_FDCWD

static const struct call calls[] = {
    {"read", SYS_read, OUT | PARTIAL, 16, {FULL_PIPE, BAD, 16}},
    {"write", SYS_write, IN | PARTIAL, 16, {PIPE_OUT, BAD, 16}},
    {"pread64", SYS_pread64, OUT | PARTIAL, 16, {FILE_FD, BAD, 16, 0}},
    {"pwrite64", SYS_pwrite64, IN | PARTIAL, 16, {FILE_FD, BAD, 16, 0}},
    {"readv", SYS_readv, IN, 16, {FULL_PIPE, BAD, 1}},
    {"writev", SYS_writev, IN, 16, {PIPE_OUT, BAD, 1}},
    {"open", SYS_open, PATH, 1, {BAD, O_RDONLY}},
    {"openat", SYS_openat, PATH, 1, {AT_CWD, BAD, O_RDONLY}},
    {"creat", SYS_creat, PATH, 1, {BAD, 0600}},
    {"stat_path", SYS_stat, PATH, 1, {BAD, GOOD}},
    {"stat_buffer", SYS_stat, OUT, 144, {NAME, BAD}},
    {"lstat_buffer", SYS_lstat, OUT, 144, {NAME, BAD}},
    {"fstat", SYS_fstat, OUT, 144, {FILE_FD, BAD}},
    {"newfstatat_path", SYS_newfstatat, PATH, 1, {AT_CWD, BAD, GOOD, 0}},
    {"newfstatat_buffer", SYS_newfstatat, OUT, 144, {AT_CWD, NAME, BAD, 0}},
    {"poll", SYS_poll, IN, 8, {BAD, 1, 0}},
    {"rt_sigaction_new", SYS_rt_sigaction, IN | NULL_OK, 32, {SIGUSR1, BAD, 0, 8}},
    {"rt_sigaction_old", SYS_rt_sigaction, OUT | NULL_OK, 32, {SIGUSR1, 0, BAD, 8}},
    {"rt_sigprocmask_new", SYS_rt_sigprocmask, IN | NULL_OK, 8, {SIG_BLOCK, BAD, 0, 8}},
    {"rt_sigprocmask_old", SYS_rt_sigprocmask, OUT | NULL_OK, 8, {SIG_BLOCK, 0, BAD, 8}},
    {"rt_sigpending", SYS_rt_sigpending, OUT, 8, {BAD, 8}},
    {"rt_sigsuspend", SYS_rt_sigsuspend, IN, 8, {BAD, 8}},
    {"sigaltstack_new", SYS_sigaltstack, IN | NULL_OK, 24, {BAD, 0}},
    {"sigaltstack_old", SYS_sigaltstack, OUT | NULL_OK, 24, {0, BAD}},
    {"access", SYS_access, PATH, 1, {BAD, F_OK}},
    {"faccessat2", 439, PATH, 1, {AT_CWD, BAD, F_OK, 0}},
    {"pipe", SYS_pipe, OUT, 8, {BAD}},
    {"pipe2", SYS_pipe2, OUT, 8, {BAD, O_CLOEXEC}},
    {"select", SYS_select, IN | NULL_OK, 8, {1, BAD, 0, 0, GOOD}},
    {"pselect6", SYS_pselect6, IN | NULL_OK, 8, {1, BAD, 0, 0, GOOD, 0}},
    {"nanosleep", SYS_nanosleep, IN, 16, {BAD, 0}},
    {"clock_nanosleep", SYS_clock_nanosleep, IN, 16, {CLOCK_MONOTONIC, 0, BAD, 0}},
    {"clock_gettime", SYS_clock_gettime, OUT, 16, {CLOCK_MONOTONIC, BAD}},
    {"clock_getres", SYS_clock_getres, OUT | NULL_OK, 16, {CLOCK_MONOTONIC, BAD}},
    {"gettimeofday", SYS_gettimeofday, OUT | NULL_OK, 16, {BAD, 0}},
    {"getitimer", SYS_getitimer, OUT, 32, {ITIMER_REAL, BAD}},
    {"setitimer", SYS_setitimer, IN | NULL_OK, 32, {ITIMER_VIRTUAL, BAD, 0}},
    {"uname", SYS_uname, OUT, 390, {BAD}},
    {"getcwd", SYS_getcwd, OUT, 2, {BAD, 4096}},
    {"chdir", SYS_chdir, PATH, 1, {BAD}},
    {"rename_old", SYS_rename, PATH, 1, {BAD, NAME}},
    {"rename_new", SYS_rename, PATH, 1, {NAME, BAD}},
    {"mkdir", SYS_mkdir, PATH, 1, {BAD, 0700}},
    {"rmdir", SYS_rmdir, PATH, 1, {BAD}},
    {"link_old", SYS_link, PATH, 1, {BAD, NAME}},
    {"link_new", SYS_link, PATH, 1, {NAME, BAD}},
    {"unlink", SYS_unlink, PATH, 1, {BAD}},
    {"unlinkat", SYS_unlinkat, PATH, 1, {AT_CWD, BAD, 0}},
    {"symlink_target", SYS_symlink, PATH, 1, {BAD, NAME}},
    {"symlink_name", SYS_symlink, PATH, 1, {NAME, BAD}},
    {"readlink_path", SYS_readlink, PATH, 1, {BAD, GOOD, 64}},
    {"chmod", SYS_chmod, PATH, 1, {BAD, 0600}},
    {"chown", SYS_chown, PATH, 1, {BAD, 0, 0}},
    {"truncate", SYS_truncate, PATH, 1, {BAD, 0}},
    {"mknod", SYS_mknod, PATH, 1, {BAD, 010600, 0}},
    {"mknodat", SYS_mknodat, PATH, 1, {AT_CWD, BAD, 010600, 0}},
    {"utimensat_times", SYS_utimensat, IN | NULL_OK, 32, {AT_CWD, NAME, BAD, 0}},
    {"statfs_path", SYS_statfs, PATH, 1, {BAD, GOOD}},
    {"statfs_buffer", SYS_statfs, OUT, 120, {NAME, BAD}},
    {"fstatfs", SYS_fstatfs, OUT, 120, {FILE_FD, BAD}},
    {"getdents64", SYS_getdents64, OUT, 24, {DIR_FD, BAD, 4096}},
    {"getrlimit", SYS_getrlimit, OUT, 16, {RLIMIT_NOFILE, BAD}},
    {"setrlimit", SYS_setrlimit, IN, 16, {RLIMIT_NOFILE, BAD}},
    {"prlimit64_new", SYS_prlimit64, IN | NULL_OK, 16, {0, RLIMIT_NOFILE, BAD, 0}},
    {"prlimit64_old", SYS_prlimit64, OUT | NULL_OK, 16, {0, RLIMIT_NOFILE, 0, BAD}},
    {"getrusage", SYS_getrusage, OUT, 144, {RUSAGE_SELF, BAD}},
    {"sysinfo", SYS_sysinfo, OUT, 112, {BAD}},
    {"times", SYS_times, OUT | NULL_OK, 32, {BAD}},
    {"waitid_info", SYS_waitid, OUT | NULL_OK, 128, {P_PID, CHILD, BAD, WEXITED | WNOWAIT, 0}},
    {"execve_path", SYS_execve, PATH, 1, {BAD, GOOD, GOOD}},
    {"execve_arguments", SYS_execve, IN | NULL_OK, 8, {PROGRAM, BAD, GOOD}},
    {"getrandom", SYS_getrandom, OUT | PARTIAL, 16, {BAD, 16, 0}},
    {"epoll_ctl", SYS_epoll_ctl, IN, 12, {EPOLL_FD, EPOLL_CTL_ADD, FULL_PIPE, BAD}},
    {"prctl_set_name", SYS_prctl, PATH, 1, {PR_SET_NAME, BAD}},
    {"prctl_get_name", SYS_prctl, OUT, 16, {PR_GET_NAME, BAD}},
    {"arch_prctl_get_fs", SYS_arch_prctl, OUT, 8, {0x1003, BAD}},
    {"sendfile_offset", SYS_sendfile, OUT | NULL_OK, 8, {PIPE_OUT, FILE_FD, BAD, 1}},
    {"getdents", SYS_getdents, OUT, 24, {DIR_FD, BAD, 4096}},
    {"setgroups", SYS_setgroups, IN, 4, {1, BAD}},
    {"getresgid", SYS_getresgid, OUT, 4, {GOOD, BAD, GOOD}},
    {"capget", SYS_capget, IN, 8, {BAD, GOOD}},
    {"rt_sigtimedwait_set", SYS_rt_sigtimedwait, IN, 8, {BAD, 0, GOOD, 8}},
    {"rt_sigtimedwait_time", SYS_rt_sigtimedwait, IN | NULL_OK, 16, {GOOD, 0, BAD, 8}},
    {"utime", SYS_utime, IN | NULL_OK, 16, {NAME, BAD}},
    {"utimes", SYS_utimes, IN | NULL_OK, 32, {NAME, BAD}},
    {"sched_getparam", SYS_sched_getparam, OUT | NULL_OK, 4, {0, BAD}},
    {"sched_setparam", SYS_sched_setparam, IN | NULL_OK, 4, {0, BAD}},
    {"sched_setscheduler", SYS_sched_setscheduler, IN | NULL_OK, 4, {0, 0, BAD}},
    {"sched_rr_get_interval", SYS_sched_rr_get_interval, OUT, 16, {0, BAD}},
    {"sched_getaffinity", SYS_sched_getaffinity, OUT, 8, {0, 128, BAD}},
    {"sched_setaffinity", SYS_sched_setaffinity, IN, 8, {0, 8, BAD}},
    {"chroot", SYS_chroot, PATH, 1, {BAD}},
    {"umount2", SYS_umount2, PATH, 1, {BAD, 0}},
    {"sethostname", SYS_sethostname, IN, 5, {BAD, 5}},
    {"time", SYS_time, OUT | NULL_OK, 8, {BAD}},
    {"clock_settime", SYS_clock_settime, IN, 16, {CLOCK_REALTIME, BAD}},
    {"ppoll", SYS_ppoll, IN, 8, {BAD, 1, GOOD, 0, 8}},
    {"mkdirat", SYS_mkdirat, PATH, 1, {AT_CWD, BAD, 0700}},
    {"fchownat", SYS_fchownat, PATH, 1, {AT_CWD, BAD, 0, 0, 0}},
    {"fchmodat", SYS_fchmodat, PATH, 1, {AT_CWD, BAD, 0600}},
    {"faccessat", SYS_faccessat, PATH, 1, {AT_CWD, BAD, F_OK}},
    {"renameat", SYS_renameat, PATH, 1, {AT_CWD, BAD, AT_CWD, NAME}},
    {"renameat2", SYS_renameat2, PATH, 1, {AT_CWD, NAME, AT_CWD, BAD, 0}},
    {"linkat", SYS_linkat, PATH, 1, {AT_CWD, NAME, AT_CWD, BAD, 0}},
    {"symlinkat", SYS_symlinkat, PATH, 1, {NAME, AT_CWD, BAD}},
    {"readlinkat", SYS_readlinkat, PATH, 1, {AT_CWD, BAD, GOOD, 64}},
    {"execveat", SYS_execveat, PATH, 1, {AT_CWD, BAD, GOOD, GOOD, 0}},
    {"statx_path", SYS_statx, PATH, 1, {AT_CWD, BAD, 0, 0x7ff, GOOD}},
    {"statx_buffer", SYS_statx, OUT, 256, {AT_CWD, NAME, 0, 0x7ff, BAD}},
    {"preadv", SYS_preadv, IN, 16, {FILE_FD, BAD, 1, 0, 0}},
    {"pwritev", SYS_pwritev, IN, 16, {FILE_FD, BAD, 1, 0, 0}},
    {"clone3", 435, IN, 64, {BAD, 64}},
    {"getcpu", SYS_getcpu, OUT | NULL_OK, 4, {BAD, 0, 0}},
    {"fcntl_getlk", SYS_fcntl, IN, 32, {FILE_FD, F_GETLK, BAD}},
    {"ioctl_fionread", SYS_ioctl, OUT, 4, {FULL_PIPE, 0x541b, BAD}},
    {"get_robust_list", SYS_get_robust_list, OUT, 8, {0, BAD, GOOD}},
    {"getresuid", SYS_getresuid, OUT, 4, {BAD, GOOD, GOOD}},
};

static long stand_in[LAST_STAND_IN - BAD];
static char good_buffer[8192];
static char name[] = "/tmp/uaccess-file";

/* Two good pages, the second read-only, then a missing one. */
static char *edge;

static void setup(void) {
    int pair[2], out[2];
    pid_t child = fork();

    CHECK(child >= 0);
    if (child == 0)
        _exit(0);
    CHECK_EQ(pipe(pair) | pipe(out), 0);
    CHECK_EQ(write(pair[1], good_buffer, 4096), 4096);
    stand_in[CHILD - BAD] = child;
    stand_in[FULL_PIPE - BAD] = pair[0];
    stand_in[PIPE_OUT - BAD] = out[1];
    stand_in[FILE_FD - BAD] = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK_EQ(write((int)stand_in[FILE_FD - BAD], good_buffer, 4096), 4096);
    stand_in[DIR_FD - BAD] = open("/", O_RDONLY | O_DIRECTORY);
    stand_in[EPOLL_FD - BAD] = epoll_create1(0);
    stand_in[GOOD - BAD] = (long)good_buffer;
    stand_in[NAME - BAD] = (long)name;
    stand_in[PROGRAM - BAD] = (long)"/proc/self/exe";
    edge = pages_map(3, RW);
    CHECK_EQ(munmap(edge + 2 * PAGE_BYTES, PAGE_BYTES), 0);
    memset(edge, 'e', 2 * PAGE_BYTES);
    CHECK_EQ(mprotect(edge + PAGE_BYTES, PAGE_BYTES, PROT_READ), 0);
}

static long call_with(const struct call *call, const void *pointer) {
    long a[6];

    stand_in[0] = (long)pointer;
    for (int i = 0; i < 6; i++) {
        long given = call->arguments[i];
        a[i] = given >= BAD && given < LAST_STAND_IN ? stand_in[given - BAD] : given;
    }
    return syscall(call->number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static bool call_missing(const struct call *call) {
    errno = 0;
    return call_with(call, (void *)0xffff888000000000) == -1 && errno == ENOSYS && on_quire();
}

static void expect_fault(const struct call *call, const void *pointer, const char *which) {
    long result;

    errno = 0;
    result = call_with(call, pointer);
    if (call->kind & PARTIAL && result > 0 && (size_t)result < call->size)
        return;
    if (result == -1 && errno == EPERM && geteuid() != 0)
        return; /* who may not call it is told so before the pointer is looked at */
    if (result != -1 || errno != EFAULT)
        CHECK_NOTE("%s with a pointer %s: %ld, errno %d", call->name, which, result, errno);
}

static void try_call(const struct call *call) {
    char *missing = edge + 2 * PAGE_BYTES;

    if (!(call->kind & NULL_OK))
        expect_fault(call, NULL, "null");
    expect_fault(call, missing, "unmapped");
    expect_fault(call, (void *)8, "near null");
    expect_fault(call, (void *)0x7ffffffff000, "just above the user's half");
    expect_fault(call, (void *)0x0000800000000000, "not canonical");
    expect_fault(call, (void *)0xffff800000000000, "at the kernel's half");
    expect_fault(call, (void *)0xffff888000100000, "in the direct map");
    expect_fault(call, (void *)0xffffffff80000000, "in the kernel");
    expect_fault(call, (void *)-8, "that wraps");
    if (call->kind & PATH)
        expect_fault(call, missing - 5, "to an endless string");
    else if (call->size > 1)
        expect_fault(call, missing - 1, "over the edge");
    if (call->kind & OUT)
        expect_fault(call, edge + PAGE_BYTES + 64, "read-only");
}

static void try_half(size_t from, size_t to) {
    setup();
    for (size_t i = from; i < to; i++)
        if (!call_missing(&calls[i]))
            try_call(&calls[i]);
}

static void bad_pointers_first_half(void) {
    try_half(0, COUNT_OF(calls) / 2);
}

static void bad_pointers_second_half(void) {
    try_half(COUNT_OF(calls) / 2, COUNT_OF(calls));
    unlink(name);
}

/* What is asked for ends exactly where the page does. */
static void last_bytes_of_a_page_are_good(void) {
    char *end;
    int pair[2];

    setup();
    end = edge + PAGE_BYTES;
    CHECK_EQ(mprotect(edge + PAGE_BYTES, PAGE_BYTES, PROT_NONE), 0);
    CHECK_EQ(pipe(pair), 0);
    CHECK_EQ(write(pair[1], end - 10, 10), 10);
    CHECK_EQ(read(pair[0], end - 10, 10), 10);
    CHECK_EQ(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, end - sizeof(struct timespec)), 0);
    CHECK_EQ(syscall(SYS_uname, end - 390), 0);
    strcpy(end - 5, "/tmp");
    CHECK_EQ(syscall(SYS_access, end - 5, F_OK), 0);
    CHECK_FAILS(syscall(SYS_uname, end - 389), EFAULT);
}

/* Half of the buffer is missing: what was done is counted, or nothing was done. */
static void half_a_buffer(void) {
    char *end;
    ssize_t got;

    setup();
    end = edge + PAGE_BYTES;
    got = pread((int)stand_in[FILE_FD - BAD], end - 100, 200, 0);
    CHECK((got == -1 && errno == EFAULT) || got == 100);
    got = pwrite((int)stand_in[FILE_FD - BAD], edge + 2 * PAGE_BYTES - 100, 200, 0);
    CHECK((got == -1 && errno == EFAULT) || got == 100);
    got = read((int)stand_in[FULL_PIPE - BAD], end - 100, 200);
    CHECK((got == -1 && errno == EFAULT) || got == 100);
}

static void vectors_with_one_bad_part(void) {
    struct iovec parts[3];
    ssize_t got;
    int pair[2];

    setup();
    CHECK_EQ(pipe(pair), 0);
    parts[0] = (struct iovec){edge, 10};
    parts[1] = (struct iovec){edge + 2 * PAGE_BYTES, 10};
    parts[2] = (struct iovec){edge, 10};
    got = writev(pair[1], parts, 3);
    CHECK((got == -1 && errno == EFAULT) || got == 10);
    parts[1].iov_len = (size_t)-1;
    CHECK_FAILS(writev(pair[1], parts, 3), EINVAL);
    CHECK_FAILS(writev(pair[1], parts, -1), EINVAL);
    CHECK_FAILS(writev(pair[1], parts, 1025), EINVAL);
    CHECK_EQ(writev(pair[1], parts, 0), 0);
}

static void long_and_empty_paths(void) {
    static char path[8192];

    memset(path, 'a', 300);
    CHECK_FAILS(open(path, O_RDONLY), ENAMETOOLONG);
    memset(path, '/', sizeof path - 1);
    CHECK_FAILS(open(path, O_RDONLY), ENAMETOOLONG);
    CHECK_FAILS(chdir(path), ENAMETOOLONG);
    CHECK_FAILS(open("", O_RDONLY), ENOENT);
    CHECK_FAILS(mkdir("", 0700), ENOENT);
    memset(path, 0, sizeof path);
    for (size_t i = 0; i < 4094; i += 2)
        memcpy(path + i, "./", 2);
    CHECK(open(path, O_RDONLY) >= 0);
}

/* Strings of every length, at every distance from a page that is not there; and without an end. */
static void strings_at_the_end_of_a_page(void) {
    struct stat wanted, found;
    char *end;

    setup();
    end = edge + PAGE_BYTES;
    CHECK_EQ(mprotect(edge + PAGE_BYTES, PAGE_BYTES, PROT_NONE), 0);
    CHECK_EQ(stat("/tmp", &wanted), 0);
    for (size_t length = 4; length < 40; length++) {
        for (size_t behind = 0; behind < 20; behind++) {
            char *path = end - behind - length - 1;

            memset(path, '/', length + 1 + behind);
            memcpy(path + length - 3, "tmp", 4);
            CHECK_EQ(stat(path, &found), 0);
            CHECK_EQ(found.st_ino, wanted.st_ino);
        }
        memset(end - length, '/', length);
        CHECK_FAILS(stat(end - length, &found), EFAULT);
    }
}

/* The last page that a program can have: what has no end there cannot be read, and is not long. */
static void strings_at_the_end_of_it_all(void) {
    char *const last = (char *)0x7fffffffe000;
    char *page = mmap(last, PAGE_BYTES, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

    if (page != last)
        SKIP("somebody has the last page");
    memset(page, 'a', PAGE_BYTES);
    CHECK_FAILS(open(page + PAGE_BYTES - 10, O_RDONLY), EFAULT);
    CHECK_FAILS(open(page + PAGE_BYTES - 300, O_RDONLY), EFAULT);
    page[PAGE_BYTES - 1] = '\0';
    CHECK_FAILS(open(page + PAGE_BYTES - 10, O_RDONLY), ENOENT);
    CHECK_EQ(munmap(page, PAGE_BYTES), 0);
}

/* The longest path there may be, and one byte more; what lies behind it does not matter. */
static void longest_path(void) {
    char *pages = pages_map(4, RW);

    for (size_t shift = 0; shift < 9; shift++) {
        char *path = pages + shift;

        memset(path, '/', 3 * PAGE_BYTES);
        path[4095] = '\0';
        CHECK_EQ(access(path, F_OK), 0);
        path[4095] = '/';
        path[4096] = '\0';
        CHECK_FAILS(access(path, F_OK), ENAMETOOLONG);
    }
}

/* A buffer that is there but was never touched, grown stack and zero page alike. */
static void untouched_buffers_are_good(void) {
    char *pages = pages_map(4, RW);
    char far_down[64 * 1024];
    int pair[2];

    CHECK_EQ(pipe(pair), 0);
    CHECK_EQ(write(pair[1], pages, 64), 64);
    CHECK_EQ(read(pair[0], pages + PAGE_BYTES - 32, 64), 64);
    CHECK_EQ(syscall(SYS_uname, far_down), 0);
    CHECK_EQ(write(pair[1], "wxyz", 4), 4);
    CHECK_EQ(read(pair[0], pages + 3 * PAGE_BYTES, 4), 4);
    CHECK_EQ(pages[3 * PAGE_BYTES + 3], 'z');
}

/* A bad pointer may cost the child's status (Linux) or not, but nothing else. */
static void failed_wait_loses_no_more_than_the_status(void) {
    pid_t child = fork();
    siginfo_t info;
    int status = 33 << 8;

    if (child == 0)
        _exit(33);
    CHECK_EQ(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
    CHECK_FAILS(syscall(SYS_wait4, child, (void *)8, 0, NULL), EFAULT);
    if (waitpid(child, &status, 0) < 0)
        CHECK_EQ(errno, ECHILD);
    CHECK_EQ(status, 33 << 8);
}

static void failed_pipe_leaks_no_descriptor(void) {
    int before = dup(0), after;

    close(before);
    for (int i = 0; i < 20; i++)
        CHECK_FAILS(syscall(SYS_pipe2, (void *)8, 0), EFAULT);
    after = dup(0);
    CHECK_EQ(after, before);
}

CHECK_MAIN({"bad_pointers_first_half", bad_pointers_first_half},
           {"bad_pointers_second_half", bad_pointers_second_half},
           {"last_bytes_of_a_page_are_good", last_bytes_of_a_page_are_good},
           {"half_a_buffer", half_a_buffer},
           {"vectors_with_one_bad_part", vectors_with_one_bad_part},
           {"long_and_empty_paths", long_and_empty_paths},
           {"strings_at_the_end_of_a_page", strings_at_the_end_of_a_page},
           {"strings_at_the_end_of_it_all", strings_at_the_end_of_it_all},
           {"longest_path", longest_path},
           {"untouched_buffers_are_good", untouched_buffers_are_good},
           {"failed_wait_loses_no_more_than_the_status", failed_wait_loses_no_more_than_the_status},
           {"failed_pipe_leaks_no_descriptor", failed_pipe_leaks_no_descriptor})
